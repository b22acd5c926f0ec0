"""Names and branches are valid when an extract of the roster holds them."""

from datetime import date

import pytest

from tests.property.company import Row
from tests.property.small import FIRST, company, deals, decisions, rows
from tests.property.workshop import Built, Workshop

SECOND, THIRD = date(2025, 7, 10), date(2025, 10, 10)
SPRING, SUMMER, AUTUMN = "2025-05-15 12:00:00", "2025-08-15 12:00:00", "2025-11-15 12:00:00"

PARTNERS = "partner_id partner_name successor_partner_id succeeded_on"
BRANCHES = "branch_id partner_id branch_name opened_on"
REPS = "rep_id rep_name rep_email"
KEPT: list[tuple[str | None, ...]] = [("P", "みどり電算")]
KEPT_BRANCHES: list[tuple[str | None, ...]] = [("P1", "P", "東京支店")]


def dated(deal: str, created: str, **named: str) -> Row:
    return {"deal_id": deal, "created_at": created, **named}


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> Built:
    """Return companies and branches that come, go, merge, change their names, and come again under another id."""
    return workshop.unguarded().build(
        company(
            {
                FIRST: {
                    "partners": rows(
                        PARTNERS, *KEPT, ("OLD", "北海商会"), ("WAS", "赤城通商"), ("M", "雲仙工業"), ("SHORT", "甲")
                    ),
                    "branches": rows(BRANCHES, *KEPT_BRANCHES, ("P2", "P", "大阪支店"), ("P3", "P", "神戸支店")),
                    "reps": rows(REPS, ("R1", "佐藤 花子", "sato@p.example"), ("R2", "森 一郎", "desk@p.example")),
                    "rep_assignments": rows("rep_id branch_id", ("R1", "P1"), ("R2", "P1")),
                },
                SECOND: {
                    "partners": rows(
                        PARTNERS,
                        *KEPT,
                        ("NEW", "北海商会"),
                        ("WAS", "榛名通商"),
                        ("M", "雲仙工業", "P", "2025-07-01"),
                        ("LATE", "阿蘇物産"),
                        ("SHORT", "甲"),
                        ("LONG", "甲 テクノロジー"),
                    ),
                    "branches": rows(
                        BRANCHES,
                        *KEPT_BRANCHES,
                        ("P2B", "P", "大阪支店"),
                        ("P3", "P", "神戸支店"),
                        ("P4", "P", "名古屋支店"),
                        ("P5", "P", "福岡支店", "2025-04-01"),
                    ),
                    "reps": rows(REPS, ("R1", "鈴木 花子", "Suzuki@p.example"), ("R3", "佐藤 花子", "desk@p.example")),
                    "rep_assignments": rows("rep_id branch_id", ("R1", "P1"), ("R2", "P1"), ("R3", "P3")),
                },
                THIRD: {
                    "partners": rows(PARTNERS, *KEPT, ("NEW", "北海商会"), ("LATE", "阿蘇物産"), ("SHORT", "甲")),
                    "branches": rows(BRANCHES, *KEPT_BRANCHES, ("P2B", "P", "大阪支店"), ("P3", "P", "神戸支店")),
                    "deals": deals(
                        dated("OLD_BEFORE", SPRING, partner_text="北海商会"),
                        dated("NEW_AFTER", SUMMER, partner_text="北海商会"),
                        dated("NEW_ID_BEFORE", SPRING, partner_text="北海商会", partner_id="NEW"),
                        dated("OLD_ID_AFTER", SUMMER, partner_text="北海商会", partner_id="OLD"),
                        dated("RENAMED_BEFORE", SPRING, partner_text="赤城通商"),
                        dated("RENAMED_AFTER", SUMMER, partner_text="赤城通商"),
                        dated("RENAMED", SUMMER, partner_text="榛名通商"),
                        dated("GONE", AUTUMN, partner_text="榛名通商"),
                        dated("MERGED", AUTUMN, partner_text="雲仙工業", branch_text="東京支店"),
                        dated("LATE_BEFORE", SPRING, partner_text="阿蘇物産"),
                        dated("LATE_AFTER", SUMMER, partner_text="阿蘇物産"),
                        dated("LATE_ID_BEFORE", SPRING, partner_id="LATE"),
                        dated("LONG_BEFORE", SPRING, partner_text="甲 テクノロジー"),
                        dated("LONG", SUMMER, partner_text="甲 テクノロジー"),
                        dated("B_OLD", SPRING, partner_id="P", branch_text="大阪支店"),
                        dated("B_NEW", SUMMER, partner_id="P", branch_text="大阪支店"),
                        dated("B_NEW_ID", SPRING, branch_id="P2B"),
                        dated("B_OLD_ID", SUMMER, branch_id="P2"),
                        dated("B_LATE", SPRING, branch_id="P4"),
                        dated("B_LATE_TEXT", SPRING, partner_id="P", branch_text="名古屋支店"),
                        dated("B_OPENED", SPRING, branch_id="P5"),
                        dated("B_GONE", AUTUMN, branch_id="P4"),
                        dated("R_BEFORE", SPRING, partner_id="P", rep_text="佐藤花子"),
                        dated("R_AFTER", SUMMER, partner_id="P", rep_text="佐藤花子"),
                        dated("R_RENAMED", SUMMER, partner_id="P", rep_text="鈴木花子"),
                        dated("MAIL_OLD", SPRING, rep_email="Sato@p.example"),
                        dated("MAIL_OLD_AFTER", SUMMER, rep_email="sato@p.example"),
                        dated("MAIL_NEW", SUMMER, rep_email="suzuki@p.example"),
                        dated("MAIL_NEW_BEFORE", SPRING, rep_email="suzuki@p.example"),
                        dated("MAIL_LEFT", AUTUMN, rep_email="suzuki@p.example"),
                        dated("DESK_BEFORE", SPRING, rep_email="desk@p.example"),
                        dated("DESK_AFTER", SUMMER, rep_email="desk@p.example"),
                        dated("R_GONE", SUMMER, partner_id="P", rep_text="森一郎"),
                    ),
                },
            }
        )
    )


@pytest.mark.parametrize(
    ("deal", "branch", "reason"),
    [
        ("OLD_BEFORE", "IMPLICIT:OLD", None),
        ("NEW_AFTER", "IMPLICIT:NEW", None),
        ("NEW_ID_BEFORE", "UNKNOWN:NEW", "BRANCH_UNKNOWN"),  # no conflict: the id's company has that name
        ("OLD_ID_AFTER", "UNKNOWN:OLD", "BRANCH_UNKNOWN"),
        ("RENAMED_BEFORE", "IMPLICIT:WAS", None),
        ("RENAMED_AFTER", "UNRESOLVED", "PARTNER_UNKNOWN"),
        ("RENAMED", "IMPLICIT:WAS", None),
        ("GONE", "UNRESOLVED", "PARTNER_UNKNOWN"),
        ("MERGED", "P1", None),  # the successor has the name of the company that it took over
        ("LATE_BEFORE", "UNRESOLVED", "PARTNER_UNKNOWN"),
        ("LATE_AFTER", "IMPLICIT:LATE", None),
        ("LATE_ID_BEFORE", "UNKNOWN:LATE", "BRANCH_UNKNOWN"),
        ("LONG_BEFORE", "UNRESOLVED", "PARTNER_UNKNOWN"),  # it is another company than 甲
        ("LONG", "IMPLICIT:LONG", None),
        ("B_OLD", "P2", None),
        ("B_NEW", "P2B", None),
        ("B_NEW_ID", "UNKNOWN:P", "BRANCH_CLOSED_AT_DATE"),
        ("B_OLD_ID", "UNKNOWN:P", "BRANCH_CLOSED_AT_DATE"),
        ("B_LATE", "UNKNOWN:P", "BRANCH_CLOSED_AT_DATE"),
        ("B_LATE_TEXT", "UNKNOWN:P", "BRANCH_CLOSED_AT_DATE"),
        ("B_OPENED", "P5", None),  # opened_on says that it was there
        ("B_GONE", "UNKNOWN:P", "BRANCH_CLOSED_AT_DATE"),
        ("R_BEFORE", "P1", None),
        ("R_AFTER", "P3", None),
        ("R_RENAMED", "P1", None),
        ("MAIL_OLD", "P1", None),
        ("MAIL_OLD_AFTER", "UNRESOLVED", "PARTNER_UNKNOWN"),
        ("MAIL_NEW", "P1", None),
        ("MAIL_NEW_BEFORE", "UNRESOLVED", "PARTNER_UNKNOWN"),
        ("MAIL_LEFT", "P1", None),  # no extract of the roster came after the second, so nobody left
        ("DESK_BEFORE", "P1", None),  # one rep's address, then another's
        ("DESK_AFTER", "P3", None),
    ],
)
def test_names_and_branches_of_the_day(built: Built, deal: str, branch: str, reason: str | None) -> None:
    assert decisions(built)[deal] == (branch, reason)


def test_a_rep_whom_the_roster_lacks_lends_the_name_to_nobody(built: Built) -> None:
    assert decisions(built)["R_GONE"][0] == "UNKNOWN:P"


def test_openings_follow_from_the_extracts(built: Built) -> None:
    opened = {row["branch_id"]: (row["opened_on"], row["closed_on"]) for row in built["core.dim_branch"]}
    assert opened["P1"] == (None, None)
    assert opened["P2"] == (None, SECOND)
    assert opened["P2B"] == (SECOND, None)
    assert opened["P5"] == (date(2025, 4, 1), THIRD)
    assert opened["IMPLICIT:LATE"] == (SECOND, None)
    assert opened["IMPLICIT:OLD"] == (None, SECOND)
