"""Invariants of a built company: its tables compared with results that Python computes from the landed rows.

Each function asserts one invariant. None uses SQL, and sums are Decimal, so that only the data is shared.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

from tests.property.company import LOST, TODAY, WON, Company, Row
from tests.property.workshop import Built, Record

SENTINELS = ("DIRECT", "UNRESOLVED", "UNKNOWN:")
ASSIGNMENT_GAP, RATE_AGE = timedelta(days=14), timedelta(days=7)
EVER, ALWAYS = date(1900, 1, 1), date(9999, 12, 31)
ONE_DAY = timedelta(days=1)


def is_special_member(branch: str) -> bool:
    """Return whether a branch is a special member."""
    return branch.startswith(SENTINELS)


def day(text: str | None) -> date | None:
    """Read a date."""
    return date.fromisoformat(text) if text else None


def business_day(moment: str | None) -> date | None:
    """Return the day on which a moment falls in Tokyo; without a zone it is local time in Tokyo."""
    if not moment:
        return None
    if moment.endswith("Z"):
        return (datetime.fromisoformat(moment[:-1]) + timedelta(hours=9)).date()
    return datetime.fromisoformat(moment).date()


def whole(amount: Decimal) -> Decimal:
    """Round half away from zero to the yen."""
    return amount.quantize(Decimal(1), ROUND_HALF_UP)


class Facts:
    """The results that follow from the delivered rows, computed in Python."""

    def __init__(self, company: Company) -> None:
        """Read a company."""
        self.company = company
        self.last_reported = {str(row["deal_id"]): reported_on for reported_on, row in company.reported("deals")}
        self.delivered = {str(key[0]): row for key, row in company.latest("deals").items()}
        self.deals = {deal: row for deal, row in self.delivered.items() if row.get("is_deleted") != "true"}
        self.events = list(company.latest("deal_amount_events").values())
        self.overrides = {
            str(key[0]): row for key, row in company.latest("attribution_overrides").items() if row["branch_id"]
        }

    @cached_property
    def entries(self) -> dict[str, list[tuple[date, str]]]:
        """Return the logged stage entries of each deal."""
        entries: dict[str, list[tuple[date, str]]] = defaultdict(list)
        for row in self.company.latest("deal_stage_history").values():
            entered_on = business_day(row["entered_at"])
            assert entered_on
            entries[str(row["deal_id"])].append((entered_on, str(row["stage"])))
        return entries

    @cached_property
    def lines(self) -> dict[str, Decimal]:
        """Return the sum of lines of each deal that has lines."""
        lines: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.company.latest("deal_lines").values():
            lines[str(row["deal_id"])] += Decimal(str(row["amount"]))
        return lines

    def own_amount(self, deal: str) -> Decimal | None:
        """Return a deal's amount in its own currency: that of the header, else the sum of lines."""
        header = self.delivered[deal]["amount"]
        return Decimal(header) if header is not None else self.lines.get(deal)

    def currency(self, deal: str) -> str:
        """Return a deal's currency."""
        return (self.delivered[deal]["currency"] or "JPY").upper()

    def recognized_on(self, deal: str) -> date | None:
        """Return the recognition date: first entry to won, won_on, closing of a won deal."""
        row = self.deals[deal]
        won = [entered_on for entered_on, stage in self.entries.get(deal, []) if stage in WON]
        closed = day(row["closed_on"]) or self.last_reported[deal]
        return min(won, default=None) or day(row["won_on"]) or (closed if row["stage"] in WON else None)

    def lost_on(self, deal: str) -> date:
        """Return the day on which a lost deal was lost."""
        lost = [entered_on for entered_on, stage in self.entries.get(deal, []) if stage in LOST]
        return min(lost, default=None) or day(self.deals[deal]["closed_on"]) or self.last_reported[deal]

    def rate(self, currency: str, needed_on: date) -> Decimal | None:
        """Return the latest rate on or shortly before a day, or None."""
        if currency == "JPY":
            return Decimal(1)
        rates = {
            rate_on: Decimal(str(row["base_per_unit"]))
            for row in self.company.latest("fx_rates").values()
            if row["currency"] == currency
            and (rate_on := day(row["rate_on"]))
            and needed_on - RATE_AGE <= rate_on <= needed_on
        }
        return rates[max(rates)] if rates else None

    def amount(self, deal: str) -> Decimal | None:
        """Return a deal's amount in yen; None without an amount or a rate."""
        own = self.own_amount(deal)
        needed_on = self.recognized_on(deal) or (self.lost_on(deal) if self.deals[deal]["stage"] in LOST else TODAY)
        rate = self.rate(self.currency(deal), needed_on)
        return None if own is None or rate is None else whole(own * rate)

    def event_amount(self, event: Row) -> Decimal | None:
        """Return an amount event in yen."""
        currency = (event["currency"] or self.currency(str(event["deal_id"]))).upper()
        event_on = day(event["event_on"])
        assert event_on
        rate = self.rate(currency, event_on)
        return None if rate is None else whole(Decimal(str(event["amount_delta"])) * rate)

    def revenue(self, deal: str) -> Decimal:
        """Return a deal's revenue in the ledger: its amount while it is won, plus its amount events."""
        events = [self.event_amount(event) or Decimal(0) for event in self.events if event["deal_id"] == deal]
        won = self.amount(deal) or Decimal(0) if self.deals[deal]["stage"] in WON else Decimal(0)
        return won + sum(events, Decimal(0))

    def credit_on(self, deal: str) -> date:
        """Return the credit date by the default order of dates."""
        row = self.deals[deal]
        created_on = business_day(row["created_at"])
        approvals = [
            (_instant(registration["approved_at"] or registration["submitted_at"]), registration)
            for registration in self.company.latest("deal_registrations").values()
            if registration["deal_id"] == deal
            and registration["status"] == "approved"
            and not (
                created_on
                and registration["expires_on"]
                and date.fromisoformat(registration["expires_on"]) < created_on
            )
        ]
        first = min(
            approvals,
            key=lambda pair: (pair[0], _instant(pair[1]["submitted_at"]), pair[1]["registration_id"]),
            default=None,
        )
        dates = (on for on, row in self.company.reported("deals") if row["deal_id"] == deal)
        first_reported = min(dates)
        return (
            (business_day(first[1]["submitted_at"]) if first else None)
            or created_on
            or min((entered_on for entered_on, _ in self.entries.get(deal, [])), default=None)
            or self.recognized_on(deal)
            or first_reported
        )

    def is_open(self, branch: str, on: date) -> bool:
        """Return whether a branch was open: by its dates in the latest roster, and from its first extract to its last.

        An implicit branch is open while an extract holds its company.
        """
        dataset, key = ("partners", "partner_id") if branch.startswith("IMPLICIT:") else ("branches", "branch_id")
        entity = branch.removeprefix("IMPLICIT:")
        reported = [(extract, row) for extract, row in self.company.reported(dataset) if row[key] == entity]
        first_reported_on, (last_reported_on, row) = reported[0][0], reported[-1]
        extracts = self.company.extracts(dataset)
        left_out = [extract for extract in extracts if extract > last_reported_on]
        stated = day(row.get("closed_on"))
        closed_on = min(filter(None, [stated, *left_out]), default=ALWAYS)
        held_from = (
            EVER if first_reported_on == extracts[0] or (stated and stated <= first_reported_on) else first_reported_on
        )
        return (day(row.get("opened_on")) or held_from) <= on < closed_on

    def assignments(self, rep: str, on: date) -> list[Row]:
        """Return a rep's assignments on a day, from the latest extract that covers the day."""
        left_on = day(self.company.latest("reps")[rep,]["left_on"]) or ALWAYS
        extracts = self.company.extracts("rep_assignments")
        for extract in reversed(extracts):
            start = EVER if extract == extracts[0] else extract
            reported = [
                (day(row["valid_from"]) or start, day(row["valid_to"]) or ALWAYS, row)
                for row in self.company.rows("rep_assignments", extract)
                if row["rep_id"] == rep
            ]
            if on >= min([extract, *(valid_from for valid_from, _, _ in reported)]):
                return [row for valid_from, valid_to, row in reported if valid_from <= on < min(valid_to, left_on)]
        return []

    def branch_of_rep(self, rep: str, on: date, horizon: Iterable[date]) -> str | None:
        """Return a rep's branch: the only or primary assignment; a short gap before another assignment is bridged."""
        assigned = self.assignments(rep, on)
        if not assigned and any(later > on and self.assignments(rep, later) for later in horizon):
            assigned = next(
                (
                    before
                    for days in range(1, ASSIGNMENT_GAP.days + 1)
                    if (before := self.assignments(rep, on - timedelta(days=days)))
                ),
                [],
            )
        everywhere = {row["branch_id"] for row in assigned}
        primary = {row["branch_id"] for row in assigned if row["is_primary"] == "true"}
        return next((next(iter(found)) for found in (everywhere, primary) if len(found) == 1), None)


def _instant(moment: str | None) -> datetime:
    assert moment
    local = datetime.fromisoformat(moment.removesuffix("Z"))
    return local if moment.endswith("Z") else local - timedelta(hours=9)


def total(rows: Iterable[Record], column: str = "amount") -> Decimal:
    """Add up a column; null counts as 0."""
    return sum((row[column] for row in rows if row[column] is not None), Decimal(0))


def one_decision_per_deal(facts: Facts, built: Built) -> None:
    """I1."""
    for table in ("attribution.deal_attribution", "core.fct_deals"):
        assert sorted(row["deal_id"] for row in built[table]) == sorted(facts.deals), table
    branches = [row["branch_id"] for row in built["core.dim_branch"]]
    assert len(branches) == len(set(branches))
    assert {row["branch_id"] for row in built["core.fct_deals"]} <= set(branches)


def credit_date_is_the_first_date(facts: Facts, built: Built) -> None:
    """The credit date decides which organisation applies, so every other invariant depends on it."""
    for deal, row in built.of_deals().items():
        assert row["credit_on"] == facts.credit_on(deal), deal


def branch_money_is_the_ledger(facts: Facts, built: Built) -> None:
    """I2, by deal, by branch and in every mart, and the warehouse's own reconciliation."""
    for deal, row in built.of_deals("core.fct_deals").items():
        assert row["amount"] == facts.amount(deal), deal
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for row in built["core.fct_revenue"]:
        revenue[row["deal_id"]] += row["amount"] or 0
    ledger = {deal: facts.revenue(deal) for deal in facts.deals}
    assert {deal: revenue[deal] for deal in ledger} == ledger
    assert set(revenue) == {deal for deal in revenue if deal in ledger}
    branches = {row["branch_id"]: row["partner_id"] for row in built["core.dim_branch"]}
    partners = {row["partner_id"] for row in built["core.dim_partner"]}
    assert set(branches.values()) <= partners
    by_branch = sum(
        (total(r for r in built["core.fct_revenue"] if r["branch_id"] == branch) for branch in branches), Decimal(0)
    )
    assert by_branch == sum(ledger.values(), Decimal(0))
    checks = [row for row in built["attribution.reconciliation"] if row["check_name"] != "rounding"]
    assert [row for row in checks if row["difference"] != 0] == []
    counted = {deal for deal, row in built.of_deals("core.fct_deals").items() if row["is_counted"]}
    expected = sum((ledger[deal] for deal in counted), Decimal(0))
    for mart in ("branch_monthly", "partner_monthly", "company_monthly", "rep_monthly"):
        assert total(built[f"kpi.{mart}"], "won_amount") == expected, mart
    for measure in ("deals_new", "referrals", "deals_won"):
        sums = {
            mart: sum(r[measure] for r in built[f"kpi.{mart}"])
            for mart in ("branch_monthly", "company_monthly", "rep_monthly")
        }
        assert len(set(sums.values())) == 1, (measure, sums)


def as_is_total_is_as_was(facts: Facts, built: Built) -> None:
    """I3 for each event: whole yen, each part within one yen of its share."""
    parts: dict[tuple[str, str], list[Record]] = defaultdict(list)
    branches = {row["branch_id"] for row in built["core.dim_branch"]}
    for row in built["attribution.current_credit"]:
        parts[row["deal_id"], row["event_id"]].append(row)
        assert row["branch_id_current"] in branches
    events = {(row["deal_id"], row["event_id"]): row for row in built["core.fct_revenue"]}
    assert set(parts) == set(events)
    for key, event in events.items():
        assert total(parts[key]) == (event["amount"] or 0), key
        assert abs(sum(part["share"] for part in parts[key]) - 1) < 1e-9, key
        for part in parts[key]:
            if event["amount"] is not None:
                assert part["amount"] == part["amount"].to_integral_value(), key
                assert abs(part["amount"] - event["amount"] * Decimal(part["share"])) < 1, key


def credited_branch_was_open(facts: Facts, built: Built) -> None:
    """I4."""
    for deal, row in built.of_deals().items():
        if row["rung"] != "L0" and not is_special_member(row["branch_id"]):
            assert facts.is_open(row["branch_id"], facts.credit_on(deal)), (deal, row)


def rep_has_one_branch(facts: Facts, built: Built, days: Iterable[date]) -> None:
    """I5, and the branch is the right one on each of these days."""
    horizon = sorted({*days, *(one + ONE_DAY for one in days)})
    reps = sorted(str(key[0]) for key in facts.company.latest("reps"))
    for rep in reps:
        assigned = [row for row in built["intermediate.int_rep_posts"] if row["rep_id"] == rep]
        for on in horizon:
            found = [row["branch_id"] for row in assigned if row["valid_from"] <= on < row["valid_to"]]
            assert len(found) <= 1, (rep, on)
            assert (found or [None])[0] == facts.branch_of_rep(rep, on, horizon), (rep, on)


def exclusions_account_for_the_rest(facts: Facts, built: Built) -> None:
    """I6: in each currency, every delivered deal is counted or excluded with a reason."""
    excluded: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for row in built["attribution.exclusions"]:
        assert row["reason"], row
        excluded[row["record_type"], row["record_id"]].append(row)
    shown = built.of_deals("core.fct_deals")
    for deal in facts.delivered:
        own = facts.own_amount(deal)
        is_counted = deal in shown and shown[deal]["is_counted"] and (own is None or shown[deal]["amount"] is not None)
        assert is_counted != bool(excluded["deal", deal]), deal
        for row in excluded["deal", deal]:
            amount = own if deal in facts.deals else facts.delivered[deal]["amount"]
            assert row["amount_in_currency"] == (None if amount is None else Decimal(amount)), row
            assert row["currency"] == facts.currency(deal), row
    missing = {deal for deal in facts.deals if facts.own_amount(deal) is not None and facts.amount(deal) is None}
    assert {row["deal_id"] for row in built["attribution.quarantine"] if row["reason"] == "FX_MISSING"} == missing
    for event in facts.events:
        is_lost = event["deal_id"] not in facts.deals or facts.event_amount(event) is None
        rows = excluded["amount_event", str(event["event_id"])]
        assert len(rows) == is_lost, event
        assert all(row["amount_in_currency"] == Decimal(str(event["amount_delta"])) for row in rows), event
    for dataset, record_type in (("deal_lines", "line"), ("deal_registrations", "registration")):
        homeless = {
            key[0]
            for key, row in facts.company.latest(dataset).items()
            if row["deal_id"] is not None and row["deal_id"] not in facts.deals
        }
        assert {record for kind, record in excluded if kind == record_type and excluded[kind, record]} == homeless


def quarantine_gives_the_reason(facts: Facts, built: Built) -> None:
    """A deal without a branch has one such reason and the special member of it; a deal with a branch has none."""
    errors: dict[str, list[Record]] = defaultdict(list)
    for row in built["attribution.quarantine"]:
        if row["severity"] == "error":
            errors[row["deal_id"]].append(row)
    for deal, row in built.of_deals().items():
        branch, reasons = row["branch_id"], [error["reason"] for error in errors[deal]]
        is_unresolved = is_special_member(branch) and branch != "DIRECT" and row["rung"] != "L0"
        assert reasons == ([row["reason"]] if is_unresolved else []), deal
        if row["reason"] in ("CONFLICT_PARTNER", "PARTNER_UNKNOWN"):
            assert branch == "UNRESOLVED", deal
        elif row["reason"] not in (None, "TIE"):
            assert branch.startswith("UNKNOWN:"), deal
    mismatched = {
        deal
        for deal, row in facts.deals.items()
        if row["amount"] is not None and deal in facts.lines and Decimal(row["amount"]) != facts.lines[deal]
    }
    assert {r["deal_id"] for r in built["attribution.quarantine"] if r["reason"] == "AMOUNT_MISMATCH"} == mismatched


def influence_is_never_credit(facts: Facts, built: Built) -> None:
    """I11: a branch with influence is never the credited branch. I2 shows that influence is in no sum."""
    credited = {(row["deal_id"], row["branch_id"]) for row in built["attribution.deal_attribution"]}
    found = [(row["deal_id"], row["branch_id"], row["role"]) for row in built["attribution.influence"]]
    assert len(found) == len(set(found))
    assert not credited & {(deal, branch) for deal, branch, _ in found}
    assert {deal for deal, _, _ in found} <= set(facts.deals)


def stronger_evidence_decides(facts: Facts, built: Built) -> None:
    """I13, and a deal lacks a branch only if the evidence names no open branch or several."""
    orders = {row["rung"]: row["rung_order"] for row in built["attribution.attribution_ladder"] if row["rung"]}
    evidence: dict[str, list[Record]] = defaultdict(list)
    for row in built["attribution.deal_evidence"]:
        if row["status"] in ("supporting", "contradicting") and row["reason"] is None and row["branch_id"]:
            evidence[row["deal_id"]].append(row)
    for deal, decision in built.of_deals().items():
        if deal in facts.overrides:
            assert (decision["rung"], decision["branch_id"]) == ("L0", facts.overrides[deal]["branch_id"]), deal
        if decision["reason"] in ("TIE", "CONFLICT_PARTNER"):
            continue
        strongest = min((row["rung_order"] for row in evidence[deal]), default=None)
        if is_special_member(decision["branch_id"]) and decision["rung"] != "L0":
            assert strongest is None or strongest == orders["L9"], (deal, decision, evidence[deal])
            continue
        assert strongest is None or strongest >= orders[decision["rung"]], (deal, decision, evidence[deal])
        leading = [row for row in evidence[deal] if row["rung_order"] == orders[decision["rung"]]]
        tied = {row["branch_id"] for row in leading}
        assert decision["branch_id"] in tied or decision["rung"] == "L10", (deal, decision, leading)
        if len(tied) > 1:
            led = {row["branch_id"] for row in leading if row["is_primary"]}
            narrowed = {row["branch_id"] for row in evidence[deal] if row["rung_order"] > orders[decision["rung"]]}
            assert led == {decision["branch_id"]} or decision["branch_id"] in narrowed, (deal, decision, evidence[deal])


def same_rows(one: Built, other: Built) -> None:
    """I7 and I8: every published table of both builds has the same rows."""
    again = other.published()
    for table, rows in one.published().items():
        assert again[table] == rows, table


def all_invariants(company: Company, built: Built, days: Iterable[date]) -> None:
    """Assert all invariants of a single build."""
    facts = Facts(company)
    one_decision_per_deal(facts, built)
    credit_date_is_the_first_date(facts, built)
    branch_money_is_the_ledger(facts, built)
    as_is_total_is_as_was(facts, built)
    credited_branch_was_open(facts, built)
    rep_has_one_branch(facts, built, days)
    exclusions_account_for_the_rest(facts, built)
    quarantine_gives_the_reason(facts, built)
    influence_is_never_credit(facts, built)
    stronger_evidence_decides(facts, built)
    assert built.red_guards == {}
