"""Helpers that write planted cases: partners, branches, reps, deals and their answers, as contract rows.

A planted row is text, as in a CSV. Full datasets repeat a row in every roster extract that contains it; delta datasets
contain it once. The cases themselves are in traps.py and cases.py.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tools.sample.calendar import AS_OF, ROSTER_EXTRACTS, day, first_extract
from tools.sample.writing import text

Row = dict[str, str]
SINCE = "2020-04-01"
DIRECT, UNRESOLVED = "DIRECT", "UNRESOLVED"


@dataclass(frozen=True)
class Assignment:
    """A rep's assignment to a branch. `known_from` is the day from which extracts contain it, by default its start."""

    branch: str
    starts: str = SINCE
    ends: str | None = None
    primary: bool | None = True
    known_from: str | None = None
    end_known_from: str | None = None


@dataclass
class Planted:
    """Collects planted rows by dataset and extract, and the answers."""

    rows: dict[tuple[str, int], list[Row]] = field(default_factory=lambda: defaultdict(list))
    answers: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    bad: list[dict[str, Any]] = field(default_factory=list)
    partner_of: dict[str, str] = field(default_factory=dict)
    successor: dict[str, str] = field(default_factory=dict)
    partner_successor: dict[str, str] = field(default_factory=dict)

    def add(self, dataset: str, extract: int, **values: Any) -> None:
        """Add one row to one extract."""
        self.rows[dataset, extract].append({c: text(v) for c, v in values.items() if v is not None})

    def roster(self, dataset: str, since: str = SINCE, until: str | None = None, **values: Any) -> None:
        """Add a row to each roster extract that contains it."""
        for extract in ROSTER_EXTRACTS:
            if day(since) <= extract and (until is None or extract < day(until)):
                self.add(dataset, extract, **values)

    def partner(
        self,
        partner_id: str,
        name: str,
        kind: str = "reseller",
        merged: tuple[str, str] | None = None,
        industry: str = "卸売・小売",
        contract_started_on: str = "2019-04-01",
        contract_renewed_on: str | None = None,
        *,
        focus: bool = False,
    ) -> None:
        """Add a partner; `merged` names the surviving partner and the day. Extracts have only the present contract."""
        for extract in ROSTER_EXTRACTS:
            known = merged is not None and day(merged[1]) <= extract
            renewed = contract_renewed_on is not None and day(contract_renewed_on) <= extract
            self.add(
                "partners", extract, partner_id=partner_id, partner_name=name, partner_type=kind, industry=industry,
                contract_started_on=contract_renewed_on if renewed else contract_started_on,
                contract_ended_on=None if renewed else contract_renewed_on, is_focus=focus,
                successor_partner_id=merged[0] if merged and known else None, succeeded_on=merged[1] if merged
                    and known else None,
            )  # fmt: skip
        if merged:
            self.partner_successor[partner_id] = merged[0]

    def branch(
        self,
        branch_id: str,
        partner_id: str,
        name: str,
        *,
        opened: str = SINCE,
        closed: str | None = None,
        into: tuple[tuple[str, float | None], ...] = (),
        kind: str = "merge",
        current: str | None = None,
        renamed: tuple[str, str] | None = None,
        prefecture: str | None = None,
    ) -> None:
        """Add a branch, and the branches that took it over on its closing day; `current` is its successor as is.

        `renamed` is its later name and the day from which extracts contain it.
        """
        self.partner_of[branch_id] = partner_id
        for extract in ROSTER_EXTRACTS:
            if extract < day(opened):
                continue
            known = closed is not None and day(closed) <= extract
            called = renamed[0] if renamed and day(renamed[1]) <= extract else name
            self.add(
                "branches", extract, branch_id=branch_id, partner_id=partner_id, branch_name=called,
                branch_kind=next((k for k in ("本社", "支店", "営業所") if name.endswith(k)), None),
                    is_head_office=name == "本社",
                opened_on=opened, closed_on=closed if known else None, prefecture=prefecture,
            )  # fmt: skip
            if known:
                for successor, weight in into:
                    self.add(
                        "branch_successions", extract, from_branch_id=branch_id, to_branch_id=successor,
                        effective_on=closed, kind=kind, weight=weight,
                    )  # fmt: skip
        if current:
            self.successor[branch_id] = current

    def office_pair(self, trap: str, name: str, kind: str = "reseller") -> tuple[str, str]:
        """Add a partner `trap` with a Tokyo and an Osaka branch, and return their ids."""
        self.partner(trap, name, kind)
        self.branch(f"{trap}-TOKYO", trap, "東京支店")
        self.branch(f"{trap}-OSAKA", trap, "大阪支店")
        return f"{trap}-TOKYO", f"{trap}-OSAKA"

    def rep(
        self,
        rep_id: str,
        name: str,
        *assignments: Assignment,
        email: str | None = None,
        left: tuple[str, str] | None = None,
    ) -> None:
        """Add a rep with assignments; `left` has the days of leaving and of return; later extracts omit it."""
        for extract in ROSTER_EXTRACTS:
            left_on = left[0] if left and day(left[0]) <= extract < day(left[1]) else None
            self.add("reps", extract, rep_id=rep_id, rep_name=name, rep_email=email, job_title="営業", left_on=left_on)
        if email:
            self.contact("rep", rep_id, "email", email)
        for assignment in assignments:
            known, end_known = (
                day(assignment.known_from or assignment.starts),
                day(assignment.end_known_from or assignment.ends) if assignment.ends else None,
            )
            for extract in ROSTER_EXTRACTS:
                if known <= extract:
                    ended = end_known is not None and end_known <= extract
                    self.add(
                        "rep_assignments", extract, rep_id=rep_id, branch_id=assignment.branch,
                        valid_from=assignment.starts, valid_to=assignment.ends if ended else None,
                        is_primary=assignment.primary, role="rep",
                    )  # fmt: skip

    def contact(self, owner_type: str, owner_id: str, kind: str, value: str) -> None:
        """Add an address that is valid from the beginning."""
        self.roster(
            "contact_points", owner_type=owner_type, owner_id=owner_id, kind=kind, value=value, valid_from=SINCE
        )

    def deal(
        self,
        deal_id: str,
        trap: int | None,
        case: str,
        branch: str | None,
        rung: str,
        credit: str | None,
        *,
        reason: str = "",
        needs: str = "",
        partner: str | None = None,
        rep: str = "",
        sufficient: bool | None = None,
        counted: bool = True,
        extract: int | None = None,
        answered: bool = True,
        **values: Any,
    ) -> None:
        """Add a deal with its answer; an empty `rep` is not compared.

        The defaults make an ordinary deal in yen, which is open unless it has a closing day.
        """
        won, closed = values.get("won_on"), values.get("closed_on")
        if won:
            values.setdefault("closed_on", won)
        created = values.get("created_at", credit)
        if "created_at" not in values and credit:
            values["created_at"] = f"{credit} 10:30:00"
        customer = values.setdefault("customer_id", f"TRAP-C-{deal_id.removeprefix('TRAP')}")
        self.customer(customer)
        values.setdefault("stage", "受注" if won else "失注" if closed else "商談")
        values.setdefault("amount", 600_000)
        values.setdefault("currency", "JPY")
        values.setdefault("product_id", "PR01")
        values.setdefault("deal_type", "new")
        values.setdefault("is_deleted", False)
        values.setdefault("deal_name", "出入口システム導入")
        latest = max([str(v)[:10] for v in (created, won, closed) if v] or ["2025-04-05"])
        self.add("deals", extract or first_extract(day(latest)), deal_id=deal_id, **values)
        if answered:
            self.answer(
                deal_id, trap, case, branch, rung, credit, reason=reason, needs=needs, partner=partner, rep=rep,
                    sufficient=sufficient, counted=counted
            )  # fmt: skip

    def answer(
        self,
        deal_id: str,
        trap: int | None,
        case: str,
        branch: str | None,
        rung: str,
        credit: str | None,
        *,
        reason: str = "",
        needs: str = "",
        partner: str | None = None,
        rep: str = "",
        sufficient: bool | None = None,
        counted: bool = True,
    ) -> None:
        """Record the answer to a deal; partner and current branch follow from the branch."""
        branch = branch or ""
        if partner is None:
            partner = (
                branch if branch in (DIRECT, UNRESOLVED, "") else branch.partition(":")[2] or self.partner_of[branch]
            )
        lacking = branch.startswith("UNKNOWN:") or branch == UNRESOLVED
        self.answers.append(
            {
                "deal_id": deal_id, "trap": "" if trap is None else trap, "case": case, "expected_branch_id": branch,
                "expected_partner_id": partner, "expected_rung": rung, "expected_reason": reason,
                    "expected_credit_on": credit or "",
                "expected_branch_id_current": self.successor.get(branch, branch),
                "evidence_sufficient": not lacking if sufficient is None else sufficient, "needs": needs,
                    "expected_is_counted": counted,
                "expected_partner_id_current": self.partner_successor.get(partner, partner), "damaged": "",
                "expected_rep_id": rep,
            }
        )  # fmt: skip

    def event(
        self,
        deal_id: str,
        event_type: str,
        on: str,
        amount: int,
        branch: str,
        current: str | None = None,
        needs: str = "",
    ) -> None:
        """Record an expected event in the revenue ledger, in yen, or its part for one current branch."""
        self.events.append(
            {
                "deal_id": deal_id, "event_type": event_type, "recognized_on": on, "amount": amount,
                    "branch_id": branch,
                "branch_id_current": current or self.successor.get(branch, branch), "needs": needs,
            }
        )  # fmt: skip

    def customer(self, customer_id: str, prefecture: str | None = None, industry: str = "製造") -> None:
        """Add a customer, once; a prefecture is added when it is given."""
        known = self.rows["customers", AS_OF]
        same = next((row for row in known if row["customer_id"] == customer_id), None)
        if same is not None and prefecture:
            same["prefecture"] = prefecture
        if same is None:
            self.add(
                "customers",
                AS_OF,
                customer_id=customer_id,
                customer_name=f"検証{len(known) + 1:03d}株式会社",
                industry=industry,
                prefecture=prefecture,
            )

    def registration(
        self, registration_id: str, deal_id: str | None, submitted: str, *, status: str = "approved", **values: Any
    ) -> None:
        """Add a registration; an approved one is approved the day after unless stated."""
        on = day(submitted[:10])
        if status == "approved":
            values.setdefault("approved_at", f"{submitted[:10]} 23:00:00")
        values.setdefault("submitted_by", "partner")
        self.add(
            "deal_registrations", first_extract(on), registration_id=registration_id, deal_id=deal_id,
                submitted_at=submitted,
            status=status, **values,
        )  # fmt: skip

    def participant(
        self, deal_id: str, role: str, party_type: str, party_id: str, added: str, primary: bool | None = None
    ) -> None:
        """Add a party to a deal."""
        self.add(
            "deal_participants", first_extract(day(added)), deal_id=deal_id, role=role, party_type=party_type,
                party_id=party_id,
            is_primary=primary, added_at=f"{added} 11:00:00",
        )  # fmt: skip

    def stages(self, deal_id: str, *entries: tuple[str, str]) -> None:
        """Add a deal's stage history: stage and day."""
        for stage, on in entries:
            self.add(
                "deal_stage_history", first_extract(day(on)), deal_id=deal_id, stage=stage, entered_at=f"{on} 12:00:00"
            )

    def activity(
        self, activity_id: str, kind: str, branch: str, on: str, *reps: str, logged: str | None = None, **values: Any
    ) -> None:
        """Add a held activity and the reps who attended; it was logged that evening unless a later time is given."""
        extract = first_extract(day(logged or on))
        self.add(
            "activities", extract, activity_id=activity_id, activity_type=kind, occurred_at=f"{on} 14:00:00",
            logged_at=f"{logged or on} 18:00:00", branch_id=branch, status="held", **values,
        )  # fmt: skip
        for rep in reps:
            self.add(
                "activity_attendees", extract, activity_id=activity_id, attendee_id=rep, attendee_type="rep",
                rep_id=rep, attendance="attended",
            )  # fmt: skip

    def bad_row(self, dataset: str, extract: int, column: str, **values: Any) -> None:
        """Add a row that must be rejected because of one column."""
        self.add(dataset, extract, **values)
        self.bad.append({"dataset": dataset, "extracted_on": extract, "column": column, "value": values[column]})
