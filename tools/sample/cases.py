"""Planted cases in addition to the traps: names as people type them, inheritance, duplicates, suggestions, decisions.

As in traps.py, every answer was derived manually from the attribution rules, and no ordinary deal belongs to a planted
organisation. A case of a trap has the number of the trap.
"""

from typing import Any

from tools.sample.calendar import DELTA_EXTRACTS
from tools.sample.planted import DIRECT, UNRESOLVED, Assignment, Planted

Values = dict[str, Any]
ON, WON = "2024-07-08", "2024-09-03"
MOVE = "2024-04-01"


def plant_cases(p: Planted) -> None:
    """Plant every case, after the traps."""
    for plant in (
        spellings, dated_aliases, companies_alike, bounded_names, renamed_branch, reps_by_name, names_among_others,
        split_returns, inheritance, duplicate_registrations, suggestions, decisions, dated_rosters, plain_rosters,
        stated_roles,
    ):  # fmt: skip
        plant(p)


def by_name(
    p: Planted, deal: str, trap: int | None, case: str, branch: str, rung: str, on: str = ON, **values: Any
) -> None:
    """Add a lost deal with names and a channel as its only evidence."""
    values.setdefault("channel", "resale")
    values.setdefault("needs", "names")
    p.deal(deal, trap, case, branch, rung, on, closed_on=f"{int(on[:4]) + 1}-02-17", **values)


def spellings(p: Planted) -> None:
    """Legal forms, brackets, separators, stems, departments and variants, each of which means one branch."""
    p.partner("CASE-NAME", "株式会社ハナブサ商会")
    tokyo, osaka, nagoya = "CASE-NAME-TOKYO", "CASE-NAME-OSAKA", "CASE-NAME-NAGOYA"
    p.branch(tokyo, "CASE-NAME", "東京支店")
    p.branch(osaka, "CASE-NAME", "大阪支店")
    p.branch("CASE-NAME-OSAKA2", "CASE-NAME", "大阪営業所", closed="2023-10-01")
    p.branch(nagoya, "CASE-NAME", "名古屋支店")
    p.branch("CASE-NAME-FUKUOKA", "CASE-NAME", "福岡支店", closed=MOVE)
    for letter, case, text, branch in (
        ("A", "legal form before, branch in brackets", "㈱ハナブサ商会（東京支店）", tokyo),
        ("B", "no legal form, no separator", "ハナブサ商会大阪支店", osaka),
        ("C", "no separator, a stem", "ハナブサ商会名古屋", nagoya),
        ("D", "legal form between, half-width kana", "ﾊﾅﾌﾞｻ商会㈱東京", tokyo),
        ("E", "department after the branch", "株式会社ハナブサ商会 大阪支店 第一営業部", osaka),
        ("F", "the other branch with the stem had closed before", "ハナブサ商会(株)／大阪", osaka),
    ):
        by_name(p, f"CASE-NAME-{letter}", None, case, branch, "L7", partner_text=text)
    by_name(
        p, "CASE-NAME-G", None, "two fields, department without separator", tokyo, "L7",
        partner_text="(株)ハナブサ商会", branch_text="東京支店法人営業部",
    )  # fmt: skip
    by_name(
        p, "CASE-NAME-H", None, "partner by id, branch by name", osaka, "L7", partner_id="CASE-NAME",
        branch_text="大 阪 支 店",
    )  # fmt: skip
    by_name(
        p, "CASE-NAME-I", None, "a closed branch named by text", "UNKNOWN:CASE-NAME", "L11",
        reason="BRANCH_CLOSED_AT_DATE", partner_text="㈱ハナブサ商会 福岡支店",
    )  # fmt: skip

    p.partner("CASE-KANJI", "株式会社高浜商会")
    p.branch("CASE-KANJI-KAWASAKI", "CASE-KANJI", "川崎支店")
    p.branch("CASE-KANJI-TOKYO", "CASE-KANJI", "東京支店")
    by_name(
        p, "CASE-KANJI-A", None, "variants of three characters", "CASE-KANJI-KAWASAKI", "L7",
        partner_text="髙濱商会株式会社　川﨑支店",
    )  # fmt: skip

    by_name(
        p, "TRAP05-B", 5, "the longest registered name at the text's start", "TRAP05-SHINJUKU", "L7",
        partner_text="㈱大塚本店新宿支店",
    )  # fmt: skip
    by_name(
        p, "TRAP05-C", 5, "the shorter name with a branch of its own", "TRAP05X-NAGOYA", "L7",
        partner_text="大塚㈱ 名古屋支店",
    )  # fmt: skip


def dated_aliases(p: Planted) -> None:
    """Aliases of a partner and of a branch, on the days just inside and just outside of their validity."""
    alias: Values = {"entity_type": "partner", "entity_id": "CASE-NAME", "alias": "ハナショウ", "valid_from": MOVE}
    p.roster("aliases", since=MOVE, **alias)
    by_name(
        p, "CASE-ALIAS-A", None, "the first day of a partner's alias", "CASE-NAME-TOKYO", "L7", MOVE,
        partner_text="ハナショウ 東京支店",
    )  # fmt: skip
    by_name(
        p, "CASE-ALIAS-B", None, "the day before a partner's alias", UNRESOLVED, "L12", "2024-03-31",
        reason="PARTNER_UNKNOWN", partner_text="ハナショウ 東京支店",
    )  # fmt: skip
    alias = {
        "entity_type": "branch", "entity_id": "CASE-NAME-OSAKA", "alias": "浪速ブランチ", "valid_from": "2023-04-01",
    }  # fmt: skip
    p.roster("aliases", since="2023-04-01", until=MOVE, **alias)
    p.roster("aliases", since=MOVE, valid_to=MOVE, **alias)
    by_name(
        p, "CASE-ALIAS-C", None, "the last day of a branch's alias", "CASE-NAME-OSAKA", "L7", "2024-03-31",
        partner_text="㈱ハナブサ商会", branch_text="浪速ブランチ",
    )  # fmt: skip
    by_name(
        p, "CASE-ALIAS-D", None, "the day on which a branch's alias has ended", "UNKNOWN:CASE-NAME", "L11", MOVE,
        reason="BRANCH_UNKNOWN", partner_text="㈱ハナブサ商会", branch_text="浪速ブランチ",
    )  # fmt: skip


def companies_alike(p: Planted) -> None:
    """Companies with the same name, or with the other's name as an alias."""
    for partner in ("CASE-TWIN", "CASE-TWINX"):
        p.partner(partner, "株式会社フタバ機工")
        p.branch(f"{partner}-TOKYO", partner, "東京支店")
    p.branch("CASE-TWIN-OSAKA", "CASE-TWIN", "大阪支店")
    by_name(
        p, "CASE-TWIN-A", None, "two companies of one name: the text names none", UNRESOLVED, "L12",
        reason="CONFLICT_PARTNER", partner_text="株式会社フタバ機工 大阪支店",
    )  # fmt: skip
    by_name(
        p, "CASE-TWIN-B", None, "two companies of one name, told apart by the id", "CASE-TWIN-TOKYO", "L7",
        partner_id="CASE-TWIN", branch_text="東京支店",
    )  # fmt: skip

    for partner, name in (("CASE-FORM", "株式会社ツルミ紙業"), ("CASE-FORMX", "有限会社ツルミ紙業")):
        p.partner(partner, name)
        p.branch(f"{partner}-TOKYO", partner, "東京支店")
        p.branch(f"{partner}-OSAKA", partner, "大阪支店")
    by_name(
        p, "CASE-FORM-A", None, "the legal form tells two companies apart", "CASE-FORMX-TOKYO", "L7",
        partner_text="有限会社ツルミ紙業 東京支店",
    )  # fmt: skip

    p.partner("CASE-FIRST", "株式会社ヒノデ堂")
    p.branch("CASE-FIRST-TOKYO", "CASE-FIRST", "東京支店")
    p.partner("CASE-FIRSTX", "株式会社ヒノデ産業")
    p.branch("CASE-FIRSTX-TOKYO", "CASE-FIRSTX", "東京支店")
    p.branch("CASE-FIRSTX-OSAKA", "CASE-FIRSTX", "大阪支店")
    p.roster("aliases", entity_type="partner", entity_id="CASE-FIRSTX", alias="ヒノデ堂")
    by_name(
        p, "CASE-FIRST-A", None, "an alias goes before a name", "CASE-FIRSTX-OSAKA", "L7",
        partner_text="ヒノデ堂 大阪支店",
    )  # fmt: skip


def bounded_names(p: Planted) -> None:
    """A registered name at the start of a text counts only up to a boundary or to one of its branches."""
    p.partner("CASE-BOUND", "株式会社シラカワ楽器")
    p.branch("CASE-BOUND-HQ", "CASE-BOUND", "本社")
    by_name(
        p, "CASE-BOUND-A", None, "the partner alone, with one branch", "CASE-BOUND-HQ", "L10",
        partner_text="シラカワ楽器㈱",
    )  # fmt: skip
    by_name(
        p, "CASE-BOUND-B", None, "an unknown branch of a partner with one branch", "UNKNOWN:CASE-BOUND", "L11",
        reason="BRANCH_UNKNOWN", partner_text="シラカワ楽器㈱ 札幌支店",
    )  # fmt: skip
    by_name(
        p, "CASE-BOUND-C", None, "a longer name that nobody registered", UNRESOLVED, "L12",
        reason="PARTNER_UNKNOWN", partner_text="シラカワ楽器店",
    )  # fmt: skip
    by_name(
        p, "CASE-BOUND-D", None, "a branch text that means nobody", "CASE-BOUND-HQ", "L10", partner_id="CASE-BOUND",
        branch_text="なし",
    )  # fmt: skip
    p.deal("TRAP19-E", 19, "partner text 「ー」", DIRECT, "L13", ON, partner_text="ー", won_on=WON)


def renamed_branch(p: Planted) -> None:
    """A branch that changed its name but not its id is found by its name on the day."""
    p.partner("CASE-SIGN", "株式会社セキグチ商事")
    p.branch("CASE-SIGN-1", "CASE-SIGN", "甲府営業所", renamed=("山梨支店", "2024-04-05"))
    p.branch("CASE-SIGN-TOKYO", "CASE-SIGN", "東京支店")
    for letter, case, text, on in (
        ("A", "the branch's old name in its time", "甲府営業所", "2023-06-12"),
        ("B", "the branch's new name in its time", "山梨支店", ON),
    ):
        by_name(p, f"CASE-SIGN-{letter}", None, case, "CASE-SIGN-1", "L7", on, partner_text=f"㈱セキグチ商事 {text}")


def reps_by_name(p: Planted) -> None:
    """Names of reps on the day; an ambiguous name may still identify the branch."""
    tokyo, osaka = p.office_pair("CASE-REP", "株式会社タカナシ鋼業")
    gone = "2023-10-01"
    for code, name, assignment in (
        ("R1", "早乙女 縁", Assignment(tokyo, ends=gone)), ("R2", "御子柴 玲", Assignment(osaka)),
        ("R3", "御子柴 玲", Assignment(osaka)), ("R4", "四十万 葵", Assignment(tokyo)),
        ("R5", "高嶺 岬", Assignment(osaka)), ("R6", "綾小路 司", Assignment(tokyo, ends=gone)),
        ("R7", "綾小路 司", Assignment(osaka)),
    ):  # fmt: skip
        p.rep(f"CASE-REP-{code}", name, assignment)
    by_id: Values = {"partner_id": "CASE-REP"}
    by_text: Values = {"partner_text": "タカナシ鋼業㈱"}
    for letter, case, text, branch, rep, partner in (
        ("B", "two reps of one name in one branch", "御子柴玲", osaka, "NONE", by_id),
        ("C", "partner by name, rep with an honorific", "四十万　葵さん", tokyo, "CASE-REP-R4", by_text),
        ("D", "a variant character in the rep's name", "髙嶺岬 様", osaka, "CASE-REP-R5", by_text),
        ("E", "of two reps of one name one had left", "綾小路 司 氏", osaka, "CASE-REP-R7", by_id),
    ):
        by_name(p, f"CASE-REP-{letter}", None, case, branch, "L8", rep_text=text, rep=rep, **partner)
    by_name(
        p, "CASE-REP-A", None, "a rep who had left", "UNKNOWN:CASE-REP", "L11", reason="REP_NO_ASSIGNMENT",
        rep_text="早乙女 縁", **by_id,
    )  # fmt: skip
    by_name(
        p, "TRAP22-C", 22, "the whole name tells the two apart", "TRAP22-OSAKA", "L8", partner_id="TRAP22",
        rep_text="佐藤誠 殿", rep="TRAP22-R2",
    )  # fmt: skip


def names_among_others(p: Planted) -> None:
    """Names that contradict or narrow other evidence, or appear next to a distributor's name."""
    by_name(
        p, "TRAP13-D", 13, "id and text name two branches of one partner", "TRAP13-TOKYO", "L3", needs="",
        branch_id="TRAP13-TOKYO", partner_text="スミレ電工㈱ 大阪支店",
    )  # fmt: skip
    by_name(
        p, "TRAP13-E", 13, "the id says one partner, the branch's text another", UNRESOLVED, "L12",
        reason="CONFLICT_PARTNER", branch_id="TRAP13-TOKYO", branch_text="株式会社セタガヤ機材 本社",
    )  # fmt: skip
    p.rep("TRAP04-R1", "小金井 悟", Assignment("TRAP04-OSAKA1"))
    by_name(
        p, "TRAP04-C", 4, "a stem of two branches, narrowed by the rep's name", "TRAP04-OSAKA1", "L7",
        partner_text="ﾔﾏﾀﾞ商事㈱ 大阪", rep_text="小金井さん", rep="TRAP04-R1",
    )  # fmt: skip
    two_tier: Values = {"channel": "distributor"}
    by_name(
        p, "TRAP09-C", 9, "distributor and reseller by name", "TRAP09-FUKUOKA", "L7", partner_text="株式会社キタノ流通",
        branch_text="クロダ電機㈱ 福岡支店", **two_tier,
    )  # fmt: skip
    by_name(
        p, "TRAP09-D", 9, "distributor by id, reseller by name", "TRAP09-KUMAMOTO", "L7", partner_id="TRAP09D",
        partner_text="クロダ電機㈱ 熊本支店", **two_tier,
    )  # fmt: skip
    by_name(
        p, "CASE-CHANNEL-B", None, "channel direct, a text names a branch", "CASE-TOKYO", "L7",
        reason="CHANNEL_CONFLICT", channel="direct", partner_text="ミドリ電子販売㈱ 東京支店",
    )  # fmt: skip
    p.deal(
        "CASE-LOST-B", None, "an earlier extract had a partner's name", DIRECT, "L13", ON, reason="LOST_EVIDENCE",
        needs="names", channel="direct", won_on=WON, extract=DELTA_EXTRACTS[2],
    )  # fmt: skip
    p.deal(
        "CASE-LOST-B", None, "", "CASE-OSAKA", "L7", ON, answered=False, channel="resale",
        partner_text="ミドリ電子販売㈱ 大阪支店", won_on=WON,
    )  # fmt: skip


def split_returns(p: Planted) -> None:
    """7: a return after a weighted split is divided like the win, exact to the yen."""
    for letter, branch, back, parts in (
        ("D", "TOKAI", -250_001, (-175_001, -75_000)),
        ("E", "KINKI", -100_001, (-50_001, -50_000)),
    ):
        deal, origin, on = f"TRAP07-{letter}", f"TRAP07-{branch}", "2024-05-20"
        p.deal(
            deal, 7, "a return after the split", origin, "L3", "2023-12-05", needs="as_is", branch_id=origin,
            won_on="2024-02-15", amount=1_000_000,
        )  # fmt: skip
        p.add(
            "deal_amount_events", DELTA_EXTRACTS[0], event_id=f"{deal}-AE", deal_id=deal, event_type="return",
            event_on=on, amount_delta=back, currency="JPY", reason="返品",
        )  # fmt: skip
        won = (700_000, 300_000) if branch == "TOKAI" else (500_000, 500_000)
        for successor, first, second in zip((f"{origin}-1", f"{origin}-2"), won, parts, strict=True):
            p.event(deal, "won", "2024-02-15", first, origin, successor, "as_is")
            p.event(deal, "return", on, second, origin, successor, "as_is")


def inheritance(p: Planted) -> None:
    """25: what a renewal inherits and what not."""
    tokyo = "TRAP25-TOKYO"
    p.branch("TRAP25-KOBE", "TRAP25", "神戸支店", closed="2024-10-01")
    p.rep("TRAP25-R1", "隼 圭", Assignment("TRAP25-OSAKA", ends="2023-10-01"))
    p.deal(
        "TRAP25-K", 25, "a parent whose branch closed later", "TRAP25-KOBE", "L3", "2023-05-15",
        branch_id="TRAP25-KOBE", won_on="2023-07-20",
    )  # fmt: skip

    def child(letter: str, case: str, branch: str, rung: str, parent: str, **values: Any) -> None:
        usual = {"channel": "resale", "deal_type": "renewal", "needs": "inheritance", "customer_id": "TRAP-C-25-A"}
        p.deal(
            f"TRAP25-{letter}", 25, case, branch, rung, "2025-08-18", parent_deal_id=parent, won_on="2025-09-24",
            **(usual | values),
        )  # fmt: skip

    child("E", "the renewal of a renewal", tokyo, "L9", "TRAP25-C")
    child("F", "an upsell inherits", tokyo, "L9", "TRAP25-A", deal_type="upsell")
    gone: Values = {"reason": "REP_NO_ASSIGNMENT", "rep_id": "TRAP25-R1"}
    child("G", "inherits beside a rep who had left", tokyo, "L9", "TRAP25-A", **gone)
    own: Values = {"partner_id": "TRAP25X"}
    child("H", "a new deal does not inherit", "TRAP25X-HQ", "L10", "TRAP25-A", deal_type="new", needs="", **own)
    child("I", "its own partner beats the inherited one", "TRAP25X-HQ", "L10", "TRAP25-A", **own)
    closed: Values = {"reason": "BRANCH_CLOSED_AT_DATE", "customer_id": "TRAP-C-25-K"}
    child("J", "the parent's branch had closed", "UNKNOWN:TRAP25", "L11", "TRAP25-K", **closed)
    tied: Values = {"reason": "BRANCH_UNKNOWN", "customer_id": "TRAP-C-08-B", "partner_id": "TRAP08", "needs": ""}
    child("L", "the parent is undecided", "UNKNOWN:TRAP08", "L11", "TRAP08-B", **tied)


def duplicate_registrations(p: Planted) -> None:
    """11: one opportunity that is registered twice, and pairs that only look like it."""

    def pair(customer: str, *deals: tuple[str, str, str, str, str, bool, bool]) -> None:
        for letter, case, branch, on, product, registered, counted in deals:
            deal, to = f"TRAP11-{letter}", f"TRAP-C-11-SHARED{customer}"
            partner = p.partner_of[branch]
            by_id: Values = {"partner_id": partner, "branch_id": branch}
            p.deal(
                deal, 11, case, branch, "L1" if registered else "L3", on, reason="" if counted else "DUPLICATE_DEAL",
                needs="duplicates", counted=counted, customer_id=to, product_id=product, **by_id,
            )  # fmt: skip
            if registered:
                p.registration(
                    f"{deal}-RG", deal, f"{on} 09:00:00", customer_id=to, product_id=product, **by_id
                )  # fmt: skip

    a, b = "TRAP11-TOKYO", "TRAP11X-TOKYO"
    pair(
        "3",
        ("F", "approved first of three deals", a, "2024-01-10", "PR01", True, True),
        ("G", "the second of three, near the first", b, "2024-02-20", "PR01", True, False),
        ("H", "the third, far from both", b, "2024-07-01", "PR01", True, True),
    )
    same, other = "one partner registers twice", "another product"
    pair(
        "4", ("I", same, a, "2024-01-10", "PR01", True, True),
        ("J", same, "TRAP11-OSAKA", "2024-02-01", "PR01", True, True),
    )  # fmt: skip
    pair(
        "5", ("K", other, a, "2024-01-10", "PR01", True, True), ("L", other, b, "2024-02-01", "PR02", True, True),
    )  # fmt: skip
    bare = "nobody registered it"
    pair(
        "6", ("M", bare, a, "2024-01-10", "PR01", False, True), ("N", bare, b, "2024-02-01", "PR01", False, True),
    )  # fmt: skip


def suggestions(p: Planted) -> None:
    """Each kind of suggestion alone: it suggests a branch and decides nothing."""
    tokyo, osaka = p.office_pair("CASE-HINT", "株式会社モモセ通商")
    p.rep("CASE-HINT-R1", "百瀬 昴", Assignment(tokyo))
    known: Values = {"reason": "BRANCH_UNKNOWN", "partner_id": "CASE-HINT", "needs": "candidates", "won_on": WON}
    p.deal("CASE-HINT-A", None, "a visit with a rep before the deal", "UNKNOWN:CASE-HINT", "L11", ON, **known)
    p.add(
        "activities", DELTA_EXTRACTS[0], activity_id="CASE-HINT-AC", activity_type="joint_visit",
        occurred_at="2024-07-01 14:00:00", logged_at="2024-07-02 09:00:00", partner_id="CASE-HINT",
        deal_id="CASE-HINT-A", duration_minutes=60, is_two_way=True, is_mass=False, status="held",
    )  # fmt: skip
    p.add(
        "activity_attendees", DELTA_EXTRACTS[0], activity_id="CASE-HINT-AC", attendee_id="CASE-HINT-R1",
        attendee_type="rep", rep_id="CASE-HINT-R1", attendance="attended",
    )  # fmt: skip
    p.deal("CASE-HINT-B", None, "the customer's territory", "UNKNOWN:CASE-HINT", "L11", ON, **known)
    p.customer("TRAP-C-CASE-HINT-B", prefecture="大阪府")
    p.roster("branch_territories", branch_id=osaka, prefecture="大阪府", valid_from="2020-04-01")
    unknown: Values = {"reason": "PARTNER_UNKNOWN", "channel": "resale", "needs": "candidates"}
    p.deal(
        "CASE-HINT-C", None, "a deal of the customer, won before", tokyo, "L3", "2023-05-15", branch_id=tokyo,
        won_on="2023-07-20",
    )  # fmt: skip
    p.deal(
        "CASE-HINT-D", None, "a customer who bought through a branch before", UNRESOLVED, "L12", ON, won_on=WON,
        customer_id="TRAP-C-CASE-HINT-C", **unknown,
    )  # fmt: skip
    p.deal(
        "CASE-HINT-E", None, "a name that is only similar", UNRESOLVED, "L12", ON, won_on=WON,
        partner_text="㈱モモセ通尚 東京支店", **unknown,
    )  # fmt: skip


def decisions(p: Planted) -> None:
    """18: decisions for a rep, another partner, and a branch that had closed."""
    on, won = "2025-06-10", "2025-09-17"
    by: Values = {"decided_by": "営業企画", "decided_on": "2025-08-01", "reason": "パートナーに確認済み"}
    p.rep("TRAP18-R1", "土岐 凪", Assignment("TRAP18-TOKYO"))
    p.partner("TRAP18X", "株式会社ナギサ産機")
    p.branch("TRAP18X-HQ", "TRAP18X", "本社")
    p.branch("TRAP18-NARA", "TRAP18", "奈良支店", closed="2025-04-01")
    for letter, case, branch, rep in (
        ("G", "the decision names the rep as well", "TRAP18-TOKYO", "TRAP18-R1"),
        ("H", "decided for another partner than the id's", "TRAP18X-HQ", None),
        ("I", "decided for a branch that had closed", "TRAP18-NARA", None),
    ):
        deal = f"TRAP18-{letter}"
        p.deal(deal, 18, case, branch, "L0", on, branch_id="TRAP18-OSAKA", won_on=won, rep=rep or "NONE")
        p.add("attribution_overrides", DELTA_EXTRACTS[1], deal_id=deal, branch_id=branch, rep_id=rep, **by)


def listed(p: Planted, branch: str, partner: str, name: str, **dates: str) -> None:
    """Add a branch without an opening to the rosters of some days."""
    p.partner_of[branch] = partner
    p.roster("branches", branch_id=branch, partner_id=partner, branch_name=name, **dates)


def dated_rosters(p: Planted) -> None:
    """A company that is entered again under a new id, a renamed one, and a branch that the first rosters lack."""
    before = "2024-02-05"
    for partner, dates in (("CASE-AGAIN", {"until": MOVE}), ("CASE-AGAINX", {"since": MOVE})):
        p.roster("partners", partner_id=partner, partner_name="株式会社イブキ産業", partner_type="reseller", **dates)
        for name, city in (("東京支店", "TOKYO"), ("大阪支店", "OSAKA")):
            listed(p, f"{partner}-{city}", partner, name, **dates)
    by_name(
        p, "CASE-AGAIN-A", None, "a company that was entered again: its id before", "CASE-AGAIN-OSAKA", "L7", before,
        partner_text="イブキ産業㈱ 大阪支店",
    )  # fmt: skip
    by_name(
        p, "CASE-AGAIN-B", None, "a company that was entered again: its id after", "CASE-AGAINX-OSAKA", "L7",
        partner_text="イブキ産業㈱ 大阪支店",
    )  # fmt: skip
    by_name(
        p, "CASE-AGAIN-C", None, "a company that was entered again, by its later id", "CASE-AGAINX-TOKYO", "L3",
        partner_id="CASE-AGAINX", partner_text="イブキ産業", branch_id="CASE-AGAINX-TOKYO",
    )  # fmt: skip

    for name, dates in (("株式会社トナミ通商", {"until": MOVE}), ("株式会社ネオトナミ", {"since": MOVE})):
        p.roster("partners", partner_id="CASE-FORMER", partner_name=name, partner_type="reseller", **dates)
    p.branch("CASE-FORMER-TOKYO", "CASE-FORMER", "東京支店")
    p.branch("CASE-FORMER-OSAKA", "CASE-FORMER", "大阪支店")
    by_name(
        p, "CASE-FORMER-A", None, "a former name on its day", "CASE-FORMER-TOKYO", "L7", before,
        partner_text="トナミ通商 東京支店",
    )  # fmt: skip
    by_name(
        p, "CASE-FORMER-B", None, "a former name afterwards is a candidate", UNRESOLVED, "L12",
        reason="PARTNER_UNKNOWN", partner_text="トナミ通商 東京支店", amount=100_000,
    )  # fmt: skip
    by_name(
        p, "CASE-FORMER-C", None, "a former name agrees with the id", "CASE-FORMER-TOKYO", "L7",
        partner_id="CASE-FORMER", partner_text="トナミ通商 東京支店",
    )  # fmt: skip

    listed(p, "CASE-FORMER-NARA", "CASE-FORMER", "奈良支店", since=MOVE)
    by_name(
        p, "CASE-LATE-A", None, "a branch that the roster of the day has", "CASE-FORMER-NARA", "L3",
        branch_id="CASE-FORMER-NARA",
    )  # fmt: skip
    by_name(
        p, "CASE-LATE-B", None, "a branch that the roster of the day lacks", "UNKNOWN:CASE-FORMER", "L11", before,
        reason="BRANCH_CLOSED_AT_DATE", branch_id="CASE-FORMER-NARA", amount=100_000,
    )  # fmt: skip


def plain_rosters(p: Planted) -> None:
    """A roster whose branches lack 支店, and names that resemble others."""
    p.partner("CASE-PLAIN", "ホクリク証券株式会社")
    for city, name in (("TAKAOKA", "高岡"), ("TOYAMA", "富山"), ("AOMORI", "青森")):
        p.branch(f"CASE-PLAIN-{city}", "CASE-PLAIN", name)
    for letter, case, text, branch in (
        ("A", "a suffix that the roster lacks", "ホクリク証券㈱ 高岡支店", "CASE-PLAIN-TAKAOKA"),
        ("B", "another suffix and a department", "ホクリク証券富山営業所第一営業部", "CASE-PLAIN-TOYAMA"),
        ("C", "no suffix on either side", "ホクリク証券 青森", "CASE-PLAIN-AOMORI"),
    ):
        by_name(p, f"CASE-PLAIN-{letter}", None, case, branch, "L7", partner_text=text)
    by_name(
        p, "CASE-PLAIN-D", None, "a department that may be part of a branch's name", "UNKNOWN:CASE-PLAIN", "L11",
        reason="BRANCH_UNKNOWN", partner_id="CASE-PLAIN", branch_text="青森中央営業部", amount=100_000,
    )  # fmt: skip
    by_name(
        p, "CASE-PLAIN-E", None, "a longer company name before its legal form", UNRESOLVED, "L12",
        reason="PARTNER_UNKNOWN", partner_text="ハナブサ商会・テクノロジー株式会社", amount=100_000,
    )  # fmt: skip


def stated_roles(p: Planted) -> None:
    """A reseller of type distributor, by its role or next to another distributor."""
    p.partner("CASE-ROLE", "株式会社ミサキ物流", "distributor")
    p.branch("CASE-ROLE-KOBE", "CASE-ROLE", "神戸支店")
    p.branch("CASE-ROLE-HIMEJI", "CASE-ROLE", "姫路支店")
    p.deal(
        "CASE-ROLE-A", None, "a reseller of type distributor", "CASE-ROLE-KOBE", "L3", ON, channel="distributor",
        won_on=WON,
    )  # fmt: skip
    p.participant("CASE-ROLE-A", "distributor", "partner", "TRAP09D", ON)
    p.participant("CASE-ROLE-A", "reseller", "branch", "CASE-ROLE-KOBE", ON)
    p.deal(
        "CASE-ROLE-B", None, "a company of type distributor next to the distributor", "CASE-ROLE-HIMEJI", "L3", ON,
        channel="distributor", branch_id="CASE-ROLE-HIMEJI", won_on=WON,
    )  # fmt: skip
    p.participant("CASE-ROLE-B", "distributor", "partner", "TRAP09D", ON)
