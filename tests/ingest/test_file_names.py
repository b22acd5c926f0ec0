"""Names of files and columns: extract dates, names as macOS writes them, and columns of their own name."""

import unicodedata
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestration.errors import KyotenError
from orchestration.sources.landing import date_in
from orchestration.sources.mapping import Alias
from orchestration.sources_check import check_sources

DEALS = "deal_id,stage\n1,won\n"
TODAY = datetime.now(ZoneInfo("Asia/Tokyo")).date()  # in the default business time zone


@pytest.mark.parametrize(
    "name",
    [
        "d_2026-03-31.csv",
        "d_2026.03.31.csv",
        "2026.03.31 d.csv",
        "d_2026_03_31.csv",
        "d_20260331.csv",
        "d_2026年3月31日.csv",
        "d_2026年03月31日_r2.csv",
        "2026-03-31/d.csv",
    ],
)
def test_the_extract_date_is_found_in_the_name(name):
    assert date_in(Path(name)) == date(2026, 3, 31)


@pytest.mark.parametrize("name", ["d.csv", "d_2026.13.31.csv", "d_1.2.2026.csv", "d_2026.csv", "d_12026.03.31.csv"])
def test_other_digits_are_no_date(name):
    assert date_in(Path(name)) is None


@pytest.mark.parametrize("day", ["2062-03-31", "0001-01-01", "1900-03-31", str(TODAY + timedelta(days=400))])
def test_a_date_that_can_only_be_a_slip_is_refused_and_can_be_corrected(desk, day):
    path = desk.land(f"deals/d_{day}.csv", DEALS)
    (refused,) = desk.load().refused
    assert refused.message.startswith(f"deals/d_{day}.csv has the date {day} in its name, which is ")
    assert refused.message.endswith("Correct it.")
    path.rename(path.with_name("d_2026-03-31.csv"))
    assert not desk.load().refused
    assert desk.query("SELECT extracted_on::text FROM raw_deals") == [("2026-03-31",)]


def test_a_stated_date_that_can_only_be_a_slip_is_refused(desk, tmp_path):
    (tmp_path / "d.csv").write_text(DEALS)
    mapping = tmp_path / "sources.yml"
    mapping.write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2062-01-01, files: {{d: d.csv}}, datasets: {{deals: "
        "{from: d, columns: {deal_id, stage}}}}}"
    )
    assert "2062-01-01 under `extracted_on:`" in desk.load(mapping).refused[0].message


def test_a_date_after_today_is_reported(desk):
    desk.land(f"deals/d_{TODAY + timedelta(days=30)}.csv", DEALS)
    result = desk.load()
    assert not result.refused
    assert any(f"which is after today ({TODAY}" in note for note in result.notes)


def test_a_file_without_a_date_in_its_name_is_reported(desk):
    desk.land("deals/d.csv", DEALS, seconds=1_780_000_000)
    result = desk.load(expectations=None)
    (note,) = result.notes
    assert note.startswith("landing: deals/d.csv counts as of 2026-05-")
    assert "because its name has no date" in note
    assert "`extracted_on:`" not in note  # a file in landing/ has no mapping
    assert desk.query("SELECT message <> '' FROM loads") == [(True,)]
    assert desk.load().notes == ()
    dated = "deals/d_2026-03-31.csv"
    desk.land(dated, DEALS.replace("1", "2"))
    assert desk.load(expectations=None).notes == ()


NFD = unicodedata.normalize("NFD", "受注データ_2026-04-01.csv")


def mapping_of(tmp_path: Path, pattern: str, more: str = "columns: {deal_id: 番号ガ, stage: ステージ}") -> Path:
    folder = tmp_path / unicodedata.normalize("NFD", "データ")
    folder.mkdir(exist_ok=True)
    header = unicodedata.normalize("NFD", "番号ガ,ステージ\n1,グリーン\n")
    (folder / NFD).write_text(header, encoding="utf-8")
    path = tmp_path / "sources.yml"
    path.write_text(
        f"sources:\n  crm:\n    path: {tmp_path}/データ\n    files: {{deals: {pattern}}}\n    datasets:\n"
        f"      deals: {{from: deals, {more}}}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("pattern", ["受注データ_*.csv", "受注データ_2026-04-01.csv", "受注データ"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_as_macos_writes_them_are_found(desk, tmp_path, pattern, form):
    assert unicodedata.normalize("NFC", NFD) != NFD
    mapping = mapping_of(
        tmp_path, pattern, "columns: {deal_id: 番号ガ, stage: ステージ}, values: {stage: {グリーン: won}}"
    )
    mapping.write_text(unicodedata.normalize(form, mapping.read_text(encoding="utf-8")), encoding="utf-8")
    assert not desk.load(mapping, expectations=None).refused
    assert desk.query("SELECT deal_id, stage, extracted_on::text FROM raw_deals") == [("1", "won", "2026-04-01")]


def test_columns_as_macos_writes_them_are_found_in_sql(desk, tmp_path):
    mapping = mapping_of(tmp_path, "受注データ_*.csv", "columns: {deal_id: = 番号ガ, stage: '= \"ステージ\"'}")
    assert not desk.load(mapping, expectations=None).refused
    assert desk.query("SELECT deal_id FROM raw_deals") == [("1",)]


@pytest.mark.parametrize("name", ["Account_2026.03.31.csv", "Account_2026_03_31.csv", "account 2026年3月31日.csv"])
def test_an_object_is_found_with_any_date(tmp_path, name):
    (tmp_path / name).touch()
    assert Alias(pattern=["Account"]).matches(tmp_path) == [tmp_path / name]


@pytest.mark.parametrize("columns", ["{deal_id, stage}", "[deal_id, stage]", "{deal_id: , stage: stage}"])
def test_a_column_of_its_own_name_needs_no_more_words(desk, tmp_path, columns):
    (tmp_path / "d_2026-04-01.csv").write_text(DEALS)
    mapping = tmp_path / "sources.yml"
    mapping.write_text(
        f"sources: {{crm: {{path: {tmp_path}, files: {{d: d_*.csv}}, datasets: {{"
        f"deals: {{from: d, columns: {columns}}}}}}}}}"
    )
    assert check_sources(mapping, "Asia/Tokyo") == 0
    assert not desk.load(mapping).refused
    assert desk.query("SELECT deal_id, stage FROM raw_deals") == [("1", "won")]
    mapping.write_text(mapping.read_text().replace("stage", "phase"))
    with pytest.raises(KyotenError, match=r"columns.*: deals has no column phase"):
        desk.load_all(mapping)


@pytest.mark.parametrize("pattern", ["", ".", "./", "..", "/"])
def test_a_pattern_that_names_no_file_is_refused(pattern):
    with pytest.raises(ValueError, match="must be a file name or pattern"):
        Alias(pattern=[pattern])
