"""The calendar and the account managers of a day, computed again in Python."""

from collections import Counter, defaultdict
from datetime import date, timedelta

import holidays
import polars as pl

from orchestration.home import Home
from tests.dbt.again import accepted, table, today
from tools import business_holidays

CLOSED = {(1, 2), (1, 3), (12, 29), (12, 30), (12, 31)}


def test_the_seed_has_the_holidays_of_the_library() -> None:
    lines = business_holidays.FILE.read_text(encoding="utf-8").splitlines()[1:]
    assert [tuple(line.split(",")) for line in lines] == business_holidays.rows("JP")


def test_every_day_has_its_fiscal_labels_and_business_days(built_home: Home) -> None:
    days = table(built_home, "core", "dim_date").sort("date_day")
    japan = holidays.country_holidays("JP", years=range(2000, 2051), language="ja")
    whole_months: Counter[date] = Counter()
    expected = []
    for day in days["date_day"]:
        is_business_day = day.weekday() < 5 and day not in japan and (day.month, day.day) not in CLOSED
        month = day.replace(day=1)
        whole_months[month] += is_business_day
        year, month_of_year = (day.year, day.month - 3) if day.month > 3 else (day.year - 1, day.month + 9)
        half, quarter = ("上期", "下期")[month_of_year > 6], f"第{(month_of_year + 2) // 3}四半期"
        labels = (year, month_of_year, f"{year}年度", half, quarter, japan.get(day))
        expected.append([day, *labels, is_business_day, whole_months[month], month])
    for row in expected:
        row[-1] = whole_months[row[-1]]
    columns = ["date_day", "fiscal_year", "fiscal_month", "fiscal_year_ja", "fiscal_half_ja", "fiscal_quarter_ja"]
    columns += ["local_holiday_name", "is_business_day", "business_days_to_date", "business_days_in_month"]
    assert days.select(columns).rows() == [tuple(row) for row in expected]
    assert days["date_day"].diff().drop_nulls().unique().to_list() == [timedelta(days=1)]


def test_the_latest_roster_has_the_account_managers_of_today(built_home: Home) -> None:
    now = today(built_home)
    assigned = accepted(built_home, "staff_assignments").filter(
        (pl.col("valid_from") <= now) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > now))
    )
    of_branch, of_partner = defaultdict(set), defaultdict(set)
    for row in assigned.iter_rows(named=True):
        (of_branch[row["branch_id"]] if row["branch_id"] else of_partner[row["partner_id"]]).add(row["staff_id"])
    branches = table(built_home, "core", "dim_branch").filter(
        (pl.col("closed_on").is_null() | (pl.col("closed_on") > now)) & ~pl.col("is_sentinel")
    )
    expected = {
        (branch_id, staff_id)
        for branch_id, partner_id in branches.select("branch_id", "current_partner_id").iter_rows()
        for staff_id in of_branch[branch_id] or of_partner[partner_id]
    }
    managers = table(built_home, "core", "dim_account_manager").filter(pl.col("is_current"))
    assert len(expected) > 50
    assert set(managers.select("branch_id", "staff_id").iter_rows()) == expected
