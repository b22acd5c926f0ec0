"""How people spell the names of partners, branches and reps on a deal: legal forms, widths, separators, short names.

Each spelling is correct: it means one partner, one branch and one rep on the deal's day. Errors are in noise.py.
"""

import unicodedata

import duckdb
import numpy as np

from tools.sample import names
from tools.sample.organisation import NEVER, Ints, Organisation
from tools.sample.writing import register, sql_list

# The fields in which a deal has names: partner and branch in two fields; both in one text; only the branch, because the
# deal has the partner's id; partner and rep; only the partner.
TWO_FIELDS, ONE_TEXT, BRANCH_ONLY, WITH_REP, PARTNER_ALONE = range(5)
FULL, STEM, ALIAS = range(3)

# {} is the name. A company without a legal form, or an alias, is written without a legal form.
FORMS = ("株式会社{}", "{}株式会社", "㈱{}", "{}㈱", "(株){}", "{}（株）", "株式会社 {}", "{}　株式会社", "㍿{}", "{}")
SEPARATORS = (" ", "　", "/", "・", " － ", "", "(", "（", "【")
GLUED, BRACKETS = 5, {"(": ")", "（": "）", "【": "】"}
DEPARTMENTS = ("営業部", "第一営業部", "第二営業部", "法人営業部", "営業課")
HONORIFICS = ("", "様", " 様", "さん", "氏", "殿")
NOBODY = ("なし", "直販", "-", "ー", "無し")
# Variants of one character that the same person uses for the same name.
PLAIN, VARIANT = "高崎浜", "髙﨑濱"

Arrays = dict[str, np.ndarray]


def half_width(text: str) -> str:
    """Return katakana in half width, with voiced marks as separate characters."""
    return "".join(HALF_WIDTH.get(letter, letter) for letter in text)


def half_width_kana() -> dict[str, str]:
    """Return katakana → half-width spelling."""
    plain = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}
    marks = (("\u3099", "ﾞ"), ("\u309a", "ﾟ"))
    voiced = {
        unicodedata.normalize("NFC", kana + mark): half + sign for kana, half in plain.items() for mark, sign in marks
    }
    return plain | {kana: half for kana, half in voiced.items() if len(kana) == 1}


HALF_WIDTH = half_width_kana()


def full_width(text: str) -> str:
    """Return Latin letters in full width."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def typos(word: str, taken: set[str]) -> list[str]:
    """Return typing errors (a character lost, two swapped, one doubled) that are no registered name."""
    slips = [word[:i] + word[i + 1 :] for i in range(len(word))]
    slips += [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)]
    slips += [word[: i + 1] + word[i:] for i in range(len(word))]
    return [slip for slip in slips if slip and slip not in taken]


def three_typos(words: np.ndarray, taken: set[str]) -> list[list[str | None]]:
    """Return three columns of typing errors, spread over their kinds; null without a word."""
    known: dict[str, list[str]] = {}
    columns: list[list[str | None]] = [[], [], []]
    for word in words.tolist():
        if word is not None and word not in known:
            known[word] = typos(word, taken)
        for nth, column in enumerate(columns):
            slips = known.get(word, [])
            column.append(slips[(nth * len(slips)) // 3] if slips else None)
    return columns


def offer(org: Organisation, con: duckdb.DuckDBPyConnection) -> None:
    """Create tables in DuckDB with the spellings of every partner, branch and rep."""
    cores, aliases = org.partner_core, org.partner_alias
    taken = {*cores, *(a for a in aliases if a)}
    typo_0, typo_1, typo_2 = three_typos(cores, taken)
    register(
        con,
        "partner_words",
        {
            "said_partner": np.arange(len(cores)), "core": cores, "kana": [half_width(c) for c in cores],
            "formless": [c == full for c, full in zip(cores, org.partner_name, strict=True)], "alias": aliases,
            "wide_alias": [None if a is None else half_width(a) for a in aliases],
            "typo_0": typo_0, "typo_1": typo_1, "typo_2": typo_2,
        },
    )  # fmt: skip
    n = org.real_branches
    full, kinds = org.branch_name[:n], org.branch_kind[:n]
    stems = np.array([f.removesuffix(k) for f, k in zip(full, kinds, strict=True)], dtype=object)
    branch_alias = org.branch_alias[:n]
    taken = {*full, *stems, *(a for a in branch_alias if a)}
    typo_0, typo_1, typo_2 = three_typos(full, taken)
    register(
        con,
        "branch_words",
        {
            "said_branch": np.arange(n), "full": full, "stem": stems, "alias": branch_alias,
            "wide_alias": [None if a is None else full_width(half_width(a)) for a in branch_alias],
            "typo_0": typo_0, "typo_1": typo_1, "typo_2": typo_2,
        },
    )  # fmt: skip
    surnames = np.array(names.SURNAMES, dtype=object)
    typo_0, typo_1, typo_2 = three_typos(surnames, set(names.SURNAMES))
    register(
        con,
        "surname_words",
        {
            "said_surname": np.arange(len(surnames)), "surname": surnames,
            "typo_0": typo_0, "typo_1": typo_1, "typo_2": typo_2,
        },
    )  # fmt: skip


def unique_names(org: Organisation) -> tuple[Ints, Ints]:
    """Return which full names and which surnames of reps are unique within the partner at all times."""
    family = org.rep_partner * len(names.SURNAMES) + org.rep_surname
    person = family * len(names.GIVEN) + org.rep_given

    def alone(key: Ints) -> Ints:
        _, which, count = np.unique(key, return_inverse=True, return_counts=True)
        single: Ints = count[which] == 1
        return single

    return alone(person), alone(family)


def choose(org: Organisation, rng: np.random.Generator, a: Arrays, named: Ints, only: Ints, partner_only: Ints) -> None:
    """Choose the spelling of names on the deals that are `named`.

    Deals with names `only` always have the branch or the rep; `partner_only` deals name only the partner.
    """
    n, on = len(named), a["credit"]
    branch, rep = np.maximum(a["branch"], 0), np.maximum(a["rep"], 0)
    full_unique, surname_unique = unique_names(org)
    tells = (a["branch"] >= 0) & (a["branch"] < org.real_branches) & ~org.branch_renamed[branch] & ~partner_only
    drawn = rng.random(n)
    layout = np.select(
        [drawn < 0.3, drawn < 0.6, drawn < 0.75, drawn < 0.85], [TWO_FIELDS, ONE_TEXT, WITH_REP, BRANCH_ONLY],
        np.where(only, ONE_TEXT, PARTNER_ALONE),
    )  # fmt: skip
    layout[(layout == WITH_REP) & ~((a["rep"] >= 0) & full_unique[rep])] = ONE_TEXT
    layout[(layout == BRANCH_ONLY) & ~only & ~a["on_partner"]] = TWO_FIELDS
    layout[~tells] = PARTNER_ALONE
    a["layout"] = layout
    a["on_partner"] = a["on_partner"] | (named & only & (layout == BRANCH_ONLY))
    a["said_partner"] = np.where(named & (layout != BRANCH_ONLY), a["partner"], NEVER)
    a["said_branch"] = np.where(named & np.isin(layout, (TWO_FIELDS, ONE_TEXT, BRANCH_ONLY)), a["branch"], NEVER)
    a["said_rep"] = np.where(named & (layout == WITH_REP), a["rep"], NEVER)

    a["form"] = rng.integers(0, len(FORMS), n)
    has_alias = np.array([x is not None for x in org.partner_alias])
    a["by_alias"] = has_alias[np.maximum(a["partner"], 0)] & (rng.random(n) < 0.2)
    # A stem identifies a branch while no other open branch has it; the twin is the other branch of the city.
    twin = org.branch_twin[branch]
    opened, closed = org.branch_opened[twin], org.branch_closed[twin]
    alone = (twin == NEVER) | (on < opened) | ((closed != NEVER) & (on >= closed))
    has_stem = alone & (org.branch_kind[branch] != "本社")
    aliased = np.array([x is not None for x in org.branch_alias])[branch]
    style = rng.random(n)
    a["branch_style"] = np.where(
        has_stem & (style < 0.3), STEM, np.where(aliased & (style > 0.6), ALIAS, FULL)
    )  # fmt: skip
    separator = rng.integers(0, len(SEPARATORS), n)
    a["separator"] = np.where((separator == GLUED) & (a["branch_style"] != FULL), 0, separator)
    a["department"] = np.where(rng.random(n) < 0.15, rng.integers(0, len(DEPARTMENTS), n), NEVER)
    a["department_apart"] = (rng.random(n) < 0.6) | (a["branch_style"] != FULL)
    a["narrow"] = rng.random(n) < 0.3
    a["spaced"] = rng.random(n) < 0.1
    a["variant"] = rng.random(n) < 0.3
    a["honorific"] = rng.integers(0, len(HONORIFICS), n)
    a["person_style"] = np.where(surname_unique[rep] & (rng.random(n) < 0.5), 3, rng.integers(0, 3, n))


def as_case(code: str, texts: tuple[str, ...], name: str) -> str:
    """Return SQL that inserts a name into the text of a code."""
    cases = "".join(
        f" when {i} then " + " || ".join(filter(None, (literal(before), name, literal(after))))
        for i, (before, _, after) in enumerate(text.partition("{}") for text in texts)
    )
    return f"case {code}{cases} end"


def literal(text: str) -> str:
    """Return a text as an SQL literal; null for None."""
    return f"'{text}'" if text else ""


CLOSING = sql_list(BRACKETS.get(separator, "") for separator in SEPARATORS)
# id → partner_text, branch_text and rep_text of the deals `d` that have names; typo_* are codes of noise.py.
TEXTS = f"""
with words as (
    select d.*,
        case typo_partner when 0 then p.typo_0 when 1 then p.typo_1 when 2 then p.typo_2
            else case when by_alias then case when narrow then p.wide_alias else p.alias end
                when narrow then kana else core end end as partner_word,
        by_alias or formless as without_form,
        case typo_branch when 0 then b.typo_0 when 1 then b.typo_1 when 2 then b.typo_2
            else case branch_style when {STEM} then stem when {ALIAS} then
                case when narrow then b.wide_alias else b.alias end else "full" end end as branch_word,
        case typo_rep when 0 then s.typo_0 when 1 then s.typo_1 when 2 then s.typo_2 else s.surname end as surname_word
    from d
    left join partner_words p using (said_partner)
    left join branch_words b using (said_branch)
    left join surname_words s on said_rep >= 0 and d.surname = s.said_surname
    where said_partner >= 0 or said_branch >= 0 or said_rep >= 0
),
spelled as (
    select id, layout, separator,
        case when without_form then partner_word else {as_case("form", FORMS, "partner_word")} end as partner_said,
        case when variant then translate(branch_word, '{PLAIN}', '{VARIANT}')
            when spaced then substr(branch_word, 1, 1) || ' ' || substr(branch_word, 2) else branch_word end
            || case when department >= 0 then case when department_apart then ' ' else '' end
                || {sql_list(DEPARTMENTS)}[department + 1] else '' end as branch_said,
        case when variant then translate(surname_word, '{PLAIN}', '{VARIANT}') else surname_word end
            || case person_style when 0 then ' ' when 1 then '　' else '' end
            || case when person_style < 3 then {sql_list(names.GIVEN)}[given + 1] else '' end
            || {sql_list(HONORIFICS)}[honorific + 1] as rep_text
    from words
)
select id,
    case when layout = {ONE_TEXT} then partner_said || {sql_list(SEPARATORS)}[separator + 1] || branch_said
        || {CLOSING}[separator + 1] else partner_said end as partner_text,
    case when layout != {ONE_TEXT} then branch_said end as branch_text,
    rep_text
from spelled
"""
