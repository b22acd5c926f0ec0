"""Batch rules on landed files: a batch that misses an expectation is held, and the earlier rows stay."""

import html
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date

import pandas
import pytest

from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.home import PROJECT
from orchestration.lake import gx
from orchestration.lake.acceptance import accept, waiting
from orchestration.lake.expectations import KINDS, load_expectations

DAY, NEXT = "2026-04-01", "2026-04-02"


def csv_of(header: str, rows: Iterable[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def branches(ids: Iterable[int]) -> str:
    return csv_of("branch_id,partner_id,branch_name", (f"B{i},P,支店{i}" for i in ids))


def deals(row: Callable[[int], str], header: str = "deal_id,stage,currency,amount,updated_at") -> str:
    return csv_of(header, (row(i) for i in range(40)))


def sound(i: int) -> str:
    return f"D{i},won,JPY,{1000 + i},2026-03-{i % 28 + 1:02} 10:00:00"


def test_a_roster_that_lost_half_its_branches_is_held(desk):
    desk.land(f"branches/a_{DAY}.csv", branches(range(40)))
    assert not desk.load().held
    desk.land(f"branches/a_{NEXT}.csv", branches(range(20)))

    for _ in range(2):
        (held,) = desk.load().held
        assert desk.query("SELECT extracted_on, count(*) FROM raw_branches GROUP BY 1") == [(date(2026, 4, 1), 40)]
        for words in (
            f"landing/branches/{NEXT} (branches/a_{NEXT}.csv) is held",
            "share of keys vanished is 0.5, expected at most 0.2, against the extract of 2026-04-01 (B20, B21, B22)",
            "rows ÷ rows before is 0.5, expected at least 0.8 and at most 3",
            f"make accept BATCH=landing/branches/{NEXT} BY=",
        ):
            assert words in held.message
    assert desk.query("SELECT count(*) FROM loads WHERE status = 'held' AND rows_read = 0") == [(1,)]  # recorded once
    assert (desk.home.landing / "branches" / f"a_{NEXT}.csv").exists()


@pytest.mark.parametrize(
    ("dataset", "before", "after", "expected"),
    [
        pytest.param(
            "deals",
            deals(sound),
            deals(lambda i: f"D{i},won,JPY,{1000 + i if i < 15 else '千円'},2026-03-{i % 28 + 1:02} 10:00:00"),
            "share of rows rejected is 0.625, expected at most 0.5 (25 in amount, first deals/b_2026-04-02.csv row 16: "
            "amount: '千円' is not a number",
            id="rejected",
        ),
        pytest.param(
            "deals",
            deals(sound),
            deals(sound, "deal_id,stage,currency,amount_jpy,updated_at"),
            "columns lost is 1, expected at most 0, against the extract of 2026-04-01 (amount)",
            id="columns_lost",
        ),
        pytest.param(
            "reps",
            csv_of("rep_id,rep_name", (f"R{i},担当{i}" for i in range(40))),
            csv_of("rep_id,rep_name", (f"R{i},{'担当' if i < 15 else ''}" for i in range(40))),
            "rep_name: share filled is 0.375, expected at least 0.5",
            id="filled",
        ),
        pytest.param(
            "partners",
            csv_of("partner_id,partner_name", (f"P{i},社{i}" for i in range(40))),
            csv_of("partner_id,partner_name", (f"P{i},社{i % 25}" for i in range(40))),
            "partner_name: share distinct is 0.625, expected at least 0.9 (社0, 社1, 社10)",
            id="distinct",
        ),
        pytest.param(
            "branches",
            branches(range(40)),
            csv_of("branch_id,partner_id,branch_name", (f"B{i},P,支店{i % 20}" for i in range(40))),
            "partner_id, branch_name: share distinct is 0.5, expected at least 0.8 (P 支店0, P 支店1, P 支店10)",
            id="distinct together",
        ),
        pytest.param(
            "deals",
            deals(sound),
            deals(lambda i: sound(i).replace("JPY", "円")),
            "currency: share in the set is 0, expected at least 0.9 (円)",
            id="in_set",
        ),
        pytest.param(
            "deals",
            deals(sound),
            deals(lambda i: sound(i).replace("won", f"D{i}" if i < 25 else "won")),
            "stage: share in the set is 0.375, expected at least 0.5 (D0, D1, D10)",
            id="in_set of a seed",
        ),
        pytest.param(
            "deals",
            deals(sound),
            deals(lambda i: sound(i).replace("1000", "1000000000001")),
            "amount: share in range is 0.975, expected at least 1 (1000000000001.0000)",
            id="in_range of amounts",
        ),
        pytest.param(
            "deals",
            deals(lambda i: f"D{i},won,2026-01-01 09:00:00", "deal_id,stage,created_at"),
            deals(lambda i: f"D{i},won,{'1926' if i < 5 else '2206'}-01-01 09:00:00", "deal_id,stage,created_at"),
            "created_at: share in range is 0, expected at least 0.95 (2206-01-01 00:00:00, 1926-01-01 00:00:00)",
            id="in_range of dates",
        ),
        pytest.param(
            "branches",
            branches(range(40)),
            branches(range(160)),
            "rows ÷ rows before is 4, expected at least 0.8 and at most 3",
            id="rows",
        ),
        pytest.param(
            "branches",
            branches(range(40)),
            branches(range(1000, 1040)),
            "share of keys vanished is 1, expected at most 0.2, against the extract of 2026-04-01 (B0, B1, B10)",
            id="keys_vanished",
        ),
        pytest.param(
            "deals",
            deals(lambda i: sound(i).replace(f"JPY,{1000 + i}", f"JPY,{1_000_000 + i}")),
            deals(sound),
            "amount: mean ÷ mean before is 0.001019, expected at least 0.05 and at most 20",
            id="mean",
        ),
        pytest.param(
            "deals",
            deals(sound),
            deals(lambda i: sound(i).replace("2026-03", "2026-01")),
            "updated_at: days newer than before is -59, expected at least 0",
            id="newest",
        ),
    ],
)
def test_every_expectation_holds_a_batch_that_misses_it(desk, dataset, before, after, expected):
    desk.land(f"{dataset}/a_{DAY}.csv", before)
    assert not desk.load().held
    rows = desk.lake(dataset)
    desk.land(f"{dataset}/b_{NEXT}.csv", after)
    result = desk.load()
    (held,) = result.held
    assert expected in held.message
    assert [(file.status, file.accepted, file.rejected) for file in result.files] == [("held", 0, 0)]
    assert desk.lake(dataset) == rows and len(rows) == 40
    assert desk.rejected() == []
    (page,) = desk.home.data_docs.glob("validations/**/*.html")
    for figure in (one.figure for one in held.missed):
        assert re.search(
            rf"(?s){re.escape(figure)}\s*</h5>.*?must be.*?unexpected values found.*?{held.name}", page.read_text()
        )
    first = (desk.home.data_docs / "index.html").read_text()
    assert html.escape(held.message) in first and page.relative_to(desk.home.data_docs).as_posix() in first
    missed = {(held.name, one.figure) for one in held.missed}
    assert missed == gx.write_pages([held], desk.home.data_docs, "<style>"), (
        "Great Expectations judges as the engine does"
    )


def test_data_docs_keep_the_last_batch_of_each_dataset(desk):
    desk.land(f"branches/a_{DAY}.csv", branches(range(40)))
    desk.load()
    desk.land(f"deals/a_{DAY}.csv", deals(sound))
    desk.load()
    desk.land(f"branches/b_{NEXT}.csv", branches(range(40)))
    desk.load()
    first = (desk.home.data_docs / "index.html").read_text()
    names = re.findall(r"landing/[^<]+?(?=</td>)", first)
    assert sorted(names) == [f"landing/branches/{NEXT}", f"landing/deals/{DAY}"]
    assert "share of keys vanished" in first


def test_batches_within_their_bounds_do_not_import_great_expectations(tmp_path):
    script = """
import sys
from pathlib import Path
from orchestration.home import Home
from orchestration.lake.ingest import ingest
home = Home(Path(sys.argv[1]))
file = home.landing / "branches" / "a_2026-04-01.csv"
file.parent.mkdir(parents=True)
file.write_text("branch_id,partner_id,branch_name\\n" + "".join(f"B{i},P,{i}\\n" for i in range(40)))
result = ingest(home, None, timezone="Asia/Tokyo")
assert result.batches and not result.held
assert (home.data_docs / "index.html").exists()
assert "great_expectations" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, cwd=PROJECT)


def test_data_docs_fetch_nothing(desk):
    desk.land(f"branches/a_{DAY}.csv", branches(range(40)))
    desk.load()
    desk.land(f"branches/b_{NEXT}.csv", branches(range(20)))
    desk.load()
    pages = list(desk.home.data_docs.rglob("*.html"))
    assert {page.parts[-2] for page in pages} >= {"data_docs", "expectations"} and len(pages) == 3
    for page in pages:
        text = page.read_text()
        assert not re.search(r"""(?i)<script|<link|<img|<iframe|@import|url\(|\ssrc=""", text), page


def test_data_docs_show_hostile_text_as_text(desk):
    hostile = "<svg onload=alert(1)>"
    desk.land(f"branches/{hostile}_{DAY}.csv", branches(range(40)))
    desk.load()
    desk.land(f"branches/{hostile}_{NEXT}.csv", branches(range(20)).replace(",B1,", f",{hostile},"))
    desk.load()
    pages = [page.read_text() for page in desk.home.data_docs.rglob("*.html")]
    accept(desk.home, f"landing/branches/{NEXT}", hostile, hostile)
    desk.load()
    pages += [page.read_text() for page in desk.home.data_docs.rglob("*.html")]
    assert len(pages) == 6 and not any("<svg" in page for page in pages)
    assert any(html.escape(hostile) in page for page in pages)


def test_every_kind_of_expectation_is_used_and_tested():
    stated = {one.kind for rules in load_expectations(load_contract()).datasets.values() for one in rules}
    mark = next(m for m in test_every_expectation_holds_a_batch_that_misses_it.pytestmark if m.name == "parametrize")
    assert stated == set(KINDS) == {case.id.split(" ")[0] for case in mark.args[1]}


def test_a_person_accepts_a_batch_by_name(desk):
    desk.land(f"branches/a_{DAY}.csv", branches(range(40)))
    desk.load()
    path = desk.land(f"branches/a_{NEXT}.csv", branches(range(20)))
    desk.load()
    name = f"landing/branches/{NEXT}"
    with pytest.raises(KyotenError, match=f"not held. Held batches:\n- {name}"):
        accept(desk.home, "landing/branches/2026-04-03", "鈴木", "統廃合")
    with pytest.raises(KyotenError, match="who accepts"):
        accept(desk.home, name, "鈴木", " ")
    accept(desk.home, name, "鈴木", "=統廃合\n2026年度")

    (judged,) = desk.load().batches
    assert not judged.is_held and judged.missed
    messages = desk.query("SELECT message FROM loads WHERE status = 'loaded' AND message <> ''")
    ((message,),) = messages
    assert f"{name} was accepted by 鈴木 on " in message and "'=統廃合 2026年度" in message
    assert desk.query("SELECT extracted_on, count(*) FROM raw_branches GROUP BY 1 ORDER BY 1") == [
        (date(2026, 4, 1), 40),
        (date(2026, 4, 2), 20),
    ]
    assert desk.load().files == () and not waiting(desk.home)

    path.write_text(branches(range(10)))  # only that content was accepted
    assert [one.name for one in desk.load().held] == [name]
    assert desk.query("SELECT count(*) FROM raw_branches WHERE extracted_on = '2026-04-02'") == [(20,)]


def test_an_incomplete_acceptance_is_reported(desk):
    desk.home.worklist.mkdir()
    desk.home.acceptances.write_text("batch,content_sha256,accepted_by,accepted_at,reason\nlanding/branches/x,0,,,\n")
    with pytest.raises(KyotenError, match=r"accepted_batches.csv, line 2: accepted_by, accepted_at, reason is empty"):
        desk.load()


def test_after_a_held_batch_the_next_is_compared_with_the_last_good_one(desk):
    for day, ids in ((DAY, range(40)), (NEXT, range(20)), ("2026-04-03", range(22)), ("2026-04-04", range(41))):
        desk.land(f"branches/a_{day}.csv", branches(ids))
    held = desk.load().held
    assert [one.group[2].day for one in held] == [2, 3]
    assert all("against the extract of 2026-04-01" in one.message for one in held)
    assert desk.query("SELECT DISTINCT extracted_on FROM raw_branches ORDER BY 1") == [
        (date(2026, 4, 1),),
        (date(2026, 4, 4),),
    ]


def test_a_file_rewritten_with_fewer_rows_leaves_the_earlier_rows(desk):
    desk.land(f"branches/a_{DAY}.csv", branches(range(40)), seconds=1_000_000)
    desk.load()
    rows = desk.lake("branches")
    desk.land(f"branches/a_{DAY}.csv", branches(range(10)), seconds=2_000_000)
    desk.land(f"branches/b_{DAY}.csv", branches(range(10)), seconds=2_000_000)  # a repeat of a held file
    for _ in range(2):
        assert len(desk.load().held) == 1
        assert desk.lake("branches") == rows
    desk.land(f"branches/a_{DAY}.csv", branches(range(41)), seconds=3_000_000)
    (desk.home.landing / f"branches/b_{DAY}.csv").unlink()
    assert not desk.load().held and len(desk.lake("branches")) == 41


def test_small_batches_and_late_ones_are_loaded(desk):
    desk.land(f"branches/a_{NEXT}.csv", branches(range(40)))
    desk.load()
    desk.land(f"branches/a_{DAY}.csv", branches(range(10)))  # an earlier day, with nothing to compare
    desk.land("branches/a_2026-03-01.csv", branches(range(100, 119)))
    assert not desk.load().held
    desk.land("deals/a_2026-04-01.csv", deals(sound))
    desk.land("deals/a_2026-04-02.csv", deals(lambda i: f"D{i},won,JPY,,")[:40])
    assert not desk.load().held


def test_a_delta_is_compared_with_the_latest_that_is_large_enough(desk):
    desk.land(f"deals/a_{DAY}.csv", deals(sound))
    desk.land(f"deals/a_{NEXT}.csv", csv_of("deal_id,stage,amount", ["E1,won,5"]))
    desk.land("deals/a_2026-04-03.csv", deals(lambda i: f"F{i},won,{i + 1}000000", "deal_id,stage,amount"))
    (held,) = desk.load().held
    assert held.name == "landing/deals/2026-04-03" and "against the extract of 2026-04-01" in held.message


def test_mapped_datasets_are_judged_too(desk, tmp_path):
    folder = tmp_path / "crm"
    folder.mkdir()
    sources = tmp_path / "sources.yml"
    sources.write_text(
        "sources:\n  crm:\n    path: " + str(folder) + "\n    files: {b: b_*.csv}\n    datasets:\n      branches:\n"
        "        from: b\n        columns: {branch_id: id, partner_id: partner, branch_name: name}\n"
    )
    (folder / f"b_{DAY}.csv").write_text(csv_of("id,partner,name", (f"B{i},P,支店{i}" for i in range(40))))
    assert not desk.load(sources).held
    (folder / f"b_{NEXT}.csv").write_text(csv_of("id,partner,name", (f"B{i},P,支店{i}" for i in range(20))))
    for _ in range(2):
        assert [one.name for one in desk.load(sources).held] == [f"crm/branches/{NEXT}"]
        assert desk.query("SELECT count(*) FROM raw_branches") == [(40,)]
    accept(desk.home, f"crm/branches/{NEXT}", "鈴木", "統廃合")
    assert not desk.load(sources).held
    assert desk.query("SELECT count(*) FROM raw_branches") == [(60,)]


def test_great_expectations_gets_the_profile_and_never_the_batch(desk, monkeypatch):
    lengths = []
    made = pandas.DataFrame.__init__

    def counted(self, *values, **options):
        made(self, *values, **options)
        lengths.append(len(self))

    monkeypatch.setattr(pandas.DataFrame, "__init__", counted)
    for day, rows in ((DAY, 5000), (NEXT, 2000)):
        desk.land(f"branches/a_{day}.csv", branches(range(rows)))
    result = desk.load()
    assert (len(result.batches), len(result.held)) == (2, 1)
    assert lengths and max(lengths) == 1  # one row per batch that missed a bound


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("minimum_rows: 0", "`minimum_rows:` is 0; write a whole number of 1 or more"),
        ("minimum_row: 5", "'minimum_row' is no setting (did you mean minimum_rows?)"),
        ("[]", "holds no settings"),
        ("datasets: {branchs: []}", "branchs is no dataset of the contract (did you mean branches?)"),
        ("datasets: {attribution_overrides: []}", "have no batch rules"),
        ("datasets: {deals: {}}", "dataset deals: write a list"),
        ("datasets: []", "`datasets:` needs a list"),
        ("every_dataset: [{}]", "every_dataset, expectation 1: needs `expect:`"),
        ("every_dataset: [{expect: row}]", "'row' is no expectation (did you mean rows?)"),
        ("every_dataset: [{expect: rows}]", "needs `at_least:`, `at_most:` or both"),
        ("every_dataset: [{expect: rows, at_least: few}]", "`at_least:` is 'few'; write a number"),
        ("every_dataset: [{expect: rows, at_least: 2, at_most: 1}]", "which nothing meets"),
        ("every_dataset: [{expect: rows, at_lest: 2}]", "'at_lest' is no setting of rows"),
        ("every_dataset: [{expect: rows, at_most: 2}, {expect: rows, at_most: 3}]", "stated twice"),
        ("datasets: {deals: [{expect: filled, at_least: 1}]}", "needs `column:`"),
        ("datasets: {deals: [{expect: distinct, at_least: 1}]}", "needs `columns:`"),
        ("datasets: {deals: [{expect: distinct, columns: a, at_least: 1}]}", "as a list"),
        ("datasets: {deals: [{expect: mean, column: amout, at_least: 1}]}", "did you mean amount?"),
        (
            "datasets: {deals: [{expect: mean, column: stage, at_least: 1}]}",
            "no column of type integer",
        ),
        (
            "datasets: {deals: [{expect: newest, column: stage, at_least: 1}]}",
            "no column of type date",
        ),
        ("datasets: {deals: [{expect: in_set, column: stage, at_least: 1}]}", "either `values:`"),
        (
            "datasets: {deals: [{expect: in_set, column: stage, seed: stage_map.x, at_least: 1}]}",
            "there is no column 'x' in seeds/stage_map.csv",
        ),
        (
            "datasets: {deals: [{expect: in_range, column: stage, to: 1, at_least: 1}]}",
            "neither a number",
        ),
        ("datasets: {deals: [{expect: in_range, column: amount, at_least: 1}]}", "needs `from:`"),
        (
            "datasets: {deals: [{expect: in_range, column: won_on, from: 2, at_least: 1}]}",
            "write a day as YYYY-MM-DD",
        ),
        (
            "datasets: {deals: [{expect: in_range, column: amount, days_after_extract: 2, at_most: 1}]}",
            "replaces `to:`",
        ),
    ],
)
def test_a_wrong_rule_is_named_before_anything_is_read(desk, tmp_path, text, expected):
    path = tmp_path / "expectations.yml"
    path.write_text(text if text.startswith(("minimum", "[")) else f"minimum_rows: 5\n{text}")
    with pytest.raises(KyotenError) as wrong:
        desk.load(expectations=path)
    assert expected in str(wrong.value)
