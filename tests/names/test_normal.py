"""Normalised keys: a table of spellings that people type, and invariants for any text."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestration.names.normal import Normaliser
from orchestration.names.rules import load_rules

NORMALISER = Normaliser(load_rules())  # Hypothesis does not accept function-scoped fixtures

SPELLINGS = [
    # One company in many spellings.
    ("株式会社ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("ヤマダ商事株式会社", ["ヤマダ商事"], "株式会社"),
    ("ﾔﾏﾀﾞ商事㈱", ["ヤマダ商事"], "株式会社"),
    ("㍿ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("(株)ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("（株）　ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("( 株 ) ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("【株】ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("㊑ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("株）ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("ヤマダ商事（株", ["ヤマダ商事"], "株式会社"),
    ("カ）ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("株 式 会 社 ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("株\u200b式会社ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("K.K.ヤマダ商事", ["ヤマダ商事"], "株式会社"),
    ("ヤマダ商事 Ｃｏ．，Ｌｔｄ．", ["ヤマダ商事"], "株式会社"),
    ("ヤマダ商事㏍", ["ヤマダ商事"], "株式会社"),
    # Other forms, the longest first; the canonical name of an abbreviation.
    ("㈲佐藤電機", ["佐藤電機"], "有限会社"),
    ("佐藤電機(同)", ["佐藤電機"], "合同会社"),
    ("一般社団法人みらい", ["みらい"], "一般社団法人"),
    ("(一社)みらい", ["みらい"], "一般社団法人"),
    ("公益財団法人みらい", ["みらい"], "公益財団法人"),
    ("医療法人社団あおい会", ["あおい会"], "医療法人社団"),
    ("NPO法人みらい", ["みらい"], "特定非営利活動法人"),
    ("株式会社(有)ヤマダ", ["ヤマダ"], "株式会社"),
    # Latin forms are words, never parts of one; the short ones only at the front or the end.
    ("Yamada Shoji Co., Ltd.", ["yamada", "shoji"], "株式会社"),
    ("Yamada Shoji Inc. Osaka", ["yamada", "shoji", "osaka"], "株式会社"),
    ("Principal Group", ["principal", "group"], None),
    ("Monaco", ["monaco"], None),
    ("Inca Corporation", ["inca"], "株式会社"),
    ("Tea Co Japan", ["tea", "co", "japan"], None),
    ("Tea Co.", ["tea"], "株式会社"),
    ("LLCoolシステムズ", ["llcoolシステムズ"], None),
    # No legal forms.
    ("株主サービス", ["株主サービス"], None),
    ("ヤマダ(東)", ["ヤマダ", "東"], None),
    # Width, case, composition, variants.
    ("ｶﾞｽﾊﾟｰﾙ", ["ガスパール"], None),
    ("ガスパール", ["ガスパール"], None),
    ("カ゛スハ゜ール", ["ガスパール"], None),
    ("ＡＢＣ商会", ["abc商会"], None),
    ("髙橋製作所", ["高橋製作所"], None),
    ("濵﨑邉澤廣國", ["浜崎辺沢広国"], None),
    ("𠮷野家", ["吉野家"], None),
    ("渡邊󠄁事務機", ["渡辺事務機"], None),  # with a variation selector
    ("八ヶ岳オフィス", ["八ケ岳オフィス"], None),
    ("斉藤 斎藤", ["斉藤", "斎藤"], None),  # two names
    # The long vowel and the number one stay; hyphens and dashes go.
    ("データ一番館", ["データ一番館"], None),
    ("ﾃﾞｰﾀ", ["データ"], None),
    *[(f"ヤマダ{dash}大阪", ["ヤマダ", "大阪"], None) for dash in "-‐‑‒–—―−－─"],
    # Separators.
    ("ヤマダ・オフィス", ["ヤマダ", "オフィス"], None),
    ("ヤマダ･オフィス", ["ヤマダ", "オフィス"], None),
    ("ヤマダ商事／大阪｜北＞一課", ["ヤマダ商事", "大阪", "北", "一課"], None),
    ("エー＆ビー★シー", ["エー", "ビー", "シー"], None),
    ("ヤマダ商事株式会社（大阪支店）", ["ヤマダ商事", "大阪支店"], "株式会社"),
    ("ヤマダ商事株式会社大阪支店", ["ヤマダ商事", "大阪支店"], "株式会社"),
    ("(株)ヤマダ商事/大阪支店 第一営業部", ["ヤマダ商事", "大阪支店", "第一営業部"], "株式会社"),
    ("ヤマダ商事大阪支店", ["ヤマダ商事大阪支店"], None),
    ("ヤマダ´商事", ["ヤマダ", "商事"], None),
    ("\tヤマダ\r\n商事\u3000", ["ヤマダ", "商事"], None),
    # A character of a private use area may distinguish another name.
    ("\ue000田商店", ["\ue000田商店"], None),
    # Nothing left.
    ("株式会社", [], "株式会社"),
    ("（株）", [], "株式会社"),
    ("Co., Ltd.", [], "株式会社"),
    ("株(有)式会社", [], "有限会社"),
    ("", [], None),
    ("　", [], None),
    ("－―‐", [], None),
]


@pytest.mark.parametrize(("text", "words", "legal_form"), SPELLINGS)
def test_spelling(normaliser: Normaliser, text: str, words: list[str], legal_form: str | None) -> None:
    name = normaliser.name(text)
    assert (list(name.words), name.legal_form) == (words, legal_form)


def test_boundaries_are_where_something_was_removed(normaliser: Normaliser) -> None:
    name = normaliser.name("(株)ヤマダ商事/大阪支店")
    assert (name.key, name.boundaries) == ("ヤマダ商事大阪支店", {0, 5, 9})


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("大阪支店", "大阪"),
        ("大阪 営業所", "大阪"),
        ("東京本社", "東京"),
        ("大阪営業支店", "大阪"),  # the longest suffix
        ("本社", None),
        ("大阪", None),
        ("支店長会", None),
        ("Osaka Office", "osaka"),
        ("株式会社大塚本店", "大塚"),  # the text alone does not show whether this is a branch
    ],
)
def test_stem(normaliser: Normaliser, text: str, stem: str | None) -> None:
    assert normaliser.entry(text).stem == stem


@pytest.mark.parametrize(
    ("text", "person_key", "surname_key"),
    [
        ("佐藤　翔太", "佐藤翔太", "佐藤"),
        ("佐藤翔太", "佐藤翔太", None),
        ("佐藤 翔太 様", "佐藤翔太", "佐藤"),
        ("佐藤さん", "佐藤", None),
        ("佐藤 様", "佐藤", None),
        ("髙橋氏", "高橋", None),
        ("佐藤営業部長殿", "佐藤", None),
        ("佐藤(支店長代理)", "佐藤", None),
        ("佐藤 翔太 課長", "佐藤翔太", "佐藤"),
        ("Ｓａｔｏ　Ｔａｒｏ", "satotaro", "sato"),
        ("Sato-san", "sato", None),
        ("Mr. Sato", "sato", None),
        ("Susan", "susan", None),
        ("ジョン・スミス", "ジョンスミス", None),  # without a space the surname is unknown
        ("部長 様", None, None),
        ("様", None, None),
    ],
)
def test_person(normaliser: Normaliser, text: str, person_key: str | None, surname_key: str | None) -> None:
    entry = normaliser.entry(text)
    assert (entry.person_key, entry.surname_key) == (person_key, surname_key)
    assert normaliser.person(text) == (person_key, surname_key)


NOBODY = ["なし", "ﾅｼ", "無し。", "直販", "（直販）", "該当 なし", "N/A", "ｎ／ａ", "None", "NULL", "自社"]
NOTHING = ["", "　", "-", "－", "―", "ー", "ーー", "ｰ", "...", "・", "(-)", "〜", "×"]


@pytest.mark.parametrize("text", [*NOBODY, *NOTHING])
def test_words_for_no_partner(normaliser: Normaliser, text: str) -> None:
    assert normaliser.entry(text).is_nobody


@pytest.mark.parametrize(
    "text", ["一", "なし商店", "不明", "未定", "株式会社", "株式会社なし", "㈱ダイレクト", "梨", "直販課"]
)
def test_names_that_are_no_such_words(normaliser: Normaliser, text: str) -> None:
    assert not normaliser.entry(text).is_nobody


# Texts that are likely to be split at the wrong place, and any other text.
_SCRAPS = """
    株 式 会 社 株式会社 (株) ㈱ ㍿ (有) 有限会社 co . , ltd inc i n c k.k. ( ) 【 】 ・ - ― ー 一 ﾞ ﾟ ゛ か が 髙 㐂
    ヤマダ ﾔﾏﾀﾞ 大阪 支店 様 さん 部長 第 1 営業部 İ ß ﬁ ㌢ ™ ㊑ \u200b \ufe00 \ue000 \u1100 \u1161 \u0345 𝒜 ½
"""
TEXTS = st.one_of(
    st.text(max_size=30), st.lists(st.sampled_from([*_SCRAPS.split(), " ", "　", "\n"]), max_size=8).map("".join)
)
# None of these characters combines with its neighbour, so that spaces between them change nothing.
PLAIN = st.text(alphabet="株式会社有限合同山田商事大阪支店ヤマダガー一1", max_size=20)


@given(TEXTS)
@example("株・式会社")
@example("ヤマダ i.n.c")
@example("ヤkk:kk")
@example("ᄀ ᅡ")
def test_normalising_a_key_changes_nothing(text: str) -> None:
    key = NORMALISER.name(text).key
    assert NORMALISER.name(key).key == key


@given(TEXTS)
def test_composition_does_not_matter(text: str) -> None:
    entry = NORMALISER.entry(unicodedata.normalize("NFC", text))
    assert NORMALISER.entry(unicodedata.normalize("NFD", text)) == entry._replace(
        text=unicodedata.normalize("NFD", text)
    )


@given(TEXTS)
def test_a_key_has_no_space_and_no_punctuation(text: str) -> None:
    entry = NORMALISER.entry(text)
    for key in filter(None, (entry.name_key, entry.person_key, entry.surname_key, entry.stem)):
        assert key and not any(unicodedata.category(c)[0] in "ZPS" or c.isspace() for c in key)


@given(TEXTS)
def test_boundaries_lie_in_the_key_from_start_to_end(text: str) -> None:
    name = NORMALISER.name(text)
    assert {0, len(name.key)} <= name.boundaries <= set(range(len(name.key) + 1))


@given(PLAIN, st.sampled_from([" ", "　", "\u200b"]))
def test_spaces_change_no_key(text: str, space: str) -> None:
    spaced = NORMALISER.name(space.join(text))
    assert (spaced.key, spaced.legal_form) == (NORMALISER.name(text).key, NORMALISER.name(text).legal_form)


@given(st.text(alphabet="AZaz09!-~() .,&/", max_size=20))
def test_width_and_case_do_not_matter(text: str) -> None:
    wide = "".join("　" if c == " " else chr(ord(c) + 0xFEE0) for c in text)
    assert NORMALISER.name(wide) == NORMALISER.name(text) == NORMALISER.name(text.upper())


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("株式会社髙橋製作所", "髙橋製作所"),
        ("高橋製作所", "高橋製作所"),
        ("中國（株）・Ａｓｉａ", "中國asia"),
        ("株式會社中國", "中國"),
    ],
)
def test_a_spelling_keeps_the_kanji_as_typed(text: str, spelling: str) -> None:
    assert NORMALISER.entry(text).spelling == spelling


@given(TEXTS)
def test_a_spelling_is_as_long_as_the_key(text: str) -> None:
    entry = NORMALISER.entry(text)
    assert len(entry.spelling or "") == len(entry.name_key or "")
