"""The sample company's calendar: its four fiscal years and the days on which its systems delivered extracts.

Days are integers (days since 1970-01-01), as numpy and DuckDB both add them fast. No module reads the time.
"""

import csv
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestration.home import PROJECT

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


WEEKS = (AS_OF - START) // 7 + 1
# Days without work besides weekends and public holidays: 年末年始 and お盆.
CLOSED_DAYS = ("12-29", "12-30", "12-31", "01-02", "01-03", "08-13", "08-14", "08-15")
# Business days are known for days from a year before the calendar to a year after it.
KNOWN_FROM, KNOWN_TO = START - 366, AS_OF + 366


@cache
def business_days() -> NDArray[Any]:
    """Return for each known day the last business day up to it."""
    with (PROJECT / "seeds" / "holidays.csv").open(encoding="utf-8", newline="") as file:
        holidays = {row["holiday_on"] for row in csv.DictReader(file)}
    last, days = KNOWN_FROM, []
    for number in range(KNOWN_FROM, KNOWN_TO + 1):
        text = iso(number)
        if (number + 3) % 7 < 5 and text not in holidays and text[5:] not in CLOSED_DAYS:
            last = number
        days.append(last)
    return np.array(days)


def business_day(on: NDArray[Any]) -> NDArray[Any]:
    """Return the last business day up to each day; the calendar's first day is one."""
    days: NDArray[Any] = business_days()[np.clip(on - KNOWN_FROM, 0, KNOWN_TO - KNOWN_FROM)]
    return days


def some_business_day(rng: np.random.Generator, on: NDArray[Any]) -> NDArray[Any]:
    """Return business days as they are, and for other days one of the week before, so that Fridays have no pile."""
    last = business_day(on)
    return np.maximum(np.where(last == on, on, business_day(last - rng.integers(0, 5, len(on)))), START)


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
