"""The list of the kept releases: why each is kept, its disk, and how its headline figures changed since the last."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from orchestration.home import Home
from orchestration.release.known_on import CATALOGUE, write_catalogue
from orchestration.release.releases import Kept, disk, notice_of_rollback, total_disk, with_reasons
from orchestration.settings import settings_file, settings_of

WORDS = {"won_amount": "won", "deals_won": "wins", "deals_new": "new deals"}
PERIODS = {"fiscal_year": "fiscal year from", "month": "month of"}


def print_releases(home: Home, timezone: str) -> None:
    """Print the releases and what they need on the disk; in a home that was moved, correct the catalogue."""
    with contextlib.suppress(OSError):  # of an account that only reads
        write_catalogue(home)
    print("\n".join(lines(home, timezone)))


def lines(home: Home, timezone: str) -> Iterator[str]:
    """Yield the lines of the list."""
    keep = settings_of(home).releases
    kept = with_reasons(home, keep, datetime.now(UTC))
    if not kept:
        yield home.nothing_published
        return
    sizes = disk(one.folder for one in kept)
    for before, one in reversed(list(pairwise([None, *kept]))):
        assert one
        published = datetime.fromisoformat(one.manifest["published_at"]).astimezone(ZoneInfo(timezone))
        why = one.why or "deleted by the next refresh"
        size = _megabytes(sizes[one.folder])
        yield f"{one.release_id}  as of {one.as_of or '-'}  published {published:%Y-%m-%d %H:%M}  {size:>9}  {why}"
        for change in changes(before, one):
            yield f"    {change}"
    yield ""
    if notice := notice_of_rollback(home):
        yield notice
    yield (
        f"{len(kept):,} releases need {_megabytes(_total(home))}; the size of a release is what deleting it frees. "
        f"Kept are the latest {keep.keep:,}, {f'none older than {keep.days:,} days, ' if keep.days else ''}and the "
        f"last of each of {keep.month_ends:,} months ({settings_file(home)}: releases)."
    )
    yield (
        "Go back: make rollback RELEASE=… REASON=…   Keep one: make pin RELEASE=… REASON=…   "
        f"Read any: {home.published / CATALOGUE}"
    )


def changes(before: Kept | None, one: Kept) -> list[str]:
    """Return a line per period and figure that differs between two releases; of equal periods only."""
    if before is None:
        return ["the first that is kept"]
    old, new = (kept.manifest.get("headlines") for kept in (before, one))
    if old is None or new is None:
        return ["headline figures are not known of releases before 0.2.0"]
    found = []
    for period in new:
        kind, start = period.split()
        if period not in old:
            found.append(f"{PERIODS.get(kind, kind)} {start}: not among the figures of the release before")
            continue
        parts = [
            f"{WORDS[name]} {_signed(Decimal(value) - Decimal(old[period][name]))} to {Decimal(value):,.0f}"
            for name, value in new[period].items()
            if value != "None" and old[period][name] not in ("None", value)
        ]
        if parts:
            found.append(f"{PERIODS.get(kind, kind)} {start}: {', '.join(parts)}")
    deals = [kept.manifest["tables"].get("core.fct_deals", 0) for kept in (before, one)]
    if deals[0] != deals[1]:
        found.append(f"deals {_signed(Decimal(deals[1] - deals[0]))} to {deals[1]:,}")
    return found or ["no headline figure changed"]


def _signed(number: Decimal) -> str:
    return f"{number:+,.0f}"


def _total(home: Home) -> int:
    return total_disk(home.published / "releases")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
