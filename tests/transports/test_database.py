"""Tables and queries of a database, fetched from a real PostgreSQL."""

import pytest

from orchestration.errors import KyotenError
from orchestration.sources_check import check_sources
from tests.transports.conftest import PASSWORD, rows

MAPPING = """\
sources:
  erp:
    timezone: UTC
    sql:
      connection: {url}
      schema: crm
      tables:
        deals: {{table: deals, cursor: updated_at}}
        reps: {{query: "SELECT id AS rep_id, upper(name) AS rep_name FROM crm.reps"}}
    datasets:
      deals:
        from: deals
        mode: delta
        columns: {{deal_id: id, stage: stage, amount: amount, won_on: won_on, created_at: updated_at}}
      reps: {{query: "SELECT rep_id, rep_name FROM reps"}}
"""


@pytest.fixture
def sources(postgres, mapping, travel):
    postgres.run(
        """CREATE TABLE crm.deals (id uuid PRIMARY KEY, stage text, amount numeric(18, 4), won_on date,
             updated_at timestamptz, tags text[], extra jsonb, open bool, raw bytea);
           CREATE TABLE crm.reps (id int, name text);
           CREATE SEQUENCE crm.n;
           INSERT INTO crm.deals VALUES
             ('00000000-0000-0000-0000-000000000001', 'won', 12345678901234.5678, '2026-03-31', '2026-03-31 23:30+09',
              '{a,"b c"}', '{"k": "値"}', true, '\\x00ff'),
             ('00000000-0000-0000-0000-000000000002', '商談', 0, NULL, '2026-03-30 00:00Z', NULL, NULL, NULL, NULL)"""
    )
    return mapping(MAPPING.format(url=postgres.url))


def test_tables_and_queries_land_as_one_dated_extract(desk, postgres, sources, progress):
    assert progress.fetch(desk, sources) == ["2026-04-01"]
    folder = desk.home.extracts / "erp" / "2026-04-01"
    first = rows(folder / "deals.jsonl.gz")[0]
    assert first[1:4] == ("won", "12345678901234.5678", "2026-03-31")
    assert first[5:] == ('["a", "b c"]', '{"k": "値"}', "true", "00ff")
    assert rows(folder / "reps.csv") == [] and (folder / "reps.csv").read_text().strip() == "rep_id,rep_name"
    result = {f.dataset: f for f in desk.load(sources).files}
    assert (result["deals"].accepted, result["deals"].rejected, result["reps"].accepted) == (2, 0, 0)
    assert desk.query("SELECT amount::text, won_on::text, created_at::text, extracted_on::text FROM raw_deals") == [
        ("12345678901234.5678", "2026-03-31", "2026-03-31 14:30:00", "2026-04-01"),
        ("0.0000", None, "2026-03-30 00:00:00", "2026-04-01"),
    ]


def test_unchanged_data_is_nothing_new_and_a_change_is_a_revision(desk, postgres, sources, progress):
    progress.fetch(desk, sources)
    assert progress.fetch(desk, sources) == []
    postgres.run("INSERT INTO crm.reps VALUES (7, 'aoki')")
    assert progress.fetch(desk, sources) == ["2026-04-01_r2"]
    desk.load(sources)
    assert desk.query("SELECT rep_name, extract_revision FROM raw_reps") == [("AOKI", 2)]


def test_from_the_second_day_on_only_changes_are_fetched(desk, postgres, sources, progress, travel):
    progress.fetch(desk, sources)
    travel("2026-04-02")
    postgres.run("UPDATE crm.deals SET stage = 'lost', updated_at = '2026-04-01 10:00Z' WHERE won_on IS NULL")
    assert progress.fetch(desk, sources) == ["2026-04-02"]
    # The row at the cursor is fetched again, because another row of the same instant may have been committed since.
    assert [row[1] for row in rows(desk.home.extracts / "erp" / "2026-04-02" / "deals.jsonl.gz")] == ["won", "lost"]
    postgres.run("UPDATE crm.deals SET stage = 'won', updated_at = '2026-04-01 11:00Z' WHERE won_on IS NULL")
    assert progress.fetch(desk, sources) == ["2026-04-02_r2"]
    again = rows(desk.home.extracts / "erp" / "2026-04-02_r2" / "deals.jsonl.gz")
    assert [row[1] for row in again] == ["won", "won"], "a day's second fetch begins at the same cursor as its first"
    travel("2026-04-03")
    progress.fetch(desk, sources)
    assert len(rows(desk.home.extracts / "erp" / "2026-04-03" / "deals.jsonl.gz")) == 1


def test_a_query_may_contain_text_like_a_parameter(desk, postgres, sources, progress):
    postgres.run("INSERT INTO crm.reps VALUES (7, 'a :b'), (8, 'c')")
    text = sources.read_text().replace("FROM crm.reps", "FROM crm.reps WHERE name::text LIKE '% :b%'")
    sources.write_text(text)
    progress.fetch(desk, sources)
    assert rows(desk.home.extracts / "erp" / "2026-04-01" / "reps.jsonl.gz") == [("7", "A :B")]


def test_a_full_fetch_ignores_the_cursor(desk, postgres, sources, progress, travel):
    progress.fetch(desk, sources)
    travel("2026-04-02")
    progress.fetch(desk, sources, is_full=True)
    assert len(rows(desk.home.extracts / "erp" / "2026-04-02" / "deals.jsonl.gz")) == 2


def test_a_killed_fetch_leaves_nothing_and_the_next_one_works(desk, sources, progress, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("orchestration.sources.transports.fetch.land", killed)
        with pytest.raises(KeyboardInterrupt):
            progress.fetch(desk, sources)
    assert list(desk.home.extracts.glob("erp/*")) == []
    assert list(desk.home.extracts.glob(".unfinished/erp/deals*")), "the files look as after a kill"
    assert progress.fetch(desk, sources) == ["2026-04-01"]


def test_sources_check_tries_the_first_rows_and_keeps_nothing(desk, postgres, sources, capsys):
    postgres.run("INSERT INTO crm.reps SELECT i, 'rep ' || i FROM generate_series(1, 150) AS i")
    assert check_sources(sources, "Asia/Tokyo") == 0
    output = capsys.readouterr().out
    assert "erp: reps: 100 rows accepted, 0 rejected" in output
    assert "won_on (date): 2026-03-31 to 2026-03-31, for example 2026-03-31" in output
    assert not desk.home.extracts.exists()


def test_a_cursor_needs_mode_delta(desk, sources, progress):
    progress.fetch(desk, sources)
    sources.write_text(sources.read_text().replace("mode: delta", "mode: full"))
    with pytest.raises(KyotenError, match=r"line 13, .*mode: deals has a cursor.*`mode: delta`"):
        desk.load_all(sources)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("table: deals,", "table: dealz,", "deals of erp was not fetched: the database has no table dealz. Correct"),
        (
            "cursor: updated_at",
            "cursor: update_at",
            "the table has no column update_at (did you mean updated_at?). Correct",
        ),
        ("FROM crm.reps", "FROM crm.repz", 'reps of erp was not fetched: relation "crm.repz" does not exist'),
        ("SELECT id AS rep_id,", "SELECT id, id,", "reps of erp was not fetched: the column id appears twice. Rename"),
        ("FROM crm.reps", "FROM (SELECT nextval('crm.n') AS id, '' AS name)", "not fetched: cannot execute nextval()"),
        ("${DB_USER}", "nobody", "deals of erp was not fetched: connection"),
        ("${DB_PASSWORD}", "${DB_PASSWORT}", "the environment variable DB_PASSWORT is not set"),
    ],
)
def test_an_error_is_reported_and_nothing_lands(desk, sources, progress, before, after, expected):
    sources.write_text(sources.read_text().replace(before, after))
    with pytest.raises(KyotenError) as error:
        progress.fetch(desk, sources)
    assert expected in str(error.value)
    assert PASSWORD not in str(error.value) + "".join(progress)
    assert not [path for path in desk.home.extracts.rglob("*") if path.name != ".unfinished"]
