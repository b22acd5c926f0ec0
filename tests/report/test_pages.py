"""The pages of a release: each figure is the published one, nothing comes from elsewhere, partners see their own."""

import base64
import hashlib
import io
import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import openpyxl
import pytest

from orchestration import sql
from orchestration.home import Home
from orchestration.release.publish import current_release
from orchestration.report import pages
from orchestration.report.queries import figure_sql, parse, run, source
from tests.report.reading import Tables, differences, read

LARGEST = 3_000_000
REPORTS = pages.REPORTS


@pytest.fixture(scope="module")
def published(built_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        for name in pages.SETTINGS:
            connection.execute(f"set variable {name} = $1", [pages.var(name)])
        yield connection


def files(home: Home) -> list[Path]:
    return sorted((home.published / "pages").rglob("*.html"))


def sources_of(path: Path, text: str, connection: duckdb.DuckDBPyConnection) -> dict[str, dict]:
    """The sources that the page states; the edition for partners states none."""
    if path.parent.name == "partner":
        return {query.name: source(run(connection, query).none) for query in parse(REPORTS / "partner.sql")}
    return json.loads(read(text).scripts["definitions"])["sources"]


def test_every_page_is_there(built_home: Home, published: duckdb.DuckDBPyConnection) -> None:
    branches = published.execute(pages.LINKED).fetchall()
    single = [page for page in pages.listed() if not page.each]
    each = [page for page in pages.listed() if page.each]
    assert len(files(built_home)) == len(single) + len(each) * len(branches)
    assert built_home.first_page.exists()


def test_every_figure_is_the_published_one(built_home: Home, published: duckdb.DuckDBPyConnection) -> None:
    tables, figures = Tables(published), 0
    for path in [one for one in files(built_home) if one.parent.name == "pages"] + files(built_home)[::8]:
        text = path.read_text(encoding="utf-8")
        found = list(differences(text, sources_of(path, text, published), tables))
        assert not found, f"{path.name}: {found[:5]}"
        figures += len(read(text).figures)
    assert figures > 1_000


def test_a_wrong_figure_is_found(built_home: Home, published: duckdb.DuckDBPyConnection) -> None:
    path = built_home.first_page
    text = path.read_text(encoding="utf-8")
    sources, tables = sources_of(path, text, published), Tables(published)
    figure = next(one for one in read(text).figures if one.query == "kpis" and one.column == "actual")
    wrong_value = text.replace(
        f'data-c="actual" data-m="{figure.key.split("|")[-1]}" data-v="{figure.value}"',
        f'data-c="actual" data-m="{figure.key.split("|")[-1]}" data-v="{figure.value}1"',
    )
    wrong_text = text.replace(f'data-v="{figure.value}">{figure.text}<', f'data-v="{figure.value}">9{figure.text}<', 1)
    for wrong in (wrong_value, wrong_text):
        assert wrong != text
        assert any("kpis" in one for one in differences(wrong, sources, tables))
    chart = read(text).scripts["kpi_months"]
    content = json.loads(chart)
    at = content["columns"].index("actual")
    content["rows"][0][at] = (content["rows"][0][at] or 0) + 1
    wrong = text.replace(chart, json.dumps(content, ensure_ascii=False))
    assert any("chart kpi_months" in one for one in differences(wrong, sources, tables))


def test_the_sql_of_a_figure_runs(built_home: Home, published: duckdb.DuckDBPyConnection) -> None:
    tried = set()
    for path in files(built_home)[::7] + [one for one in files(built_home) if one.parent.name == "pages"]:
        if path.parent.name == "partner":
            continue
        text = path.read_text(encoding="utf-8")
        sources = sources_of(path, text, published)
        for figure in read(text).figures:
            if (where := (path.parent.name, figure.query, figure.column)) not in tried:
                tried.add(where)
                query = figure_sql(sources[figure.query], figure.key, figure.column)
                assert len(published.execute(query).fetchall()) == 1, query
    assert len(tried) > 50


def running(path: Path, text: str, connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Return the queries and columns of a page with a figure of a month or fiscal year that is not over."""
    ((month, year),) = connection.execute(
        "select max(month) filter (period_type = 'month'), max(fiscal_year) filter (period_type = 'fiscal_year') from ("
        "select period_type, period_start as month, fiscal_year from kpi.headlines)"
    ).fetchall()
    last, sources = {"month": str(month), "fiscal_year": str(year)}, sources_of(path, text, connection)
    return {
        (figure.query, figure.column)
        for figure in read(text).figures
        for name, value in zip(sources[figure.query]["key"], figure.key.split("|"), strict=False)
        if figure.value and value > last.get(name, value)
    }


# Of a target or goal that has just begun: the key of its row, what is due and when, but no result.
OF_A_BEGINNING = ("month", "deadline", "period_start", "target", "path_seasonal", "missing_reason", "outcome")


def test_no_figure_is_of_a_period_that_still_runs(built_home: Home, published: duckdb.DuckDBPyConnection) -> None:
    """An indirect ratio of 127.9 % was that of a fiscal year of five days."""
    for path in [one for one in files(built_home) if one.parent.name == "pages"] + files(built_home)[::8]:
        text = path.read_text(encoding="utf-8")
        results = {one for one in running(path, text, published) if one[1] not in OF_A_BEGINNING}
        assert not results, f"{path.name}: {sorted(results)[:5]}"
    first = built_home.first_page.read_text(encoding="utf-8")
    later = re.sub(r'(data-[km]="[^"]*)2026-03-01', r"\g<1>2026-04-01", first)
    assert ("kpis", "actual") in running(built_home.first_page, later, published)


def test_a_card_states_what_it_replaces(built_home: Home, published: duckdb.DuckDBPyConnection) -> None:
    branch, metric, label = published.execute(
        """
        select scores.entity_id, scores.metric, labels.label_en
        from kpi.scorecard as scores inner join ops.labels as labels
            on labels.table_name = 'scorecard' and labels.column_name = 'instead_of' and scores.instead_of = labels.code
        where scope = 'branch' and entity_id like 'KNOWN%' and month = (
            select max(month) from kpi.scorecard where is_complete
        )
        order by all
        """
    ).fetchone() or ("", "", "")
    page = built_home.published / "pages" / "branch" / f"{pages.file_name(branch)}.html"
    (card,) = re.findall(
        rf'<div class="card">(?:(?!<div).)*\|{metric}"(?:(?!<div).)*</div>', page.read_text("utf-8"), re.S
    )
    assert label in card and "in place of" in card
    assert card.index("in place of") < card.index(label)


def test_nothing_comes_from_elsewhere(built_home: Home) -> None:
    for path in files(built_home):
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) < LARGEST, path
        for reference in read(text).references:
            if not reference.startswith(("data:", "#")):
                assert (path.parent / reference).exists(), f"{path}: {reference}"
    release = current_release(built_home)
    assert release and release["release_id"] in built_home.first_page.read_text(encoding="utf-8")


def test_the_chart_library_is_as_its_package_has_it() -> None:
    """The file of the npm package echarts 6.1.0: docs/decisions/2026-11-30-pages.md."""
    found = hashlib.sha256((REPORTS / "echarts.min.js").read_bytes()).hexdigest()
    assert found == "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"  # pragma: allowlist secret


# Words of the vendor's own judgement: no edition for a partner has a column of them.
INTERNAL = (
    *("call_value", "lever", "segment", "support_mode", "potential", "headroom", "account_manager", "staff"),
    *("forecast", "feasib", "proposed", "set_amount", "gap_cover", "vendor_benefit", "lessons", "pacing"),
    *("owner_staff", "owner_name", "is_relationship"),
)


def strangers(text: str, branch: str, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The names, ids and amounts of other branches and partners that a page has."""
    mine = "select partner_id from core.dim_branch where branch_id = $1"
    others = connection.execute(
        f"""
        with own as (
            select unnest([branch_id, branch_name, partner_id]) as text from core.dim_branch where branch_id = $1
            union select partner_name from core.dim_partner where partner_id in ({mine})
            union select rep_name from core.dim_rep where current_branch_id = $1
            union select rep_name from core.dim_rep inner join core.fct_deals using (rep_id)
                where branch_id_current = $1
            union select customer_name from core.dim_customer inner join core.fct_deals using (customer_id)
                where branch_id_current = $1
        ),
        money as (
            select amount from core.fct_deals where branch_id_current = $1 and amount is not null
            union select won_amount from kpi.branch_monthly_as_is where branch_id = $1
        ),
        others as (
            select branch_id as text from core.dim_branch where not is_sentinel
            union select branch_name from core.dim_branch where not is_sentinel
            union select partner_id from core.dim_partner union select partner_name from core.dim_partner
            union select rep_id from core.dim_rep where current_branch_id is distinct from $1
            union select rep_name from core.dim_rep
            union select staff_name from core.dim_staff union select staff_id from core.dim_staff
            union select deal_id from core.fct_deals where branch_id_current <> $1
            union select format('{{:,}}', cast(amount as bigint)) from core.fct_deals
                where branch_id_current <> $1 and amount >= 100000 and amount not in (from money)
            union select format('{{:,}}', cast(won_amount as bigint)) from kpi.branch_monthly_as_is
                where branch_id <> $1 and won_amount >= 100000 and won_amount not in (from money)
        )
        select others.text from others
        where length(others.text) > 1
            and not exists (select 1 from own where contains(own.text, others.text))
        """,
        [branch],
    ).fetchall()
    # An id or amount only whole, not as part of a longer one; a Japanese name anywhere.
    whole = {*re.findall(r"[\w:\-]+", text, re.ASCII), *re.findall(r"[\d,]+", text)}
    return [name for (name,) in others if (name in whole if name.isascii() else name in text)]


def judged(branch: str, connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The amounts of the vendor's own judgement about a branch, such as forecast, proposal and worth of a call."""
    amounts = connection.execute(
        """
        with judged as (
            select unnest(
                [forecast_amount_p10, forecast_amount_p50, forecast_amount_p90, proposed_amount_now]
            ) as amount
            from plan.qbr_pack where branch_id = $1
            union select unnest([proposed_amount, capacity_amount]) from plan.next_budget
                where scope = 'branch' and entity_id = $1
            union select unnest([feasible_amount, forecast_amount_p50]) from plan.account_plans where branch_id = $1
            union select call_value from kpi.people_worklist where branch_id = $1
            union select headroom_amount from kpi.rep_concentration where scope = 'branch' and entity_id = $1
        )
        select distinct cast(cast(round(amount) as bigint) as varchar) from judged
        where amount >= 100000 and amount not in (
            select amount from core.fct_deals where branch_id_current = $1 and amount is not null
            union select unnest(
                [quarter_won_amount, quarter_target_amount, quarter_pipeline_amount, next_target_amount]
            ) from plan.qbr_pack where branch_id = $1
            union select won_amount_t12m from kpi.performance where scope = 'branch' and entity_id = $1
        )
        """,
        [branch],
    ).fetchall()
    return {amount for (amount,) in amounts}


def judgements(text: str, branch: str, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The amounts of the vendor's own judgement that a page has, also as the value behind a short form."""
    return sorted(judged(branch, connection) & set(re.findall(r"\d+", text.replace(",", ""))))


def with_workbooks(text: str) -> str:
    """The page and, as text, each cell of its Excel files."""
    cells = []
    for reference in read(text).references:
        if reference.startswith("data:"):
            book = openpyxl.load_workbook(
                io.BytesIO(base64.b64decode(reference.partition("base64,")[2])), read_only=True
            )
            for sheet in book:
                cells += [value for row in sheet.iter_rows(values_only=True) for value in row if value is not None]
    return "\n".join([text, *(f"{one:,.0f}" if isinstance(one, int | float) else str(one) for one in cells)])


def test_an_edition_for_a_branch_has_nothing_of_others(built_home: Home, published: duckdb.DuckDBPyConnection) -> None:
    for query in parse(REPORTS / "partner.sql"):
        columns = run(published, query).columns
        assert not [name for name in columns if name.startswith(INTERNAL)], query.name
    editions = run(published, parse(REPORTS / "partner.sql")[0])
    assert len(editions) > 10
    for edition in editions.items[::5]:  # enough of them, for each costs a tenth of a second
        path = built_home.published / "pages" / "partner" / f"{pages.file_name(edition['branch_id'])}.html"
        text = path.read_text(encoding="utf-8")
        reader = read(text)
        assert all(
            "sql" not in one and "where" not in one
            for one in json.loads(reader.scripts["definitions"])["sources"].values()
        )
        whole = with_workbooks(text)
        found = strangers(whole, edition["branch_id"], published) + judgements(whole, edition["branch_id"], published)
        assert not found, f"{path.name}: {found[:5]}"


def test_something_of_others_is_found(built_home: Home, published: duckdb.DuckDBPyConnection) -> None:
    branch, other = (row["branch_id"] for row in run(published, parse(REPORTS / "partner.sql")[0]).items[:2])
    text = (built_home.published / "pages" / "partner" / f"{pages.file_name(branch)}.html").read_text(encoding="utf-8")
    name, amount = published.execute(
        "select min(deal_id), max(amount) from core.fct_deals "
        "where branch_id_current not in ($1, 'DIRECT') and amount > 100000",
        [branch],
    ).fetchone() or ("", 0)
    for planted in (other, name, f"{amount:,.0f}"):
        assert planted in strangers(text.replace("</main>", f"{planted}</main>"), branch, published)


def test_an_edition_has_the_business_review_of_its_branch(
    built_home: Home, published: duckdb.DuckDBPyConnection
) -> None:
    """The quarter that closed last, with the agreed actions, and no judgement of the vendor; a planted one is found."""
    branches = published.execute(
        """
        select branch_id, fiscal_quarter from plan.qbr_pack
        where period_end = (select max(period_end) from plan.qbr_pack)
        order by actions_due > 0 desc, forecast_amount_p50 desc nulls last, branch_id
        """
    ).fetchall()
    branch, quarter = next(one for one in branches if judged(one[0], published))
    edition = built_home.published / "pages" / "partner" / f"{pages.file_name(branch)}.html"
    text = edition.read_text(encoding="utf-8")
    figures = [one for one in read(text).figures if one.query == "packs"]
    assert {one.column for one in figures} >= {"quarter_won_amount", "quarter_deals_new", "quarter_open_deals"}
    assert quarter in text and any(one.query == "pack_actions" for one in read(text).figures)
    inner = (built_home.published / "pages" / "branch" / edition.name).read_text(encoding="utf-8")
    assert f"../partner/{edition.name}" in read(inner).references
    planted = text.replace("</main>", f'<td data-v="{min(judged(branch, published))}.00"></td></main>')
    assert not judgements(text, branch, published) and judgements(planted, branch, published)


def test_the_noise_of_a_figure_is_wide_enough_for_its_months() -> None:
    """Of months that differ by chance alone, few figures of 1, 3, 6 or 12 months are outside the band."""
    numbers = random.Random(3)
    windows = {"month": 1, "3 months": 3, "trailing 6 months": 6, "trailing 12 months": 12}
    rows, last = [], {}
    for metric in range(60):
        months = [numbers.gauss(100, 15) for _ in range(48)]
        for window, n in windows.items():
            sums = [sum(months[max(0, at - n + 1) : at + 1]) for at in range(48)]
            last[f"{window} {metric}"] = (window, sums[-1])
            name, days = f"{window} {metric}", [f"{2022 + at // 12}-{at % 12 + 1:02}-01" for at in range(48)]
            rows += [[name, window, day, str(one)] for day, one in zip(days, sums, strict=True)]
    with duckdb.connect() as connection:
        connection.execute("create schema kpi")
        connection.execute(
            f"create table kpi.scorecard as select 'company' as scope, true as is_complete, metric, time_window, "
            f"cast(month as date) as month, cast(actual as double) as actual "
            f"from ({sql.rows(rows)}) as scores (metric, time_window, month, actual)"
        )
        query = next(one for one in parse(REPORTS / "monday.sql") if one.name == "bands")
        bands = {row["metric"]: row for row in run(connection, query)}
    outside = dict.fromkeys(windows, 0)
    for metric, (window, actual) in last.items():
        assert bands[metric]["months"] == 12
        outside[window] += not bands[metric]["low"] <= actual <= bands[metric]["high"]
    assert all(number <= 5 for number in outside.values()), outside


def test_sibling_figures_rest_on_enough_deals(published: duckdb.DuckDBPyConnection) -> None:
    siblings = next(query for query in parse(REPORTS / "partner.sql") if query.name == "siblings")
    for row in run(published, siblings):
        assert row["closed_deals"] >= pages.var("n_min")
        assert row["pseudonym"].isalpha() and len(row["pseudonym"]) == 1


def test_only_pages_whose_tables_changed_are_built(home_copy: Home) -> None:
    release, said = home_copy.published / "current", []
    manifest = json.loads((release / "manifest.json").read_text())
    for page in pages.listed():  # built with another path of the home, which is in no fingerprint
        assert (home_copy.build / "pages" / f"{page.name}.fingerprint").exists()
    target = home_copy.root / "again"
    for name in ("kyoten.duckdb", "parquet"):
        target.mkdir(exist_ok=True)
        (target / name).symlink_to(release / name)
    pages.build(home_copy, target, manifest, said.append)
    assert "0 of them built again" in said[-1]
    # Two releases with the same tables differ in the figures of ops.release.
    (target / "kyoten.duckdb").unlink()
    shutil.copy(release / "kyoten.duckdb", target)
    with duckdb.connect(str(target / "kyoten.duckdb")) as connection:
        connection.execute("update ops.release set checks_passed = 12345")
    pages.build(home_copy, target, manifest, said.append)
    assert "1 of them built again" in said[-1]
    assert "12345" in (target / "pages" / "health.html").read_text()
    # A table that only one page reads.
    manifest["files"]["parquet/ops/findings.parquet"]["sha256"] = "changed"
    pages.build(home_copy, target, manifest, said.append)
    assert "1 of them built again" in said[-1]
