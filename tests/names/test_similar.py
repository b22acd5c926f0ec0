"""Suggestions for texts without a match: the partners and branches, their order and their number."""

import pytest

from orchestration.names.registry import Registered
from orchestration.names.similar import LIMIT, Similar, similar
from tests.names.test_normal import NORMALISER

PARTNERS = [
    Registered("ヤマダ商事", "株式会社ヤマダ商事", "P1"),
    Registered("ヤマダ", "ヤマダ", "P1"),
    Registered("ヤマダ電機", "ヤマダ電機", "P2"),
    Registered("青葉データサービス", "㈱青葉データサービス", "P3"),
    Registered("青葉システムズ", "青葉システムズ", "P4"),
]


def suggest(text: str, registered: list[Registered] = PARTNERS) -> list[Similar]:
    return list(similar({text: NORMALISER.name(text).parts_from(0)}, registered))


@pytest.mark.parametrize(
    ("text", "partner_id"),
    [
        ("ヤマタ商事", "P1"),  # a wrong letter
        ("ヤダマ商事", "P1"),  # two letters exchanged
        ("ヤマ商事", "P1"),  # one letter lost
        ("ヤママダ商事", "P1"),  # one letter too many
        ("㈱ヤマタ商事 大阪支店 第一営業部", "P1"),  # with more text after it
        ("青葉デ-タサ-ビス", "P3"),  # hyphens for the long vowel
        ("青葉シテスムズ大阪支店", "P4"),
    ],
)
def test_a_typing_error_finds_its_partner_first(text: str, partner_id: str) -> None:
    assert suggest(text)[0].partner_id == partner_id


def test_unrelated_names_get_no_suggestion() -> None:
    assert suggest("みどり農産") == []
    assert suggest("ヤマタ商事", []) == []


def test_a_partner_is_suggested_once_by_its_best_name() -> None:
    [first, *others] = suggest("ヤマダ商亊")
    assert (first.partner_id, first.branch_id, first.similar_to) == ("P1", None, "株式会社ヤマダ商事")
    assert 80 <= first.score < 100
    assert all(other.partner_id != "P1" and other.score <= first.score for other in others)


def test_few_are_suggested_and_ties_go_by_id() -> None:
    many = [Registered(f"ヤマダ{kind}", kind, f"P{number}") for number, kind in enumerate("東西南北", start=1)]
    found = suggest("ヤマダ本", many[::-1])
    assert [one.partner_id for one in found] == ["P1", "P2", "P3"][:LIMIT]
    assert found == suggest("ヤマダ本", many)


def test_two_similar_branches_are_suggested_not_matched() -> None:
    [found] = suggest("東京支社", [Registered("東京支店", "東京支店", "P1", "B1")])
    assert found.branch_id == "B1" and 85 < found.score < 90
