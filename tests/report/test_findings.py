"""The terminal has the findings of the Monday page, and states where evidence is missing."""

import duckdb
import pytest

from orchestration.home import Home
from orchestration.report.findings import WANTED, findings
from orchestration.report.pages import REPORTS
from orchestration.report.queries import parse, run


def test_the_terminal_has_the_findings_of_the_page(built_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        rows = {query.name: run(connection, query) for query in parse(REPORTS / "monday.sql") if query.name in WANTED}
        english = findings(connection)
        monkeypatch.setenv("KYOTEN_LANG", "ja")
        japanese = findings(connection)
    page = built_home.first_page.read_text(encoding="utf-8")
    assert len(english) == len(japanese) == 3 + bool(rows["landing"])
    for number, (name, field) in enumerate(
        (("quiet", "entity_name"), ("bottlenecks", "branch_name"), ("levers", "branch_name"))
    ):
        at = number - 3
        if row := rows[name].first:
            assert row[field] in english[at] and row[field] in japanese[at] and row[field] in page
        else:
            assert "chance explains" in english[at] and "偶然" in japanese[at]


def test_a_company_without_history_has_findings_without_evidence() -> None:
    with duckdb.connect() as connection:
        for schema in ("kpi", "core", "ops"):
            connection.execute(f"create schema {schema}")
        connection.execute(EMPTY)
        assert findings(connection) == [
            "1. Nobody is quieter than chance explains.",
            "2. No step loses more deals than chance explains.",
            "3. No branch is behind comparable ones by more than chance explains.",
        ]


EMPTY = """
    create table kpi.forecast_history (scope text, is_current boolean, horizon text, forecast_on date, ends_on date,
        open_deals bigint, forecast_amount_p10 double, forecast_amount_p50 double, forecast_amount_p90 double);
    create table kpi.target_path (scope text, metric text, deadline date, period_start date, month date,
        path_seasonal double, target double);
    create table kpi.company_monthly (month date, won_amount double, is_complete boolean);
    create table kpi.quiet_warnings (scope text, entity_id text, month date, is_current boolean, entity_name text,
        branch_id text, partner_id text, account_manager_id text, evidence text, warned_since date, last_deal_on date,
        window_days int, expected_deals double, recent_deals int, new_deal_chance double);
    create table kpi.bottlenecks (scope text, entity_id text, step text, branch_id text, partner_id text, entered int,
        passed int, estimated_rate double, interval_low double, interval_high double, reference_rate double,
        evidence text, deals_missing double, lost_amount double, recommended_play text, recommended_play_ja text,
        play_evidence text, window_start date, window_end date, is_bottleneck boolean);
    create table kpi.rep_concentration (scope text, entity_id text, month date, branch_id text, partner_id text,
        lever text, lever_evidence text, lever_reason text, lever_reason_ja text, headcount int, producing_reps int,
        headroom_amount_min double, headroom_amount double, is_complete boolean);
    create table core.dim_staff (staff_id text, staff_name text);
    create table core.dim_partner (partner_id text, partner_name text);
    create table core.dim_branch (branch_id text, branch_name text, closed_on date);
    create table core.dim_account_manager (branch_id text, staff_id text, is_current boolean);
"""
