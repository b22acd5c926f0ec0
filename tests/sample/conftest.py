"""Sample companies to test on, and the landed files as plain text tables."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration.home import CONTRACT, Home
from tools.sample import generate

CONTRACT_DATASETS = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["datasets"]


def quiet(_: str) -> None:
    """Swallow progress."""


@pytest.fixture(scope="session", params=[1_000, 3_000])
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return the home of a sample company with planted cases."""
    home = Home(tmp_path_factory.mktemp(f"sample_{request.param}"))
    generate(home, request.param, 7, quiet, cases=True)
    return home


@pytest.fixture(scope="session")
def landed(sample: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database with every dataset as texts plus extracted_on, and the truth."""
    con = duckdb.connect()
    for dataset, spec in CONTRACT_DATASETS.items():
        read_dataset(con, sample.landing / dataset, dataset, list(spec["columns"]))
    for name in ("deals", "events", "bad_rows"):
        con.execute(
            f"create table truth_{name} as from read_csv($1, all_varchar = true, header = true)",
            [f"{sample.truth}/{name}.csv"],
        )
    key = "deal_id order by extracted_on desc"
    con.execute(f"create table current_deals as from deals qualify row_number() over (partition by {key}) = 1")
    yield con
    con.close()


def read_dataset(con: duckdb.DuckDBPyConnection, folder: Path, dataset: str, columns: list[str]) -> None:
    """Read a dataset's files as texts; a dataset that the company does not deliver is an empty table."""
    if not folder.exists():
        con.execute(f"create table {dataset} ({', '.join(f'{c} varchar' for c in columns)}, extracted_on date)")
        return
    extension = next(iter(folder.iterdir())).name.partition(".")[2]
    texts = "{" + ", ".join(f"'{c}': 'varchar'" for c in columns) + "}"
    options = f"columns = {texts}, filename = true"
    csv_options = f"{options}, header = true, auto_detect = false, quote = '\"'"
    reader = {
        "jsonl": f"read_json('{folder}/*', {options})",
        "tsv": f"read_csv('{folder}/*', delim = '\t', {csv_options})",
    }.get(extension, f"read_csv('{folder}/*', delim = ',', {csv_options})")
    con.execute(
        f"""create table {dataset} as
        select * exclude (filename), regexp_extract(filename, '.*_(\\d{{4}}-\\d\\d-\\d\\d)', 1)::date as extracted_on
            from {reader}"""
    )
