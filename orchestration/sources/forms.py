"""SQL that parses amounts, dates and checkboxes as people write them; a text that does not fit becomes null.

A form is stated per column and never guessed per row. rules.py casts the columns without a stated form.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestration import sql

UNITS = {"1": 1, "円": 1, "千円": 1_000, "万円": 10_000, "百万円": 1_000_000, "億円": 100_000_000}
SIGNS = ("$", "€", "£")
_FACTORS = {"千": 1_000, "万": 10_000, "百万": 1_000_000, "億": 100_000_000}
_WIDE = "０１２３４５６７８９，．／：（）＋－−‐–—￥\\＄　"
_NARROW = "0123456789,./:()+-----¥¥$ "
_DIGITS = "([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?([.][0-9]+)?"
_TIME = "(?:[ T]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,6})?)?))?"
_DAY = "([0-9]{1,2})"
_MARK = "[-/.]"
_ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
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
    "ymd": "2026/4/1, 2026.4.1, 2026年4月1日, 20260401",
    "mdy": "4/1/26, 04/01/2026: the month first",
    "dmy": "1/4/26, 01.04.2026: the day first",
    "era": "令和8年4月1日, R8.4.1",
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
    visible = r"nfc_normalize(regexp_replace(value, '\p{Cf}', '', 'g'))"
    clean = f"nullif(trim(translate({visible}, {sql.text(_WIDE_IN_IDS)}, {sql.text(_NARROW_IN_IDS)})), '')"
    upper = "CAST(substr(v, {}, 1) BETWEEN 'A' AND 'Z' AS INTEGER)"
    checks = (" + ".join(f"{1 << i} * {upper.format(5 * part + i + 1)}" for i in range(5)) for part in range(3))
    checksum = " || ".join(f"substr('{_CHECKSUM}', 1 + {check}, 1)" for check in checks)
    # A tool that changed the case of all letters left no way to compute the checksum again.
    has_case = "(strlen(v) = 15 OR left(v, 15) NOT IN (lower(left(v, 15)), upper(left(v, 15))))"
    of_salesforce = f"regexp_full_match(v, '{_SALESFORCE}') AND regexp_matches(v, '[A-Za-z]') AND {has_case}"
    is_odd = f"length(value) <> strlen(value) AND regexp_matches(value, '{_ODD}')"
    return (
        "CREATE MACRO id_in_shape(v) AS CASE "
        f"WHEN strlen(v) IN (15, 18) THEN CASE WHEN {of_salesforce} THEN left(v, 15) || {checksum} ELSE v END "
        f"WHEN strlen(v) IN (36, 38) AND regexp_full_match(v, '{_GUID}') THEN lower(trim(v, '{{}}')) ELSE v END; "
        f"CREATE MACRO normal_id(value) AS CASE WHEN {is_odd} THEN id_in_shape({clean}) "
        f"WHEN strlen(value) IN (15, 18, 36, 38) THEN id_in_shape(value) ELSE value END"
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


def amount(text: str, unit: str, type_: str) -> str:
    """Return SQL of a written amount in units of one; a unit in the value itself counts before the stated one."""
    sign = re.escape(unit) if unit in SIGNS else "¥"
    clean = f"replace({folded(text)}, ' ', '')"
    words = "|".join(sorted(_FACTORS, key=len, reverse=True))
    whole = f"^([-△▲+]?)([(]?){sign}?(-?){_DIGITS}({words})?円?[)]?$"
    part = "regexp_extract({0}, {1}, {2})"

    def group(number: int) -> str:
        return part.format(clean, sql.text(whole), number)

    digits = f"replace({group(4)}, ',', '')"
    number = f"TRY_CAST({digits} || {group(5)} AS DECIMAL(30,8))"
    stated = str(UNITS.get(unit, 1))
    factors = " ".join(f"WHEN {sql.text(word)} THEN {factor}" for word, factor in _FACTORS.items())
    unit_of_value = f"CASE {group(6)} {factors} ELSE CASE WHEN contains({clean}, '円') THEN 1 ELSE {stated} END END"
    negative = f"({group(1)} IN ('-', '△', '▲') OR {group(3)} = '-' OR {group(2)} = '(')"
    signs = (
        f"(CAST({group(1)} <> '' AS INTEGER) + CAST({group(3)} <> '' AS INTEGER) + CAST({group(2)} <> '' AS INTEGER))"
    )
    fits = (
        f"regexp_full_match({clean}, {sql.text(whole)}) AND {signs} <= 1 AND "
        f"({group(2)} = '(') = (right({clean}, 1) = ')')"
    )
    exact = f"{number} * CAST({unit_of_value} AS DECIMAL(9,0)) * CASE WHEN {negative} THEN -1 ELSE 1 END"
    if type_ == "BIGINT":
        return f"CASE WHEN {fits} AND ({exact}) = trunc({exact}) THEN TRY_CAST({exact} AS BIGINT) END"
    return f"CASE WHEN {fits} THEN TRY_CAST({exact} AS {type_}) END"


@dataclass(frozen=True)
class DateForm:
    """One stated form: its name, or a strptime pattern."""

    name: str

    @property
    def is_known(self) -> bool:
        """Whether it is a form of this module, not a pattern."""
        return self.name in DATE_FORMS

    def local(self, text: str) -> str:
        """Return SQL of the local time in a text, without a zone."""
        if not self.is_known:
            return f"try_strptime(trim({text}), {sql.text(self.name)})"
        clean = folded(text)
        if self.name in ("excel", "excel1904"):
            return _serial(clean, "1899-12-30" if self.name == "excel" else "1904-01-01")
        cases = " ".join(f"WHEN regexp_full_match({clean}, {p}) THEN {v}" for p, v in _patterns(self.name, clean))
        return f"CASE {cases} END"


def _patterns(form: str, clean: str) -> Iterator[tuple[str, str]]:
    """Yield each pattern of a form with the SQL of its time, which puts the groups in ISO order and casts them."""

    def at(pattern: str, year: str, month: int, day: int, time: int) -> tuple[str, str]:
        def group(n: int) -> str:
            return f"regexp_extract({clean}, {sql.text(pattern)}, {n})"

        year = re.sub(r"@(\d)", lambda m: group(int(m[1])), year)
        parts = f"{year} || '-' || {group(month)} || '-' || {group(day)}"
        with_time = f"{parts} || CASE WHEN {group(time)} = '' THEN '' ELSE ' ' || {group(time)} END"
        return sql.text(pattern), f"TRY_CAST({with_time} AS TIMESTAMP)"

    short = "CASE WHEN length(@3) = 4 THEN @3 WHEN @3 < '69' THEN '20' || @3 ELSE '19' || @3 END"
    if form == "ymd":
        yield at(f"^([0-9]{{4}}){_MARK}{_DAY}{_MARK}{_DAY}{_TIME}$", "@1", 2, 3, 4)
        yield at(f"^([0-9]{{4}})年 ?{_DAY}月 ?{_DAY}日{_TIME}$", "@1", 2, 3, 4)
        yield at(f"^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}}){_TIME}$", "@1", 2, 3, 4)
    elif form == "mdy":
        yield at(f"^{_DAY}{_MARK}{_DAY}{_MARK}([0-9]{{2}}|[0-9]{{4}}){_TIME}$", short, 1, 2, 4)
    elif form == "dmy":
        yield at(f"^{_DAY}{_MARK}{_DAY}{_MARK}([0-9]{{2}}|[0-9]{{4}}){_TIME}$", short, 2, 1, 4)
    elif form == "era":
        bases = " ".join(
            f"WHEN {sql.text(name)} THEN {base} WHEN {sql.text(letter)} THEN {base}"
            for (letter, name), base in zip(_ERA_LETTERS.items(), _ERAS.values(), strict=True)
        )
        number = "CAST(CASE @2 WHEN '元' THEN '1' WHEN '' THEN '0' ELSE @2 END AS INTEGER)"
        year = f"CAST(CASE upper(@1) {bases} END + {number} AS VARCHAR)"
        names = "|".join([*_ERAS, *_ERA_LETTERS, *(letter.lower() for letter in _ERA_LETTERS)])
        years = "(元|0?[1-9]|[1-9][0-9])"
        yield at(f"^({names}) ?{years}年 ?{_DAY}月 ?{_DAY}日{_TIME}$", year, 3, 4, 5)
        yield at(f"^({names}) ?{years}{_MARK}{_DAY}{_MARK}{_DAY}{_TIME}$", year, 3, 4, 5)


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
