"""Checks that a file is a valid ladder, as seeds/attribution_ladder.csv; messages name file, line, column and remedy.

This check runs before a build; the guard assert_ladder_is_valid checks the same rules on the table that was built. The
SQL defines what the rungs mean. Standard library only, because it runs before heavy imports.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import KyotenError
from orchestration.home import PROJECT

LADDER = PROJECT / "seeds" / "attribution_ladder.csv"
COLUMNS = ("rung_order", "rung", "evidence_code", "points_to", "mode", "meaning", "meaning_ja")
MODES = ("resolve", "candidate", "off", "sentinel")
POINTS_TO = ("branch", "rep", "partner")
CODES = tuple(f"E{number:02}" for number in range(1, 18))
HINTS = ("E12", "E13", "E14", "E15", "E17")
SENTINELS = ("L11", "L12", "L13")
RUNGS = tuple(f"L{number}" for number in range(14))


@dataclass(frozen=True)
class Rung:
    """One row of the file: its line number and its cells, stripped."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """Return a cell."""
        return self.cells[column]

    def problem(self, column: str, text: str) -> str:
        """Return a message with line, column and text."""
        return f"line {self.line}, column {column}: {text}"


def check_ladder(path: Path) -> None:
    """Check a ladder file.

    Raises:
        KyotenError: if the file is no valid ladder, with one line per problem.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            rungs = [_rung(reader.line_num, row) for row in reader] if not missing else []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise KyotenError(f"The ladder {path} cannot be read: {error}. It must be a CSV file in UTF-8.") from None
    problems = (
        [f"line 1, column {column}: is missing; the header must name {', '.join(COLUMNS)}." for column in missing]
        if missing
        else [*_of_rows(rungs), *_between_rows(rungs)]
    )
    if problems:
        raise KyotenError("\n".join(f"The ladder {path}, {problem}" for problem in problems))


def _rung(line: int, row: dict[str, str | None]) -> Rung:
    return Rung(line, {column: (row.get(column) or "").strip() for column in COLUMNS})


def _of_rows(rungs: list[Rung]) -> Iterator[str]:
    """Yield the problems within single rows."""
    for rung in rungs:
        mode, code = rung["mode"], rung["evidence_code"]
        if mode not in MODES:
            yield rung.problem("mode", f"{mode!r} is no mode; write one of {', '.join(MODES)}.")
            continue
        if rung["rung_order"] and not rung["rung_order"].isdecimal():
            yield rung.problem("rung_order", f"{rung['rung_order']!r} is no whole number; write 0, 1, 2 …")
        if rung["rung"] and rung["rung"] not in RUNGS:
            yield rung.problem("rung", f"{rung['rung']!r} is no rung; write one of {RUNGS[0]} to {RUNGS[-1]}.")
        if mode in ("resolve", "sentinel"):
            for column in ("rung_order", "rung"):
                if not rung[column]:
                    yield rung.problem(column, f"is empty, and mode is {mode}; give the rung and its order.")
        if mode == "sentinel":
            if rung["rung"] and rung["rung"] not in SENTINELS:
                yield rung.problem("rung", f"{rung['rung']} is not for special members; write {', '.join(SENTINELS)}.")
            continue
        if code not in CODES:
            yield rung.problem("evidence_code", f"{code!r} is no evidence; write one of {CODES[0]} to {CODES[-1]}.")
        if rung["points_to"] not in POINTS_TO:
            yield rung.problem("points_to", f"{rung['points_to']!r} is not one of {', '.join(POINTS_TO)}.")
        if rung["rung"] in SENTINELS:
            yield rung.problem("rung", f"{rung['rung']} is for special members; evidence needs {RUNGS[0]} to L10.")
        if mode == "resolve" and code in HINTS:
            yield rung.problem("mode", f"{code} only suggests and never decides; write candidate or off.")
        if mode == "resolve" and rung["rung"] and (rung["rung"] == "L0") != (code == "E01"):
            yield rung.problem("rung", "L0 and a person's decision (E01) belong together; give no other evidence L0.")


def _between_rows(rungs: list[Rung]) -> Iterator[str]:
    """Yield contradictions between rows, at the later row, and the rows that are missing."""
    orders: dict[str, Rung] = {}
    names: dict[str, Rung] = {}
    evidence: dict[tuple[str, str], Rung] = {}
    for rung in rungs:
        order, name = rung["rung_order"], rung["rung"]
        if order and name:
            if names.setdefault(name, rung)["rung_order"] != order:
                yield rung.problem(
                    "rung_order",
                    f"{name} has order {names[name]['rung_order']} on line {names[name].line} and {order} here; "
                    "give one rung one order.",
                )
            elif orders.setdefault(order, rung)["rung"] != name:
                yield rung.problem(
                    "rung_order",
                    f"{name} has order {order}, which {orders[order]['rung']} has on line {orders[order].line}; "
                    "give each rung an order of its own.",
                )
        if rung["mode"] != "sentinel":
            key = rung["evidence_code"], rung["points_to"]
            if (first := evidence.setdefault(key, rung)) is not rung:
                yield rung.problem(
                    "evidence_code", f"{' to a '.join(key)} is on line {first.line} already; keep one of the two."
                )
    end = rungs[-1].line + 1 if rungs else 2
    for sentinel in SENTINELS:
        if not any(rung["rung"] == sentinel and rung["mode"] == "sentinel" for rung in rungs):
            yield f"line {end}, column rung: no row has {sentinel} with mode `sentinel`; copy the default's row."
