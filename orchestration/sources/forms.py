"""SQL that parses amounts, dates and checkboxes as people write them; a text that does not fit becomes null.

A form is stated per column and never guessed per row. rules.py casts the columns without a stated form.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from orchestration import sql

UNITS = {"1": 1, "円": 1, "千円": 1_000, "万円": 10_000, "百万円": 1_000_000, "億円": 100_000_000}
PERCENT = "%"
SIGNS = ("$", "€", "£")
_WIDE = "０１２３４５６７８９，．／：（）＋－−‐–—￥\\＄％　\u00a0\u202f"
_NARROW = "0123456789,./:()+-----¥¥$%   "
_PART = "([0-9]{1,3}(?:,[0-9]{3})+(?:[.][0-9]+)?|[0-9]+(?:[.][0-9]+)?|[.][0-9]+)"
_GROUPS = ("sign", "bracket", "minus", "cho", "oku", "man", "times", "sen", "plain", "yen", "percent")
# 13:05, 1:05 PM and 午後 1:05.
_TIME = "(?:[ T]+((?:午前 ?|午後 ?)?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,6})?)?(?: ?[AaPp][.]?[Mm][.]?)?))?"
_DAY = "([0-9]{1,2})"
_MARK = "[-/.]"
# The year before each era, its first day and the day after its last.
_ERAS = {
    "明治": (1867, "1868-01-25", "1912-07-31"),
    "大正": (1911, "1912-07-30", "1926-12-26"),
    "昭和": (1925, "1926-12-25", "1989-01-08"),
    "平成": (1988, "1989-01-08", "2019-05-01"),
    "令和": (2018, "2019-05-01", "9999-12-31"),
}
_WEEKDAYS = "日月火水木金土"
_WEEKDAY = f" ?(?:[(]([{_WEEKDAYS}])(?:曜日?)?[)]|([{_WEEKDAYS}])曜日)"
_ERA_LETTERS = dict(zip("MTSHR", _ERAS, strict=True))

TRUE = ("true", "t", "1", "1.0", "yes", "y", "on", "はい", "○", "〇", "◯", "✓", "✔", "☑")
FALSE = ("false", "f", "0", "0.0", "no", "n", "off", "いいえ", "×", "✕", "✗", "☐")

_GUID = "[{]?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}[}]?"
# Object, instance, reserved zeros and number. A checksum of the letters' case follows, except in reports.
_SALESFORCE = "(0[0-9A-Za-z]{2}|500|70[01]|80[0-9]|a[0-9][0-9A-Za-z])[0-9A-Za-z]{2}000[0-9A-Za-z]{7}([A-Z0-5]{3})?"
_WIDE_IN_IDS = (
    "".join(map(chr, [*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)])) + "－＿．／＃：\u3000"
)
_NARROW_IN_IDS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_./#: "
_ODD = rf"[{_WIDE_IN_IDS}\p{{Cf}}\p{{M}}]"  # full-width, invisible, or letter and mark apart
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

DATE_FORMS = {
    "iso": "2026-04-01, 2026/4/1, with or without a time and its zone",
    "ymd": "2026/4/1, 2026.4.1, 2026年4月1日, 2026年4月1日(水), 20260401",
    "mdy": "4/1/26, 04/01/2026: the month first",
    "dmy": "1/4/26, 01.04.2026: the day first",
    "era": "令和8年4月1日, R8.4.1",
    "javascript": "Wed Apr 01 2026 10:05:00 GMT+0900 (日本標準時): as Google Apps Script writes times",
    "epoch": "1774969200: seconds since 1970 in UTC",
    "epoch_ms": "1774969200000: milliseconds since 1970 in UTC",
    "excel": "46113: a day as the number in a spreadsheet",
    "excel1904": "44651: a day as the number in a workbook that counts from 1904",
}


def folded(text: str) -> str:
    """Return SQL of a text with its digits and signs half-width, trimmed."""
    return f"trim(translate({text}, {sql.text(_WIDE)}, {sql.text(_NARROW)}))"


def boolean(text: str) -> str:
    """Return SQL of a checkbox as systems and people write it; the only cast of its kind."""
    words, values = [*TRUE, *FALSE], ["true"] * len(TRUE) + ["false"] * len(FALSE)
    # The text appears once: DuckDB would compute a common part for all rows, also where a plain cast is enough.
    known = f"map([{sql.texts(words)}], [{', '.join(values)}])"
    return f"coalesce(TRY_CAST({text} AS BOOLEAN), {known}[lower({folded(text)})])"


def _id_macros() -> str:
    """Return the definition of normal_id(value): one spelling for the ids that systems write in several ways.

    Full-width letters, digits and the signs of ids become half-width. Invisible characters and spaces around the id go.
    A GUID is in lower case, without braces. An id of Salesforce has 18 characters: a report's 15, and a checksum.
    """
    visible = r"nfc_normalize(regexp_replace(w, '\p{Cf}', '', 'g'))"
    clean = f"nullif(trim(translate({visible}, {sql.text(_WIDE_IN_IDS)}, {sql.text(_NARROW_IN_IDS)})), '')"
    upper = "CAST(substr(v, {}, 1) BETWEEN 'A' AND 'Z' AS INTEGER)"
    checks = (" + ".join(f"{1 << i} * {upper.format(5 * part + i + 1)}" for i in range(5)) for part in range(3))
    checksum = " || ".join(f"substr('{_CHECKSUM}', 1 + {check}, 1)" for check in checks)
    # A tool that changed the case of all letters left no way to compute the checksum again.
    has_case = "(strlen(v) = 15 OR left(v, 15) NOT IN (lower(left(v, 15)), upper(left(v, 15))))"
    of_salesforce = f"regexp_full_match(v, '{_SALESFORCE}') AND regexp_matches(v, '[A-Za-z]') AND {has_case}"
    in_shape = (
        f"CASE WHEN strlen(v) IN (15, 18) THEN CASE WHEN {of_salesforce} THEN left(v, 15) || {checksum} ELSE v END "
        f"WHEN strlen(v) IN (36, 38) AND regexp_full_match(v, '{_GUID}') THEN lower(trim(v, '{{}}')) ELSE v END"
    )
    has_length = "strlen(value) IN (15, 18, 36, 38)"
    odd_or_not = f"id_in_shape(CASE WHEN regexp_matches(w, '{_ODD}') THEN {clean} ELSE w END)"
    # In a lambda the argument is computed once; a macro would repeat its SQL, and calls within calls would multiply it.
    return (
        "CREATE MACRO id_in_shape(value) AS "
        f"CASE WHEN {has_length} THEN list_transform([value], lambda v: {in_shape})[1] ELSE value END; "
        f"CREATE MACRO normal_id(value) AS CASE WHEN {has_length} OR length(value) <> strlen(value) "
        f"THEN list_transform([value], lambda w: {odd_or_not})[1] ELSE value END"
    )


def macros() -> str:
    """Return the definitions of the functions that rules, and the SQL of mappings, may call."""
    return f"{_id_macros()}; {_is_true_macro()}"


def _is_true_macro() -> str:
    """Return the definition of is_true(value): blank is false, an unreadable value an error."""
    problem = " is neither true nor false: write true/false, 1/0, yes/no or はい/いいえ, or name it under `nulls:`"
    text = "CAST(value AS VARCHAR)"
    return (
        f"CREATE MACRO is_true(value) AS CASE WHEN trim(coalesce({text}, '')) = '' THEN false "
        f"ELSE coalesce({boolean(text)}, error(concat('«', {text}, '»', {sql.text(problem)}))) END"
    )


def amount(text: str, unit: str, type_: str, decimal: str = ".", scale: int = 1) -> str:
    """Return SQL of a written amount in units of one; a unit in the value itself counts before the stated one.

    `scale` is what the number was divided by where people see it, so that the stated unit is that of its quotient.
    """
    sign = re.escape(unit) if unit in SIGNS else "¥"
    clean = f"replace({folded(text)}, ' ', '')"
    clean = f"translate({clean}, '.,', ',.')" if decimal == "," else clean
    whole = (
        f"^([-△▲+]?)([(]?){sign}?(-?)(?:{_PART}兆)?(?:{_PART}億)?(?:{_PART}([百千])?万)?(?:{_PART}千)?{_PART}?(円?)(%?)"
        f"{sign}?[)]?$"
    )
    # One match gives all parts; a text that does not fit has none.
    parts = f"regexp_extract({clean}, {sql.text(whole)}, [{sql.texts(_GROUPS)}])"

    def number(name: str, factor: str) -> str:
        return f"coalesce(TRY_CAST(nullif(replace(p.{name}, ',', ''), '') AS DECIMAL(25,8)), 0) * {factor}"

    factor = Decimal(UNITS.get(unit, 1)) / scale
    hundredth = f"p.percent <> '' OR {str(unit == PERCENT).lower()}"
    man = "CAST(CASE p.times WHEN '百' THEN 1000000 WHEN '千' THEN 10000000 ELSE 10000 END AS DECIMAL(8,0))"
    large = "p.cho || p.oku || p.man <> ''"
    plain = f"CAST({number('plain', '1')} AS DECIMAL(25,8))"
    stated = f"CASE WHEN {large} OR p.sen <> '' OR p.yen <> '' THEN {plain} ELSE {plain} * {factor:f} END"
    total = " + ".join(
        f"CAST({one} AS DECIMAL(38,8))"
        for one in (
            number("cho", "1000000000000"),
            number("oku", "100000000"),
            number("man", man),
            number("sen", "1000"),
            f"CASE WHEN {hundredth} THEN {plain} * 0.01 ELSE {stated} END",
        )
    )
    digits = "[p.cho, p.oku, p.man, p.sen, p.plain]"
    fits = [
        f"list_aggregate({digits}, 'string_agg', '') <> ''",
        f"len(list_filter({digits}, lambda d: length(d) > 23)) = 0",
        "CAST(p.sign <> '' AS INTEGER) + CAST(p.minus <> '' AS INTEGER) + CAST(p.bracket <> '' AS INTEGER) <= 1",
        f"(p.bracket = '(') = (right({clean}, 1) = ')')",
        # 1億2千 and 1億2000 may be meant as 1億2千万 and 1億2000万.
        f"({large} AND p.sen || p.plain <> '' AND p.yen = '') = false",
        f"(p.percent <> '' AND ({large} OR p.sen <> '' OR p.yen <> '')) = false",
    ]
    value = f"({total}) * CASE WHEN p.sign IN ('-', '△', '▲') OR p.minus = '-' OR p.bracket = '(' THEN -1 ELSE 1 END"
    whole_only = "CASE WHEN v = trunc(v) THEN TRY_CAST(v AS BIGINT) END"
    typed = whole_only if type_ == "BIGINT" else f"TRY_CAST(v AS {type_})"
    return (
        f"list_transform(list_transform([{parts}], lambda p: CASE WHEN {' AND '.join(fits)} THEN {value} END), "
        f"lambda v: {typed})[1]"
    )


@dataclass(frozen=True)
class DateForm:
    """One stated form: its name, or a strptime pattern."""

    name: str

    @property
    def is_known(self) -> bool:
        """Whether it is a form of this module, not a pattern."""
        return self.name in DATE_FORMS

    @property
    def has_zone(self) -> bool:
        """Whether it is a pattern with a zone, so that its value is a moment and not a local time."""
        return not self.is_known and "%z" in self.name.replace("%%", "").lower()

    def local(self, text: str) -> str:
        """Return SQL of the time in a text: local without a zone, except of a pattern with one."""
        if not self.is_known:
            return f"try_strptime(trim({text}), {sql.text(self.name)})"
        if self.name in ("excel", "excel1904"):
            return _serial(folded(text), "1899-12-30" if self.name == "excel" else "1904-01-01")
        if self.name not in ("ymd", "era"):
            return _once(folded(text), "c", _cases(self.name, "c"))
        # A day of the week is no part of the form, but must be right.
        day = f"regexp_extract(c, {sql.text(_WEEKDAY)})"
        right = f"substr({sql.text(_WEEKDAYS)}, CAST(dayofweek(t) AS INTEGER) + 1, 1)"
        is_right = f"{day} = '' OR contains({day}, {right} || '曜') OR contains({day}, '(' || {right})"
        time = _cases(self.name, f"replace(c, {day}, '')")
        return _once(folded(text), "c", _once(time, "t", f"CASE WHEN {is_right} THEN t END"))

    @property
    def is_instant(self) -> bool:
        """Whether it names a moment, the same in every time zone."""
        return self.name in ("epoch", "epoch_ms", "javascript")

    def instant(self, text: str) -> str:
        """Return SQL of the moment, with a zone."""
        if self.name == "javascript":
            bare = f"regexp_replace(trim({text}), ' *[(][^()]*[)]$', '')"
            return f"try_strptime({bare}, '%a %b %d %Y %H:%M:%S GMT%z')"
        digits = "{9,11}" if self.name == "epoch" else "{12,14}"
        micros = (
            f"CAST(TRY_CAST({folded(text)} AS DECIMAL(20,6)) * {1_000_000 if self.name == 'epoch' else 1000} AS BIGINT)"
        )
        return (
            f"CASE WHEN regexp_full_match({folded(text)}, '-?[0-9]{digits}([.][0-9]{{1,6}})?') "
            f"THEN make_timestamptz({micros}) END"
        )


def _once(value: str, name: str, result: str) -> str:
    """Return SQL of a result that uses a value several times under a name, and computes it once."""
    return f"list_transform([{value}], lambda {name}: {result})[1]"


def _cases(form: str, clean: str) -> str:
    cases = " ".join(
        f"WHEN regexp_full_match(d, {pattern}) THEN {_once(parts, 'p', time)}"
        for pattern, parts, time in _patterns(form)
    )
    return _once(clean, "d", f"CASE {cases} END")


def _patterns(form: str) -> Iterator[tuple[str, str, str]]:
    """Yield each pattern of a form, its parts of the text d, and the time that the parts p are, in SQL."""

    def at(pattern: str, names: str, year: str = "p.y") -> tuple[str, str, str]:
        parts = f"regexp_extract(d, {sql.text(pattern)}, [{sql.texts(names)}])"
        hour = "CAST(regexp_extract(p.t, '[0-9]+') AS INTEGER)"
        from_noon = "CASE WHEN regexp_matches(p.t, '午後|[Pp]') THEN 12 ELSE 0 END"
        of_24 = f"CAST(CASE WHEN {hour} <= 12 THEN {hour} % 12 + {from_noon} END AS VARCHAR)"
        is_of_12 = "left(p.t, 1) = '午' OR lower(right(p.t, 1)) IN ('m', '.')"
        time = f"CASE WHEN {is_of_12} THEN {of_24} || regexp_extract(p.t, ':[0-9:.]*[0-9]') ELSE p.t END"
        whole = f"{year} || '-' || p.m || '-' || p.d || CASE WHEN p.t = '' THEN '' ELSE ' ' || {time} END"
        return sql.text(pattern), parts, f"TRY_CAST({whole} AS TIMESTAMP)"

    if form == "ymd":
        yield at(f"^([0-9]{{4}}){_MARK}{_DAY}{_MARK}{_DAY}{_TIME}$", "ymdt")
        yield at(f"^([0-9]{{4}})年 ?{_DAY}月 ?{_DAY}日{_TIME}$", "ymdt")
        yield at(f"^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}}){_TIME}$", "ymdt")
    elif form in ("mdy", "dmy"):
        full_year = "CASE WHEN length(p.y) = 4 THEN p.y WHEN p.y < '69' THEN '20' || p.y ELSE '19' || p.y END"
        yield at(f"^{_DAY}{_MARK}{_DAY}{_MARK}([0-9]{{2}}|[0-9]{{4}}){_TIME}$", f"{form}t", full_year)
    elif form == "era":
        eras = [(f"IN ({sql.texts((name, letter))})", _ERAS[name]) for letter, name in _ERA_LETTERS.items()]
        bases = " ".join(f"WHEN upper(p.e) {this} THEN {base}" for this, (base, _, _) in eras)
        year = f"CAST(CASE {bases} END + CAST(CASE p.y WHEN '元' THEN '1' ELSE p.y END AS INTEGER) AS VARCHAR)"
        # 昭和70年 was never written on a day: each era has its first and its last.
        within = " OR ".join(
            f"(upper(p.e) {this} AND t >= TIMESTAMP '{first}' AND t < TIMESTAMP '{beyond}')"
            for this, (_, first, beyond) in eras
        )
        names = "|".join([*_ERAS, *_ERA_LETTERS, *(letter.lower() for letter in _ERA_LETTERS)])
        for rest in (f"年 ?{_DAY}月 ?{_DAY}日", f"{_MARK}{_DAY}{_MARK}{_DAY}"):
            pattern, parts, time = at(f"^({names}) ?(元|0?[1-9]|[1-9][0-9]){rest}{_TIME}$", "eymdt", year)
            yield pattern, parts, _once(time, "t", f"CASE WHEN {within} THEN t END")


def _serial(clean: str, day_zero: str) -> str:
    # Below 61 a spreadsheet counts the day 1900-02-29, which did not exist; above 2958465 the year has five digits.
    number = f"TRY_CAST({clean} AS DECIMAL(18,10))"
    seconds = f"CAST(round(({number} - trunc({number})) * 86400) AS BIGINT)"
    return (
        f"CASE WHEN regexp_full_match({clean}, '[0-9]{{2,7}}([.][0-9]+)?') AND {number} >= 61 AND {number} < 2958466 "
        f"THEN TIMESTAMP '{day_zero}' + to_days(CAST(trunc({number}) AS INTEGER)) + to_seconds({seconds}) END"
    )


def clash(names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return two forms of a list that both fit one value with day and month swapped, or None."""
    shapes: dict[str, str] = {}
    for name in names:
        shape = "short" if name in ("mdy", "dmy") else re.sub("%-?[dm]", "%x", name)
        if not DateForm(name).is_known:
            shape = "short" if re.fullmatch(r"%x[-/.]%x[-/.]%[yY]", shape) and _is_mixed(names) else shape
        if shape in shapes and shapes[shape] != name:
            return shapes[shape], name
        shapes[shape] = name
    return None


def _is_mixed(names: tuple[str, ...]) -> bool:
    return any(name in ("mdy", "dmy") for name in names)
