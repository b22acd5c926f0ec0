"""The worklist uses the whole roster: its candidates are what a person with the roster would name at once."""

import json
from datetime import date

import pytest

from tests.property.company import Row
from tests.property.small import FIRST, company, deals, rows
from tests.property.workshop import Built, Workshop

SECOND = date(2025, 7, 10)
SPRING, SUMMER = "2025-05-15 12:00:00", "2025-08-15 12:00:00"


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> Built:
    """Return a renamed company, a shared name, mergers, and reps without a branch."""
    partners = "partner_id partner_name"
    branches = "branch_id partner_id branch_name closed_on opened_on"
    kept: list[tuple[str | None, ...]] = [
        ("P", "みどり電算"),
        ("S1", "株式会社アルファ"),
        ("S2", "株式会社アルファ"),
    ]
    kept_branches: list[tuple[str | None, ...]] = [
        ("P1", "P", "東京支店"),
        ("P2", "P", "大阪支店", "2025-05-01"),
        ("P3", "P", "関西支店", None, "2025-05-01"),
        ("P6", "P", "西日本支店", None, "2025-07-01"),
        ("P5", "P", "広島支店", "2025-07-01"),
        ("S1A", "S1", "本社"),
        ("S2A", "S2", "本社"),
    ]
    reps: list[Row] = rows("rep_id rep_name", ("R1", "佐藤 花子"))
    posts = rows("rep_id branch_id valid_to", ("R1", "P1", "2025-01-01"), ("R2", "S1A"))
    successions = rows(
        "from_branch_id to_branch_id effective_on kind",
        ("P2", "P3", "2025-05-01", "merge"),
        ("P5", "P6", "2025-07-01", "transfer"),
    )
    return workshop.unguarded().build(
        company(
            {
                FIRST: {
                    "partners": rows(partners, *kept, ("W", "赤城通商")),
                    "branches": rows(branches, *kept_branches, ("P4", "P", "青森営業所"), ("W1", "W", "前橋本店")),
                    "branch_successions": successions,
                    "reps": reps + rows("rep_id rep_name rep_email", ("R2", "森 一郎", "mori@s.example")),
                    "rep_assignments": posts,
                },
                SECOND: {
                    "partners": rows(partners, *kept, ("W", "榛名通商")),
                    "branches": rows(branches, *kept_branches, ("P4", "P", "弘前営業所"), ("W1", "W", "前橋本店")),
                    "branch_successions": successions,
                    "reps": reps + rows("rep_id rep_name rep_email", ("R2", "森 一郎", "ichiro@s.example")),
                    "rep_assignments": posts,
                    "deals": deals(
                        {"deal_id": "RENAMED", "created_at": SUMMER, "partner_text": "赤城通商"},
                        {"deal_id": "SHARED", "created_at": SUMMER, "partner_text": "㈱アルファ"},
                        {"deal_id": "CLOSED", "created_at": SPRING, "branch_id": "P2"},
                        {"deal_id": "CLOSED_TEXT", "created_at": SPRING, "partner_text": "みどり電算 大阪支店"},
                        {"deal_id": "NOT_YET", "created_at": SPRING, "branch_id": "P6"},
                        {
                            "deal_id": "BRANCH_RENAMED",
                            "created_at": SUMMER,
                            "partner_id": "P",
                            "branch_text": "青森営業所",
                        },
                        {"deal_id": "BRANCH_ALONE", "created_at": SUMMER, "branch_text": "前橋本店"},
                        {"deal_id": "REP", "created_at": SUMMER, "partner_id": "P", "rep_id": "R1"},
                        {"deal_id": "REP_ALONE", "created_at": SUMMER, "rep_text": "森 一郎"},
                        {"deal_id": "NEAR", "created_at": SUMMER, "partner_id": "P", "branch_id": "p-001"},
                        {"deal_id": "NEAR_WIDE", "created_at": SUMMER, "branch_id": "Ｓ１ーＡ"},
                        {"deal_id": "NEAR_REP", "created_at": SUMMER, "rep_id": "R-02"},
                        {"deal_id": "NEAR_PARTNER", "created_at": SUMMER, "partner_id": "w"},
                        {"deal_id": "MAIL_BEFORE", "created_at": SUMMER, "rep_email": "mori@s.example"},
                        {"deal_id": "OTHERS_REP", "created_at": SUMMER, "partner_id": "P", "rep_text": "森 一郎"},
                    ),
                },
            }
        )
    )


@pytest.mark.parametrize(
    ("deal", "reason", "candidates"),
    [
        ("RENAMED", "PARTNER_UNKNOWN", ["W"]),
        ("SHARED", "CONFLICT_PARTNER", ["S1", "S2"]),
        ("CLOSED", "BRANCH_CLOSED_AT_DATE", ["P3", "P2"]),
        ("CLOSED_TEXT", "BRANCH_CLOSED_AT_DATE", ["P3", "P2"]),
        ("NOT_YET", "BRANCH_CLOSED_AT_DATE", ["P5", "P6"]),
        ("BRANCH_RENAMED", "BRANCH_UNKNOWN", ["P4"]),
        ("BRANCH_ALONE", "PARTNER_UNKNOWN", ["W1"]),
        ("REP", "REP_NO_ASSIGNMENT", ["P1"]),
        ("REP_ALONE", "PARTNER_UNKNOWN", ["S1A"]),
        ("OTHERS_REP", "REP_UNKNOWN", ["P", "S1A"]),
        ("NEAR", "BRANCH_UNKNOWN", ["P1"]),
        ("NEAR_WIDE", "PARTNER_UNKNOWN", ["S1A"]),
        ("NEAR_REP", "PARTNER_UNKNOWN", ["S1A"]),
        ("NEAR_PARTNER", "PARTNER_UNKNOWN", ["W"]),
        ("MAIL_BEFORE", "PARTNER_UNKNOWN", ["S1A"]),
    ],
)
def test_candidates(built: Built, deal: str, reason: str, candidates: list[str]) -> None:
    row = next(row for row in built["attribution.quarantine"] if row["deal_id"] == deal and row["severity"] == "error")
    found = [one["branch_id"] or one["partner_id"] for one in json.loads(row["candidates"])]
    assert (row["reason"], found) == (reason, candidates)
