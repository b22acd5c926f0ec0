"""The sample company's calendar: its four fiscal years and the days on which its systems delivered extracts.

Days are integers (days since 1970-01-01), as numpy and DuckDB both add them fast. No module reads the time.
"""

from datetime import date, timedelta

EPOCH = date(1970, 1, 1)


def day(iso: str) -> int:
    """Return the day number of an ISO date."""
    return (date.fromisoformat(iso) - EPOCH).days


def iso(number: int) -> str:
    """Return the ISO date of a day number."""
    return (EPOCH + timedelta(days=int(number))).isoformat()


START = day("2022-04-01")
AS_OF = day("2026-04-05")
FISCAL_YEARS = (2022, 2023, 2024, 2025)

# The roster comes as dated full extracts, so that history has to be derived from them.
ROSTER_EXTRACTS = tuple(
    day(d) for d in ("2022-04-05", "2023-04-05", "2024-04-05", "2025-04-05", "2025-10-05", "2026-04-05")
)
# CRM and events come as one initial extract and two deltas.
DELTA_EXTRACTS = tuple(day(d) for d in ("2025-04-05", "2025-10-05", "2026-04-05"))

# A pause in the US dollar's rates, longer than any sensible tolerance; the planted deals of trap 16 fall into it.
FX_PAUSE_FROM, FX_PAUSE_TO = day("2025-08-08"), day("2025-08-26")


def first_extract(on: int) -> int:
    """Return the first delta extract that can contain an event of a day."""
    return next(extract for extract in DELTA_EXTRACTS if on <= extract)


def month_starts(first: str, last: str) -> list[int]:
    """Return the first days of the months from one to another (both included)."""
    months, current, end = [], date.fromisoformat(first), date.fromisoformat(last)
    while current <= end:
        months.append((current - EPOCH).days)
        current = date(current.year + current.month // 12, current.month % 12 + 1, 1)
    return months
