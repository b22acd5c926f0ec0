"""The limits of every connection: from the settings, else from the machine; a wrong setting is named."""

from pathlib import Path

import pytest

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import Home


def test_every_connection_has_the_stated_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOTEN_MEMORY", "1GiB")
    monkeypatch.setenv("KYOTEN_THREADS", "3")
    monkeypatch.setenv("KYOTEN_TEMP", str(tmp_path / "elsewhere"))
    names = ("memory_limit", "threads", "temp_directory")
    with engine.connect(Home(tmp_path)) as connection:
        found = connection.execute(f"select {', '.join(f'current_setting({n!r})' for n in names)}").fetchone()
    assert found == ("665.0 MiB", 3, str(tmp_path / "elsewhere"))


def test_a_query_beyond_the_limit_spills_into_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOTEN_MEMORY", "64MiB")
    home = Home(tmp_path)
    home.build.mkdir()
    with engine.connect(home) as connection:
        connection.execute("create table t as select range as i, hash(range)::text as x from range(3000000)")
        spilled = connection.execute("select sum(size) from duckdb_temporary_files()").fetchone()
        assert list((home.build / "spill").iterdir())
    assert spilled and spilled[0] > 10_000_000


def test_a_small_lake_uses_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KYOTEN_THREADS", raising=False)
    home = Home(tmp_path)
    assert engine.threads(home) == 1
    file = home.lake / "raw" / "deals" / "a.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    with file.open("r+b") as large:
        large.truncate(engine.SMALL_LAKE)
    assert engine.threads(home) == engine._of_machine()[1]  # noqa: SLF001


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("KYOTEN_MEMORY", "3", "KYOTEN_MEMORY is '3'. Write a size with its unit, such as 3GiB."),
        ("KYOTEN_MEMORY", "0GiB", "such as 3GiB"),
        ("KYOTEN_THREADS", "two", "KYOTEN_THREADS is 'two'. Write a whole number of 1 or more."),
        ("KYOTEN_THREADS", "0", "1 or more"),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, message: str
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(KyotenError, match=message):
        engine.settings(Home(tmp_path))


def test_only_engine_and_ingest_open_duckdb() -> None:
    """Another `duckdb.connect` would have no limit. Ingest's connection takes its limits from engine, too."""
    root = Path(engine.__file__).parent
    opening = {
        file.relative_to(root).as_posix()
        for file in root.rglob("*.py")
        if "duckdb.connect(" in file.read_text(encoding="utf-8").replace("import duckdb; duckdb.connect(", "")
    }
    assert opening == {"engine.py", "scratch.py", "sql.py"}
