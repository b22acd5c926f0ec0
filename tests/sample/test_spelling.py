"""Names on deals mean one partner and one branch in every spelling; typing errors match no other one."""

import re
import unicodedata
from collections import defaultdict

import duckdb
import pytest

from tools.sample import names, spelling

DEPARTMENT = re.compile(r"(第[一二])?(法人)?営業[部課]$")
LEGAL_FORM = re.compile(r"株式会社|有限会社|\((株|有)\)")
NOT_A_LETTER = re.compile(r"[^\w]|_")


def key(text: str) -> str:
    """Return the plain spelling of a name."""
    plain = unicodedata.normalize("NFKC", text).translate(str.maketrans(spelling.VARIANT, spelling.PLAIN)).lower()
    return NOT_A_LETTER.sub("", LEGAL_FORM.sub("", plain))


def readings(
    landed: duckdb.DuckDBPyConnection, partner_names: dict[str, set[str]], branch_names: dict[str, dict[str, set[str]]]
) -> dict[str, set[tuple[str, str]]]:
    """Return for each deal every partner and branch that its texts could mean on any day."""
    found: dict[str, set[tuple[str, str]]] = {}
    texts = landed.execute(
        """select deal_id, partner_id, partner_text, branch_text, channel from current_deals
           where coalesce(partner_text, branch_text) is not null and deal_id like 'D%'"""
    ).fetchall()
    for deal, partner_id, partner_text, branch_text, channel in texts:
        text, branch = key(partner_text or ""), key(branch_text or "")
        # Each beginning of the text may be a partner's name. A partner id needs no such name. On a two-tier deal the id
        # is the distributor's, whose branch is not meant.
        splits = [(p, text[n:] + branch) for n in range(1, len(text) + 1) for p in partner_names.get(text[:n], ())]
        splits += [(partner_id, branch)] if partner_id and not text and channel != "distributor" else []
        found[deal] = {
            (partner, place)
            for partner, rest in splits
            for ending in {rest, DEPARTMENT.sub("", rest)}
            for place in (branch_names[partner].get(ending, set()) if ending else {""})
        }
    return found


@pytest.fixture(scope="module")
def read(landed: duckdb.DuckDBPyConnection) -> dict[str, set[tuple[str, str]]]:
    """Return what the ordinary deals' texts could mean, read with every name ever registered."""
    partner_names: dict[str, set[str]] = defaultdict(set)
    branch_names: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    owner = dict(landed.execute("select distinct branch_id, partner_id from branches").fetchall())
    for partner, name in landed.execute("select distinct partner_id, partner_name from partners").fetchall():
        partner_names[key(name)].add(partner)
    for branch, name in landed.execute("select distinct branch_id, branch_name from branches").fetchall():
        for called in {name, re.sub("(支店|営業所|支社|オフィス)$", "", name)}:
            branch_names[owner[branch]][key(called)].add(branch)
    aliases = landed.execute("select distinct entity_type, entity_id, alias from aliases").fetchall()
    for kind, entity, alias in aliases:
        if kind == "partner":
            partner_names[key(alias)].add(entity)
        else:
            branch_names[owner[entity]][key(alias)].add(entity)
    return readings(landed, partner_names, branch_names)


def test_a_text_means_the_answer_and_nothing_else(
    landed: duckdb.DuckDBPyConnection, read: dict[str, set[tuple[str, str]]]
) -> None:
    answers = landed.execute(
        """select deal_id, expected_partner_id, expected_branch_id, expected_rung = 'L7', damaged from truth_deals"""
    ).fetchall()
    whole = by_branch = 0
    for deal, partner, branch, only_names, damaged in answers:
        meant = read.get(deal)
        if meant is None or partner == "DIRECT":
            assert not meant
            continue
        assert {p for p, _ in meant} <= {partner}, deal
        assert {b for _, b in meant if b} <= {branch}, deal
        if not any(lost in (damaged or "") for lost in ("name", "says nobody", "partner_id")):
            assert meant, deal
            whole += 1
        if only_names and not damaged:
            assert (partner, branch) in meant, deal
            by_branch += 1
    assert whole > by_branch > 10


def test_a_name_of_a_rep_is_unique_in_the_partner(landed: duckdb.DuckDBPyConnection) -> None:
    query = """
        with people as (
            select distinct b.partner_id, r.rep_id, replace(r.rep_name, ' ', '') as name,
                split_part(r.rep_name, ' ', 1) as surname
            from reps r join rep_assignments using (rep_id) join branches b using (branch_id)
        )
        select t.deal_id, t.expected_rung, t.damaged, t.expected_branch_id, d.rep_text, list(distinct p.rep_id)
        from current_deals d join truth_deals t using (deal_id)
        left join people p on p.partner_id = t.expected_partner_id
            and list_contains([p.name, p.surname],
                regexp_replace(translate(d.rep_text, '髙﨑濱', '高崎浜'), '様|さん|氏|殿| |　', '', 'g'))
        where d.rep_text is not null and t.deal_id like 'D%' group by all
    """
    found = landed.execute(query).fetchall()
    assert len(found) > 5
    for deal, _, damaged, _, text, reps in found:
        misspelt = "rep_name" in (damaged or "")
        assert len([r for r in reps if r]) == (0 if misspelt else 1), (deal, text)


def test_typing_errors_are_no_registered_name() -> None:
    taken = set(names.SURNAMES)
    slips = [slip for name in names.SURNAMES for slip in spelling.typos(name, taken)]
    assert slips and not taken.intersection(slips)
    assert "林" not in spelling.typos("小林", taken)
    assert all(spelling.typos(name, taken) for name in names.SURNAMES)


@pytest.mark.parametrize("text", ["システムズ", "オフィスグループ", "データサービス", "コンサルティング", "ブランチ"])
def test_half_width_is_the_same_text(text: str) -> None:
    narrow = spelling.half_width(text)
    assert narrow != text
    assert unicodedata.normalize("NFKC", narrow) == text
    assert unicodedata.normalize("NFKC", spelling.full_width("BO")) == "BO"


def test_texts_have_many_spellings(landed: duckdb.DuckDBPyConnection) -> None:
    texts = [t for (t,) in landed.execute("select partner_text from deals where partner_text is not null").fetchall()]
    for sign in ("株式会社", "㈱", "(株)", "（株）", "（", "【", "　", "・", "営業部", "グループ"):
        assert any(sign in text for text in texts), sign
    assert any(unicodedata.normalize("NFKC", text) != text and "ｸﾞ" in text for text in texts)
