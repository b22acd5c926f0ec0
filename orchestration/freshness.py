"""Which datasets are late: no extract for longer than usual. The ledger has the dates of all extracts."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import median

from orchestration import engine, sql
from orchestration.contract import load_contract
from orchestration.home import Home

LEAST = 3  # extracts from which a usual time follows
RECENT = 12  # extracts from which it is computed


@dataclass(frozen=True)
class Late:
    """A dataset of a source without an extract for longer than usual."""

    source_name: str
    dataset: str
    last: date
    usual_days: float
    days: int

    @property
    def text(self) -> str:
        """Return what a person needs to ask for."""
        return (
            f"{self.dataset} of {self.source_name}: the last extract is of {self.last}, {self.days:,} days ago; "
            f"usually one comes every {self.usual_days:g} days"
        )


def late(home: Home, today: date, factor: float) -> list[Late]:
    """Return the late datasets. One with fewer than three extracts has no usual time and is never late.

    What a person decides, such as overrides, has none either: nobody owes a decision every week.
    """
    if not any((home.lake / "loads").glob("*Z*.parquet")):
        return []
    loads = sql.text(f"{home.lake}/loads/*.parquet")
    query = f"""
        select distinct source_name, dataset, extracted_on from read_parquet({loads}, union_by_name = true)
        where status in ('loaded', 'repeat') and dataset is not null order by all
    """
    decided = {name for name, dataset in load_contract().datasets.items() if dataset.worklist}
    days: dict[tuple[str, str], list[date]] = defaultdict(list)
    with engine.connect(home) as connection:
        for source_name, dataset, day in connection.execute(query).fetchall():
            if dataset not in decided:
                days[source_name, dataset].append(day)
    found = []
    for (source_name, dataset), extracts in days.items():
        recent = extracts[-RECENT:]
        if len(recent) < LEAST:
            continue
        usual = median((after - before).days for before, after in pairwise(recent))
        passed = (today - recent[-1]).days
        if passed > max(1, factor * usual):
            found.append(Late(source_name, dataset, recent[-1], usual, passed))
    return found
