"""Small companies that Hypothesis generates, as the rows of dated extracts: arbitrary, difficult, and valid.

This module defines what may land. invariants.py defines the right results.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

Row = dict[str, str | None]
Files = dict[tuple[str, date], list[Row]]
Draw = Callable[[st.SearchStrategy[Any]], Any]

FIRST, SECOND, TODAY = EXTRACTS = date(2025, 4, 10), date(2025, 7, 10), date(2025, 10, 10)

# Few days, so that they coincide: ends of months and fiscal years, extract dates, days before them, the 14-day gap.
TURN = date(2025, 4, 1)
DAYS = sorted(
    {
        date(2025, 1, 15),
        *(TURN + timedelta(days=days) for days in (-30, -15, -1, 0, 1, 13, 14, 15)),
        *(day + timedelta(days=days) for day in (FIRST, SECOND) for days in (-1, 0)),
        date(2025, 6, 30),
        TODAY - timedelta(days=1),
    }
)
# Local times in Tokyo, then in UTC: 00:10 in Tokyo is the day before in UTC, 15:10 in UTC is the next day in Tokyo.
TIMES = ("12:00:00", "23:50:00", "00:10:00", "T15:10:00Z", "T14:50:00Z")

PARTNERS = ("P1", "P2", "P3", "P4", "P5")
HOMES = {"B1": "P1", "B2": "P1", "B3": "P1", "B4": "P2", "B5": "P2", "B6": "P3", "B7": "P5"}  # P4 has no branches
BRANCHES = tuple(HOMES)
REPS = ("R1", "R2", "R3", "R4", "R5")
DEALS = tuple(f"D{number:02}" for number in range(1, 17))
CUSTOMERS, PRODUCTS, STAFF = ("C1", "C2"), ("X1", "X2"), ("S1", "S2")

PARTNER_NAMES = ("株式会社ヤマダ商事", "ﾔﾏﾀﾞ商事㈱", "大塚本店", "みどり電算", "みどり電算北", "ABC Systems")
BRANCH_NAMES = ("大阪支店", "大阪営業所", "東京支店", "東京支社", "京都支店", "本社", "北大阪営業所")
REP_NAMES = ("佐藤 太郎", "佐藤　花子", "鈴木 一郎", "髙橋 次郎", "高橋 次郎", "佐藤太郎")
REP_TEXTS = (*REP_NAMES, "佐藤様", "鈴木", "高橋次郎さん", "不明")
NOBODY = ("なし", "-", "直販", "ー")
DEPARTMENTS = ("", "", "", " 営業部", "第一営業課", "様")
BRANCH_TEXTS = (*BRANCH_NAMES, "大阪", "東京", "東京都", "京都", "ｵｵｻｶ支店", "名古屋支店", *NOBODY)
ADDRESSES = ("sato@p1.example", "suzuki@p2.example", "Info@P1.example", "x@shared.example", "y@nobody.example")
DOMAINS = ("p1.example", "p2.example", "shared.example")
STAGES = ("open", "商談", "案件化", "提案", "失注", "lost", "受注", "Closed Won", "won", "won")
WON, LOST = {"受注", "Closed Won", "won"}, {"失注", "lost"}
CHANNELS = ("direct", "resale", "referral", "matching", "distributor", "oem", "co_sell", "service")
ROLES = ("seller", "reseller", "distributor", "referrer", "co_sell", "implementer")
PREFECTURES = ("大阪府", "東京都")

KEYS = {
    "partners": ("partner_id",),
    "branches": ("branch_id",),
    "branch_successions": ("from_branch_id", "to_branch_id", "effective_on"),
    "branch_territories": ("branch_id", "prefecture", "valid_from"),
    "reps": ("rep_id",),
    "rep_assignments": ("rep_id", "branch_id", "valid_from"),
    "contact_points": ("owner_type", "owner_id", "kind", "value", "valid_from"),
    "aliases": ("entity_type", "entity_id", "alias", "valid_from"),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "staff_assignments": ("staff_id", "partner_id", "branch_id", "valid_from"),
    "deals": ("deal_id",),
    "deal_stage_history": ("deal_id", "stage", "entered_at"),
    "deal_lines": ("line_id",),
    "deal_amount_events": ("event_id",),
    "deal_participants": ("deal_id", "role", "party_id"),
    "deal_registrations": ("registration_id",),
    "fx_rates": ("rate_on", "currency"),
    "attribution_overrides": ("deal_id",),
    "activities": ("activity_id",),
    "activity_attendees": ("activity_id", "attendee_id"),
}
FULL = (
    "partners",
    "branches",
    "branch_successions",
    "branch_territories",
    "reps",
    "rep_assignments",
    "contact_points",
    "aliases",
    "customers",
    "products",
    "staff_assignments",
)


@dataclass
class Company:
    """The delivered rows of each dataset and extract date."""

    files: Files = field(default_factory=dict)

    def copy(self) -> "Company":
        """Return a copy that may be changed."""
        return Company(copy.deepcopy(self.files))

    def __repr__(self) -> str:
        """Show rows without nulls, because people read counterexamples."""
        return "\n".join(
            f"{dataset} {day} {' '.join(f'{column}={value}' for column, value in row.items() if value is not None)}"
            for (dataset, day), rows in self.files.items()
            for row in rows
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Make Hypothesis show the same text."""
        printer.text(repr(self))

    def extracts(self, dataset: str) -> list[date]:
        """Return the days on which a dataset was delivered, earliest first."""
        return sorted(day for name, day in self.files if name == dataset)

    def rows(self, dataset: str, day: date) -> list[Row]:
        """Return one extract's rows, to be changed in place."""
        return self.files[dataset, day]

    def reported(self, dataset: str) -> Iterator[tuple[date, Row]]:
        """Yield every row of a dataset with its extract date, earliest first."""
        for day in self.extracts(dataset):
            for row in self.rows(dataset, day):
                yield day, row

    def latest(self, dataset: str) -> dict[tuple[str | None, ...], Row]:
        """Return the latest row of each key."""
        return {tuple(row.get(column) for column in KEYS[dataset]): row for _, row in self.reported(dataset)}

    def deliver(self, dataset: str, day: date, rows: Iterable[Row]) -> None:
        """Add an extract's rows; of rows with the same key only the first, because a repeat would be rejected."""
        unique = {tuple(row.get(column) for column in KEYS[dataset]): row for row in reversed(list(rows))}
        self.files.setdefault((dataset, day), []).extend(reversed(unique.values()))


def some(*values: str, nothing: int = 1) -> st.SearchStrategy[str | None]:
    """Draw one of the values or None; a higher `nothing` makes None more frequent."""
    return st.sampled_from([*[None] * nothing, *values])


def days(*, nothing: int = 0) -> st.SearchStrategy[str | None]:
    """Draw a day."""
    return some(*map(str, DAYS), nothing=nothing)


@st.composite
def moments(draw: st.DrawFn, nothing: int = 0) -> str | None:
    """Draw a timestamp in local time or UTC, often close to midnight."""
    day = draw(days(nothing=nothing))
    time = draw(st.sampled_from(TIMES))
    return day and f"{day}{time}" if time.startswith("T") else day and f"{day} {time}"


def interval(start: str | None, end: str | None) -> tuple[str | None, str | None]:
    """Make a half-open interval, never empty, from two drawn days."""
    if start and end and start >= end:
        return end, None if start == end else start
    return start, end


@st.composite
def companies(draw: st.DrawFn) -> Company:
    """Draw a company with its three extracts."""
    company = Company()
    _roster(draw, company)
    _addresses_and_aliases(draw, company)
    _references(draw, company)
    _deals(draw, company)
    _registrations(draw, company)
    _participants(draw, company)
    _money(draw, company)
    _overrides(draw, company)
    _activities(draw, company)
    return company


def _roster(draw: st.DrawFn, company: Company) -> None:
    merged = draw(st.booleans())
    partners: list[Row] = [
        {
            "partner_id": partner,
            "partner_name": draw(st.sampled_from(PARTNER_NAMES)),
            "partner_type": draw(some("reseller", "reseller", "referral", "si", "distributor")),
            "successor_partner_id": None,
            "succeeded_on": None,
        }
        for partner in PARTNERS
    ]
    partners[3]["partner_type"] = "distributor"
    later = copy.deepcopy(partners)
    if draw(st.booleans()):
        later[0]["partner_name"] = draw(st.sampled_from(PARTNER_NAMES))
    if merged:
        later[2].update(successor_partner_id="P1", succeeded_on=draw(days()))
    company.deliver("partners", FIRST, partners)
    company.deliver("partners", TODAY, later)

    branches: list[Row] = []
    for branch, partner in HOMES.items():
        opened, closed = interval(draw(days(nothing=30)), draw(days(nothing=60)))
        branches.append(
            {
                "branch_id": branch,
                "partner_id": partner,
                "branch_name": draw(st.sampled_from(BRANCH_NAMES)),
                "division_id": draw(some("V1")),
                "prefecture": draw(some(*PREFECTURES)),
                "opened_on": opened,
                "closed_on": closed,
            }
        )
    for number, day in enumerate(EXTRACTS):
        if number:
            branches = copy.deepcopy(branches)
            changed = draw(st.sampled_from(branches))
            match draw(st.sampled_from(["nothing", "renamed", "gone", "sold", "closed"])):
                case "renamed":
                    changed["branch_name"] = draw(st.sampled_from(BRANCH_NAMES))
                case "gone":
                    branches.remove(changed)
                case "sold":
                    changed["partner_id"] = draw(st.sampled_from(["P1", "P2"]))
                case "closed":
                    changed["opened_on"], changed["closed_on"] = interval(changed["opened_on"], draw(days()))
        # B7 is opened later, so the first extract lacks it.
        company.deliver("branches", day, [row for row in branches if number or row["branch_id"] != "B7"])
    _successions(draw, company)

    names = {rep: draw(st.sampled_from(REP_NAMES)) for rep in REPS}
    mails = {rep: draw(some(*ADDRESSES[:3], nothing=2)) for rep in REPS}
    left = draw(days(nothing=12))
    for day in (FIRST, TODAY):
        company.deliver(
            "reps",
            day,
            [
                {
                    "rep_id": rep,
                    "rep_name": names[rep],
                    "rep_email": mails[rep],
                    "left_on": left if day == TODAY and rep == "R5" else None,
                }
                for rep in REPS
            ],
        )
    some_assignments = (st.one_of(_assignments_with_gap(rep), st.lists(_assignments(rep), max_size=3)) for rep in REPS)
    assigned = [row for drawn in some_assignments for row in draw(drawn)]
    for number, day in enumerate(EXTRACTS):
        if number and draw(st.booleans()):
            rep = draw(st.sampled_from(REPS))
            assigned = [row for row in assigned if row["rep_id"] != rep] + draw(st.lists(_assignments(rep), max_size=2))
        company.deliver("rep_assignments", day, copy.deepcopy(assigned))


@st.composite
def _assignments(draw: st.DrawFn, rep: str) -> Row:
    start, end = interval(draw(days(nothing=15)), draw(days(nothing=30)))
    return {
        "rep_id": rep,
        "branch_id": draw(st.sampled_from(BRANCHES)),
        "valid_from": start,
        "valid_to": end,
        "is_primary": draw(some("true", "false")),
    }


@st.composite
def _assignments_with_gap(draw: st.DrawFn, rep: str) -> list[Row]:
    """Draw two successive assignments, with a gap of about the tolerated length or without a gap."""
    first, second = draw(st.lists(st.sampled_from(BRANCHES), min_size=2, max_size=2))
    back = TURN + timedelta(days=draw(st.sampled_from([0, 13, 14, 15])))
    return [
        {"rep_id": rep, "branch_id": first, "valid_from": None, "valid_to": str(TURN), "is_primary": None},
        {"rep_id": rep, "branch_id": second, "valid_from": str(back), "valid_to": None, "is_primary": None},
    ]


def _successions(draw: st.DrawFn, company: Company) -> None:
    """Draw successors of some branches, always later ones, so that there is no circle."""
    rows: list[Row] = []
    for number, branch in enumerate(BRANCHES[:-1]):
        kind = draw(some("merge", "transfer", "rename", *["split"] * 4, nothing=5))
        if not kind:
            continue
        targets: list[str] = [draw(st.sampled_from(BRANCHES[number + 1 :]))]
        weights: list[str | None] = [None]
        if kind == "split":
            targets = draw(st.lists(st.sampled_from(BRANCHES[number:]), min_size=2, max_size=3, unique=True))
            weighted = draw(st.sampled_from([True, True, False]))
            weights = [draw(st.sampled_from(["1", "2", "0.3", "0.33333333"])) if weighted else None for _ in targets]
        effective = draw(days())
        rows += [
            {"from_branch_id": branch, "to_branch_id": to, "effective_on": effective, "kind": kind, "weight": weight}
            for to, weight in zip(targets, weights, strict=True)
        ]
    company.deliver("branch_successions", TODAY, rows)


def _addresses_and_aliases(draw: st.DrawFn, company: Company) -> None:
    owners = st.sampled_from(
        [*(("rep", rep) for rep in REPS), *(("branch", b) for b in BRANCHES), *(("partner", p) for p in PARTNERS)]
    )

    @st.composite
    def points(draw: st.DrawFn) -> Row:
        owner_type, owner = draw(owners)
        kind = "email" if owner_type == "rep" else draw(st.sampled_from(["email", "domain"]))
        start, end = interval(draw(days(nothing=10)), draw(days(nothing=10)))
        return {
            "owner_type": owner_type,
            "owner_id": owner,
            "kind": kind,
            "value": draw(st.sampled_from(ADDRESSES[:4] if kind == "email" else DOMAINS)),
            "valid_from": start,
            "valid_to": end,
        }

    @st.composite
    def aliases(draw: st.DrawFn) -> Row:
        entity_type, entity = draw(owners)
        texts = {
            "partner": ("ヤマ商", "みどり", *PARTNER_NAMES),
            "branch": ("梅田", "大阪", *BRANCH_NAMES),
            "rep": ("サトウ", *REP_NAMES),
        }
        start, end = interval(draw(days(nothing=10)), draw(days(nothing=10)))
        return {
            "entity_type": entity_type,
            "entity_id": entity,
            "alias": draw(st.sampled_from(texts[entity_type])),
            "valid_from": start,
            "valid_to": end,
        }

    for dataset, strategy in (("contact_points", points()), ("aliases", aliases())):
        rows = draw(st.lists(strategy, max_size=6))
        company.deliver(dataset, FIRST, rows)
        if draw(st.booleans()):
            company.deliver(dataset, TODAY, copy.deepcopy(rows[1:]) + draw(st.lists(strategy, max_size=2)))


def _references(draw: st.DrawFn, company: Company) -> None:
    company.deliver(
        "customers",
        FIRST,
        [
            {"customer_id": customer, "customer_name": f"顧客{customer}", "prefecture": draw(some(*PREFECTURES))}
            for customer in CUSTOMERS
        ],
    )
    company.deliver("products", FIRST, [{"product_id": product, "product_name": product} for product in PRODUCTS])
    company.deliver(
        "branch_territories",
        FIRST,
        [
            {"branch_id": branch, "prefecture": draw(st.sampled_from(PREFECTURES)), "valid_from": str(DAYS[0])}
            for branch in draw(st.lists(st.sampled_from(BRANCHES), max_size=3, unique=True))
        ],
    )
    company.deliver(
        "staff_assignments",
        FIRST,
        [
            {"staff_id": draw(st.sampled_from(STAFF)), "branch_id": branch, "valid_from": str(DAYS[0])}
            for branch in draw(st.lists(st.sampled_from(BRANCHES), max_size=3, unique=True))
        ],
    )
    company.deliver(
        "fx_rates",
        FIRST,
        [
            {"rate_on": day, "currency": "USD", "base_per_unit": draw(st.sampled_from(["150", "148.37", "0.5"]))}
            for day in draw(st.lists(days(), max_size=4, unique=True))
        ],
    )


@st.composite
def partner_texts(draw: st.DrawFn) -> str:
    """Draw a partner's text: its name or something else, perhaps with a branch and a department."""
    name = draw(st.sampled_from([*PARTNER_NAMES, "ヤマダ商事", "㈱みどり電算", "ヤマ商", "アルファ工業", *NOBODY]))
    if name in NOBODY or draw(st.booleans()):
        return name
    separator = draw(st.sampled_from([" ", "", "　", "/"]))
    return name + separator + draw(st.sampled_from(BRANCH_TEXTS)) + draw(st.sampled_from(DEPARTMENTS))


CLAIMS: dict[str, st.SearchStrategy[str]] = {
    "partner_id": st.sampled_from([*PARTNERS, "P9"]),
    "branch_id": st.sampled_from([*BRANCHES, *BRANCHES, "B9"]),
    "rep_id": st.sampled_from([*REPS, *REPS, "R9"]),
    "rep_email": st.sampled_from(ADDRESSES),
    "partner_text": partner_texts(),
    "branch_text": st.tuples(st.sampled_from(BRANCH_TEXTS), st.sampled_from(DEPARTMENTS)).map("".join),
    "rep_text": st.sampled_from(REP_TEXTS),
    "parent_deal_id": st.sampled_from(DEALS),
}


@st.composite
def _deal(draw: st.DrawFn, deal: str, known: dict[str, Row]) -> Row:
    # Most deals name one branch in all their evidence, the others name anything.
    is_direct = draw(st.sampled_from([True, *[False] * 5]))
    claims = [] if is_direct else draw(st.lists(st.sampled_from(list(CLAIMS)), min_size=1, max_size=3, unique=True))
    ours = known.get(draw(some(*BRANCHES, nothing=2)) or "", {})
    row: Row = {
        "deal_id": deal,
        "customer_id": draw(some(*CUSTOMERS)),
        "product_id": draw(some(*PRODUCTS)),
        "amount": draw(some("1000", "999999", "1", "0", "10.5", "-7", "33.3333")),
        "currency": draw(some("JPY", "USD", "usd", "EUR", nothing=3)),
        "stage": draw(st.sampled_from(STAGES)),
        "deal_type": draw(some("new", "renewal", "upsell")),
        "channel": draw(some(*CHANNELS, nothing=16)),
        "created_at": draw(moments(nothing=2)),
        "won_on": draw(days(nothing=16)),
        "closed_on": draw(days(nothing=8)),
        "owner_staff_id": draw(some(*STAFF)),
        **dict.fromkeys(CLAIMS),
        **{claim: ours.get(claim) or draw(CLAIMS[claim]) for claim in claims},
        "is_deleted": draw(some("true", nothing=20)),
    }
    return row


def _deals(draw: st.DrawFn, company: Company) -> None:
    partners = {row["partner_id"]: row["partner_name"] for row in company.rows("partners", FIRST)}
    known: dict[str, Row] = {
        str(row["branch_id"]): {
            "branch_id": row["branch_id"],
            "partner_id": row["partner_id"],
            "partner_text": f"{partners[row['partner_id']]} {row['branch_name']}",
            "branch_text": row["branch_name"],
        }
        for row in company.rows("branches", FIRST)
    }
    rows = [draw(_deal(deal, known)) for deal in DEALS]
    company.deliver("deals", FIRST, rows)
    # Later extracts deliver some deals again, with a later stage or with any other change.
    for day in (SECOND, TODAY):
        updates: list[Row] = []
        for row in draw(st.lists(st.sampled_from(rows), max_size=3, unique_by=lambda row: row["deal_id"])):
            if draw(st.booleans()):
                updates.append({**row, "stage": draw(st.sampled_from(STAGES)), "is_deleted": None})
            else:
                updates.append(draw(_deal(str(row["deal_id"]), known)))
        company.deliver("deals", day, updates)


def _registrations(draw: st.DrawFn, company: Company) -> None:
    deals = st.sampled_from([*DEALS, *DEALS, None, "D99"])
    claims = {name: CLAIMS[name] for name in ("partner_id", "branch_id", "rep_id", "rep_email")}
    for day, first in ((FIRST, 0), (TODAY, 4)):
        rows: list[Row] = []
        for number in range(first, first + draw(st.integers(0, 4))):
            named = draw(st.lists(st.sampled_from(list(claims)), max_size=2, unique=True))
            rows.append(
                {
                    "registration_id": f"G{number}",
                    "deal_id": draw(deals),
                    **dict.fromkeys(claims),
                    **{name: draw(claims[name]) for name in named},
                    "channel": draw(some(*CHANNELS)),
                    "customer_id": draw(some(*CUSTOMERS)),
                    "product_id": draw(some(*PRODUCTS)),
                    "submitted_at": draw(moments()),
                    "approved_at": draw(moments(nothing=3)),
                    "status": draw(
                        st.sampled_from(["submitted", "rejected", "expired", "withdrawn", *["approved"] * 5])
                    ),
                    "expires_on": draw(days(nothing=10)),
                }
            )
        company.deliver("deal_registrations", day, rows)


PARTIES = [
    *(("partner", partner) for partner in (*PARTNERS, "P9")),
    *(("branch", branch) for branch in (*BRANCHES, "B9")),
    *(("rep", rep) for rep in (*REPS, "R9")),
]


def _participants(draw: st.DrawFn, company: Company) -> None:
    @st.composite
    def participants(draw: st.DrawFn) -> Row:
        party_type, party = draw(st.sampled_from(PARTIES))
        # Several on one deal, so that there are ties and primary participants.
        return {
            "deal_id": draw(st.sampled_from(["D99", *DEALS, *DEALS[:4] * 4])),
            "role": draw(st.sampled_from([*ROLES, "seller", "seller"])),
            "party_type": party_type,
            "party_id": party,
            "is_primary": draw(some("true", "false", nothing=3)),
            "added_at": draw(moments(nothing=3)),
        }

    company.deliver("deal_participants", FIRST, draw(st.lists(participants(), max_size=10)))
    company.deliver("deal_participants", TODAY, draw(st.lists(participants(), max_size=2)))


def _money(draw: st.DrawFn, company: Company) -> None:
    deals = st.sampled_from([*DEALS, "D99"])
    entries = st.fixed_dictionaries(
        {
            "deal_id": some("D99", *DEALS, *DEALS[:4] * 4, nothing=0),
            "stage": st.sampled_from(STAGES),
            "entered_at": moments(),
        },
    )
    company.deliver("deal_stage_history", FIRST, draw(st.lists(entries, max_size=8)))
    company.deliver("deal_stage_history", TODAY, draw(st.lists(entries, max_size=3)))
    lines: list[Row] = [
        {
            "line_id": f"L{number}",
            "deal_id": draw(some("D99", *DEALS[:4] * 2, nothing=0)),
            "product_id": draw(st.sampled_from(PRODUCTS)),
            "amount": draw(st.sampled_from(["100", "0.5", "-20", "999"])),
        }
        for number in range(draw(st.integers(0, 8)))
    ]
    company.deliver("deal_lines", FIRST, lines)
    events: list[Row] = [
        {
            "event_id": f"E{number}",
            "deal_id": draw(deals),
            "event_type": draw(st.sampled_from(["adjust", "cancel", "return", "rewin"])),
            "event_on": draw(days()),
            "amount_delta": draw(st.sampled_from(["-100", "-0.5", "7", "-999999"])),
            "currency": draw(some("JPY", "USD", "EUR", nothing=3)),
        }
        for number in range(draw(st.integers(0, 4)))
    ]
    company.deliver("deal_amount_events", FIRST, events)


def _overrides(draw: st.DrawFn, company: Company) -> None:
    rows: list[Row] = [
        {
            "deal_id": deal,
            "branch_id": draw(st.sampled_from([*BRANCHES, "DIRECT", None])),
            "decided_by": "田中",
            "decided_on": draw(days(nothing=4)),
            "reason": "電話で確認",
            "evidence_hash": draw(some("0" * 32)),
        }
        for deal in draw(st.lists(st.sampled_from(DEALS), max_size=2, unique=True))
    ]
    for row in rows:
        if row["branch_id"] is None:
            row["reason"] = draw(some("withdraw"))
    company.deliver("attribution_overrides", TODAY, rows)


def _activities(draw: st.DrawFn, company: Company) -> None:
    rows: list[Row] = []
    attendees: list[Row] = []
    for number in range(draw(st.integers(0, 3))):
        rows.append(
            {
                "activity_id": f"A{number}",
                "activity_type": draw(st.sampled_from(["study_session", "call", "seminar"])),
                "occurred_at": draw(moments()),
                "partner_id": draw(some(*PARTNERS)),
                "branch_id": draw(some(*BRANCHES)),
                "deal_id": draw(some(*DEALS)),
                "staff_id": draw(some(*STAFF)),
                "status": draw(some("held", "planned")),
            }
        )
        attendees.append(
            {
                "activity_id": f"A{number}",
                "attendee_id": "T1",
                "attendee_type": "rep",
                "rep_id": draw(some(*REPS)),
                "rep_email": draw(some(*ADDRESSES)),
                "attendance": draw(some("attended", "no_show")),
            }
        )
    company.deliver("activities", FIRST, rows)
    company.deliver("activity_attendees", FIRST, attendees)
