"""Explains why a deal is credited to its branch, in English or Japanese.

Everything comes from the published release: evidence, decision, and the texts for rungs and reasons. No rule is applied
here. The sentences are in WORDS, one table per language.
"""

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.warehouse import var
from orchestration.worklist import candidates_text

if TYPE_CHECKING:
    import duckdb

SINCE_EVER, FOR_EVER = date(1900, 1, 1), date(9999, 12, 31)
Row = dict[str, Any]

DEAL = """
    select
        deals.*, attribution.rung, attribution.reason, attribution.credit_basis, customers.customer_name,
        ladder.meaning, ladder.meaning_ja
    from core.fct_deals as deals
    inner join attribution.deal_attribution as attribution using (deal_id)
    left join core.dim_customer as customers using (customer_id)
    left join (
        select rung, min_by(meaning, (evidence_code, points_to)) as meaning,
            min_by(meaning_ja, (evidence_code, points_to)) as meaning_ja
        from attribution.attribution_ladder group by rung
    ) as ladder on attribution.rung = ladder.rung
    where deals.deal_id = $deal
"""
# The question in one query; docs/worklist.md shows it too.
EVIDENCE = """
    select evidence.*, ladder.meaning, ladder.meaning_ja
    from attribution.deal_evidence as evidence
    left join attribution.attribution_ladder as ladder using (evidence_code, points_to)
    where deal_id = $deal
    order by evidence.rung_order nulls last, evidence_code, evidence.branch_id, raw_value, registration_id
"""
BRANCHES = """
    select
        branches.*, coalesce(was.branch_name, branches.branch_name) as name_was, branches.branch_name as name_now,
        coalesce(was.partner_id, branches.partner_id) as partner_was, branches.partner_id as partner_now
    from core.dim_branch as branches
    left join core.dim_branch_history as was
        on branches.branch_id = was.branch_id and was.valid_from <= $day and $day < was.valid_to
"""
ASSIGNMENTS = "from core.dim_rep_assignment where rep_id = $rep order by valid_from, branch_id"
# All deals of a branch have the same shares.
PARTS = """
    select distinct branch_id_current, share
    from attribution.current_credit where branch_id = $branch order by share desc, branch_id_current
"""
QUARANTINE = """
    select quarantine.*, reasons.meaning, reasons.meaning_ja
    from attribution.quarantine as quarantine left join attribution.quarantine_reasons as reasons using (reason)
    where deal_id = $deal order by quarantine.severity, reason
"""
DUPLICATE = """
    select related_deal_id from attribution.exclusions
    where record_type = 'deal' and deal_id = $deal and related_deal_id is not null
"""
EXCLUDED = "select distinct record_type, reason from attribution.exclusions where deal_id = $deal order by all"
CLOSE = (
    "select deal_id from core.fct_deals order by jaro_winkler_similarity(lower(deal_id), lower($deal)) desc limit 50"
)

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "rung": "Decided by",
        "found": "What the evidence says",
        "sections": "What decided|What agrees|What lost|What may not count|Only suggestions|"
        "Others who took part (never summed with credit)|For a person to decide|For a person to check|"
        "A person decided|Restated since",
        "branch": "Branch",
        "rep": "Rep",
        "credit": "Credit date: {day}, {clock}",
        "today": "Today",
        "deal": "{status}, {money}, customer {customer}, channel {channel}",
        "uncounted": "Counted in no KPI: deal {other} is the same opportunity.",
        "was": "{branch} of {partner}, by the organisation of {day}",
        "of": "{branch} of {partner}",
        "direct": "none: the vendor sold it itself",
        "unresolved": "none: the evidence names no partner that is known, or contradicts itself",
        "unknown": "not known; the partner is {partner}",
        "same": "the same branch",
        "closed_on": "closed since {day} without a recorded successor: the credit stays there",
        "renamed": "the same branch, now called {branch}",
        "succeeded": "{branch} of {partner}, which took over from it",
        "split": "split among {parts}",
        "partner_now": "the partner is {partner} now",
        "clock_registration": "the approved registration was submitted then",
        "clock_created": "the deal was created then",
        "clock_stage_entry": "the deal entered its first stage then",
        "clock_won": "flagged: only the day of the win is known",
        "clock_extract": "flagged: no date of the deal is known, so the first extract that named it counts",
        "registration": "registration {id}, submitted {day}",
        "signal": "{what} ({details}): {target}",
        "bare_signal": "{what}: {target}",
        "raw": "“{raw}”",
        "by_alias": "known by an alias",
        "by_stem": "by a short form of the name",
        "by_domain": "by its domain",
        "alike": "{score:.0f}% alike",
        "partner_alone": "Names the partner alone",
        "primary": "marked primary",
        "assigned": "{rep}, who was at {branch} {period}",
        "bridged": "{rep}, whose assignment to {branch} had ended; the gap until the next one on {day} is bridged",
        "not_assigned": "{rep}, whose assignments were {assignments}",
        "no_assignments": "{rep}, who has no known assignment",
        "assigned_at": "at {branch} {period}",
        "rep_now": "; today at {branch}",
        "period": "from {start} to {end}",
        "since_ever": "the beginning",
        "for_ever": "this day",
        "open": "{branch} was open on {day}{opened}{closed}",
        "unknown_day": "no date",
        "opened": ", opened on {day}",
        "closed_later": ", closed on {day}",
        "sole": "{branch} was the only open branch of {partner} on {day}",
        "weaker": "a weaker rung than {rung}",
        "as_strong": "as strong as the winner; {how}",
        "led": "a party marked primary leads",
        "narrowed": "a weaker rung narrowed it to the winner",
        "against": "it contradicts other evidence, so nothing decides",
        "closed": "it closed on {day}",
        "not_yet": "it opened only on {day}",
        "ask": "Ask: {question}",
        "candidates": "Candidates: {candidates}",
        "age": "Known for {days} days. At stake: {money}",
        "decision": "{who} on {day}: {branch}. Why: {why} ({file}, row {row})",
        "restated": "{month}: {money}, {before} → {after}. Cause: {cause} (between {old} and {new})",
        "no_rate": "{money} (no exchange rate, so no amount in {base})",
        "no_amount": "no amount",
        "not_known": "not known",
        "nothing": "no evidence of a partner at all",
        "status_open": "open",
        "status_won": "won",
        "status_lost": "lost",
        "LADDER": "the ladder or its settings changed",
        "SOFTWARE": "the software changed",
        "LATE_DEAL": "the deal was reported late",
        "SOURCE_EDIT": "the source changed its data about the deal",
        "OVERRIDE": "a person decided",
        "PARENT_DEAL": "the parent deal moved",
        "ALIAS": "a name was registered",
        "ROSTER": "the roster was updated late",
        "FX_RATE": "the exchange rate changed",
        "DUPLICATE": "a duplicate was found, or no longer is one",
        "REGISTRATION_NOT_APPROVED": "the registration is not approved",
        "REGISTRATION_EXPIRED": "the registration had expired by the credit date",
        "OTHER_PARTNER": "the parent deal is another partner's, which is no conflict",
        "SWITCHED_OFF": "the ladder does not use this evidence",
        "INFLUENCE": "the role takes part in the deal and does not earn the credit",
    },
    "ja": {
        "rung": "判定段階",
        "found": "根拠の内容",
        "sections": "決め手となった根拠|一致する根拠|採用されなかった根拠|対象外の根拠|参考となる候補|"
        "その他の関与(帰属とは合算しない)|判定が必要|確認が必要|手動判定|修正再表示",
        "branch": "拠点",
        "rep": "営業担当者",
        "credit": "帰属日: {day}({clock})",
        "today": "現在の組織",
        "deal": "{status}、{money}、顧客 {customer}、商流 {channel}",
        "uncounted": "同じ商談の案件 {other} があるため、KPIには数えません。",
        "was": "{partner} {branch}({day} 時点の組織)",
        "of": "{partner} {branch}",
        "direct": "なし(自社の直販)",
        "unresolved": "なし(根拠が登録済みのパートナーを示さない、または矛盾する)",
        "unknown": "不明(パートナーは {partner})",
        "same": "同じ拠点",
        "closed_on": "{day} に閉鎖。承継先の記載がないため帰属はそのまま",
        "renamed": "同じ拠点(現在の名称は {branch})",
        "succeeded": "{partner} {branch} が承継",
        "split": "{parts} に分割",
        "partner_now": "現在のパートナーは {partner}",
        "clock_registration": "承認済み案件登録の申請日",
        "clock_created": "案件の作成日",
        "clock_stage_entry": "最初のステージに入った日",
        "clock_won": "要注意: 受注日しか分からない",
        "clock_extract": "要注意: 案件の日付がなく、初めて現れた抽出日を使用",
        "registration": "案件登録 {id}、{day} 申請",
        "signal": "{what}({details}) → {target}",
        "bare_signal": "{what} → {target}",
        "raw": "「{raw}」",
        "by_alias": "別名で照合",
        "by_stem": "略称で照合",
        "by_domain": "ドメインで照合",
        "alike": "類似度 {score:.0f}%",
        "partner_alone": "パートナーのみを示す",
        "primary": "主担当",
        "assigned": "{rep}({period} の所属は {branch})",
        "bridged": "{rep}({branch} の所属は終了。{day} の次の所属までの空白を補完)",
        "not_assigned": "{rep}(所属: {assignments})",
        "no_assignments": "{rep}(所属の記載なし)",
        "assigned_at": "{period} {branch}",
        "rep_now": "、現在は {branch}",
        "period": "{start}〜{end}",
        "since_ever": "当初",
        "for_ever": "現在",
        "open": "{branch} は {day} に存在{opened}{closed}",
        "unknown_day": "日付なし",
        "opened": "、{day} 開設",
        "closed_later": "、{day} 閉鎖",
        "sole": "{day} に開いていた {partner} の唯一の拠点は {branch}",
        "weaker": "{rung} より弱い根拠",
        "as_strong": "決め手と同じ強さ。{how}",
        "led": "主担当の関与者を優先",
        "narrowed": "より弱い根拠で一つに絞られた",
        "against": "他の根拠と矛盾するため決められない",
        "closed": "{day} に閉鎖",
        "not_yet": "{day} に開設",
        "ask": "確認事項: {question}",
        "candidates": "候補: {candidates}",
        "age": "{days} 日経過、対象金額 {money}",
        "decision": "{day} {who}: {branch}。理由: {why}({file} の {row} 行目)",
        "restated": "{month}: {money}、{before} → {after}。原因: {cause}({old} から {new} の間)",
        "no_rate": "{money}(為替レートがなく {base} の金額なし)",
        "no_amount": "金額なし",
        "not_known": "不明",
        "nothing": "パートナーを示す根拠はありません",
        "status_open": "進行中",
        "status_won": "受注",
        "status_lost": "失注",
        "seller": "販売",
        "reseller": "販売店",
        "distributor": "ディストリビューター",
        "referrer": "紹介",
        "co_sell": "共同販売",
        "implementer": "導入",
        "LADDER": "判定段階または設定の変更",
        "SOFTWARE": "ソフトウェアの変更",
        "LATE_DEAL": "案件が遅れて届いた",
        "SOURCE_EDIT": "ソースの記載の変更",
        "OVERRIDE": "手動判定",
        "PARENT_DEAL": "元案件の変更",
        "ALIAS": "名称の登録",
        "ROSTER": "名簿の遅れた更新",
        "FX_RATE": "為替レートの変更",
        "DUPLICATE": "重複判定の変更",
        "REGISTRATION_NOT_APPROVED": "承認されていない案件登録",
        "REGISTRATION_EXPIRED": "帰属日には期限切れの案件登録",
        "OTHER_PARTNER": "元案件は別のパートナー(矛盾とはしない)",
        "SWITCHED_OFF": "判定段階の設定で使わない根拠",
        "INFLUENCE": "帰属の対象とならない役割での関与",
    },
}


def explain(home: Home, deal_id: str, lang: str = "en") -> str:
    """Return the explanation of a deal's credit in the current release.

    Raises:
        KyotenError: if nothing is published, no deal is named, or the release lacks the deal.
    """
    database = home.published / "kyoten.duckdb"
    if not database.exists():
        raise KyotenError(home.nothing_published)
    if not deal_id.strip():
        raise KyotenError("Which deal? Name one, as in make why DEAL=D00000001.")
    with engine.connect(home, database, read_only=True) as connection:
        return "\n".join(Case(Release(connection), deal_id.strip(), lang).lines())


@dataclass(frozen=True)
class Release:
    """The published tables."""

    connection: "duckdb.DuckDBPyConnection"

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """Return a query's rows by column name."""
        result = self.connection.execute(query, parameters)
        columns = [column[0] for column in result.description]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    def has(self, schema: str, table: str) -> bool:
        """Return whether the release has a table."""
        query = "from duckdb_tables() where schema_name = $schema and table_name = $table"
        return bool(self.rows(query, schema=schema, table=table))


class Case:
    """The facts of one deal and the sentences about them."""

    def __init__(self, release: Release, deal_id: str, lang: str) -> None:
        """Read the facts that all sentences need; for an unknown deal the error suggests similar ids."""
        self.release, self.lang, self.words = release, lang, WORDS[lang]
        found = release.rows(DEAL, deal=deal_id)
        if not found:
            raise KyotenError(_unknown(release, deal_id))
        self.deal = found[0]
        self.id, self.day = deal_id, self.deal["credit_on"]
        self.evidence = release.rows(EVIDENCE, deal=deal_id)
        self.branches = {row["branch_id"]: row for row in release.rows(BRANCHES, day=self.day)}
        self.partners = {row["partner_id"]: row for row in release.rows("from core.dim_partner")}
        self.reps = {
            row["rep_id"]: row
            for row in release.rows(
                "from core.dim_rep where rep_id in (select unnest($ids))",
                ids=[self.deal["rep_id"], *(row["rep_id"] for row in self.evidence if row["rep_id"])],
            )
        }

    def say(self, key: str, **values: Any) -> str:
        """Return a sentence; a key without a text in this language is returned unchanged."""
        return self.words.get(key, key).format(**values)

    def meaning(self, row: Row) -> str:
        """Return the seed's text for a rung or reason."""
        words = row.get("meaning_ja") if self.lang == "ja" else row.get("meaning")
        return words or row.get("rung") or row.get("reason") or ""

    def lines(self) -> Iterator[str]:
        """Yield the answer line by line: the branch, the reasons, and the evidence against it."""
        headings = self.words["sections"].split("|")
        if self._undecided():
            headings[0] = self.say("found")
        yield f"{self.id}  {self.deal['deal_name'] or ''}".rstrip()
        yield from self._summary()
        yield f"{self.say('rung')}: {self._rung()}"
        for heading, body in zip(
            headings,
            (
                self._deciding(),
                self._agreeing(),
                self._losing(),
                self._ineligible(),
                self._suggesting(),
                self._influence(),
                self._quarantine(undecided=True),
                self._quarantine(undecided=False),
                self._decision(),
                self._restated(),
            ),
            strict=True,
        ):
            if lines := list(body):
                yield from ("", heading, *(f"  {line}" for line in lines))

    # Where it is

    def _summary(self) -> Iterator[str]:
        deal = self.deal
        yield self.say(
            "deal",
            status=self.say("status_" + deal["status"]),
            money=self._money(deal),
            customer=deal["customer_name"] or deal["customer_id"] or self.say("not_known"),
            channel=deal["channel"] or self.say("not_known"),
        )
        for row in self.release.rows(DUPLICATE, deal=self.id):
            yield self.say("uncounted", other=row["related_deal_id"])
        yield ""
        yield f"{self.say('branch')}: {self._where()}"
        if deal["rep_id"] != "NONE":
            yield f"{self.say('rep')}: {self.rep(deal['rep_id'])}"
        yield self.say("credit", day=self.day, clock=self.say("clock_" + deal["credit_basis"]))
        if not self._is_special_member():
            yield f"{self.say('today')}: {self._today()}"

    def _is_special_member(self) -> bool:
        return bool(self.branches[self.deal["branch_id"]]["is_sentinel"])

    def _where(self) -> str:
        branch_id = self.deal["branch_id"]
        if branch_id in ("DIRECT", "UNRESOLVED"):
            return self.say(branch_id.lower())
        partner = self.partner(self.deal["partner_id"])
        if self._is_special_member():
            return self.say("unknown", partner=partner)
        return self.say("was", branch=self.branch(branch_id), partner=partner, day=self.day)

    def _today(self) -> str:
        branch = self.branches[self.deal["branch_id"]]
        parts = self.release.rows(PARTS, branch=branch["branch_id"])
        if len(parts) > 1:
            shares = (f"{self.branch(part['branch_id_current'], now=True)} {part['share']:.0%}" for part in parts)
            return self.say("split", parts=", ".join(shares))
        current = self.deal["branch_id_current"]
        if current != branch["branch_id"]:
            partner = self.partner(self._partner_now(current))
            return self.say("succeeded", branch=self.branch(current, now=True), partner=partner)
        if branch["closed_on"] and branch["closed_on"] <= self._as_of():
            return self.say("closed_on", day=branch["closed_on"])
        renamed = branch["name_now"] != branch["name_was"]
        same = self.say("renamed", branch=self.branch(current, now=True)) if renamed else self.say("same")
        partner_now = self._partner_now(current)
        if partner_now != self.deal["partner_id"]:
            same += "; " + self.say("partner_now", partner=self.partner(partner_now))
        return same

    def _partner_now(self, branch_id: str) -> str:
        partner_id = self.branches[branch_id]["partner_now"]
        return str((self.partners.get(partner_id) or {}).get("current_partner_id") or partner_id)

    def _as_of(self) -> date:
        as_of: date = self.release.rows("select as_of from ops.release")[0]["as_of"]
        return as_of

    # The evidence

    def _decides(self, row: Row) -> bool:
        """Return whether a signal is on the rung that decided; if no rung decided, every eligible signal counts."""
        if row["status"] not in ("supporting", "contradicting"):
            return False
        return self._undecided() or (row["status"] == "supporting" and row["rung"] == self.deal["rung"])

    def _undecided(self) -> bool:
        return all(row["rung"] != self.deal["rung"] for row in self.evidence)

    def _rung(self) -> str:
        meanings = dict.fromkeys(self.meaning(row) for row in self.evidence if self._decides(row))
        if meanings and not self._undecided():
            return f"{self.deal['rung']} {', '.join(meanings)}"
        why = f" ({self.deal['reason']}: {self._reason(self.deal['reason'])})" if self.deal["reason"] else ""
        return f"{self.deal['rung']} {self.meaning(self.deal)}{why}"

    def _deciding(self) -> Iterator[str]:
        rows = [row for row in self.evidence if self._decides(row)]
        if not self.evidence:
            yield self.say("nothing")
        for row in rows:
            against = row["status"] == "contradicting"
            yield self._signal(row) + (f" ({self.say('against')})" if against else "")
        branch = self.branches[self.deal["branch_id"]]
        if not branch["is_sentinel"]:
            if rows and all(row["branch_id"] is None for row in rows):
                partner = self.partner(self.deal["partner_id"])
                yield self.say("sole", branch=self.branch(branch["branch_id"]), partner=partner, day=self.day)
            yield self._openness(branch)

    def _openness(self, branch: Row) -> str:
        name = self.branch(branch["branch_id"])
        if not self._was_open(branch):
            return f"{name}: {self._closed(branch)}"
        opened = self.say("opened", day=branch["opened_on"]) if branch["opened_on"] else ""
        closed = self.say("closed_later", day=branch["closed_on"]) if branch["closed_on"] else ""
        return self.say("open", branch=name, day=self.day, opened=opened, closed=closed)

    def _agreeing(self) -> Iterator[str]:
        rows = (row for row in self.evidence if row["status"] == "supporting" and not self._decides(row))
        return (self._signal(row) for row in rows)

    def _losing(self) -> Iterator[str]:
        for row in self.evidence:
            if row["status"] == "contradicting" and not self._decides(row):
                yield f"{self._signal(row)} ({self._why_lost(row)})"

    def _why_lost(self, row: Row) -> str:
        if row["reason"]:
            return self._reason(row["reason"])
        if row["rung"] != self.deal["rung"]:
            return self.say("weaker", rung=self.deal["rung"])
        led = any(other["is_primary"] for other in self.evidence if self._decides(other))
        return self.say("as_strong", how=self.say("led" if led else "narrowed"))

    def _ineligible(self) -> Iterator[str]:
        for row in self.evidence:
            if row["status"] == "ineligible":
                yield f"{self._signal(row)} ({self._wrong(row)})"

    def _wrong(self, row: Row) -> str:
        reason = self._reason(row["reason"])
        branch = self.branches.get(row["branch_id"])
        if row["reason"] == "BRANCH_CLOSED_AT_DATE" and branch:
            return f"{reason}: {self._closed(branch)}"
        return reason

    def _suggesting(self) -> Iterator[str]:
        return (self._signal(row) for row in self.evidence if row["status"] == "candidate")

    def _signal(self, row: Row) -> str:
        """Return one signal: its rung, what the source stated when, and what it points to on the credit date."""
        # L10 means "the partner's only open branch"; this text is right only if L10 decided.
        alone = row["points_to"] == "partner" and (self._undecided() or not self._decides(row))
        meaning = self.say("partner_alone") if alone else self.meaning(row)
        what = f"{row['rung'] or row['evidence_code']} {meaning}"
        details = ", ".join(self._details(row))
        return self.say("signal" if details else "bare_signal", what=what, details=details, target=self._target(row))

    def _details(self, row: Row) -> Iterator[str]:
        """Yield what the source stated in addition to the target's own ids, and when."""
        day = row["claimed_on"] or self.say("unknown_day")
        if row["role"] and not row["registration_id"]:
            yield self.say(row["role"])
        if row["is_primary"]:
            yield self.say("primary")
        if row["raw_value"] not in (row["branch_id"], row["rep_id"], row["partner_id"]):
            yield self.say("raw", raw=row["raw_value"])
        if row["matched_by"] in ("alias", "stem", "domain"):
            yield self.say(f"by_{row['matched_by']}")
        if row["score"] is not None:
            yield self.say("alike", score=row["score"])
        if row["registration_id"]:
            yield self.say("registration", id=row["registration_id"], day=day)
        elif row["claimed_on"]:
            yield str(day)

    def _target(self, row: Row) -> str:
        if row["rep_id"]:
            return self._assigned(row)
        if row["branch_id"]:
            partner = self.partner(row["partner_id"])
            return self.say("of", branch=self.branch(row["branch_id"]), partner=partner)
        return self.partner(row["partner_id"])

    def _assigned(self, row: Row) -> str:
        """Return a rep with the assignment that counts on the credit date, or with all of them if none counts."""
        rep, now = self.rep(row["rep_id"]), self.reps.get(row["rep_id"], {}).get("current_branch_id")
        assignments = self.release.rows(ASSIGNMENTS, rep=row["rep_id"])
        if not row["branch_id"]:
            if not assignments:
                return self.say("no_assignments", rep=rep)
            listed = ", ".join(self._assigned_at(assignment) for assignment in assignments)
            return self.say("not_assigned", rep=rep, assignments=listed)
        here = [one for one in assignments if one["branch_id"] == row["branch_id"]]
        current = next((one for one in here if one["valid_from"] <= self.day < one["valid_to"]), None)
        branch = self.branch(row["branch_id"])
        if current:
            text = self.say("assigned", rep=rep, branch=branch, period=self._period(current))
        elif later := [one["valid_from"] for one in assignments if one["valid_from"] > self.day]:
            text = self.say("bridged", rep=rep, branch=branch, day=min(later))
        else:
            text = f"{rep}, {branch}"
        return text + (
            self.say("rep_now", branch=self.branch(now, now=True)) if now and now != row["branch_id"] else ""
        )

    def _assigned_at(self, assignment: Row) -> str:
        branch = self.branch(assignment["branch_id"])
        return self.say("assigned_at", branch=branch, period=self._period(assignment))

    def _period(self, assignment: Row) -> str:
        """Return an interval with its last day, not the first day after it."""
        start = self.say("since_ever") if assignment["valid_from"] == SINCE_EVER else assignment["valid_from"]
        last_day = assignment["valid_to"] - timedelta(days=1)
        end = self.say("for_ever") if assignment["valid_to"] == FOR_EVER else last_day
        return self.say("period", start=start, end=end)

    def _was_open(self, branch: Row) -> bool:
        opened, closed = branch["opened_on"] or SINCE_EVER, branch["closed_on"] or FOR_EVER
        return bool(opened <= self.day < closed)

    def _closed(self, branch: Row) -> str:
        if branch["closed_on"] and branch["closed_on"] <= self.day:
            return self.say("closed", day=branch["closed_on"])
        return self.say("not_yet", day=branch["opened_on"])

    # Influence, quarantine, decisions and restatements

    def _influence(self) -> Iterator[str]:
        rows = self.release.rows("from attribution.influence where deal_id = $deal order by all", deal=self.id)
        for row in rows:
            known = not self.branches[row["branch_id"]]["is_sentinel"] if row["branch_id"] in self.branches else False
            partner = self.partner(row["partner_id"])
            who = self.say("of", branch=self.branch(row["branch_id"]), partner=partner) if known else partner
            yield f"{self.say(row['role'])}: {who}"

    def _quarantine(self, *, undecided: bool) -> Iterator[str]:
        names = {key: row["name_was"] for key, row in self.branches.items()} | {
            key: row["partner_name"] for key, row in self.partners.items() if key not in self.branches
        }
        for row in self.release.rows(QUARANTINE, deal=self.id):
            if (row["severity"] == "error") != undecided:
                continue
            yield f"{row['reason']}: {self.meaning(row)}"
            if question := row["question_ja" if self.lang == "ja" else "question"]:
                yield f"  {self.say('ask', question=question)}"
            if json.loads(row["candidates"]):
                yield f"  {self.say('candidates', candidates=candidates_text(row['candidates'], names))}"
            yield f"  {self.say('age', days=row['age_days'], money=self._money(row))}"

    def _decision(self) -> Iterator[str]:
        for row in self.release.rows("from attribution.overrides where deal_id = $deal", deal=self.id):
            yield self.say(
                "decision",
                who=row["decided_by"],
                day=row["decided_on"],
                branch=self.branch(row["branch_id"]) if row["branch_id"] else self.rep(row["rep_id"]),
                why=row["reason"],
                file=row["file_name"],
                row=row["row_number"],
            )

    def _restated(self) -> Iterator[str]:
        if not self.release.has("attribution", "restatements"):
            return
        query = "from attribution.restatements where deal_id = $deal order by to_known_on, month, from_branch_id"
        for row in self.release.rows(query, deal=self.id):
            yield self.say(
                "restated",
                month=f"{row['month']:%Y-%m}",
                money=_money(row["amount"], var("base_currency")),
                before=self.branch(row["from_branch_id"]),
                after=self.branch(row["to_branch_id"]),
                cause=self.say(row["cause"]),
                old=row["from_known_on"],
                new=row["to_known_on"],
            )

    # Names

    def branch(self, branch_id: str | None, *, now: bool = False) -> str:
        """Return a branch's name on the credit date, or today's, with its id."""
        row = self.branches.get(branch_id or "")
        name = row["name_now" if now else "name_was"] if row else None
        return _named(name, branch_id) or self.say("not_known")

    def partner(self, partner_id: str | None) -> str:
        """Return a partner's name with its id."""
        row = self.partners.get(partner_id or "")
        return _named(row["partner_name"] if row else None, partner_id) or self.say("not_known")

    def rep(self, rep_id: str) -> str:
        """Return a rep's name with the id."""
        return _named((self.reps.get(rep_id) or {}).get("rep_name"), rep_id)

    def _reason(self, reason: str | None) -> str:
        rows = self.release.rows("from attribution.quarantine_reasons where reason = $reason", reason=reason)
        return self.meaning(rows[0]) if rows else self.say(reason or "")

    def _money(self, row: Row) -> str:
        base = var("base_currency")
        if row["amount"] is None and row["amount_in_currency"] is None:
            return self.say("no_amount")
        own = _money(row["amount_in_currency"], row["currency"])
        if row["amount"] is None:
            return self.say("no_rate", money=own, base=base)
        return _money(row["amount"], base) + (f" ({own})" if row["currency"] != base else "")


def _named(name: str | None, key: str | None) -> str:
    return " ".join(text for text in (name, f"[{key}]" if key else None) if text)


def _money(amount: Decimal, currency: str) -> str:
    return f"{currency} {amount:,.0f}" if amount == amount.to_integral_value() else f"{currency} {amount:,.2f}"


def _unknown(release: Release, deal_id: str) -> str:
    """Return a message that there is no such deal, with the reason for its exclusion or with similar ids."""
    if excluded := release.rows(EXCLUDED, deal=deal_id):
        found = "; ".join(f"{row['record_type']}: {row['reason']}" for row in excluded)
        return f"Deal {deal_id} is not in the current release. attribution.exclusions holds {found}."
    likely = [row["deal_id"] for row in release.rows(CLOSE, deal=deal_id)]
    close = _closest(deal_id, likely)
    hint = f"Did you mean {', '.join(close)}?" if close else "Deals are listed in core.fct_deals."
    return f"There is no deal {deal_id} in the current release. {hint}"


def _closest(deal_id: str, likely: Iterable[str]) -> list[str]:
    """Return up to five similar ids, the most similar first, equals in the given order."""
    alike = {name: difflib.SequenceMatcher(None, deal_id.lower(), name.lower()).ratio() for name in likely}
    return sorted((name for name in alike if alike[name] > 0.6), key=lambda name: (-alike[name], name))[:5]
