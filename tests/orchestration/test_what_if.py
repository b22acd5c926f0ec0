"""what-if reports what another ladder would move and changes nothing; errors name the place in a wrong ladder."""

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration import refresh as refreshing
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.ladder import LADDER, check_ladder
from orchestration.release.releases import current_release
from tests.conftest import long, run_cli

Rows = list[dict[str, str]]


def ladder(path: Path, change: Callable[[Rows], None]) -> Path:
    with LADDER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    change(rows)
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # as Excel saves it
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def first(column: str, value: str, **cells: str) -> Callable[[Rows], None]:
    return lambda rows: next(row for row in rows if row[column] == value).update(cells)


def rung(name: str, **cells: str) -> Callable[[Rows], None]:
    return first("rung", name, **cells)


def suggestion(code: str, **cells: str) -> Callable[[Rows], None]:
    return first("evidence_code", code, **cells)


def without(name: str) -> Callable[[Rows], None]:
    return lambda rows: rows.remove(next(row for row in rows if row["rung"] == name))


def twice(code: str) -> Callable[[Rows], None]:
    return lambda rows: rows.append(next(row for row in rows if row["evidence_code"] == code))


# The ladder's rules


def test_the_default_ladder_is_valid_and_may_be_reordered(tmp_path: Path) -> None:
    check_ladder(LADDER)
    check_ladder(
        ladder(tmp_path / "l.csv", lambda rows: (rung("L5", rung_order="6")(rows), rung("L6", rung_order="5")(rows)))
    )
    check_ladder(ladder(tmp_path / "l.csv", rung("L9", mode="off")))
    check_ladder(ladder(tmp_path / "l.csv", rung("L9", mode="candidate", rung="", rung_order="")))


@pytest.mark.parametrize(
    ("change", "line", "column", "remedy"),
    [
        (rung("L5", mode="maybe"), 9, "mode", "'maybe' is no mode; write one of resolve, candidate, off, "),
        (rung("L5", evidence_code="E18"), 9, "evidence_code", "'E18' is no evidence; write one of E01 to E17"),
        (rung("L5", evidence_code=""), 9, "evidence_code", "'' is no evidence"),
        (rung("L5", points_to="house"), 9, "points_to", "'house' is not one of branch, rep, partner"),
        (rung("L5", rung_order="4"), 9, "rung_order", "L5 has order 4, which L4 has on line 7; give each rung"),
        (rung("L4", rung_order="44"), 8, "rung_order", "L4 has order 44 on line 7 and 4 here; give one rung one order"),
        (rung("L5", rung_order="five"), 9, "rung_order", "'five' is no whole number"),
        (rung("L5", rung_order=""), 9, "rung_order", "is empty, and mode is resolve; give the rung and its order"),
        (rung("L5", rung=""), 9, "rung", "is empty, and mode is resolve"),
        (rung("L5", rung="L99"), 9, "rung", "'L99' is no rung; write one of L0 to L13"),
        (rung("L5", rung="L12", rung_order="12"), 9, "rung", "L12 is for special members; evidence needs L0 to L10"),
        (rung("L12", rung="L9", rung_order="9"), 18, "rung", "L9 is not for special members; write L11, L12, L13"),
        (rung("L5", rung="L0", rung_order="0"), 9, "rung", "L0 and a person's decision"),
        (
            suggestion("E12", mode="resolve", rung="L9", rung_order="9"),
            21,
            "mode",
            "E12 only suggests and never decides",
        ),
        (twice("E07"), 27, "evidence_code", "E07 to a rep is on line 9 already; keep one of the two"),
        (without("L12"), 26, "rung", "no row has L12 with mode `sentinel`"),
        (rung("L13", mode="off"), 27, "rung", "no row has L13 with mode `sentinel`"),
    ],
)
def test_an_error_in_a_ladder_is_reported_with_its_place(
    tmp_path: Path, change: Callable[[Rows], None], line: int, column: str, remedy: str
) -> None:
    path = ladder(tmp_path / "l.csv", change)
    with pytest.raises(KyotenError) as raised:
        check_ladder(path)
    assert any(
        text.startswith(f"The ladder {path}, line {line}, column {column}: {remedy}")
        for text in str(raised.value).splitlines()
    ), raised.value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"rung,mode\nL0,resolve\n", r"line 1, column rung_order: is missing; the header must name rung_order, rung"),
        ("rung\n段階\n".encode("cp932"), r"cannot be read: .* It must be a CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_no_ladder_is_reported(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(content)
    with pytest.raises(KyotenError, match=message):
        check_ladder(path)
    with pytest.raises(KyotenError, match=r"nowhere\.csv cannot be read"):
        check_ladder(tmp_path / "nowhere.csv")


def test_a_refresh_stops_at_a_wrong_ladder_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "LADDER", ladder(tmp_path / "l.csv", rung("L5", mode="maybe")))
    with pytest.raises(KyotenError, match="line 9, column mode"):
        refreshing.refresh(Home(tmp_path / "home"))
    assert not (tmp_path / "home" / "lake").exists()


# The moves


def moves(home: Home) -> Rows:
    with (home.worklist / "what_if.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_rung_that_is_switched_off_moves_the_deals_that_it_decided(home_copy: Home, tmp_path: Path) -> None:
    release, database = current_release(home_copy), home_copy.database.read_bytes()
    off = ladder(tmp_path / "l.csv", suggestion("E06", mode="off"))

    done = run_cli(home_copy, "what-if", "--ladder", str(off))

    assert done.returncode == 0, done.stderr
    assert release and f"Attribution as in release {release['release_id']}" in done.stdout
    with duckdb.connect(str(home_copy.published / "kyoten.duckdb"), read_only=True) as connection:
        with_rep_id = connection.execute(
            "select distinct deal_id from attribution.deal_evidence where evidence_code = 'E06'"
        ).fetchall()
    moved = moves(home_copy)
    assert {row["deal_id"] for row in moved} < {deal for (deal,) in with_rep_id}
    assert len({row["deal_id"] for row in moved}) == len(moved)
    assert all(row["from_branch_id"] != row["to_branch_id"] for row in moved)
    (planted,) = (row for row in moved if row["deal_id"] == "TRAP01-B")
    assert (planted["from_branch_id"], planted["to_branch_id"]) == ("TRAP01-TOKYO", "UNKNOWN:TRAP01")
    cause = f"{planted['from_cause']} → {planted['to_cause']}"
    assert cause == "E06 Rep id on the deal (L4) → Partner known and branch not (L11)"
    alike = [row for row in moved if f"{row['from_cause']} → {row['to_cause']}" == cause]
    amount = sum(Decimal(row["from_amount"] or 0) for row in alike)
    assert f"{cause} {len(alike)} {amount:,.0f}" in " ".join(done.stdout.split())
    assert f"Each of the {len(moved):,} deals" in done.stdout
    assert current_release(home_copy) == release, "nothing is published"
    assert home_copy.database.read_bytes() == database, "and the build is as it was"
    assert not (home_copy.build / "what-if").exists()


@long
def test_the_same_rules_move_nothing_and_other_vars_do(home_copy: Home, tmp_path: Path) -> None:
    done = run_cli(home_copy, "what-if", "--ladder", str(LADDER))
    assert done.returncode == 0, done.stderr
    assert "Nothing moves." in done.stdout
    assert moves(home_copy) == []

    done = run_cli(home_copy, "what-if", "--vars", '{"two_tier_credit": "distributor"}')
    assert done.returncode == 0, done.stderr
    assert {row["deal_id"] for row in moves(home_copy)} >= {"TRAP09-A"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "State what should differ"),
        (["--vars", '{"two_tier_credits": 1}'], "VARS sets two_tier_credits, .* did you mean two_tier_credit"),
        (["--ladder", "nowhere.csv"], r"The ladder nowhere\.csv cannot be read"),
        (["--vars", '{"assignment_gap_days": 1}'], "Nothing is loaded in .* yet"),
    ],
)
def test_wrong_arguments_of_what_if_are_reported(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run_cli(Home(tmp_path), "what-if", *arguments)
    assert done.returncode == 1
    assert re.search(message, done.stderr), done.stderr
