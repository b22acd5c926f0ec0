"""More KPIs of the sample company, computed a second time in Python and compared cell by cell."""

import csv
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from orchestration.home import PROJECT, Home
from tests.conftest import PROJECT_VARS
from tests.dbt.test_kpis_again import milestones, month_end, months_between, same, table, wins

NEVER = date(9999, 12, 31)
N_MIN = PROJECT_VARS["n_min"]


def staged(home: Home, name: str) -> pl.DataFrame:
    """Return what the sources said last, which is not published."""
    with duckdb.connect(str(home.database), read_only=True) as built:
        rows = built.sql(f"from staging.{name}")
        return pl.DataFrame(rows.fetchall(), schema=rows.columns, orient="row", infer_schema_length=None)


def after(month: date, months: int) -> date:
    year, index = divmod(month.year * 12 + month.month - 1 + months, 12)
    return date(year, index + 1, 1)


def assert_same(mart: pl.DataFrame, again: Iterable[dict[str, Any]], key: list[str], least: int = 1) -> None:
    """Compare all columns that the second computation has, in both directions."""
    expected = {tuple(row[name] for name in key): row for row in again}
    found = {tuple(row[name] for name in key): row for row in mart.iter_rows(named=True)}
    assert len(found) == len(mart) >= least
    assert found.keys() == expected.keys()
    for place, row in expected.items():
        for name, value in row.items():
            here = found[place][name]
            assert same(here, value) if isinstance(value, float) else here == value, (place, name, here, value)


def rate(numerator: float, denominator: float, least: int = N_MIN) -> float | None:
    return float(numerator / denominator) if denominator >= least else None


def as_of(home: Home) -> date:
    with duckdb.connect(str(home.database), read_only=True) as built:
        return built.sql("select as_of from intermediate.int_as_of").fetchone()[0]  # type: ignore[index]


def branch_on(posts: list[dict[str, Any]], day: date) -> str | None:
    """Return where a rep stands: the only post, of several the primary one, in a short gap the one before it."""
    held = [p for p in posts if p["valid_from"] <= day < p["valid_to"]]
    if not held and any(p["valid_from"] > day for p in posts):
        ended = max((p["valid_to"] for p in posts if p["valid_to"] <= day), default=None)
        if ended and day < ended + timedelta(days=PROJECT_VARS["assignment_gap_days"]):
            held = [p for p in posts if p["valid_to"] == ended]
    for found in ({p["branch_id"] for p in held}, {p["branch_id"] for p in held if p["is_primary"]}):
        if len(found) == 1:
            return str(*found)
    return None


def test_the_ladder_of_salespeople(built_home: Home) -> None:
    """Headcount, known, contactable and trained, per branch, partner and company, persons counted once in each."""
    branches = {row["branch_id"]: row for row in table(built_home, "core", "dim_branch").iter_rows(named=True)}
    posts: dict[str, list[dict[str, Any]]] = {}
    for post in table(built_home, "core", "dim_rep_assignment").iter_rows(named=True):
        posts.setdefault(post["rep_id"], []).append(post)
    points = staged(built_home, "stg_contact_points").filter(pl.col("owner_type") == "rep")
    touches = table(built_home, "core", "fct_attendance").filter(pl.col("rep_id").is_not_null())
    sessions = table(built_home, "core", "fct_activities").filter(pl.col("activity_type") == "study_session")
    attended = touches.filter("is_attended").join(sessions.select("activity_id"), on="activity_id")
    profiles = staged(built_home, "stg_branch_profiles").filter(pl.col("sales_headcount").is_not_null()).sort("as_of")
    marts = {
        "branch_id": table(built_home, "kpi", "branch_monthly"),
        "partner_id": table(built_home, "kpi", "partner_monthly"),
        None: table(built_home, "kpi", "company_monthly"),
    }
    window = timedelta(days=PROJECT_VARS["contact_window_days"])
    compared = 0
    for month in marts[None]["month"].unique().sort()[2::9]:
        end = month_end(month)
        places = [(branch_on(held, end), rep) for rep, held in posts.items()]
        known = [(branch, rep) for branch, rep in places if branch]
        lately = touches.filter(
            "is_two_way_touch", (pl.col("occurred_on") <= end) & (pl.col("occurred_on") > end - window)
        )
        valid = points.filter(
            (pl.col("valid_from").fill_null(date.min) <= end) & (pl.col("valid_to").fill_null(NEVER) > end)
        )
        reachable = set(lately["rep_id"]) & set(valid["owner_id"])
        fiscal_start = date(month.year - (month.month < 4), 4, 1)
        trained = attended.filter((pl.col("occurred_on") >= fiscal_start) & (pl.col("occurred_on") <= end))
        people = {
            "reps_known": known,
            "reps_contactable": [(branch, rep) for branch, rep in known if rep in reachable],
            "reps_trained": [pair for pair in trained.select("branch_id", "rep_id").iter_rows() if pair[0]],
        }
        latest = profiles.filter(pl.col("as_of") <= end).unique("branch_id", keep="last")
        open_ = {k for k, b in branches.items() if end < (b["closed_on"] or NEVER)}
        heads = [row for row in latest.select("branch_id", "sales_headcount").iter_rows() if row[0] in open_]
        for entity, mart in marts.items():
            of = {b: row[entity] if entity else "ALL" for b, row in branches.items()}
            persons: dict[str, dict[str, set[str]]] = {name: {} for name in people}
            for name, pairs in people.items():
                for branch, rep in pairs:
                    persons[name].setdefault(of[branch], set()).add(rep)
            headcount: dict[str, int] = {}
            for branch, count in heads:
                headcount[of[branch]] = headcount.get(of[branch], 0) + count
            for row in mart.filter(pl.col("month") == month).iter_rows(named=True):
                place = row[entity] if entity else "ALL"
                counts = {name: len(found.get(place, ())) for name, found in persons.items()}
                assert {name: row[name] for name in counts} == counts, (place, month)
                assert row["headcount"] == headcount.get(place), (place, month)
                assert same(row["known_rate"], rate(counts["reps_known"], headcount.get(place, 0), 1))
                assert same(row["contactable_rate"], rate(counts["reps_contactable"], counts["reps_known"], 1))
                assert same(row["trained_rate"], rate(counts["reps_trained"], counts["reps_contactable"], 1))
                assert same(row["producing_rate"], rate(row["reps_producing_t12m"], counts["reps_trained"], 1))
                compared += counts["reps_known"] > 0
    assert compared > 300


def test_network_monthly(built_home: Home) -> None:
    partners = [p for p in table(built_home, "core", "dim_partner").iter_rows(named=True) if p["contract_started_on"]]
    branches = {
        b["branch_id"]: b for b in table(built_home, "core", "dim_branch").iter_rows(named=True) if not b["is_sentinel"]
    }
    deals = milestones(built_home)
    opened: dict[str, list[date]] = {}
    for branch, day in deals.select("branch_id", "open_on").drop_nulls().iter_rows():
        opened.setdefault(branch, []).append(day)
    won = dict(deals.drop_nulls("won_on").group_by("branch_id").agg(pl.col("won_on").min()).iter_rows())
    days, window = PROJECT_VARS["activation_days"], PROJECT_VARS["active_window_months"]
    again = []
    mart = table(built_home, "kpi", "network_monthly")
    for month in mart["month"]:
        end = month_end(month)
        valid = [p for p in partners if p["contract_started_on"] <= end < (p["contract_ended_on"] or NEVER)]
        company = [p["corporate_number"] or p["partner_id"] for p in valid]
        signed = {c for c, p in zip(company, valid, strict=True) if p["contract_started_on"] >= month}
        contracted = [
            b
            for b in branches.values()
            if b["contract_started_on"]
            and b["contract_started_on"] <= end < min(b["contract_ended_on"] or NEVER, b["closed_on"] or NEVER)
        ]
        there = [k for k, b in branches.items() if month < (b["closed_on"] or NEVER)]
        since = after(month, 1 - window)
        active = [k for k in there if any(since <= day <= end for day in opened.get(k, ()))]
        dormant = [k for k in there if k not in active and any(day < since for day in opened.get(k, ()))]
        last = end - timedelta(days=days)
        before = (
            end.replace(year=end.year - 1, day=min(end.day, 28)) if end.month == 2 else end.replace(year=end.year - 1)
        )
        cohort = [
            b
            for b in branches.values()
            if b["contract_started_on"] and before - timedelta(days=days) < b["contract_started_on"] <= last
        ]
        waits: dict[str, list[float]] = {"deal": [], "win": []}
        for b in cohort:
            first_deal = min(opened.get(b["branch_id"], [NEVER]))
            for kind, first in (("deal", first_deal), ("win", won.get(b["branch_id"], NEVER))):
                came = first <= end
                waits[kind].append(max((first - b["contract_started_on"]).days, 0) if came else float("inf"))
        medians = {k: pl.Series(v, dtype=pl.Float64).median() for k, v in waits.items()}
        activated = sum(wait <= days for wait in waits["deal"])
        again.append({
            "month": month,
            "partners_contracted": len(set(company)),
            "partners_signed": len(signed),
            "branches_contracted": len(contracted),
            "branches_active": len(active),
            "dormant_units": len(dormant),
            "dormancy_rate": rate(len(dormant), len(active) + len(dormant), 1),
            "activation_rate_numerator": activated,
            "activation_rate_denominator": len(cohort),
            "activation_rate": rate(activated, len(cohort)),
            **{f"ttf{k[0]}": None if m is None or m == float("inf") else m for k, m in medians.items()},
        })  # fmt: skip
    assert_same(mart, again, ["month"], 40)
    assert {row["ttfd"] for row in again} - {None} and max(row["dormant_units"] for row in again) > 5


def test_target_path(built_home: Home) -> None:
    """A straight line by days; the actual of twelve whole months; the growth that is still needed."""
    mart = table(built_home, "kpi", "target_path")
    targets = staged(built_home, "stg_targets").filter(pl.col("next_extracted_on").is_null())
    today = as_of(built_home)
    months = {
        "company": table(built_home, "kpi", "company_monthly").with_columns(entity_id=pl.lit("ALL")),
        "partner": table(built_home, "kpi", "partner_monthly").rename({"partner_id": "entity_id"}),
        "branch": table(built_home, "kpi", "branch_monthly").rename({"branch_id": "entity_id"}),
    }
    checked = 0
    for row in mart.iter_rows(named=True):
        (target,) = (
            t
            for t in targets.iter_rows(named=True)
            if (t["metric"], t["scope"], t["scope_id"] or "ALL", t["deadline"])
            == (row["metric"], row["scope"], row["entity_id"], row["deadline"])
        )
        end = month_end(row["month"])
        if target["baseline"] is None or (end < target["baseline_on"] and end < target["deadline"]):
            path = None
        else:
            share = (end - target["baseline_on"]).days / (target["deadline"] - target["baseline_on"]).days
            path = float(target["baseline"]) + float(target["target"] - target["baseline"]) * min(share, 1)
        assert same(row["path"], path), row
        entity = months[row["scope"]].filter(pl.col("entity_id") == row["entity_id"])
        age = months_between(pl.col("month"), row["month"])
        year = entity.filter((age >= 0) & (age < 12))
        actual = None
        if len(year) == 12 and end <= today:
            if row["metric"] == "indirect_ratio":
                actual = year["indirect_ratio_numerator"].sum() / year["indirect_ratio_denominator"].sum()
            else:
                actual = float(year[row["metric"]].sum())
        assert same(row["actual"], actual), row
        assert same(row["path_gap"], None if None in (actual, path) else actual - path)
        years = (row["deadline"] - end).days / 365.25
        growth = None
        if actual is not None and years > 0:
            if row["metric"].endswith(("ratio", "rate")):
                growth = (row["target"] - actual) / years
            elif actual > 0:
                growth = (row["target"] / actual) ** (1 / years) - 1
        assert same(row["required_growth"], growth)
        checked += actual is not None and path is not None
    assert checked > 10


def test_scorecard(built_home: Home) -> None:
    """The set of the phase and the channel, at most five metrics, each as its own mart says, now and a year before."""
    mart = table(built_home, "kpi", "scorecard")
    with (PROJECT / "seeds" / "kpi_sets.csv").open(encoding="utf-8") as file:
        sets = list(csv.DictReader(file))
    with (PROJECT / "seeds" / "metrics.csv").open(encoding="utf-8") as file:
        homes = {row["metric"]: row["model"] for row in csv.DictReader(file)}
    tables: dict[str, dict[tuple[str, date], dict[str, Any]]] = {}
    for scope, key in (("company", None), ("partner", "partner_id"), ("branch", "branch_id")):
        for name in (f"{scope}_monthly", "performance", "rep_concentration", "network_monthly"):
            frame = table(built_home, "kpi", name)
            if name == "performance":
                frame = frame.filter(pl.col("scope") == scope)
            at = "entity_id" if name == "performance" else key
            if (at is None) != (scope == "company" and name != "performance") or (at and at not in frame.columns):
                continue
            tables[f"{scope}.{name}"] = {
                (row[at] if at else "ALL", row["month"]): row for row in frame.iter_rows(named=True)
            }
    full = 0
    for (scope, entity, month), rows in mart.group_by("scope", "entity_id", "month"):
        (phase,), (channel,) = rows["phase"].unique(), rows["channel"].unique()
        dates = [s["valid_from"] for s in sets if (s["phase"], s["channel"]) == (phase, channel)]
        current = max(day for day in dates if day <= month_end(month).isoformat())
        wanted = {s["metric"] for s in sets if (s["phase"], s["channel"], s["valid_from"]) == (phase, channel, current)}
        assert set(rows["metric"]) == wanted and len(wanted) <= PROJECT_VARS["max_active_kpis"]
        for row in rows.iter_rows(named=True):
            model = homes[row["metric"]].replace("branch_monthly", f"{scope}_monthly")
            values = tables.get(f"{scope}.{model}", {})
            for column, at in (("actual", month), ("actual_year_before", after(month, -12))):
                expected = values.get((entity, at), {}).get(row["metric"])
                assert same(row[column], None if expected is None else float(expected)), (row, column)
            full += row["actual"] is not None
    assert full > 1000


def test_conflicts(built_home: Home) -> None:
    """Each pair of open windows of one customer, direct and partner or two partners; and how many customers."""
    today = as_of(built_home)
    deals = milestones(built_home).join(
        table(built_home, "core", "fct_deals").select("deal_id", "customer_id"), on="deal_id"
    )
    spans = [
        {**d, "end": min(d["won_on"] or NEVER, d["lost_on"] or NEVER)}
        for d in deals.filter(pl.col("open_on").is_not_null()).iter_rows(named=True)
    ]
    by_customer: dict[str, list[dict[str, Any]]] = {}
    for deal in spans:
        if deal["customer_id"] and deal["channel_class"] != "unresolved":
            by_customer.setdefault(deal["customer_id"], []).append(deal)
    pairs = []
    for customer, of_customer in by_customer.items():
        for one in of_customer:
            for other in of_customer:
                direct = other["channel_class"] == "direct"
                first = one["channel_class"] == "indirect" and (direct or one["deal_id"] < other["deal_id"])
                start, end = max(one["open_on"], other["open_on"]), min(one["end"], other["end"])
                # Both windows have a day in common; one that ends on the day it begins has none.
                overlaps = one["open_on"] < other["end"] and other["open_on"] < one["end"]
                if first and one["partner_id"] != other["partner_id"] and overlaps:
                    pairs.append({
                        "customer_id": customer, "deal_id": one["deal_id"], "other_deal_id": other["deal_id"],
                        "conflict_kind": "direct_and_partner" if direct else "two_partners",
                        "conflict_from": start, "conflict_to": None if end == NEVER else end,
                    })  # fmt: skip
    assert_same(table(built_home, "kpi", "channel_conflicts"), pairs, ["deal_id", "other_deal_id"], 5)
    mart = table(built_home, "kpi", "conflict_rate")
    again = []
    for quarter in mart["quarter_from"]:
        start = date(quarter.year, quarter.month, 1)
        beyond = min(after(start, 3 - (start.month - 1) % 3), after(date(today.year, today.month, 1), 1))
        worked = {
            d["customer_id"]
            for d in spans
            if d["channel_class"] == "indirect" and d["customer_id"] and d["open_on"] < beyond and d["end"] >= start
        }
        twice = {
            p["customer_id"] for p in pairs if p["conflict_from"] < beyond and (p["conflict_to"] or NEVER) >= start
        }
        again.append({
            "quarter_from": quarter, "conflict_rate_numerator": len(twice), "conflict_rate_denominator": len(worked),
            "conflict_rate": rate(len(twice), len(worked)),
        })  # fmt: skip
    assert_same(mart, again, ["quarter_from"], 10)


def fiscal_halves(home: Home) -> list[tuple[date, date]]:
    """Return first and last month of each half that the marts cover."""
    months = table(home, "kpi", "company_monthly")["month"].unique().sort().to_list()
    halves: dict[tuple[int, bool], list[date]] = {}
    for month in months:
        fiscal = after(month, -3)
        halves.setdefault((fiscal.year, fiscal.month > 6), []).append(month)
    return [(min(found), max(found)) for found in halves.values()]


def test_inquiry_index(built_home: Home) -> None:
    inquiries = staged(built_home, "stg_inquiries").filter(pl.col("kind").is_in(["resale", "referral", "oem"]))
    asked = [
        ((moment + timedelta(hours=9)).date(), industry or "unknown", became)
        for moment, industry, became in inquiries.select("received_at", "industry", "became_partner_id").iter_rows()
    ]
    customers = table(built_home, "core", "dim_customer")["industry"].fill_null("unknown").to_list()
    again = []
    for first, last in fiscal_halves(built_home):
        here = [(industry, became) for day, industry, became in asked if first <= day <= month_end(last)]
        for industry in {i for _, i, _ in asked} | set(customers):
            mine = [became for found, became in here if found == industry]
            universe = customers.count(industry)
            index = None
            if len(here) >= N_MIN and universe:
                index = (len(mine) / len(here)) / (universe / len(customers))
            again.append({
                "industry": industry, "period_start": first, "inquiries": len(mine), "all_inquiries": len(here),
                "customers": universe, "became_partner": sum(b is not None for b in mine), "inquiry_index": index,
            })  # fmt: skip
    mart = table(built_home, "kpi", "inquiry_index")
    # An industry that nobody ever asked from and no customer has may be left out of either.
    known = {row["industry"] for row in mart.iter_rows(named=True)}
    assert_same(mart, [row for row in again if row["industry"] in known], ["industry", "period_start"], 30)
    assert {row["industry"] for row in again if row["inquiries"]} <= known


def test_prefecture_coverage(built_home: Home) -> None:
    branches = [b for b in table(built_home, "core", "dim_branch").iter_rows(named=True) if not b["is_sentinel"]]
    of_branch = {b["branch_id"]: b["prefecture"] for b in branches}
    customers = dict(table(built_home, "core", "dim_customer").select("customer_id", "prefecture").iter_rows())
    customer_of = dict(table(built_home, "core", "fct_deals").select("deal_id", "customer_id").iter_rows())
    won = wins(built_home)
    prefectures = sorted({p for p in [*of_branch.values(), *customers.values()] if p})
    again = []
    for _, last in fiscal_halves(built_home):
        age = months_between(pl.col("month"), last)
        year = won.filter((age >= 0) & (age < 12))
        winners = set(year.filter("is_won")["branch_id"])
        money: dict[str, list[float]] = {p: [0.0, 0.0] for p in prefectures}
        for deal, kind, amount in year.select("deal_id", "channel_class", "amount").iter_rows():
            if (place := customers.get(customer_of[deal])) and amount is not None:
                money[place][0] += amount
                money[place][1] += amount if kind == "indirect" else 0
        open_ = [
            b for b in branches
            if (b["opened_on"] or date.min) < after(last, 1) <= (b["closed_on"] or NEVER)
        ]  # fmt: skip
        for place in prefectures:
            producing = len({b for b in winners if of_branch.get(b) == place})
            again.append({
                "prefecture": place, "last_month": last, "branches": sum(b["prefecture"] == place for b in open_),
                "producing_branches": producing, "is_covered": producing > 0,
                "customers_won_amount": money[place][0], "customers_won_amount_indirect": money[place][1],
            })  # fmt: skip
    mart = table(built_home, "kpi", "prefecture_coverage")
    assert_same(mart, again, ["prefecture", "last_month"], 100)


def test_pipeline(built_home: Home) -> None:
    today = as_of(built_home)
    ripe = today - timedelta(days=PROJECT_VARS["cohort_mature_days"])
    facts = table(built_home, "core", "fct_deals").select("deal_id", "channel", "amount", "expected_close_on")
    deals = milestones(built_home).join(facts, on="deal_id").with_columns(pl.col("channel").fill_null("none"))
    outcomes: dict[tuple[str | None, str], list[bool]] = {}
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for d in deals.iter_rows(named=True):
        ended = d["won_on"] is not None or d["lost_on"] is not None
        for stage in ("open", "qualified", "proposed"):
            reached = d[f"{stage}_on"]
            if reached and (ended or reached <= ripe):
                for channel in (d["channel"], None):
                    outcomes.setdefault((channel, stage), []).append(d["won_on"] is not None)
        if not ended:
            stage = "proposed" if d["proposed_on"] else "qualified" if d["qualified_on"] else "open"
            due = d["expected_close_on"]
            close = due and max(due.replace(day=1), today.replace(day=1))
            groups.setdefault((d["branch_id"], d["partner_id"], d["channel"], stage, close), []).append(d)
    again = []
    for (branch, partner, channel, stage, close), found in groups.items():
        own = outcomes.get((channel, stage), [])
        known = own if len(own) >= N_MIN else outcomes.get((None, stage), [])
        amount = sum(d["amount"] or 0 for d in found)
        chance = rate(sum(known), len(known))
        again.append({
            "branch_id": branch, "partner_id": partner, "channel": channel, "stage": stage, "close_month": close,
            "open_deals": len(found), "overdue_deals": sum((d["expected_close_on"] or NEVER) < today for d in found),
            "pipeline_amount": amount, "win_probability": chance,
        })  # fmt: skip
    mart = table(built_home, "kpi", "pipeline")
    assert_same(mart, again, ["branch_id", "channel", "stage", "close_month"], 50)
    for row in mart.iter_rows(named=True):
        assert row["pipeline_weighted"] == pytest.approx(row["pipeline_amount"] * row["win_probability"], abs=0.51)


def test_sourced_and_influenced(built_home: Home) -> None:
    leads = staged(built_home, "stg_leads_supplied").drop_nulls("deal_id")
    registrations = staged(built_home, "stg_deal_registrations").filter(
        pl.col("deal_id").is_not_null(),
        pl.col("status") == "approved",
        pl.col("submitted_by").fill_null("partner") == "partner",
    )
    passed = dict(leads.group_by("deal_id").agg(pl.col("passed_at").min()).iter_rows())
    submitted = dict(registrations.group_by("deal_id").agg(pl.col("submitted_at").min()).iter_rows())

    def day(moment: Any) -> date:
        return (moment + timedelta(hours=9)).date()

    sourced = set()
    for d in table(built_home, "core", "fct_deals").filter(pl.col("channel_class") == "indirect").iter_rows(named=True):
        own = d["deal_id"] in submitted
        if not own and d["channel"] not in ("referral", "matching"):
            continue
        began = day(submitted[d["deal_id"]]) if own else d["created_on"] or d["credit_on"]
        if d["deal_id"] not in passed or day(passed[d["deal_id"]]) > began:
            sourced.add(d["deal_id"])
    had_part = table(built_home, "attribution", "influence")
    money: dict[tuple[str, str, date], list[float]] = {}
    for row in wins(built_home).iter_rows(named=True):
        amount = row["amount"] or 0
        if row["deal_id"] in sourced:
            for scope, entity in (("company", "ALL"), ("partner", row["partner_id"]), ("branch", row["branch_id"])):
                money.setdefault((scope, entity, row["month"]), [0, 0])[0] += amount
        involved = had_part.filter(pl.col("deal_id") == row["deal_id"])
        if len(involved):
            entities = {("company", "ALL")} | {("partner", p) for p in involved["partner_id"]}
            for scope, entity in entities | {("branch", b) for b in involved["branch_id"]}:
                money.setdefault((scope, entity, row["month"]), [0, 0])[1] += amount
    again = [
        {"scope": s, "entity_id": e, "month": m, "sourced_amount": float(v[0]), "influenced_amount": float(v[1])}
        for (s, e, m), v in money.items()
    ]
    assert_same(table(built_home, "kpi", "sourced_monthly"), again, ["scope", "entity_id", "month"], 100)


def test_resolution_and_restatements(built_home: Home) -> None:
    partner_of = dict(table(built_home, "core", "dim_branch").select("branch_id", "partner_id").iter_rows())
    values: dict[tuple[str, str, date], list[float]] = {}
    deals = table(built_home, "core", "fct_deals").filter(pl.col("branch_id") != "DIRECT")
    for d in deals.iter_rows(named=True):
        found = not d["branch_id"].startswith(("UNKNOWN:", "UNRESOLVED"))
        for place in (("company", "ALL"), ("partner", d["partner_id"])):
            cell = values.setdefault((*place, d["credit_on"].replace(day=1)), [0, 0, 0, 0, 0])
            amount = abs(d["amount"] or 0)
            for i, value in enumerate((found, 1, amount if found else 0, amount)):
                cell[i] += value
    for r in table(built_home, "attribution", "restatements").iter_rows(named=True):
        sides = {b for b in (r["from_branch_id"], r["to_branch_id"]) if b and b != "DIRECT"}
        places = {("partner", partner_of[b]) for b in sides} | ({("company", "ALL")} if sides else set())
        for place in places:
            values.setdefault((*place, r["month"]), [0, 0, 0, 0, 0])[4] += abs(r["amount"] or 0)
    again = [
        {
            "scope": scope, "entity_id": entity, "month": month,
            "resolution_rate_numerator": v[0], "resolution_rate_denominator": v[1],
            "resolution_rate": rate(v[0], v[1], 1),
            "resolution_rate_amount": float(v[2] / v[3]) if v[3] > 0 else None, "restated_amount": float(v[4]),
        }
        for (scope, entity, month), v in values.items()
    ]  # fmt: skip
    assert_same(table(built_home, "kpi", "resolution_monthly"), again, ["scope", "entity_id", "month"], 50)


def test_two_tiers(built_home: Home) -> None:
    """Every yen of a deal with a distributor stands once beside each, at the branch that is credited."""
    mart = table(built_home, "kpi", "two_tier_monthly")
    evidence = table(built_home, "attribution", "deal_evidence").filter("is_distributor")
    won = wins(built_home)
    deals = set(evidence["deal_id"])
    known = won.filter(pl.col("deal_id").is_in(deals)).group_by("branch_id", "month").agg(pl.col("amount").sum())
    spread = mart.group_by("branch_id", "month").agg(pl.col("won_amount").sum(), pl.len())
    both = spread.join(known, on=["branch_id", "month"])
    assert len(both) == len(spread) > 0
    assert both.filter((pl.col("won_amount") - pl.col("amount")).abs() > 0.01).is_empty()


@pytest.mark.parametrize(
    ("entity_type", "dimension", "key"),
    [("partner", "dim_partner", "partner_id"), ("branch", "dim_branch", "branch_id"), ("rep", "dim_rep", "rep_id")],
)
def test_where_everybody_stands(built_home: Home, entity_type: str, dimension: str, key: str) -> None:
    """Of today's rungs those that wins, deals and ends decide; the others are what is left."""
    today = as_of(built_home)
    mart = table(built_home, "kpi", "status_today").filter(pl.col("entity_type") == entity_type)
    found = {row["entity_id"]: row for row in mart.iter_rows(named=True)}
    entries = table(built_home, "core", "fct_stage_entries").filter("is_counted", pl.col("entered_on") <= today)
    days = {
        stage: dict(entries.filter(pl.col("stage") == stage).group_by(key).agg(pl.col("entered_on").sort()).iter_rows())
        for stage in ("open", "won")
    }
    asleep_before = after(today.replace(day=1), -PROJECT_VARS["active_window_months"])
    asleep_before = min(asleep_before.replace(day=1) + timedelta(days=today.day - 1), month_end(asleep_before))
    entities = [e for e in table(built_home, "core", dimension).iter_rows(named=True) if not e["is_sentinel"]]
    seen = set()
    for entity in entities:
        ends = [entity.get(name) for name in ("contract_ended_on", "closed_on", "left_on")]
        opened, won = (days[stage].get(entity[key], []) for stage in ("open", "won"))
        status = found[entity[key]]["status"]
        if any(end and end <= today for end in ends):
            expected = {"left" if entity_type == "rep" else "ended"}
        elif opened and opened[-1] <= asleep_before:
            expected = {"dormant"}
        elif won:
            expected = {"won"} if len(won) == 1 else {"repeat"}
        elif opened:
            expected = {"deal_created" if entity_type == "rep" else "active"}
        else:
            early = ("prospect", "in_talks", "contracted", "onboarding")
            expected = {"untouched", "contacted", "contactable", "trained"} if entity_type == "rep" else set(early)
        assert status in expected, (entity[key], status, expected)
        seen.add(status)
    assert found.keys() == {entity[key] for entity in entities}
    assert len(seen) >= 4


def test_a_wrong_cell_is_seen(built_home: Home) -> None:
    mart = table(built_home, "kpi", "conflict_rate")
    rows = [
        {"quarter_from": r["quarter_from"], "conflict_rate_numerator": r["conflict_rate_numerator"]}
        for r in mart.iter_rows(named=True)
    ]
    assert_same(mart, rows, ["quarter_from"])
    rows[0]["conflict_rate_numerator"] += 1
    with pytest.raises(AssertionError):
        assert_same(mart, rows, ["quarter_from"])
