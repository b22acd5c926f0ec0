"""A rep is known even where the branch is not."""

from decimal import Decimal

import pytest

from tests.property.small import FIRST, company, deals, rows
from tests.property.workshop import Built, Workshop


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> Built:
    """Return reps with and without an assignment, and deals that name them in several ways."""
    won = {"stage": "受注", "amount": "100", "won_on": "2025-04-10"}
    return workshop.build(
        company(
            {
                FIRST: {
                    "partners": rows("partner_id partner_name", ("P", "みどり電算"), ("Q", "ヤマダ商事")),
                    "branches": rows(
                        "branch_id partner_id branch_name",
                        ("P1", "P", "東京支店"),
                        ("P2", "P", "大阪支店"),
                        ("Q1", "Q", "本社"),
                        ("Q2", "Q", "大阪支店"),
                    ),
                    "reps": rows(
                        "rep_id rep_name rep_email",
                        ("LEFT", "佐藤 花子", "Hanako@example.jp"),
                        ("BOTH", "森 一郎"),
                        ("OTHER", "渡辺 次郎"),
                        ("NOWHERE", "林 五郎"),
                        ("MAIL", "岡 六郎", "佐藤 <oka@example.jp>"),
                    ),
                    "rep_assignments": rows(
                        "rep_id branch_id valid_to",
                        ("LEFT", "P1", "2025-01-01"),
                        ("BOTH", "P1"),
                        ("BOTH", "P2"),
                        ("OTHER", "Q1"),
                        ("MAIL", "P2"),
                    ),
                    "deals": deals(
                        {"deal_id": "ID", **won, "partner_id": "P", "rep_id": "LEFT"},
                        {"deal_id": "MAIL", **won, "partner_id": "P", "rep_email": "佐藤 花子 <hanako＠EXAMPLE.jp>"},
                        {"deal_id": "TWO_POSTS", **won, "rep_id": "BOTH"},
                        {"deal_id": "NAME", **won, "partner_id": "P", "rep_text": "森 一郎"},
                        {"deal_id": "NAME_LEFT", **won, "partner_id": "P", "rep_text": "佐藤 花子"},
                        {"deal_id": "OTHERS", **won, "partner_id": "P", "rep_text": "渡辺 次郎"},
                        {"deal_id": "OTHERS_ID", **won, "partner_id": "P", "rep_id": "OTHER"},
                        {"deal_id": "NO_POST", **won, "rep_id": "NOWHERE"},
                        {"deal_id": "TWO_REPS", **won, "partner_id": "P"},
                        {"deal_id": "ADDRESS", **won, "rep_email": "mailto:ＯＫＡ@example.jp"},
                    ),
                    "deal_participants": rows(
                        "deal_id role party_type party_id",
                        ("TWO_REPS", "seller", "rep", "LEFT"),
                        ("TWO_REPS", "seller", "rep", "BOTH"),
                    ),
                }
            }
        )
    )


@pytest.mark.parametrize(
    ("deal", "branch", "rep", "reason"),
    [
        ("ID", "UNKNOWN:P", "LEFT", "REP_NO_ASSIGNMENT"),
        ("MAIL", "UNKNOWN:P", "LEFT", "REP_NO_ASSIGNMENT"),
        ("TWO_POSTS", "UNKNOWN:P", "BOTH", "REP_MULTI_BRANCH"),
        ("NAME", "UNKNOWN:P", "BOTH", "REP_MULTI_BRANCH"),
        ("NAME_LEFT", "UNKNOWN:P", "NONE", "REP_NO_ASSIGNMENT"),  # on that day, nobody has the name
        ("OTHERS", "UNKNOWN:P", "NONE", "REP_UNKNOWN"),
        ("OTHERS_ID", "UNRESOLVED", "NONE", "CONFLICT_PARTNER"),
        ("NO_POST", "UNRESOLVED", "NOWHERE", "PARTNER_UNKNOWN"),
        ("TWO_REPS", "UNKNOWN:P", "NONE", "REP_MULTI_BRANCH"),
        ("ADDRESS", "P2", "MAIL", None),
    ],
)
def test_the_rep_of_a_deal(built: Built, deal: str, branch: str, rep: str, reason: str | None) -> None:
    row = built.of_deals()[deal]
    assert (row["branch_id"], row["rep_id"], row["reason"]) == (branch, rep, reason)


def test_reps_add_up_to_the_company(built: Built) -> None:
    assert built.red_guards == {}
    money = {row["rep_id"]: Decimal(0) for row in built["kpi.rep_monthly"]}
    for row in built["kpi.rep_monthly"]:
        money[row["rep_id"]] += row["won_amount"]
    assert money == {"LEFT": 200, "BOTH": 200, "NOWHERE": 100, "MAIL": 100, "NONE": 400}
    assert sum(row["won_amount"] for row in built["kpi.company_monthly"]) == sum(money.values())


def test_a_name_of_another_partners_rep_has_its_own_question(built: Built) -> None:
    questions = {row["deal_id"]: row["question"] for row in built["attribution.quarantine"]}
    assert questions["OTHERS"] == "Who is this rep, and is the partner right?"
    assert questions["ID"] == "At which branch was the rep on that day?"
