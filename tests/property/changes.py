"""Changes to a company's deliveries, each with its expected effect: nothing, or exactly one move.

This module makes the changes. The tests assert that nothing else moves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from hypothesis import strategies as st

from tests.property.company import (
    BRANCHES,
    DAYS,
    DEALS,
    EXTRACTS,
    FIRST,
    PARTIES,
    SECOND,
    TODAY,
    Company,
    Draw,
    Row,
    days,
    some,
)
from tests.property.workshop import Built

# Names, stems and spellings that occur nowhere else in a company.
NEW_NAME, NEW_ALIAS = "稚内営業所", "いろは本舗"

# The deals whose effect the change does not define, so that the invariant does not cover them.
Change = Callable[[Draw, Company, Built], set[str]]


def irrelevant_branch(draw: Draw, company: Company, built: Built) -> set[str]:
    """Open a branch with an unused name, at a new partner or at one that always has several open branches."""
    always_open = {
        branch: {row["partner_id"] for row in reported}
        for branch in BRANCHES
        if len(reported := [r for _, r in company.reported("branches") if r["branch_id"] == branch]) == len(EXTRACTS)
        and not any(row["opened_on"] or row["closed_on"] for row in reported)
    }
    stable = sorted(str(next(iter(owners))) for owners in always_open.values() if len(owners) == 1)
    partner = draw(st.sampled_from([*sorted({p for p in stable if stable.count(p) > 1}), "P8"]))
    opened = draw(days(nothing=3))
    for extract in EXTRACTS[draw(st.integers(0, 2)) :]:
        company.deliver(
            "branches",
            extract,
            [{"branch_id": "B8", "partner_id": partner, "branch_name": NEW_NAME, "opened_on": opened}],
        )
    for extract in company.extracts("reps"):
        company.deliver("reps", extract, [{"rep_id": "R8", "rep_name": "宗谷 岬"}])
    company.deliver("rep_assignments", TODAY, [{"rep_id": "R8", "branch_id": "B8"}])
    return set()


def irrelevant_alias(draw: Draw, company: Company, built: Built) -> set[str]:
    """Register a spelling that no deal uses."""
    entity_type, entity = draw(st.sampled_from([("partner", "P1"), ("branch", "B1"), ("branch", "B4"), ("rep", "R1")]))
    extract = draw(st.sampled_from(company.extracts("aliases")))
    company.deliver(
        "aliases",
        extract,
        [{"entity_type": entity_type, "entity_id": entity, "alias": NEW_ALIAS, "valid_from": draw(days(nothing=1))}],
    )
    return set()


def renamed_branch(draw: Draw, company: Company, built: Built) -> set[str]:
    """Rename a branch from an extract on; deals of that day and later may use only the old name."""
    start = draw(st.sampled_from([SECOND, TODAY]))
    before = EXTRACTS[EXTRACTS.index(start) - 1]
    names = {row["branch_id"]: row["branch_name"] for row in company.rows("branches", before)}
    known = [row for row in company.rows("branches", start) if names.get(row["branch_id"]) == row["branch_name"]]
    branch = draw(st.sampled_from(sorted(str(row["branch_id"]) for row in known)))
    for extract in EXTRACTS[EXTRACTS.index(start) :]:
        for row in company.rows("branches", extract):
            if row["branch_id"] == branch and row["branch_name"] == names[branch]:
                row["branch_name"] = NEW_NAME
    return {deal for deal, row in built.of_deals().items() if row["credit_on"] >= start}


def helpers(draw: Draw, company: Company, built: Built) -> set[str]:
    """Add participants that only help: known or unknown, open or closed, marked as primary or not."""
    taken = company.latest("deal_participants")
    for _ in range(draw(st.integers(1, 6))):
        deal, role = draw(st.sampled_from(DEALS)), draw(st.sampled_from(["co_sell", "implementer"]))
        party_type, party = draw(st.sampled_from(PARTIES))
        if (deal, role, party) in taken:
            continue
        row: Row = {
            "deal_id": deal,
            "role": role,
            "party_type": party_type,
            "party_id": party,
            "is_primary": draw(some("true")),
        }
        company.deliver("deal_participants", draw(st.sampled_from([FIRST, TODAY])), [row])
        taken[deal, role, party] = row
    return set()


def weaker_evidence(draw: Draw, company: Company, built: Built) -> set[str]:
    """Add evidence on a weaker rung for any branch of the winning partner to decided deals without a tie."""
    orders = {row["rung"]: row["rung_order"] for row in built["attribution.attribution_ladder"] if row["rung"]}
    untied = _decided_without_tie(built, orders)
    partners = {row["branch_id"]: row["partner_id"] for row in built["core.dim_branch"]}
    for deal in draw(st.lists(st.sampled_from(sorted(untied)), max_size=4, unique=True)) if untied else []:
        decision = built.of_deals()[deal]
        sisters = sorted(b for b in BRANCHES if partners.get(b) == decision["partner_id"])
        latest = next(
            row for extract in reversed(EXTRACTS) for row in company.rows("deals", extract) if row["deal_id"] == deal
        )
        if orders[decision["rung"]] < orders["L3"] and latest["branch_id"] is None and sisters:
            latest["branch_id"] = draw(st.sampled_from(sisters))
        elif latest["partner_id"] is None:
            latest["partner_id"] = decision["partner_id"]
    return set()


def _decided_without_tie(built: Built, orders: dict[str, int]) -> set[str]:
    """Return deals whose deciding rung has direct evidence for exactly one branch, which is no referrer's."""
    decided: set[str] = set()
    for deal, decision in built.of_deals().items():
        leading = [
            row
            for row in built["attribution.deal_evidence"]
            if row["deal_id"] == deal
            and row["rung_order"] == orders[decision["rung"]]
            and row["status"] in ("supporting", "contradicting")
            and row["reason"] is None
        ]
        named = {row["branch_id"] for row in leading}
        if named == {decision["branch_id"]} and not any(row["role"] == "referrer" for row in leading):
            decided.add(deal)
    return decided


HARMLESS: dict[str, Change] = {
    "an irrelevant branch": irrelevant_branch,
    "an irrelevant alias": irrelevant_alias,
    "a renamed branch": renamed_branch,
    "helping participants": helpers,
    "weaker evidence of the same partner": weaker_evidence,
}


@dataclass(frozen=True)
class AssignedRep:
    """A rep with successive assignments to two branches, and the deals that only this rep decides."""

    branches: tuple[str, str]
    own_deals: dict[str, date]  # deal → credit date
    deals: set[str]  # all deals that name the rep
    files: Company

    def transferred(self, company: Company, on: date) -> Company:
        """Return the company in which the rep changes the branch on this day."""
        changed = company.copy()
        for (dataset, extract), rows in self.files.copy().files.items():
            changed.deliver(dataset, extract, rows)
        for extract in changed.extracts("rep_assignments"):
            before, after = self.branches
            changed.deliver(
                "rep_assignments",
                extract,
                [
                    {"rep_id": "R7", "branch_id": before, "valid_from": "2000-01-01", "valid_to": str(on)},
                    {"rep_id": "R7", "branch_id": after, "valid_from": str(on)},
                ],
            )
        return changed


def assigned_rep(draw: Draw, company: Company) -> AssignedRep:
    """Draw a rep of a separate partner, deals that only the rep decides, and other deals that also name the rep."""
    new = Company()
    new.deliver("partners", FIRST, [{"partner_id": "P7", "partner_name": "宗谷物産"}])
    new.deliver("partners", TODAY, [{"partner_id": "P7", "partner_name": "宗谷物産"}])
    for extract in EXTRACTS:
        new.deliver(
            "branches",
            extract,
            [{"branch_id": branch, "partner_id": "P7", "branch_name": f"{branch}拠点"} for branch in ("B71", "B72")],
        )
    for extract in company.extracts("reps"):
        new.deliver("reps", extract, [{"rep_id": "R7", "rep_name": "宗谷 岬", "rep_email": "misaki@p7.example"}])
    own: dict[str, date] = {}
    for number, on in enumerate(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=5))):
        deal = f"T{number}"
        moment = f"{on} {draw(st.sampled_from(['00:10:00', '23:50:00']))}"
        row: Row = {"deal_id": deal, "stage": "won", "amount": "1000", "won_on": str(DAYS[-1]), "created_at": moment}
        match draw(st.sampled_from(["rep_id", "rep_email", "party", "registration"])):
            case "rep_id":
                row["rep_id"] = "R7"
            case "rep_email":
                row["rep_email"] = "Misaki@P7.example"
            case "party":
                party: Row = {"deal_id": deal, "role": "seller", "party_type": "rep", "party_id": "R7"}
                new.deliver("deal_participants", FIRST, [party])
            case "registration":
                row["created_at"] = f"{DAYS[-1]} 12:00:00"
                new.deliver(
                    "deal_registrations",
                    FIRST,
                    [
                        {
                            "registration_id": f"GT{number}",
                            "deal_id": deal,
                            "rep_id": "R7",
                            "submitted_at": moment,
                            "status": "approved",
                        }
                    ],
                )
        new.deliver("deals", FIRST, [row])
        own[deal] = on
    beside = draw(st.sets(st.sampled_from(DEALS), max_size=4))
    new.deliver(
        "deal_participants",
        TODAY,
        [{"deal_id": deal, "role": "seller", "party_type": "rep", "party_id": "R7"} for deal in sorted(beside)],
    )
    return AssignedRep(("B71", "B72"), own, {*own, *beside}, new)


def decided_by_a_person(draw: Draw, company: Company) -> dict[str, str]:
    """Let a person decide some deals, regardless of later evidence; return the decisions."""
    decided = {
        deal: draw(st.sampled_from([*BRANCHES, "DIRECT"]))
        for deal in draw(st.lists(st.sampled_from(DEALS), min_size=1, max_size=4, unique=True))
    }
    rows = company.rows("attribution_overrides", TODAY)
    rows[:] = [row for row in rows if row["deal_id"] not in decided]
    company.deliver(
        "attribution_overrides",
        TODAY,
        [
            {"deal_id": deal, "branch_id": branch, "decided_by": "田中", "reason": "訪問で確認"}
            for deal, branch in sorted(decided.items())
        ],
    )
    for deal in sorted(decided):
        party_type, party = draw(st.sampled_from(PARTIES))
        if (deal, "seller", party) not in company.latest("deal_participants"):
            row: Row = {
                "deal_id": deal,
                "role": "seller",
                "party_type": party_type,
                "party_id": party,
                "is_primary": "true",
            }
            company.deliver("deal_participants", TODAY, [row])
    return decided
