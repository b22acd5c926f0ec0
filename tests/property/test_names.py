"""Both sides of a name are read alike, and a name is not more than what the text says."""

from datetime import date

import pytest

from tests.property.company import Row
from tests.property.small import FIRST, company, deals, decisions, rows
from tests.property.workshop import Built, Workshop

SECOND = date(2025, 7, 10)
SPRING, SUMMER = "2025-05-15 12:00:00", "2025-08-15 12:00:00"


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> Built:
    """Return a roster without suffixes (L), one with suffixes (W), and names that look like others."""

    def deal(name: str, created: str = SPRING, **named: str) -> Row:
        return {"deal_id": name, "created_at": created, **named}

    partners = rows(
        "partner_id partner_name",
        ("L", "北陸証券"),
        ("W", "みどり電算"),
        ("K", "甲"),
        ("C1", "中国商事"),
        ("C2", "中國商事"),
    )
    branches: list[tuple[str | None, ...]] = [
        ("L1", "L", "高岡"),
        ("L2", "L", "富山"),
        ("L3", "L", "青森"),
        ("L4", "L", "魚津"),
        ("L5", "L", "魚津支店"),
        ("W1", "W", "大阪支店"),
        ("W2", "W", "大崎支店"),
        ("W3", "W", "大﨑支店"),
        ("W4", "W", "京都支店"),
        ("K1", "K", "本社"),
        ("K2", "K", "大阪支店"),
        ("C1A", "C1", "本社"),
        ("C2A", "C2", "本社"),
    ]
    columns = "branch_id partner_id branch_name"
    return workshop.unguarded().build(
        company(
            {
                FIRST: {"partners": partners, "branches": rows(columns, *branches)},
                SECOND: {
                    "partners": partners,
                    "branches": rows(columns, *branches, ("L6", "L", "青森営業部"), ("W5", "W", "京都第一営業部")),
                    "deals": deals(
                        deal("SUFFIX", partner_id="L", branch_text="高岡支店"),
                        deal("OTHER_SUFFIX", partner_id="L", branch_text="富山営業所"),
                        deal("NONE", partner_id="L", branch_text="高岡"),
                        deal("DEPARTMENT", partner_id="L", branch_text="高岡支店第一営業部"),
                        deal("ONE_TEXT", partner_text="北陸証券高岡支店"),
                        deal("ONE_TEXT_DEPARTMENT", partner_text="㈱北陸証券 富山支店 法人営業部"),
                        deal("WHOLE", partner_id="L", branch_text="魚津支店"),
                        deal("BARE", partner_id="L", branch_text="魚津"),
                        deal("BOTH", partner_id="L", branch_text="魚津営業所"),
                        deal("OTHER_BRANCH", partner_id="W", branch_text="大阪営業所"),
                        deal("STEM", partner_id="W", branch_text="大阪"),
                        deal("UNCLEAR", partner_id="L", branch_text="青森中央営業部"),
                        deal("OTHER_DAY", partner_id="L", branch_text="青森営業部"),
                        deal("ITS_DAY", SUMMER, partner_id="L", branch_text="青森営業部"),
                        deal("STEM_OTHER_DAY", partner_text="みどり電算京都第一営業部"),
                        deal("STEM_ITS_DAY", SUMMER, partner_text="みどり電算京都第一営業部"),
                        deal("CLEAR", partner_id="L", branch_text="高岡 第一営業部"),
                        deal("NAMESAKE", partner_text="甲・テクノロジー株式会社"),
                        deal("SPACED", partner_text="甲 テクノロジー㈱ 大阪支店"),
                        deal("SEPARATOR", partner_text="㈱甲・大阪支店"),
                        deal("AFTER", partner_text="甲㈱・大阪支店"),
                        deal("EXACT", partner_text="中國商事 本社"),
                        deal("EXACT_PLAIN", partner_text="中国商事 本社"),
                        deal("BRANCH_EXACT", partner_id="W", branch_text="大﨑支店"),
                        deal("BRANCH_PLAIN", partner_text="みどり電算 大崎"),
                    ),
                },
            }
        )
    )


@pytest.mark.parametrize(
    ("deal", "branch", "reason"),
    [
        ("SUFFIX", "L1", None),
        ("OTHER_SUFFIX", "L2", None),
        ("NONE", "L1", None),
        ("DEPARTMENT", "L1", None),
        ("ONE_TEXT", "L1", None),
        ("ONE_TEXT_DEPARTMENT", "L2", None),
        ("WHOLE", "L5", None),  # a whole name comes before one without its suffix
        ("BARE", "L4", None),
        ("BOTH", "UNKNOWN:L", "BRANCH_UNKNOWN"),  # the partner also has 魚津支店
        ("OTHER_BRANCH", "UNKNOWN:W", "BRANCH_UNKNOWN"),  # suffixes come off both sides or none
        ("STEM", "W1", None),
        ("UNCLEAR", "UNKNOWN:L", "BRANCH_UNKNOWN"),  # perhaps a branch of that name, perhaps a department
        ("OTHER_DAY", "UNKNOWN:L", "BRANCH_CLOSED_AT_DATE"),  # the branch of that name opens later
        ("ITS_DAY", "L6", None),
        ("STEM_OTHER_DAY", "UNKNOWN:W", "BRANCH_CLOSED_AT_DATE"),
        ("STEM_ITS_DAY", "W5", None),
        ("CLEAR", "L1", None),
        ("NAMESAKE", "UNRESOLVED", "PARTNER_UNKNOWN"),
        ("SPACED", "UNRESOLVED", "PARTNER_UNKNOWN"),
        ("SEPARATOR", "K2", None),
        ("AFTER", "K2", None),
        ("EXACT", "C2A", None),
        ("EXACT_PLAIN", "C1A", None),
        ("BRANCH_EXACT", "W3", None),
        ("BRANCH_PLAIN", "W2", None),
    ],
)
def test_names(built: Built, deal: str, branch: str, reason: str | None) -> None:
    assert decisions(built)[deal] == (branch, reason)
