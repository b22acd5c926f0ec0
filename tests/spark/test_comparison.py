"""The comparison of two engines' tables finds every kind of difference."""

from pathlib import Path

import duckdb

from tests.spark.comparison import differences


def test_a_difference_is_found(tmp_path: Path) -> None:
    with duckdb.connect() as built:
        built.execute(
            "create table t as select 1 as n, 0.1 as m, cast(1 / 3 as double) as d, 'a' as x, null as o,"
            " cast(1.0000000001 as decimal(28, 10)) as e"
        )
        rows = {
            "same": "select cast(1 as bigint) as n, 0.1 as m, 0.333333333333::double as d, 'a' as x, null as o,"
            " cast(1.0000000002 as decimal(28, 10)) as e",
            "more": "from t union all from t",
            "less": "from t limit 0",
            "digit": "select n, m, d + 1e-9 as d, x, o, e from t",
            "text": "select n, m, d, 'b' as x, o, e from t",
            "null": "select n, m, d, x, 1 as o, e from t",
            "exact": "select n, m, d, x, o, cast(e + 0.00000001 as decimal(28, 10)) as e from t",
            "column": "select n, m, d, x, o from t",
        }
        found = set()
        for name, query in rows.items():
            (tmp_path / name).mkdir()
            built.execute(f"copy ({query}) to '{tmp_path / name}/a.parquet' (format parquet)")
            found |= {name for _ in differences(built, {"main.t": tmp_path / name})}
        assert found == set(rows) - {"same"}
        assert list(differences(built, {})) == [("main.t", "not built")]
