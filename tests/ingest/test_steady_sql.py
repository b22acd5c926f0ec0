"""SQL of a mapping gives the same rows each time, and the end of an interval is the day after the last."""

from pathlib import Path

import pytest

from orchestration.contract import load_contract
from orchestration.errors import KyotenError

REPS = "id,branch,from,to\nR1,B1,2024-04-01,2026-03-31\nR2,B2,2024/4/1,9999-12-31\nR3,B3,,\n"
MAPPING = """\
sources:
  hr:
    path: {folder}
    extracted_on: 2026-04-01
    files: {{moves: moves.csv}}
{tables}    datasets:
      rep_assignments:
        from: {of}
        columns: {{rep_id: id, branch_id: branch, valid_from: from, valid_to: {to}}}
{more}"""


def mapping(tmp_path: Path, to: str = "to", tables: str = "", of: str = "moves", more: str = "") -> Path:
    (tmp_path / "moves.csv").write_text(REPS)
    path = tmp_path / "sources.yml"
    path.write_text(MAPPING.format(folder=tmp_path, to=to, tables=tables, of=of, more=more))
    return path


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("current_date", "current_date"),
        ("current_date()", "current_date"),
        ("CURRENT_DATE - 1", "current_date"),
        ("CAST(now() AS DATE)", "now"),
        ("today ()", "today"),
        ("CAST(get_current_timestamp() AS DATE)", "get_current_timestamp"),
        ("CASE WHEN random() < 0.5 THEN branch END", "random"),
        ("uuid()", "uuid"),
        ("gen_random_uuid()", "gen_random_uuid"),
        ("CAST(localtimestamp AS DATE)", "localtimestamp"),
        ("age(CAST(branch AS TIMESTAMP))", "age(cast(branch as timestamp))"),
    ],
)
@pytest.mark.parametrize("where", ["column", "table", "where"])
def test_sql_that_gives_other_rows_each_time_is_refused(desk, tmp_path, expression, words, where):
    if where == "column":
        path = mapping(tmp_path, f'"= {expression}"')
    elif where == "table":
        path = mapping(tmp_path, of="t", tables=f"    tables: {{t: 'SELECT *, {expression} AS x FROM moves'}}\n")
    else:
        path = mapping(tmp_path, more=f'        where: "{expression} IS NOT NULL"\n')
    words = words.split("(cast")[0]
    with pytest.raises(KyotenError, match=rf"line \d+, .*: {words}.*gives other rows each time.*Write the day itself"):
        desk.load_all(path)


def test_samples_are_refused(desk, tmp_path):
    path = mapping(tmp_path, of="t", tables="    tables: {t: SELECT * FROM moves USING  SAMPLE 1}\n")
    with pytest.raises(KyotenError, match="using sample gives other rows"):
        desk.load_all(path)


@pytest.mark.parametrize(
    "expression",
    [
        "CASE WHEN branch = 'now()' THEN NULL END",
        "NULL /* random() */",
        "age(DATE '2026-04-01', DATE '2026-03-01')",
    ],
)
def test_words_that_only_look_like_it_are_accepted(desk, tmp_path, expression):
    assert not desk.load(mapping(tmp_path, more=f'        where: "({expression}) IS NULL OR true"\n')).refused


ENDS = "SELECT rep_id, valid_to::text FROM raw_rep_assignments ORDER BY 1"


def test_an_end_is_the_first_day_that_no_longer_belongs(desk, tmp_path):
    desk.load(mapping(tmp_path))
    assert desk.query(ENDS) == [("R1", "2026-03-31"), ("R2", "9999-12-31"), ("R3", None)]


@pytest.mark.parametrize("dates", ["", "        dates: {valid_to: [ymd, iso]}\n"])
def test_a_source_may_state_that_its_ends_are_the_last_day(desk, tmp_path, dates):
    desk.load(mapping(tmp_path, more=f"        inclusive_ends: [valid_to]\n{dates}"))
    assert desk.query(ENDS) == [("R1", "2026-04-01"), ("R2", "9999-12-31"), ("R3", None)]
    assert desk.rejected() == []


def test_an_end_that_is_no_date_is_rejected_as_before(desk, tmp_path):
    path = mapping(tmp_path, more="        inclusive_ends: valid_to\n")
    (tmp_path / "moves.csv").write_text(REPS + "R4,B4,,soon\n")
    desk.load(path)
    ((number, column, value, *_),) = desk.rejected()
    assert (number, column, value) == (4, "valid_to", "soon")


def test_only_ends_can_be_inclusive(desk, tmp_path):
    with pytest.raises(KyotenError, match=r"inclusive_ends: valid_from is no end of .*ends are valid_to"):
        desk.load(mapping(tmp_path, more="        inclusive_ends: [valid_from]\n"))


def test_the_contract_names_every_end():
    ends = {"valid_to", "contract_ended_on", "left_on"}
    for name, dataset in load_contract().datasets.items():
        expected = {c for c in dataset.columns if c in ends or (c == "closed_on" and name == "branches")}
        assert set(dataset.ends) == expected, name
