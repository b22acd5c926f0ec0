"""The query set that the benchmark holds the marts against gives the same tables."""

import re

import duckdb
import pytest

from orchestration.bench import MARTS, compare_by_hand, query_set
from orchestration.errors import KyotenError
from orchestration.home import Home


def test_the_query_set_reads_no_mart() -> None:
    assert not re.search(rf"\bkpi\.({'|'.join(MARTS)})\b", query_set())


def test_every_mart_is_its_twin(home_copy: Home) -> None:
    with duckdb.connect(str(home_copy.database)) as built:
        built.execute("set preserve_insertion_order = false")
        built.execute(query_set())
        compare_by_hand(built)
        for mart in MARTS:  # one row less or another one is seen, whichever side has it
            built.execute("begin")
            built.execute(f"delete from hand.{mart} where rowid = (select min(rowid) from hand.{mart})")
            with pytest.raises(KyotenError, match=f"kpi.{mart} and hand.{mart} differ in 1 rows"):
                compare_by_hand(built)
            built.execute("rollback")
