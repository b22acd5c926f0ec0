"""The planted cases: at least one deal for each trap of the attribution rules, with an answer derived manually.

Every trap has its own partners, branches, reps and customers, so that no ordinary deal can affect it. `needs` names the
feature that an answer requires; without it, ids, e-mails and dates decide the case. The answers do not depend on any
attribution code. cases.py has more cases of the same traps and cases without a trap; known.py has partners with known
figures.
"""

from typing import Any

from tools.sample.calendar import AS_OF, DELTA_EXTRACTS
from tools.sample.cases import plant_cases
from tools.sample.known import plant_known
from tools.sample.planted import DIRECT, UNRESOLVED, Assignment, Planted

Values = dict[str, Any]
MOVE = "2024-04-01"


def plant() -> Planted:
    """Return every planted row and answer."""
    p = Planted()
    for plant_case in (
        rep_moves, fiscal_year_end, ambiguous_names, branch_ends, several_parties, two_tiers, duplicates,
        ineligible_registrations, partner_conflicts, shared_domains, money_after_the_win, exchange_rates, late_roster,
        overrides, words_for_no_partner, names_of_reps_and_places, assignments, renewals, account_managers,
        merged_partner,
        header_and_lines, other_cases, credit_dates, plant_cases, plant_known, bad_rows,
    ):  # fmt: skip
        plant_case(p)
    return p


def rep_moves(p: Planted) -> None:
    """1: the rep moved after the registration. 2: the rep moved before it and still writes from the old address."""
    tokyo, osaka = p.office_pair("TRAP01", "株式会社アオキ商店")
    p.rep("TRAP01-R1", "青木 進", Assignment(tokyo, ends=MOVE), Assignment(osaka, MOVE), email="susumu@trap01.example")
    p.deal("TRAP01-A", 1, "registered before the move, won after it", tokyo, "L2", "2024-03-20", won_on="2024-06-10")
    p.registration("TRAP01-A-RG", "TRAP01-A", "2024-03-20 09:00:00", partner_id="TRAP01", rep_id="TRAP01-R1")
    p.deal(
        "TRAP01-B", 1, "rep id, created before the move", tokyo, "L4", "2024-03-20", rep_id="TRAP01-R1",
        won_on="2024-06-10",
    )  # fmt: skip
    p.deal(
        "TRAP01-C", 1, "rep id, created on the day of the move", osaka, "L4", MOVE, rep_id="TRAP01-R1",
        won_on="2024-06-10",
    )  # fmt: skip

    tokyo, osaka = p.office_pair("TRAP02", "株式会社イズミ文具")
    p.rep("TRAP02-R1", "泉 健", Assignment(tokyo, ends=MOVE), Assignment(osaka, MOVE), email="ken@tokyo.trap02.example")
    p.contact("branch", tokyo, "domain", "tokyo.trap02.example")  # tempting, but weaker than the rep's evidence
    old = "ken@tokyo.trap02.example"
    p.deal(
        "TRAP02-A", 2, "registered after the move from the old address", osaka, "L2", "2024-04-15",
        won_on="2024-07-01",
    )  # fmt: skip
    p.registration("TRAP02-A-RG", "TRAP02-A", "2024-04-15 09:00:00", partner_id="TRAP02", rep_email=old)
    p.deal("TRAP02-B", 2, "the old address on the deal", osaka, "L5", "2024-04-15", rep_email=old, won_on="2024-07-01")


def fiscal_year_end(p: Planted) -> None:
    """3: ten minutes before and after the end of the fiscal year, in three notations."""
    tokyo, osaka = p.office_pair("TRAP03", "株式会社ウエノ電設")
    p.rep("TRAP03-R1", "上野 薫", Assignment(tokyo, ends=MOVE), Assignment(osaka, MOVE))
    for letter, case, submitted, branch, credit in (
        ("A", "23:50 JST, written in UTC", "2024-03-31T14:50:00Z", tokyo, "2024-03-31"),
        ("B", "00:10 JST, written in UTC", "2024-03-31T15:10:00Z", osaka, "2024-04-01"),
        ("C", "23:50 without a zone", "2024-03-31 23:50:00", tokyo, "2024-03-31"),
        ("D", "00:10 with an offset", "2024-04-01T00:10:00+09:00", osaka, "2024-04-01"),
    ):
        deal = f"TRAP03-{letter}"
        p.deal(deal, 3, case, branch, "L2", credit, created_at="2024-04-02 09:00:00", won_on="2024-05-20")
        p.registration(
            f"{deal}-RG", deal, submitted, partner_id="TRAP03", rep_id="TRAP03-R1",
            approved_at="2024-04-02 09:00:00",
        )  # fmt: skip


def ambiguous_names(p: Planted) -> None:
    """4: a stem of two branches. 5: a company whose name ends like a branch."""
    p.partner("TRAP04", "株式会社ヤマダ商事")
    p.branch("TRAP04-OSAKA1", "TRAP04", "大阪支店")
    p.branch("TRAP04-OSAKA2", "TRAP04", "大阪営業所")
    p.branch("TRAP04-TOKYO", "TRAP04", "東京支店")
    text: Values = {"channel": "resale", "won_on": "2024-02-20"}
    p.deal(
        "TRAP04-A", 4, "stem of two open branches", "UNKNOWN:TRAP04", "L11", "2023-12-01", reason="TIE", needs="names",
        partner_text="ﾔﾏﾀﾞ商事㈱ 大阪", **text,
    )  # fmt: skip
    p.deal(
        "TRAP04-B", 4, "the full name of one of them", "TRAP04-OSAKA2", "L7", "2023-12-01", needs="names",
        partner_text="ﾔﾏﾀﾞ商事㈱ 大阪営業所", **text,
    )  # fmt: skip

    p.partner("TRAP05", "株式会社大塚本店")
    p.branch("TRAP05-SHINJUKU", "TRAP05", "新宿支店")
    p.partner("TRAP05X", "株式会社大塚")
    p.branch("TRAP05X-HONTEN", "TRAP05X", "本店")
    p.branch("TRAP05X-NAGOYA", "TRAP05X", "名古屋支店")
    p.deal(
        "TRAP05-A", 5, "the company, not the main store of another one", "TRAP05-SHINJUKU", "L10", "2023-12-01",
        needs="names",
        partner_text="株式会社大塚本店", **text,
    )  # fmt: skip


def branch_ends(p: Planted) -> None:
    """6: a merged branch. 7: splits without weights, with weights, and with equal ones."""
    p.partner("TRAP06", "株式会社エビス通商")
    closed = "2024-10-01"
    p.branch("TRAP06-KOBE", "TRAP06", "神戸支店", closed=closed, into=(("TRAP06-OSAKA", None),), current="TRAP06-OSAKA")
    p.branch("TRAP06-OSAKA", "TRAP06", "大阪支店")
    p.branch("TRAP06-KYOTO", "TRAP06", "京都支店")
    p.rep("TRAP06-R1", "恵比寿 望", Assignment("TRAP06-KOBE", ends=closed), Assignment("TRAP06-OSAKA", closed))
    kobe: Values = {"branch_id": "TRAP06-KOBE"}
    p.deal("TRAP06-A", 6, "won before the merger", "TRAP06-KOBE", "L3", "2024-05-10", won_on="2024-07-20", **kobe)
    p.deal(
        "TRAP06-B", 6, "created before, won after the merger", "TRAP06-KOBE", "L3", "2024-09-30",
        won_on="2024-12-20", **kobe,
    )  # fmt: skip
    p.deal(
        "TRAP06-C", 6, "created on the day it was closed", "UNKNOWN:TRAP06", "L11", closed,
        reason="BRANCH_CLOSED_AT_DATE", **kobe,
    )  # fmt: skip
    p.deal(
        "TRAP06-D", 6, "closed branch, and a rep with a post", "TRAP06-OSAKA", "L4", "2024-11-11",
        reason="BRANCH_CLOSED_AT_DATE",
        rep_id="TRAP06-R1", won_on="2025-01-20", **kobe,
    )  # fmt: skip

    p.partner("TRAP07", "株式会社オオモリ事務機")
    for letter, branch, name, weights, current in (
        ("A", "KANTO", "関東支店", (None, None), None),
        ("B", "TOKAI", "東海支店", (0.7, 0.3), "TRAP07-TOKAI-1"),
        ("C", "KINKI", "近畿支店", (0.5, 0.5), "TRAP07-KINKI-1"),
    ):
        origin, successors = f"TRAP07-{branch}", (f"TRAP07-{branch}-1", f"TRAP07-{branch}-2")
        p.branch(
            origin, "TRAP07", name, closed=MOVE, into=tuple(zip(successors, weights, strict=True)), kind="split",
            current=current,
        )  # fmt: skip
        for successor, half in zip(successors, ("東", "西"), strict=True):
            p.branch(successor, "TRAP07", name[:2] + half + "支店", opened=MOVE)
        case = {"A": "split without weights", "B": "weighted split", "C": "split into equal weights"}[letter]
        p.deal(
            f"TRAP07-{letter}", 7, case, origin, "L3", "2023-12-05", needs="" if letter == "A" else "as_is",
            branch_id=origin,
            won_on="2024-02-15", amount=600_001,
        )  # fmt: skip
    p.event("TRAP07-A", "won", "2024-02-15", 600_001, "TRAP07-KANTO")
    for successor, part in (("TRAP07-TOKAI-1", 420_001), ("TRAP07-TOKAI-2", 180_000)):
        p.event("TRAP07-B", "won", "2024-02-15", part, "TRAP07-TOKAI", successor, "as_is")
    for successor, part in (("TRAP07-KINKI-1", 300_001), ("TRAP07-KINKI-2", 300_000)):
        p.event("TRAP07-C", "won", "2024-02-15", part, "TRAP07-KINKI", successor, "as_is")


def several_parties(p: Planted) -> None:
    """8: reps of two branches on one deal."""
    tokyo, osaka = p.office_pair("TRAP08", "株式会社カワセ産業")
    p.branch("TRAP08-NAGOYA", "TRAP08", "名古屋支店")
    for code, name, branch in (("R1", "川瀬 純", tokyo), ("R2", "河合 司", osaka), ("R3", "神田 巧", "TRAP08-NAGOYA")):
        p.rep(f"TRAP08-{code}", name, Assignment(branch), email=f"{code.lower()}@trap08.example")
    on, won = "2024-01-15", "2024-03-11"
    both = ("TRAP08-R1", "TRAP08-R2")
    p.deal("TRAP08-A", 8, "a primary rep leads", tokyo, "L4", on, won_on=won)
    p.deal("TRAP08-B", 8, "no primary, nothing narrows", "UNKNOWN:TRAP08", "L11", on, reason="TIE", won_on=won)
    p.deal(
        "TRAP08-C", 8, "no primary, a weaker signal narrows", tokyo, "L4", on, rep_email="r1@trap08.example",
        won_on=won,
    )  # fmt: skip
    p.deal(
        "TRAP08-D", 8, "a weaker signal names a third branch", "UNKNOWN:TRAP08", "L11", on, reason="TIE",
        rep_email="r3@trap08.example", won_on=won,
    )  # fmt: skip
    for letter in "ABCD":
        for rep in both:
            primary = rep == "TRAP08-R1" if letter == "A" else None
            p.participant(f"TRAP08-{letter}", "seller", "rep", rep, on, primary)
    p.deal("TRAP08-E", 8, "a co-seller beside the seller", tokyo, "L3", on, won_on=won)
    p.participant("TRAP08-E", "seller", "branch", tokyo, on)
    p.participant("TRAP08-E", "co_sell", "branch", osaka, on)


def two_tiers(p: Planted) -> None:
    """9: distributor and reseller. 10: a distributor whose reseller is not stated."""
    p.partner("TRAP09D", "株式会社キタノ流通", "distributor")
    p.branch("TRAP09D-HQ", "TRAP09D", "本社")
    p.partner("TRAP09", "株式会社クロダ電機")
    p.branch("TRAP09-FUKUOKA", "TRAP09", "福岡支店")
    p.branch("TRAP09-KUMAMOTO", "TRAP09", "熊本支店")
    p.rep("TRAP09-R1", "黒田 翼", Assignment("TRAP09-FUKUOKA"))
    on, won = "2024-06-03", "2024-09-12"
    p.deal("TRAP09-A", 9, "both named", "TRAP09-FUKUOKA", "L3", on, channel="distributor", won_on=won)
    p.participant("TRAP09-A", "distributor", "partner", "TRAP09D", on)
    p.participant("TRAP09-A", "reseller", "branch", "TRAP09-FUKUOKA", on)
    p.deal(
        "TRAP09-B", 9, "the distributor registered it, a rep of the reseller sells it", "TRAP09-FUKUOKA", "L4", on,
        channel="distributor", partner_id="TRAP09D", won_on=won,
    )  # fmt: skip
    p.registration(
        "TRAP09-B-RG", "TRAP09-B", f"{on} 09:00:00", partner_id="TRAP09D", branch_id="TRAP09D-HQ",
        channel="distributor",
    )  # fmt: skip
    p.participant("TRAP09-B", "distributor", "branch", "TRAP09D-HQ", on)
    p.participant("TRAP09-B", "reseller", "rep", "TRAP09-R1", on)

    p.partner("TRAP10", "株式会社ケイヨウ物流商社", "distributor")
    p.branch("TRAP10-HQ", "TRAP10", "本社")
    p.deal(
        "TRAP10-A", 10, "the distributor's only branch is no reseller", "UNKNOWN:TRAP10", "L11", on,
        reason="BRANCH_UNKNOWN",
        channel="distributor", partner_id="TRAP10", branch_id="TRAP10-HQ", won_on=won,
    )  # fmt: skip
    p.participant("TRAP10-A", "distributor", "partner", "TRAP10", on)


def duplicates(p: Planted) -> None:
    """11: two partners register one opportunity, as one deal or as two."""
    a, _ = p.office_pair("TRAP11", "株式会社コマツバラ商会")
    b, _ = p.office_pair("TRAP11X", "株式会社サカキ商会")
    on = "2024-05-08"
    p.deal(
        "TRAP11-A", 11, "two approvals on one deal, the earlier decides", a, "L1", on, reason="DUPLICATE_DEAL",
        won_on="2024-07-30",
    )  # fmt: skip
    p.registration(
        "TRAP11-A-RG1", "TRAP11-A", f"{on} 15:00:00", partner_id="TRAP11", branch_id=a,
        approved_at="2024-05-10 10:00:00",
    )  # fmt: skip
    p.registration(
        "TRAP11-A-RG2", "TRAP11-A", f"{on} 09:00:00", partner_id="TRAP11X", branch_id=b,
        approved_at="2024-05-12 10:00:00",
    )  # fmt: skip
    for letter, case, partner, branch, submitted, customer, counted in (
        ("B", "approved first of two deals", "TRAP11", a, "2024-06-01", "1", True),
        ("C", "the other of the two deals", "TRAP11X", b, "2024-06-20", "1", False),
        ("D", "the same pair, but far apart", "TRAP11", a, "2023-06-01", "2", True),
        ("E", "the same pair, but far apart", "TRAP11X", b, "2023-11-20", "2", True),
    ):
        deal, to_customer = f"TRAP11-{letter}", f"TRAP-C-11-SHARED{customer}"
        p.deal(
            deal, 11, case, branch, "L1", submitted, reason="" if counted else "DUPLICATE_DEAL", needs="duplicates",
            counted=counted,
            customer_id=to_customer, partner_id=partner,
        )  # fmt: skip
        p.registration(
            f"{deal}-RG", deal, f"{submitted} 09:00:00", partner_id=partner, branch_id=branch,
            customer_id=to_customer, product_id="PR01",
        )  # fmt: skip


def ineligible_registrations(p: Planted) -> None:
    """12: registrations that are no evidence, with and without other evidence."""
    tokyo, osaka = p.office_pair("TRAP12", "株式会社シノダ事務機")
    p.rep("TRAP12-R1", "篠田 歩", Assignment(osaka), email="ayumu@trap12.example")
    on, won = "2024-06-10", "2024-08-26"
    cases: tuple[tuple[str, str, str, str, Values], ...] = (
        ("A", "rejected", "rejected; a branch id besides", "L3", {"branch_id": osaka}),
        ("B", "expired", "expired; a rep id besides", "L4", {"rep_id": "TRAP12-R1"}),
        ("C", "withdrawn", "withdrawn; a rep e-mail besides", "L5", {"rep_email": "ayumu@trap12.example"}),
        ("D", "submitted", "not approved yet; a branch id besides", "L3", {"branch_id": osaka}),
        ("E", "rejected", "rejected, nothing else", "L13", {}),
        ("F", "expired", "expired, nothing else", "L13", {}),
        ("G", "withdrawn", "withdrawn, nothing else", "L13", {}),
    )
    for letter, status, case, rung, other in cases:
        deal = f"TRAP12-{letter}"
        p.deal(deal, 12, case, osaka if other else DIRECT, rung, on, won_on=won, **other)
        p.registration(
            f"{deal}-RG", deal, "2024-06-01 09:00:00", status=status, partner_id="TRAP12", branch_id=tokyo,
            expires_on="2024-06-05" if status == "expired" else None,
        )  # fmt: skip
    p.deal(
        "TRAP12-H", 12, "rejected, indirect channel", UNRESOLVED, "L12", on, reason="PARTNER_UNKNOWN",
        channel="resale", won_on=won,
    )  # fmt: skip
    p.registration(
        "TRAP12-H-RG", "TRAP12-H", "2024-06-01 09:00:00", status="rejected", partner_id="TRAP12", branch_id=tokyo,
    )  # fmt: skip
    p.deal(
        "TRAP12-I", 12, "approved, but expired before the deal existed", osaka, "L3", on, branch_id=osaka,
        won_on=won,
    )  # fmt: skip
    p.registration(
        "TRAP12-I-RG", "TRAP12-I", "2023-10-02 09:00:00", partner_id="TRAP12", branch_id=tokyo,
        expires_on="2024-01-31",
    )  # fmt: skip
    p.deal("TRAP12-J", 12, "an approved registration that names no deal", DIRECT, "L13", on, won_on=won)
    p.registration(
        "TRAP12-J-RG", None, "2024-06-01 09:00:00", partner_id="TRAP12", branch_id=tokyo, customer_id="TRAP-C-12-J",
    )  # fmt: skip


def partner_conflicts(p: Planted) -> None:
    """13: signals that name two partners."""
    tokyo, _ = p.office_pair("TRAP13", "株式会社スミレ電工")
    p.partner("TRAP13X", "株式会社セタガヤ機材")
    p.branch("TRAP13X-HQ", "TRAP13X", "本社")
    p.rep("TRAP13X-R1", "世田 光", Assignment("TRAP13X-HQ"))
    on, won = "2024-10-07", "2024-12-18"
    p.deal(
        "TRAP13-A", 13, "the id says one partner, the text another", UNRESOLVED, "L12", on,
        reason="CONFLICT_PARTNER", needs="names",
        branch_id=tokyo, partner_text="株式会社セタガヤ機材", won_on=won,
    )  # fmt: skip
    p.deal(
        "TRAP13-B", 13, "the branch id says one partner, the rep another", UNRESOLVED, "L12", on,
        reason="CONFLICT_PARTNER",
        branch_id=tokyo, rep_id="TRAP13X-R1", won_on=won,
    )  # fmt: skip
    p.deal("TRAP13-C", 13, "the other partner only co-sells", tokyo, "L3", on, branch_id=tokyo, won_on=won)
    p.participant("TRAP13-C", "co_sell", "branch", "TRAP13X-HQ", on)


def shared_domains(p: Planted) -> None:
    """14: domains of one branch, of several branches, of several companies."""
    tokyo, osaka = p.office_pair("TRAP14", "株式会社ソウマシステム機器")
    p.office_pair("TRAP14X", "株式会社ソウマリース")
    p.rep("TRAP14-R1", "相馬 大地", Assignment(osaka))
    for branch in (tokyo, osaka):
        p.contact("branch", branch, "domain", "group.trap14.example")
    for partner in ("TRAP14", "TRAP14X"):
        p.contact("partner", partner, "domain", "holdings.trap14.example")
    p.contact("branch", tokyo, "domain", "tokyo.trap14.example")
    p.contact("branch", osaka, "email", "osaka-desk@trap14.example")
    on, won = "2024-02-05", "2024-04-22"
    p.deal(
        "TRAP14-A", 14, "a domain of two branches names the partner", "UNKNOWN:TRAP14", "L11", on,
        reason="BRANCH_UNKNOWN",
        rep_email="someone@group.trap14.example", won_on=won,
    )  # fmt: skip
    p.deal(
        "TRAP14-B", 14, "a domain of two companies names neither", UNRESOLVED, "L12", on, reason="PARTNER_UNKNOWN",
        channel="resale",
        rep_email="someone@holdings.trap14.example", won_on=won,
    )  # fmt: skip
    p.deal(
        "TRAP14-C", 14, "the shared domain beside a rep", osaka, "L4", on, rep_id="TRAP14-R1",
        rep_email="someone@group.trap14.example", won_on=won,
    )  # fmt: skip
    p.deal(
        "TRAP14-D", 14, "a domain of one branch", tokyo, "L6", on, rep_email="someone@tokyo.trap14.example",
        won_on=won,
    )  # fmt: skip
    p.deal(
        "TRAP14-E", 14, "a branch's shared mailbox", osaka, "L6", on, rep_email="osaka-desk@trap14.example",
        won_on=won,
    )  # fmt: skip


def money_after_the_win(p: Planted) -> None:
    """15: a return in the next fiscal year. 21: re-opened and won again."""
    tokyo, osaka = p.office_pair("TRAP15", "株式会社タケダ計器販売")
    p.rep("TRAP15-R1", "竹田 樹", Assignment(tokyo, ends=MOVE), Assignment(osaka, MOVE))
    won = "2024-02-15"
    after_win = (("A", "return", "2024-05-20", -250_000), ("B", "cancel", "2024-06-14", -600_000))
    for letter, event_type, on, change in after_win:
        deal = f"TRAP15-{letter}"
        p.deal(
            deal, 15, f"{event_type} in the next fiscal year", tokyo, "L4", "2023-11-20", rep_id="TRAP15-R1",
            won_on=won,
        )  # fmt: skip
        p.add(
            "deal_amount_events", DELTA_EXTRACTS[0], event_id=f"{deal}-AE", deal_id=deal, event_type=event_type,
            event_on=on, amount_delta=change,
            currency="JPY", reason="返品" if event_type == "return" else "解約",
        )  # fmt: skip
        p.event(deal, "won", won, 600_000, tokyo)
        p.event(deal, event_type, on, change, tokyo)

    tokyo, _ = p.office_pair("TRAP21", "株式会社チハラ通信機")
    p.deal("TRAP21-A", 21, "re-opened and won again", tokyo, "L3", "2023-12-11", branch_id=tokyo, won_on="2024-02-20")
    p.stages("TRAP21-A", ("商談", "2023-12-11"), ("受注", "2024-02-20"), ("商談", "2024-03-05"), ("受注", "2024-05-15"))
    p.deal("TRAP21-B", 21, "re-opened and lost", tokyo, "L3", "2023-12-11", branch_id=tokyo, closed_on="2024-05-15")
    p.stages("TRAP21-B", ("商談", "2023-12-11"), ("受注", "2024-02-20"), ("商談", "2024-03-05"), ("失注", "2024-05-15"))
    for deal in ("TRAP21-A", "TRAP21-B"):
        p.event(deal, "won", "2024-02-20", 600_000, tokyo)
        p.event(deal, "reversal", "2024-03-05", -600_000, tokyo)
    p.event("TRAP21-A", "rewin", "2024-05-15", 600_000, tokyo)


def exchange_rates(p: Planted) -> None:
    """16: foreign currency without a rate, with a rate that is too old, and with a rate that is just recent enough."""
    tokyo, _ = p.office_pair("TRAP16", "株式会社ツバキ貿易")
    on = "2025-06-02"
    for letter, case, currency, won, reason in (
        ("A", "a dollar deal in a pause of the rates", "USD", "2025-08-20", "FX_MISSING"),
        ("B", "a currency without any rate", "GBP", "2025-08-05", "FX_MISSING"),
        ("C", "the last rate is seven days old", "USD", "2025-08-14", ""),
        ("D", "the last rate is eight days old", "USD", "2025-08-15", "FX_MISSING"),
    ):
        p.deal(
            f"TRAP16-{letter}", 16, case, tokyo, "L3", on, reason=reason, branch_id=tokyo, won_on=won,
            currency=currency, amount="5002.00",
        )  # fmt: skip
    p.event("TRAP16-C", "won", "2025-08-14", 736_545, tokyo)  # 5002 × 147.25 = 736544.5


def late_roster(p: Planted) -> None:
    """17: the roster reports a move a year after it happened."""
    tokyo, osaka = p.office_pair("TRAP17", "株式会社テンマ商会")
    moved, known_from = "2024-10-01", "2025-10-05"
    p.rep(
        "TRAP17-R1",
        "天満 航",
        Assignment(tokyo, ends=moved, end_known_from=known_from),
        Assignment(osaka, moved, known_from=known_from),
    )
    for letter, case, on, branch, needs in (
        ("A", "before the move", "2024-09-17", tokyo, ""),
        ("B", "between the move and the telling", "2025-01-15", osaka, "restatement"),
        ("C", "after the telling", "2025-11-04", osaka, ""),
    ):
        won = {"A": "2024-12-10", "B": "2025-03-18", "C": "2026-02-10"}[letter]
        p.deal(f"TRAP17-{letter}", 17, case, branch, "L4", on, needs=needs, rep_id="TRAP17-R1", won_on=won)


def overrides(p: Planted) -> None:
    """18: decisions of a person, and later changes of the facts."""
    tokyo, osaka = p.office_pair("TRAP18", "株式会社トキワ産機")
    on, won = "2025-06-10", "2025-09-17"
    by: Values = {"decided_by": "営業企画", "decided_on": "2025-08-01", "reason": "パートナーに確認済み"}
    first, last = DELTA_EXTRACTS[1], DELTA_EXTRACTS[2]
    p.deal(
        "TRAP18-A", 18, "new evidence after the decision", tokyo, "L0", on, reason="STALE_OVERRIDE",
        needs="staleness", won_on=won,
    )  # fmt: skip
    p.participant("TRAP18-A", "seller", "branch", osaka, "2025-12-01")
    p.add("attribution_overrides", first, deal_id="TRAP18-A", branch_id=tokyo, **by)
    p.deal(
        "TRAP18-B", 18, "decided on other evidence", tokyo, "L0", on, reason="STALE_OVERRIDE", needs="staleness",
        branch_id=osaka, won_on=won,
    )  # fmt: skip
    p.add("attribution_overrides", first, deal_id="TRAP18-B", branch_id=tokyo, evidence_hash="0" * 32, **by)
    p.deal("TRAP18-C", 18, "the decision holds against the branch id", tokyo, "L0", on, branch_id=osaka, won_on=won)
    p.add("attribution_overrides", first, deal_id="TRAP18-C", branch_id=tokyo, **by)
    p.deal("TRAP18-D", 18, "the decision was taken back", osaka, "L3", on, branch_id=osaka, won_on=won)
    p.add("attribution_overrides", first, deal_id="TRAP18-D", branch_id=tokyo, **by)
    p.add(
        "attribution_overrides", last, deal_id="TRAP18-D", decided_by="営業企画", decided_on="2026-01-15",
        reason="withdraw",
    )  # fmt: skip
    p.deal("TRAP18-E", 18, "a worklist row that nobody filled in", osaka, "L3", on, branch_id=osaka, won_on=won)
    p.add("attribution_overrides", last, deal_id="TRAP18-E", decided_by="営業企画")
    p.deal("TRAP18-F", 18, "decided to be the vendor's own", DIRECT, "L0", on, branch_id=osaka, won_on=won)
    p.add("attribution_overrides", first, deal_id="TRAP18-F", branch_id=DIRECT, **by)


def words_for_no_partner(p: Planted) -> None:
    """19: words for no partner."""
    for letter, word in zip("ABCD", ("なし", "直販", "-", "　"), strict=True):
        deal, on = f"TRAP19-{letter}", "2024-07-08"
        p.deal(deal, 19, f"partner text 「{word}」", DIRECT, "L13", on, partner_text=word, won_on="2024-08-29")


def names_of_reps_and_places(p: Planted) -> None:
    """20: the stem 京都 (Kyoto) is not found within 東京都 (Tokyo). 22: two reps with the same surname."""
    p.partner("TRAP20", "株式会社ナカツ設備")
    p.branch("TRAP20-KYOTO", "TRAP20", "京都支店")
    p.branch("TRAP20-OSAKA", "TRAP20", "大阪支店")
    on, won = "2024-07-08", "2024-09-03"
    p.deal(
        "TRAP20-A", 20, "東京都 is not 京都", "UNKNOWN:TRAP20", "L11", on, reason="BRANCH_UNKNOWN", partner_id="TRAP20",
        branch_text="東京都", won_on=won,
    )  # fmt: skip
    p.deal(
        "TRAP20-B", 20, "the stem 京都 is", "TRAP20-KYOTO", "L7", on, needs="names", partner_id="TRAP20",
        branch_text="京都", won_on=won,
    )  # fmt: skip

    tokyo, osaka = p.office_pair("TRAP22", "株式会社ニシノ機電")
    for code, name, branch in (("R1", "佐藤 健", tokyo), ("R2", "佐藤 誠", osaka), ("R3", "小鳥遊 凛", tokyo)):
        p.rep(f"TRAP22-{code}", name, Assignment(branch))
    p.deal(
        "TRAP22-A", 22, "a surname of two reps in two branches", "UNKNOWN:TRAP22", "L11", on, reason="TIE",
        needs="names",
        partner_id="TRAP22", rep_text="佐藤さん", won_on=won,
    )  # fmt: skip
    p.deal(
        "TRAP22-B", 22, "a surname that is unique", tokyo, "L8", on, needs="names", partner_id="TRAP22",
        rep_text="小鳥遊 様", won_on=won,
    )  # fmt: skip


def assignments(p: Planted) -> None:
    """23: concurrent assignments. 24: gaps between assignments."""
    tokyo, osaka = p.office_pair("TRAP23", "株式会社ヌマタ商事")
    p.rep("TRAP23-R1", "沼田 渚", Assignment(tokyo), Assignment(osaka, primary=False))
    p.rep("TRAP23-R2", "布川 岳", Assignment(tokyo, primary=None), Assignment(osaka, primary=None))
    on, won = "2024-07-08", "2024-09-03"
    p.deal("TRAP23-A", 23, "the primary of two posts", tokyo, "L4", on, rep_id="TRAP23-R1", won_on=won)
    p.deal(
        "TRAP23-B", 23, "two posts and no primary", "UNKNOWN:TRAP23", "L11", on, reason="REP_MULTI_BRANCH",
        rep_id="TRAP23-R2", won_on=won,
    )  # fmt: skip

    tokyo, osaka = p.office_pair("TRAP24", "株式会社ネリマ工機")
    p.rep("TRAP24-R1", "根岸 蒼", Assignment(tokyo, ends=MOVE), Assignment(osaka, "2024-04-11"))
    p.rep("TRAP24-R2", "野上 律", Assignment(tokyo, ends=MOVE), Assignment(osaka, "2024-05-15"))
    p.rep("TRAP24-R3", "乃木 環", Assignment(tokyo, ends=MOVE))
    p.contact("branch", osaka, "email", "osaka-desk@trap24.example")
    p.deal("TRAP24-A", 24, "a gap of ten days", tokyo, "L4", "2024-04-05", rep_id="TRAP24-R1", won_on="2024-06-20")
    p.deal(
        "TRAP24-B", 24, "the last tolerated day of a longer gap", tokyo, "L4", "2024-04-14", rep_id="TRAP24-R2",
        won_on="2024-06-20",
    )  # fmt: skip
    beyond: Values = {"reason": "REP_NO_ASSIGNMENT", "partner_id": "TRAP24", "won_on": "2024-06-20"}
    p.deal(
        "TRAP24-C", 24, "the first day beyond the tolerance", "UNKNOWN:TRAP24", "L11", "2024-04-15",
        rep_id="TRAP24-R2", **beyond,
    )  # fmt: skip
    p.deal(
        "TRAP24-D", 24, "no post follows; the shared mailbox decides", osaka, "L6", "2024-04-05", rep_id="TRAP24-R3",
        rep_email="osaka-desk@trap24.example", **beyond,
    )  # fmt: skip


def renewals(p: Planted) -> None:
    """25: renewals with and without their own evidence."""
    tokyo, osaka = p.office_pair("TRAP25", "株式会社ハヤミ電算")
    p.partner("TRAP25X", "株式会社ヒロオカ情報")
    p.branch("TRAP25X-HQ", "TRAP25X", "本社")
    p.deal("TRAP25-A", 25, "the parent", tokyo, "L3", "2023-05-15", branch_id=tokyo, won_on="2023-07-20")
    child: Values = {"parent_deal_id": "TRAP25-A", "customer_id": "TRAP-C-25-A"}
    p.deal(
        "TRAP25-B", 25, "renewed through another branch", osaka, "L3", "2024-06-14", branch_id=osaka,
        deal_type="renewal", won_on="2024-07-22", **child,
    )  # fmt: skip
    p.deal(
        "TRAP25-C", 25, "renewed, inherits", tokyo, "L9", "2025-06-16", needs="inheritance", deal_type="renewal",
        channel="resale",
        won_on="2025-07-23", **child,
    )  # fmt: skip
    p.deal(
        "TRAP25-D", 25, "renewed through another partner", "TRAP25X-HQ", "L3", "2026-01-13", branch_id="TRAP25X-HQ",
        deal_type="renewal",
        won_on="2026-03-02", **child,
    )  # fmt: skip


def account_managers(p: Planted) -> None:
    """26: only an account manager, which is a suggestion and no evidence."""
    tokyo, _ = p.office_pair("TRAP26", "株式会社フジミ機器")
    p.add(
        "staff", AS_OF, staff_id="TRAP26-S1", staff_name="富士 要", team="パートナー営業部", mission="grow",
        monthly_hours=150,
    )  # fmt: skip
    p.add(
        "staff_assignments", AS_OF, staff_id="TRAP26-S1", partner_id="TRAP26", branch_id=tokyo,
        valid_from="2021-04-01",
    )  # fmt: skip
    own: Values = {"owner_staff_id": "TRAP26-S1", "won_on": "2024-09-03"}
    p.deal(
        "TRAP26-A", 26, "partner known, its manager covers one branch", "UNKNOWN:TRAP26", "L11", "2024-07-08",
        reason="BRANCH_UNKNOWN", needs="candidates", partner_id="TRAP26", **own,
    )  # fmt: skip
    p.deal("TRAP26-B", 26, "no partner evidence, no channel", DIRECT, "L13", "2024-07-08", **own)
    p.deal(
        "TRAP26-C", 26, "no partner evidence, indirect channel", UNRESOLVED, "L12", "2024-07-08",
        reason="PARTNER_UNKNOWN", needs="candidates", channel="resale", **own,
    )  # fmt: skip


def merged_partner(p: Planted) -> None:
    """27: a partner that was merged into another."""
    merged = "2024-10-01"
    p.partner("TRAP27X", "株式会社ホシノ統合")
    p.branch("TRAP27X-TOKYO", "TRAP27X", "東京支店")
    p.branch("TRAP27X-OSAKA", "TRAP27X", "大阪支店")
    p.partner("TRAP27", "株式会社ヘイワ機械", merged=("TRAP27X", merged))
    p.branch(
        "TRAP27-TOKYO",
        "TRAP27",
        "東京支店",
        closed=merged,
        into=(("TRAP27X-TOKYO", None),),
        kind="transfer",
        current="TRAP27X-TOKYO",
    )
    p.branch("TRAP27-OSAKA", "TRAP27", "大阪支店")
    p.deal(
        "TRAP27-A", 27, "its branch was transferred", "TRAP27-TOKYO", "L3", "2024-05-13", branch_id="TRAP27-TOKYO",
        won_on="2024-07-24",
    )  # fmt: skip
    p.deal(
        "TRAP27-B", 27, "its branch lives on", "TRAP27-OSAKA", "L3", "2024-05-13", branch_id="TRAP27-OSAKA",
        won_on="2024-07-24",
    )  # fmt: skip


def header_and_lines(p: Planted) -> None:
    """28: a header that differs from its lines, and a header without an amount."""
    tokyo, _ = p.office_pair("TRAP28", "株式会社マキノ情報機器")
    for letter, case, header, reason in (
        ("A", "header differs from the lines", 700_000, "AMOUNT_MISMATCH"),
        ("B", "no header", None, ""),
        ("C", "header equals the lines", 650_000, ""),
    ):
        deal = f"TRAP28-{letter}"
        p.deal(
            deal, 28, case, tokyo, "L3", "2024-07-08", reason=reason, branch_id=tokyo, amount=header,
            won_on="2024-09-03",
        )  # fmt: skip
        for n, amount in enumerate((400_000, 250_000), 1):
            p.add(
                "deal_lines", DELTA_EXTRACTS[0], line_id=f"{deal}-{n}", deal_id=deal, product_id=f"PR0{n}",
                quantity=1, amount=amount,
            )  # fmt: skip
        p.event(deal, "won", "2024-09-03", header or 650_000, tokyo)


def other_cases(p: Planted) -> None:
    """Reasons and special members that no trap covers."""
    tokyo, osaka = p.office_pair("CASE", "株式会社ミドリ電子販売")
    p.partner("CASE-IMPLICIT", "株式会社ムサシ文庫")
    p.partner_of["IMPLICIT:CASE-IMPLICIT"] = "CASE-IMPLICIT"
    p.branch(
        "CASE-RENAMED-OLD", "CASE", "甲府営業所", closed="2023-10-01", into=(("CASE-RENAMED", None),),
        kind="rename", current="CASE-RENAMED",
    )  # fmt: skip
    p.branch("CASE-RENAMED", "CASE", "甲府支店", opened="2023-10-01")
    on, won = "2024-07-08", "2024-09-03"
    p.deal(
        "CASE-CHANNEL", None, "channel direct, evidence of a partner", tokyo, "L3", on, reason="CHANNEL_CONFLICT",
        channel="direct", branch_id=tokyo, won_on=won,
    )  # fmt: skip
    p.deal(
        "CASE-IMPLICIT-A", None, "a partner without branches", "IMPLICIT:CASE-IMPLICIT", "L10", on,
        partner_id="CASE-IMPLICIT", won_on=won,
    )  # fmt: skip
    p.deal(
        "CASE-BRANCH", None, "a branch id that nobody knows", "UNKNOWN:CASE", "L11", on, reason="BRANCH_UNKNOWN",
        partner_id="CASE", branch_id="CASE-NOWHERE", won_on=won,
    )  # fmt: skip
    p.deal(
        "CASE-PARTNER", None, "a partner id that nobody knows", UNRESOLVED, "L12", on, reason="PARTNER_UNKNOWN",
        channel="resale", partner_id="NOBODY", won_on=won,
    )  # fmt: skip
    p.deal(
        "CASE-RENAMED-A", None, "the branch's id changed", "CASE-RENAMED-OLD", "L3", "2023-06-12",
        branch_id="CASE-RENAMED-OLD", won_on="2023-08-31",
    )  # fmt: skip
    p.deal(
        "CASE-LOST", None, "an earlier extract had a partner", DIRECT, "L13", on, reason="LOST_EVIDENCE",
        channel="direct", won_on=won, extract=DELTA_EXTRACTS[2],
    )  # fmt: skip
    p.deal("CASE-LOST", None, "", osaka, "L3", on, answered=False, channel="resale", branch_id=osaka, won_on=won)
    p.deal(
        "CASE-DELETED", None, "deleted", None, "", None, created_at=f"{on} 10:30:00", branch_id=osaka,
        is_deleted=True, won_on=won, sufficient=False, counted=False,
    )  # fmt: skip


def credit_dates(p: Planted) -> None:
    """The credit date of deals without a creation date."""
    tokyo, osaka = p.office_pair("CLOCK", "株式会社メグロ測器")
    p.rep("CLOCK-R1", "目黒 仁", Assignment(tokyo, ends=MOVE), Assignment(osaka, MOVE))
    unknown: Values = {"created_at": None, "rep_id": "CLOCK-R1"}
    p.deal("CLOCK-A", None, "the first stage entry", tokyo, "L4", "2024-02-08", won_on="2024-05-09", **unknown)
    p.stages("CLOCK-A", ("商談", "2024-02-08"), ("提案", "2024-03-12"), ("受注", "2024-05-09"))
    p.deal("CLOCK-B", None, "the won date", osaka, "L4", "2024-05-09", won_on="2024-05-09", **unknown)
    p.deal("CLOCK-C", None, "the first extract", osaka, "L4", "2025-04-05", **unknown)


def bad_rows(p: Planted) -> None:
    """Three rows that must be rejected, in datasets where they affect no deal."""
    p.bad_row(
        "programme_costs", AS_OF, "amount", programme_id="PG1", month="2023-11-01", cost_kind="販促費",
        amount="1,234,000円",
    )  # fmt: skip
    p.bad_row(
        "cases", DELTA_EXTRACTS[0], "recorded_on", case_id="BAD-CASE", branch_id="CASE-TOKYO", kind="success",
        recorded_on="2025-02-30",
    )  # fmt: skip
    p.bad_row(
        "inquiries", DELTA_EXTRACTS[0], "kind", inquiry_id="BAD-INQUIRY", received_at="2024-07-08 10:00:00",
        kind="パートナー希望",
    )  # fmt: skip
