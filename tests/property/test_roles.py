"""The role that a deal states outweighs the type of a company."""

import pytest

from tests.property.small import FIRST, company, deals, decisions, rows
from tests.property.workshop import Built, Workshop


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> Built:
    """Return distributors D1 (one branch), D2 (two branches) and reseller R (one branch), in several roles."""
    two_tier = {"channel": "distributor"}
    return workshop.unguarded().build(
        company(
            {
                FIRST: {
                    "partners": rows(
                        "partner_id partner_name partner_type",
                        ("D1", "第一卸", "distributor"),
                        ("D2", "第二卸", "distributor"),
                        ("R", "みどり電算", "reseller"),
                    ),
                    "branches": rows(
                        "branch_id partner_id branch_name",
                        ("D1A", "D1", "本社"),
                        ("D2A", "D2", "大阪支店"),
                        ("D2B", "D2", "東京支店"),
                        ("RA", "R", "本社"),
                    ),
                    "deal_participants": rows(
                        "deal_id role party_type party_id",
                        ("CALLED", "distributor", "partner", "D1"),
                        ("CALLED", "reseller", "branch", "D2B"),
                        ("UNCALLED", "distributor", "partner", "D1"),
                        ("BY_TEXT", "distributor", "partner", "D2"),
                        ("BY_BRANCH_TEXT", "distributor", "partner", "D1"),
                        ("SOLE", "reseller", "partner", "D1"),
                        ("BESIDE", "distributor", "partner", "D2"),
                        ("BESIDE", "reseller", "branch", "RA"),
                    ),
                    "deals": deals(
                        {"deal_id": "CALLED", **two_tier, "partner_id": "D2"},
                        {"deal_id": "UNCALLED", **two_tier, "partner_id": "D2", "branch_id": "D2A"},
                        {"deal_id": "BY_TEXT", **two_tier, "partner_text": "第一卸"},
                        {"deal_id": "BY_BRANCH_TEXT", **two_tier, "partner_id": "D2", "branch_text": "東京支店"},
                        {"deal_id": "SOLE", **two_tier, "partner_id": "D1"},
                        {"deal_id": "BESIDE", **two_tier, "partner_id": "D1"},
                        {"deal_id": "ALONE", **two_tier, "partner_id": "D1"},
                        {"deal_id": "RESALE", "channel": "resale", "partner_id": "D1"},
                        {"deal_id": "TWO", **two_tier, "partner_id": "D1", "partner_text": "第二卸"},
                    ),
                }
            }
        )
    )


@pytest.mark.parametrize(
    ("deal", "branch", "reason"),
    [
        ("CALLED", "D2B", None),  # the deal calls it the reseller
        ("UNCALLED", "D2A", None),  # the deal calls another company its distributor, and nobody else sells
        ("BY_TEXT", "D1A", None),
        ("BY_BRANCH_TEXT", "D2B", None),
        ("SOLE", "D1A", None),  # its only branch counts, as any reseller's
        ("BESIDE", "RA", None),  # somebody sells: D1 stays a distributor, by its type
        ("ALONE", "UNKNOWN:D1", "BRANCH_UNKNOWN"),
        ("RESALE", "UNKNOWN:D1", "BRANCH_UNKNOWN"),
        ("TWO", "UNRESOLVED", "CONFLICT_PARTNER"),  # both companies are in the roster
    ],
)
def test_the_role_outweighs_the_type(built: Built, deal: str, branch: str, reason: str | None) -> None:
    assert decisions(built)[deal] == (branch, reason)


def test_the_other_side_has_influence(built: Built) -> None:
    found = {(row["deal_id"], row["branch_id"], row["role"]) for row in built["attribution.influence"]}
    assert {row for row in found if row[0] in ("CALLED", "BESIDE")} == {
        ("CALLED", "UNKNOWN:D1", "distributor"),
        ("BESIDE", "UNKNOWN:D1", "distributor"),
        ("BESIDE", "UNKNOWN:D2", "distributor"),
    }
