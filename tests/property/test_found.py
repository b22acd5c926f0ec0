"""Reduced companies on which a property failed before, with the right results derived manually."""

from datetime import date

import pytest

from tests.property.company import FIRST, Company
from tests.property.workshop import Built, Workshop

CREATED = "2025-04-10 12:00:00"


@pytest.fixture(scope="module")
def found(workshop: Workshop) -> Built:
    """All cases in one company: P1 with B1, B3 and the closed B2, P5 with B5, and their reps."""
    company = Company()
    partners = [
        ("P1", "みどり電算", None, None),
        ("P5", "大塚本店", None, None),
        ("P6", "アルファ工業", "P1", "2025-04-01"),
    ]
    company.deliver(
        "partners",
        FIRST,
        [
            {"partner_id": p, "partner_name": name, "successor_partner_id": successor, "succeeded_on": on}
            for p, name, successor, on in partners
        ],
    )
    branches = [
        ("B1", "P1", "大阪支店", None),
        ("B2", "P1", "京都支店", "2025-03-31"),
        ("B3", "P1", "東京支店", None),
        ("B5", "P5", "本社", None),
    ]
    company.deliver(
        "branches",
        FIRST,
        [{"branch_id": b, "partner_id": p, "branch_name": name, "closed_on": on} for b, p, name, on in branches],
    )
    company.deliver(
        "reps", FIRST, [{"rep_id": "R2", "rep_name": "髙橋 次郎"}, {"rep_id": "R9", "rep_name": "鈴木 一郎"}]
    )
    company.deliver("rep_assignments", FIRST, [{"rep_id": "R2", "branch_id": "B2"}])
    company.deliver(
        "deals",
        FIRST,
        [
            {"deal_id": "RATELESS", "stage": "受注", "created_at": CREATED, "currency": "EUR"},
            {"deal_id": "CLOSED", "stage": "商談", "created_at": CREATED, "partner_id": "P1", "rep_text": "高橋 次郎"},
            {"deal_id": "PARENT", "stage": "商談", "created_at": CREATED, "channel": "resale"},
            {
                "deal_id": "CHILD",
                "stage": "商談",
                "created_at": CREATED,
                "partner_id": "P6",
                "deal_type": "upsell",
                "parent_deal_id": "PARENT",
            },
            {"deal_id": "TEXT", "stage": "商談", "created_at": CREATED, "branch_text": "本社"},
            {"deal_id": "DIRECT", "stage": "商談", "created_at": CREATED},
            {"deal_id": "NAMED", "stage": "商談", "created_at": CREATED, "branch_id": "B2"},
            {"deal_id": "INDIRECT", "stage": "商談", "created_at": CREATED, "channel": "resale"},
        ],
    )
    company.deliver(
        "deal_participants",
        FIRST,
        [
            {"deal_id": "TEXT", "role": "co_sell", "party_type": "branch", "party_id": "B5"},
            {"deal_id": "DIRECT", "role": "co_sell", "party_type": "branch", "party_id": "nobody's"},
            {"deal_id": "NAMED", "role": "implementer", "party_type": "rep", "party_id": "R9"},
            {"deal_id": "INDIRECT", "role": "co_sell", "party_type": "branch", "party_id": "B2"},
        ],
    )
    company.deliver(
        "deal_amount_events",
        FIRST,
        [
            {
                "event_id": "E1",
                "deal_id": "RATELESS",
                "event_type": "rewin",
                "event_on": "2025-04-10",
                "amount_delta": "7",
            }
        ],
    )
    company.deliver(
        "deal_registrations",
        FIRST,
        [
            {
                "registration_id": "G1",
                "branch_id": "B1",
                "channel": "referral",
                "submitted_at": "2025-01-15 12:00:00",
                "status": "submitted",
            }
        ],
    )
    company.deliver(
        "activities",
        FIRST,
        [
            {
                "activity_id": "A1",
                "activity_type": "study_session",
                "occurred_at": "2024-12-16 12:00:00",
                "branch_id": "B3",
                "status": "held",
            }
        ],
    )
    company.deliver(
        "activity_attendees",
        FIRST,
        [
            {
                "activity_id": "A1",
                "attendee_id": "T1",
                "attendee_type": "rep",
                "rep_id": "R2",
                "attendance": "attended",
            }
        ],
    )
    return workshop.build(company)


def test_no_guard_fails_over_data_before_the_first_deal(found: Built) -> None:
    assert found.red_guards == {}
    months = {row["month"]: row for row in found["kpi.company_monthly"]}
    assert months[date(2025, 1, 1)]["referrals"] == 1
    assert months[date(2024, 12, 1)]["sessions_held"] == 1


def test_a_delivered_rewin_without_a_rate_is_excluded(found: Built) -> None:
    exclusions = [(row["record_type"], row["record_id"], row["reason"]) for row in found["attribution.exclusions"]]
    assert ("amount_event", "E1", "FX_MISSING") in exclusions


def test_a_rep_known_by_name_at_a_closed_branch_decides_nothing(found: Built) -> None:
    decision = found.of_deals()["CLOSED"]
    assert (decision["branch_id"], decision["reason"]) == ("UNKNOWN:P1", "BRANCH_CLOSED_AT_DATE")


def test_a_known_partner_stays_known_if_the_parents_is_unknown(found: Built) -> None:
    decision = found.of_deals()["CHILD"]
    assert (decision["branch_id"], decision["reason"]) == ("UNKNOWN:P1", "BRANCH_UNKNOWN")


def test_a_co_sellers_partner_does_not_decide_the_branch_of_a_text(found: Built) -> None:
    assert found.of_deals()["TEXT"]["branch_id"] == "UNRESOLVED"


@pytest.mark.parametrize(
    ("deal", "branch"), [("DIRECT", "DIRECT"), ("NAMED", "UNKNOWN:P1"), ("INDIRECT", "UNRESOLVED")]
)
def test_a_helper_is_no_partner_evidence(found: Built, deal: str, branch: str) -> None:
    assert found.of_deals()[deal]["branch_id"] == branch
