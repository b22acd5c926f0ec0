"""The ways to read a text: partner, branch, department, and where each may begin and end."""

import pytest
from hypothesis import given

from orchestration.names.normal import Normaliser
from orchestration.names.readings import Reader, Reading
from tests.names.test_normal import NORMALISER, TEXTS

PARTNERS = {"ヤマダ商事", "ヤマダ", "大塚本店", "大塚", "東京"}
BRANCHES = {"大阪", "大阪支店", "大阪営業所", "大阪北支店", "大阪北", "京都", "京都支店"}


@pytest.fixture(scope="module")
def reader(normaliser: Normaliser) -> Reader:
    return Reader(normaliser, PARTNERS, BRANCHES)


def read(reader: Reader, text: str, partner_key: str) -> dict[tuple[str, str], tuple[bool, bool]]:
    """Return branch and department of the readings with this partner, and whether bounded and open to stems."""
    return {
        (reading.branch_key, reading.department): (reading.is_bounded, reading.allows_stem)
        for reading in reader.readings(NORMALISER.name(text))
        if reading.partner_key == partner_key
    }


@pytest.mark.parametrize(
    ("text", "branch_key", "is_bounded"),
    [
        ("ﾔﾏﾀﾞ商事㈱ 大阪", "大阪", True),
        ("ヤマダ商事株式会社（大阪支店）", "大阪支店", True),
        ("ヤマダ商事株式会社大阪支店", "大阪支店", True),
        ("(株)ヤマダ商事/大阪支店", "大阪支店", True),
        ("ヤマダ商事大阪支店", "大阪支店", False),
        ("ヤマダ商事", "", True),
        ("ヤマダ商事様", "", True),
        ("ヤマダ商事 御中", "", True),
        ("ヤマダ商事様　大阪支店様", "大阪支店", True),
        ("ヤマダ商事ホールディングス", "ホールディングス", False),
        ("ヤマダ商事(北海道)", "北海道", True),
    ],
)
def test_partner_then_branch(reader: Reader, text: str, branch_key: str, is_bounded: bool) -> None:
    assert read(reader, text, "ヤマダ商事")[branch_key, ""] == (is_bounded, True)


def test_a_company_called_head_office_is_read_both_ways_and_only_one_is_bounded(reader: Reader) -> None:
    assert read(reader, "株式会社大塚本店", "大塚本店") == {("", ""): (True, True)}
    assert read(reader, "株式会社大塚本店", "大塚") == {("本店", ""): (False, True)}


def test_a_name_inside_another_is_no_reading(reader: Reader) -> None:
    assert read(reader, "東京都", "") == {("東京都", ""): (True, True)}
    assert read(reader, "東京都", "東京") == {("都", ""): (False, True)}
    assert all(reading.branch_key != "京都" for reading in reader.readings(NORMALISER.name("東京都")))
    assert read(reader, "新ヤマダ商事", "ヤマダ商事") == {}


def test_only_registered_partners_are_split_off(reader: Reader) -> None:
    found = {reading.partner_key for reading in reader.readings(NORMALISER.name("ヤマダ商事大阪支店"))}
    assert found == {"", "ヤマダ", "ヤマダ商事"}


@pytest.mark.parametrize(
    ("text", "branch_key", "department", "allows_stem"),
    [
        ("大阪支店 第一営業部", "大阪支店", "第一営業部", True),
        ("大阪支店第一営業部", "大阪支店", "第一営業部", True),
        ("大阪第一営業部", "大阪", "第一営業部", True),
        ("大阪法人営業2課", "大阪", "法人営業2課", True),
        ("大阪法人営業部第二課", "大阪", "法人営業部第二課", True),
        ("大阪第3グループ", "大阪", "第3グループ", True),
        ("大阪 北営業部", "大阪", "北営業部", True),  # a boundary: 北営業部 is a department of 大阪
        ("大阪北営業部", "大阪", "北営業部", False),  # no boundary: it may be the branch 大阪北
        ("大阪北営業部", "大阪北", "営業部", True),
        ("大阪支店ソリューション推進部", "大阪支店", "ソリューション推進部", False),
    ],
)
def test_department_after_a_branch(
    reader: Reader, text: str, branch_key: str, department: str, allows_stem: bool
) -> None:
    assert read(reader, text, "")[branch_key, department] == (True, allows_stem)
    assert read(reader, f"ヤマダ商事{text}", "ヤマダ商事")[branch_key, department] == (False, allows_stem)


@pytest.mark.parametrize(
    ("text", "is_department"),
    [
        ("第一営業部", True),
        ("第3事業部", True),
        ("法人営業部", True),
        ("ソリューション推進部", False),
        ("大阪営業部", False),
    ],
)
def test_department_without_a_branch(reader: Reader, text: str, is_department: bool) -> None:
    assert (("", NORMALISER.name(text).key) in read(reader, f"ヤマダ商事 {text}", "ヤマダ商事")) == is_department


@pytest.mark.parametrize(
    ("text", "branch_key", "department", "branch_stem"),
    [
        ("高岡支店", "高岡支店", "", "高岡"),
        ("高岡支店第一営業部", "高岡支店", "第一営業部", "高岡"),
        ("高岡支店ソリューション推進部", "高岡支店", "ソリューション推進部", "高岡"),
        ("大阪支店", "大阪支店", "", None),  # 大阪 is a stem of a registered name, and no name without a suffix
    ],
)
def test_a_suffix_that_the_registered_name_lacks(
    text: str, branch_key: str, department: str, branch_stem: str | None
) -> None:
    reader = Reader(NORMALISER, PARTNERS, {*BRANCHES, "高岡"}, {"高岡"})
    found = [
        r for r in reader.readings(NORMALISER.name(text)) if (r.branch_key, r.department) == (branch_key, department)
    ]
    assert [(r.branch_stem, r.allows_stem) for r in found] == [(branch_stem, True)]


@pytest.mark.parametrize(
    ("text", "partner_key", "is_bounded"),
    [
        ("ヤマダ・テクノロジー株式会社", "ヤマダ", False),
        ("ヤマダ テクノロジー㈱ 大阪支店", "ヤマダ", False),
        ("㈱ヤマダ・大阪支店", "ヤマダ", True),
        ("ヤマダ㈱・大阪支店", "ヤマダ", True),
        ("ヤマダ・大阪支店", "ヤマダ", True),
    ],
)
def test_the_part_before_a_legal_form_is_one_name(
    reader: Reader, text: str, partner_key: str, is_bounded: bool
) -> None:
    assert {bounded for bounded, _ in read(reader, text, partner_key).values()} == {is_bounded}


def test_no_department_is_removed_after_an_unregistered_branch(reader: Reader) -> None:
    assert set(read(reader, "名古屋支店 第一営業部", "")) == {("名古屋支店第一営業部", "")}


def test_a_removed_department_has_a_department_ending(normaliser: Normaliser) -> None:
    assert set(read(Reader(normaliser, set(), {"大阪チー"}), "大阪チーム", "")) == {("大阪チーム", "")}


@given(TEXTS)
def test_readings_are_distinct_and_lose_nothing(text: str) -> None:
    reader = Reader(NORMALISER, PARTNERS, BRANCHES)
    name = NORMALISER.name(text)
    readings = list(reader.readings(name))
    assert len({(r.partner_key, r.branch_key, r.department) for r in readings}) == len(readings)
    assert Reading("", True, name.key, "", True) in readings
    assert all(r.partner_key in PARTNERS | {""} for r in readings)
    for r in readings:
        whole = r.partner_key + r.branch_key + r.department
        assert whole == name.key or len(whole) < len(name.key)  # without 様
        if r.is_bounded and whole == name.key:
            assert len(r.partner_key) in name.boundaries
