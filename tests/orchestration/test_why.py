"""`why` for deals whose answer is known: the text must contain the facts."""

import re
from pathlib import Path

import duckdb
import pytest

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.why import WORDS, explain
from tests.conftest import run_cli


def section(text: str, heading: str) -> str:
    """Return the lines below a heading as one text; empty without the heading."""
    found = re.search(rf"^{re.escape(heading)}\n((?:  .*\n?)+)", text, re.MULTILINE)
    return found[1] if found else ""


@pytest.fixture(scope="module")
def why(built_home: Home):
    return lambda deal, lang="en": explain(built_home, deal, lang)


def test_a_rep_who_moved_is_shown_with_the_dates(why) -> None:
    text = why("TRAP01-A")
    assert "Branch: 東京支店 [TRAP01-TOKYO] of 株式会社アオキ商店 [TRAP01], by the organisation of 2024-03-20" in text
    assert "Rep: 青木 進 [TRAP01-R1]" in text
    assert "Credit date: 2024-03-20, the approved registration was submitted then" in text
    assert "Decided by: L2 Approved registration names the rep" in text
    decided = section(text, "What decided")
    assert "registration TRAP01-A-RG, submitted 2024-03-20" in decided
    assert "青木 進 [TRAP01-R1], who was at 東京支店 [TRAP01-TOKYO] from 2020-04-01 to 2024-03-31" in decided
    assert "today at 大阪支店 [TRAP01-OSAKA]" in decided
    assert "東京支店 [TRAP01-TOKYO] was open on 2024-03-20, opened on 2020-04-01" in decided


def test_a_tie_names_both_branches_and_the_question(why) -> None:
    text = why("TRAP08-B")
    assert "Branch: not known; the partner is 株式会社カワセ産業 [TRAP08]" in text
    assert "TIE: Several branches have equally strong evidence" in text
    evidence = section(text, "What the evidence says")
    assert "東京支店 [TRAP08-TOKYO]" in evidence and "大阪支店 [TRAP08-OSAKA]" in evidence
    asked = section(text, "For a person to decide")
    assert "Ask: Which of these branches brought the deal?" in asked
    assert re.search(r"Candidates: 1\. \S+ \[TRAP08-\w+\] .*; 2\. \S+ \[TRAP08-\w+\] ", asked)


def test_a_conflict_names_both_partners(why) -> None:
    text = why("TRAP13-B")
    assert "CONFLICT_PARTNER: The evidence points to more than one partner" in text
    evidence = section(text, "What the evidence says")
    assert "[TRAP13]" in evidence and "[TRAP13X-HQ]" in evidence
    assert "it contradicts other evidence, so nothing decides" in evidence
    assert section(text, "What decided") == ""


def test_a_persons_decision_shows_person_day_reason_and_overruled_evidence(why) -> None:
    text = why("TRAP18-A")
    assert "Decided by: L0 A person decided" in text
    decision = section(text, "A person decided")
    assert "営業企画 on 2025-08-01: 東京支店 [TRAP18-TOKYO]. Why: パートナーに確認済み" in decision
    lost = section(text, "What lost")
    assert "L3" in lost and "大阪支店 [TRAP18-OSAKA]" in lost and "a weaker rung than L0" in lost
    assert "STALE_OVERRIDE" in section(text, "For a person to check")


def test_a_direct_deal_has_no_branch(why) -> None:
    text = why("TRAP19-A")
    assert "Branch: none: the vendor sold it itself" in text
    assert "Today:" not in text


def test_a_closed_branch_is_shown_with_its_closing_day(why) -> None:
    text = why("TRAP06-C")
    wrong = section(text, "What may not count")
    assert "神戸支店 [TRAP06-KOBE]" in wrong
    assert "The branch named was not open on the credit date: it closed on 2024-10-01" in wrong


@pytest.mark.parametrize(
    ("deal", "today"),
    [
        ("TRAP06-A", "大阪支店 [TRAP06-OSAKA] of 株式会社エビス通商 [TRAP06], which took over from it"),
        ("TRAP07-B", "split among 東海東支店 [TRAP07-TOKAI-1] 70%, 東海西支店 [TRAP07-TOKAI-2] 30%"),
        ("TRAP01-A", "the same branch"),
    ],
)
def test_todays_organisation_is_shown_next_to_the_old_one(why, deal: str, today: str) -> None:
    assert f"Today: {today}\n" in why(deal)


def test_a_bridged_gap_is_shown(why) -> None:
    assert "had ended; the gap until the next one on 2024-04-11 is bridged" in why("TRAP24-A")


def test_a_restatement_shows_both_branches_and_the_cause(why) -> None:
    restated = section(why("TRAP17-B"), "Restated since")
    assert "東京支店 [TRAP17-TOKYO] → 大阪支店 [TRAP17-OSAKA]. Cause: the roster was updated late" in restated


def test_influence_is_shown_separately_from_credit(why) -> None:
    text = why("TRAP09-A")
    assert "distributor: 株式会社キタノ流通 [TRAP09D]" in section(
        text, "Others who took part (never summed with credit)"
    )


def test_the_same_in_japanese(why) -> None:
    text = why("TRAP01-A", "ja")
    assert "判定段階: L2 承認済み案件登録の営業担当" in text
    assert "2020-04-01〜2024-03-31 の所属は 東京支店 [TRAP01-TOKYO]" in section(text, "決め手となった根拠")
    assert "確認事項: どの拠点経由の案件ですか?" in why("TRAP08-B", "ja")


def test_every_deal_is_explained_in_both_languages(built_home: Home) -> None:
    """No sentence lacks a fact or a text for any evidence: one deal of every kind, and all planted deals."""
    # Open throughout: `explain` then need not load the database again for each deal.
    with engine.connect(built_home, built_home.published / "kyoten.duckdb", read_only=True) as connection:
        kinds = connection.execute(
            "select distinct min(deal_id) over (partition by evidence_code, points_to, status, reason)"
            " from attribution.deal_evidence"
            " union select deal_id from core.fct_deals where not regexp_full_match(deal_id, 'D[0-9]+')"
        ).fetchall()
        for (deal,) in kinds:
            for lang in WORDS:
                text = explain(built_home, deal, lang)
                assert text.startswith(deal)
                assert not re.search(r"\bNone\b|\{|[A-Z]{4,}_[A-Z]+\)|clock_|status_", text), text


def test_both_languages_have_the_same_sentences() -> None:
    fields = {
        lang: {key: set(re.findall(r"\{(\w+)", text)) for key, text in words.items()} for lang, words in WORDS.items()
    }
    roles = {"seller", "reseller", "distributor", "referrer", "co_sell", "implementer"}
    assert {key: names for key, names in fields["ja"].items() if key not in roles} == fields["en"]
    assert len({len(words["sections"].split("|")) for words in WORDS.values()}) == 1


def test_a_wrong_id_suggests_close_ones_and_fails(built_home: Home) -> None:
    done = run_cli(built_home, "why", "trap1-a")
    assert done.returncode == 1
    assert "There is no deal trap1-a in the current release. Did you mean TRAP01-A" in done.stderr


def test_the_language_follows_the_environment(built_home: Home) -> None:
    done = run_cli(built_home, "why", "TRAP01-A", LANG="ja_JP.UTF-8")
    assert done.returncode == 0 and "判定段階" in done.stdout


def test_without_a_release_or_a_deal_the_error_names_the_remedy(built_home: Home, tmp_path: Path) -> None:
    with pytest.raises(KyotenError, match="make refresh"):
        explain(Home(tmp_path), "TRAP01-A")
    with pytest.raises(KyotenError, match="DEAL="):
        explain(built_home, " ")


def test_the_documented_query_gives_the_same_answer(built_home: Home) -> None:
    (query,) = re.findall(r"```sql\n(.*?)```", (PROJECT / "docs/worklist.md").read_text(encoding="utf-8"), re.DOTALL)
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        relation = connection.sql(query)
        rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    first = rows[0]
    assert (first["rung"], first["meaning"]) == ("L2", "Approved registration names the rep")
    assert (first["branch_id"], first["credited_to"], first["status"]) == ("TRAP01-TOKYO", "TRAP01-TOKYO", "supporting")
    assert [row["rung"] for row in rows] == sorted((row["rung"] for row in rows), key=lambda rung: int(rung[1:]))
