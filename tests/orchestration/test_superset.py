"""The file for Superset is whole: its parts name each other, its columns exist, and its metrics equal the marts."""

import re
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.home import Home
from orchestration.superset import DATASETS, write_superset


@pytest.fixture(scope="module")
def documents(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("superset")
    write_superset(built_home, folder / "a", None)
    write_superset(built_home, folder / "b", None)
    assert (folder / "a.zip").read_bytes() == (folder / "b.zip").read_bytes()
    with zipfile.ZipFile(folder / "a.zip") as file:
        packed = {Path(name).relative_to("kyoten").as_posix(): file.read(name) for name in file.namelist()}
    files = (path for path in (folder / "a").rglob("*") if path.is_file())
    assert {path.relative_to(folder / "a").as_posix(): path.read_bytes() for path in files} == packed
    return {name: yaml.safe_load(text) for name, text in packed.items()}


def of_kind(documents: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for name, document in documents.items() if name.startswith(f"{kind}/")]


def test_the_parts_name_each_other(documents: dict[str, dict[str, Any]]) -> None:
    assert documents["metadata.yaml"]["type"] == "Dashboard"
    (database,) = of_kind(documents, "databases")
    assert database["sqlalchemy_uri"].endswith("kyoten.duckdb?access_mode=READ_ONLY")
    datasets = {dataset["uuid"]: dataset for dataset in of_kind(documents, "datasets")}
    assert len(datasets) == len(DATASETS)
    assert {dataset["database_uuid"] for dataset in datasets.values()} == {database["uuid"]}
    charts = of_kind(documents, "charts")
    assert {one["cache_timeout"] for one in (database, *datasets.values(), *charts)} == {-1}, "0 would not turn it off"
    for chart in charts:
        dataset = datasets[chart["dataset_uuid"]]
        params = chart["params"]
        names = {column["column_name"] for column in dataset["columns"]}
        used = {
            *params.get("groupby", ()),
            *params.get("all_columns", ()),
            *([params["x_axis"]] if "x_axis" in params else ()),
        }
        used |= {one["subject"] for one in params["adhoc_filters"]}
        assert used <= names, chart["slice_name"]
        assert set(params.get("metrics", ())) <= {metric["metric_name"] for metric in dataset["metrics"]}
    (dashboard,) = of_kind(documents, "dashboards")
    shown = {
        part["meta"]["uuid"]
        for part in dashboard["position"].values()
        if isinstance(part, dict) and part["type"] == "CHART"
    }
    assert shown == {chart["uuid"] for chart in charts}


def test_labels_are_japanese_and_metrics_give_the_figures(
    built_home: Home, documents: dict[str, dict[str, Any]]
) -> None:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as release:
        for dataset in of_kind(documents, "datasets"):
            source = f"({dataset['sql']})" if dataset["sql"] else f"{dataset['schema']}.{dataset['table_name']}"
            names = ", ".join(column["column_name"] for column in dataset["columns"])
            plain = release.execute(f"select count(*) from {dataset['schema']}.{dataset['table_name']}").fetchone()
            assert release.execute(f"select count(*) from (select {names} from {source})").fetchone() == plain
            for metric in dataset["metrics"]:
                assert release.execute(f"select {metric['expression']} from {source}").fetchone()
            labels = [column["verbose_name"] for column in dataset["columns"]]
            assert all(label and re.search(r"[ぁ-んァ-ヶ一-龠A-Z]", label) for label in labels)
        company = next(one for one in of_kind(documents, "datasets") if one["table_name"] == "company_monthly")
        expressions = {metric["metric_name"]: metric["expression"] for metric in company["metrics"]}
        month = "from kpi.company_monthly where month = '2026-03-01'"
        found = release.execute(
            f"select {expressions['won_amount']}, {expressions['indirect_ratio']} {month}"
        ).fetchone()
        assert found == pytest.approx(release.execute(f"select won_amount, indirect_ratio {month}").fetchone())
        assert "reps_contacted" not in expressions  # persons of several months must not be added up


def test_columns_have_labels_of_codes_keys_and_references(
    built_home: Home, documents: dict[str, dict[str, Any]]
) -> None:
    datasets = {one["table_name"]: one for one in of_kind(documents, "datasets")}
    texts = {column["column_name"]: column["description"] for column in datasets["branch_monthly_as_is"]["columns"]}
    assert "キー" in texts["branch_id"] and "参照先 / Refers to: core.dim_branch.branch_id" in texts["branch_id"]
    assert "キー" not in texts["won_amount"] and "参照先" not in texts["won_amount"]
    labelled = set()
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as release:
        for table, dataset in datasets.items():
            names = {column["column_name"] for column in dataset["columns"]}
            for name in (name for name in names if f"{name}_label" in names):
                query = f"select count(*), count({name}_label) from ({dataset['sql']}) where {name} is not null"
                coded, shown = release.execute(query).fetchone() or (0, 0)
                assert shown == coded, (table, name)
                if coded:
                    labelled.add((table, name))
    assert {("target_path", "outcome"), ("quiet_warnings", "evidence")} <= labelled


def test_ratios_are_empty_where_the_marts_have_none(built_home: Home, documents: dict[str, dict[str, Any]]) -> None:
    """A rate of too few deals, and the ratio of two negative sums, which would be 1."""
    compared = 0
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as release:
        for dataset in of_kind(documents, "datasets"):
            names = {column["column_name"] for column in dataset["columns"]}
            keys = {"company_monthly": "month", "partner_monthly_as_is": "month, partner_id",
                    "branch_monthly_as_is": "month, branch_id"}.get(dataset["table_name"])  # fmt: skip
            for metric in dataset["metrics"] if keys else ():
                code = metric["metric_name"]
                if f"{code}_denominator" in names:
                    table = f"{dataset['schema']}.{dataset['table_name']}"
                    different = release.execute(
                        f"select count(*) from (select {keys}, any_value({code}) as mart,"
                        f" {metric['expression']} as ours from {table} group by {keys})"
                        " where abs(mart - ours) > 1e-9 or (mart is null) != (ours is null)"
                    ).fetchone()
                    assert different == (0,), (table, code)
                    compared += 1
    assert compared > 10
