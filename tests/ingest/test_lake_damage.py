"""A file of the lake that is missing or damaged is read again from landing/, or named if that is not possible."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.errors import KyotenError
from tests.ingest.conftest import Desk

DEALS = "deal_id,stage\nD1,won\nD2,won\n"
MORE = "deal_id,stage\nD3,open\n"


def lake_file(desk: Desk) -> Path:
    (path,) = [p for p in (desk.home.lake / "raw" / "deals").glob("2026-04-01*.parquet")]
    return path


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    other = next(p for p in path.parent.glob("2026-04-02*.parquet"))
    path.write_bytes(other.read_bytes())


@pytest.fixture
def loaded(desk: Desk) -> Desk:
    desk.land("deals/deals_2026-04-01.csv", DEALS)
    desk.land("deals/deals_2026-04-02.csv", MORE)
    desk.load(expectations=None)
    return desk


DAMAGES = [Path.unlink, cut_short, empty, overwrite]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_read_again(loaded: Desk, damage: Callable[[Path], None]) -> None:
    whole = loaded.lake()
    damage(lake_file(loaded))
    assert [file.status for file in loaded.load(expectations=None).files] == ["loaded"]
    assert loaded.lake() == whole
    assert loaded.load(expectations=None).files == ()


@pytest.mark.parametrize("damage", DAMAGES)
def test_rows_that_cannot_be_read_again_are_named_until_they_are_back(
    loaded: Desk, damage: Callable[[Path], None]
) -> None:
    whole = loaded.lake()
    (loaded.home.landing / "deals" / "deals_2026-04-01.csv").unlink()
    damage(lake_file(loaded))
    loaded.land("deals/deals_2026-04-03.csv", "deal_id,stage\nD4,open\n")
    for status in (["refused", "loaded"], ["refused"]):
        result = loaded.load(expectations=None)
        assert [file.status for file in result.files] == status
        (refused,) = result.refused
        assert "deals_2026-04-01.csv was loaded, and its 2 rows are no longer in the lake" in refused.message
        assert "Deliver the file again under the same name" in refused.message
    loaded.land("deals/deals_2026-04-01.csv", DEALS)
    assert loaded.load(expectations=None).refused == []
    assert [row for row in loaded.lake() if row[0] != "D4"] == whole


def test_a_mapped_dataset_is_made_again(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("Id,Stage\nD1,won\nD2,won\n")
    sources = tmp_path / "s.yml"
    sources.write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2026-04-01, files: {{d: d.csv}}, "
        "datasets: {deals: {from: d, columns: {deal_id: Id, stage: Stage}}}}}"
    )
    desk.load(sources, expectations=None)
    whole = desk.lake()
    cut_short(lake_file(desk))
    desk.load(sources, expectations=None)
    assert desk.lake() == whole


def test_a_file_without_an_origin_is_named(loaded: Desk) -> None:
    copy = lake_file(loaded).with_name("mine.parquet")
    copy.write_bytes(lake_file(loaded).read_bytes())
    with pytest.raises(KyotenError, match=r"mine.parquet is not in the ledger"):
        loaded.load()


def test_a_renamed_file_counts_once_in_the_ledger(loaded: Desk) -> None:
    whole = loaded.lake(apart="loaded_at, file_sha256, file_name")
    folder = loaded.home.landing / "deals"
    (folder / "deals_2026-04-01.csv").rename(folder / "again_2026-04-01.csv")
    loaded.land("deals/more_2026-04-01.csv", "deal_id,stage\nD9,open\n")
    loaded.load(expectations=None)
    rows = loaded.lake(apart="loaded_at, file_sha256, file_name")
    assert [row for row in rows if row[0] != "D9"] == whole
    assert loaded.query(
        "SELECT status FROM loads WHERE file_name LIKE '%/deals_2026-04-01.csv' ORDER BY loaded_at"
    ) == [
        ("loaded",),
        ("replaced",),
    ]
    assert loaded.load(expectations=None).files == ()


def test_a_commit_that_an_older_version_left_is_named(loaded: Desk) -> None:
    loaded.home.commit_mark.write_text("raw/deals/2026-04-01_landing_0123456789abcdef.parquet\n")
    with pytest.raises(
        KyotenError, match=r"A version before 0\.2\.0 was interrupted .*Run make refresh of that version"
    ):
        loaded.load()
