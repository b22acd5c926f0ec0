"""The sample company: a believable vendor with partners, as landing files of the contract, and its truth file.

    generate(home, size=10_000, seed=1, noise=1.0)
    generate(home, size=CASES, cases=True)

The second one is a small company in which cases with known answers are planted; the first has none of them. The same
arguments give the same bytes. Nothing here reads the clock or runs attribution: each answer is fixed first and the
evidence is made from it. docs/sample.md describes it.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from orchestration.errors import KyotenError
from orchestration.home import Home
from tools.sample import activities, causes, deals, organisation, plans, spelling, support, traps
from tools.sample.calendar import AS_OF, DELTA_EXTRACTS, iso
from tools.sample.effects import ALIKE, EFFECTS
from tools.sample.planted import Planted
from tools.sample.powers import Tally
from tools.sample.writing import Writer, connect, register

VERSION = 13  # version of the generator: raise it when the output changes, so that older samples are replaced
MARKER = ".sample.json"
SMALLEST, CHUNK, LOUDEST = 100, 1_000_000, 30
# Deals of the company of cases: so many that those without a branch are few enough to publish.
CASES = 1_000
TRUTH_FILES = ("deals.csv", "events.csv", "bad_rows.csv", "causes.csv", "rollouts.csv", "summary.json")


@dataclass(frozen=True)
class SampleSummary:
    """The result of generate(); `replaced` means that it replaced a sample, whose lake and build are now stale."""

    size: int
    seed: int
    created: bool
    replaced: bool
    files: int
    bytes: int
    rows: dict[str, int]


def generate(
    home: Home,
    size: int = 10_000,
    seed: int = 1,
    progress: Callable[[str], None] = print,
    *,
    noise: float = 1.0,
    alike: bool = False,
    cases: bool = False,
    rollouts: bool = False,
) -> SampleSummary:
    """Write the sample company's landing files and truth into the home, unless the same sample exists already.

    `size` is the number of deals. `noise` is the level of damage to evidence: 0 none, 1 as in a usual CRM, 5 heavy, 20
    as in a CRM that nobody looked after. In a company that is `alike`, no branch, rep or action differs from another.
    With `cases`, some of the deals are the planted cases of traps.py, cases.py and known.py. With `rollouts`, a branch
    of each larger partner sells a product in an industry in which its sisters have not begun (support.py).

    Raises:
        KyotenError: for arguments out of range, other files in landing/, or a disk error.
    """
    if size < (least := CASES if cases else SMALLEST):
        raise KyotenError(f"SIZE={size} is too small for a company. Choose SIZE={least} or more.")
    if seed < 0:
        raise KyotenError(f"SEED={seed} is negative: choose 0 or more.")
    if not 0 <= noise <= LOUDEST:
        raise KyotenError(
            f"NOISE={noise} is not between 0 and {LOUDEST}: choose 0 for none, 1 for the usual, 5 for heavy, 20 for a "
            "first load."
        )
    marker = read_marker(home)
    refuse_foreign_files(home, marker)
    wanted = {"version": VERSION, "size": size, "seed": seed, "noise": noise, "alike": alike, "cases": cases}
    wanted |= {"rollouts": True} if rollouts else {}
    same = marker is not None and {k: marker.get(k) for k in (*wanted, "rollouts")} == {"rollouts": None} | wanted
    if marker and same and is_complete(home, marker):
        progress(f"The sample company of {size:,} deals (seed {seed}, noise {noise:g}) is there already.")
        return summary_of(home, marker, created=False, replaced=False)

    staging = home.root / ".sample"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        write_company(staging, size, seed, noise, progress, alike=alike, cases=cases, rollouts=rollouts)
        remove_sample(home, marker)
        new = wanted | {"files": sizes_below(staging / "landing"), "truth": sizes_below(staging / "truth")}
        home.landing.mkdir(parents=True, exist_ok=True)
        # The marker is written first: if the move is interrupted, the next run replaces the files that it lists.
        (home.landing / MARKER).write_text(json.dumps(new, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        for folder in ("landing", "truth"):
            move_files(staging / folder, home.root / folder)
    except (OSError, duckdb.IOException) as error:
        raise KyotenError(
            f"The sample company cannot be written below {home.root}: {error}. Free some disk space, correct the "
            "folder's rights, or choose a smaller SIZE or another KYOTEN_HOME."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return summary_of(home, new, created=True, replaced=marker is not None)


def write_company(
    staging: Path,
    size: int,
    seed: int,
    noise: float,
    progress: Callable[[str], None],
    *,
    alike: bool,
    cases: bool,
    rollouts: bool = False,
) -> None:
    """Write landing/ and truth/ below a folder."""
    (staging / "landing").mkdir(parents=True)
    truth = staging / "truth"
    truth.mkdir()
    # One random stream per part, so that a change in one part does not change the others.
    roster_rng, assignments_rng, events_rng, plans_rng, causes_rng, *chunk_rngs = (
        np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seed).spawn(5 + 1 + size // CHUNK)
    )
    effects = ALIKE if alike else EFFECTS
    planted = traps.plant() if cases else Planted()
    unresolved = sum(answer["expected_rung"] in ("L11", "L12") for answer in planted.answers)
    con = connect()
    try:
        writer = Writer(con, staging / "landing", size, planted.rows)
        org = organisation.build(size, roster_rng, effects)
        progress(
            f"Sample company: {len(org.branch_count):,} partners, {org.real_branches:,} branches, {org.reps:,} reps"
        )
        organisation.write_roster(org, writer, assignments_rng)
        spelling.offer(org, con)
        why = causes.build(org, effects, causes_rng)
        tally = Tally(org, why)
        strengths = support.plant_rollouts(org) if rollouts else None
        expected: list[support.Expected] = []
        customers = deals.customers_of(org)
        homes = np.full(customers.total, organisation.NEVER)
        ordinary = size - len(planted.answers)
        starts = range(0, ordinary, CHUNK)
        counted: Counter[tuple[str, str]] = Counter()
        answers = []
        for number, (base, rng) in enumerate(zip(starts, chunk_rngs, strict=False), 1):
            n = min(CHUNK, ordinary - base)
            part = number if len(starts) > 1 else None
            progress(f"Sample company: deals {base + 1:,} to {base + n:,}")
            chunk = deals.make(org, why, customers, rng, n, base, noise, unresolved, strengths)
            if strengths:
                expected.append(support.expect_rollouts(strengths, chunk))
            deals.place_customers(org, homes, chunk)
            deals.write(org, writer, chunk, part)
            activities.write_activities(org, why, writer, rng, chunk, ordinary, part)
            activities.write_leads(org, why, writer, rng, chunk, base, part)
            answers.append(truth / f"deals_{number}.csv")
            deals.write_truth(org, writer, chunk, str(answers[-1]))
            counted.update(count_money(chunk))
            tally.add(chunk)
        deals.write_customers(homes, writer)
        activities.write_others(org, why, writer, events_rng)
        support.write_markets(org, writer)
        support.write_executives(org, writer)
        writer.write("worklist_results", AS_OF, None)  # the planted ones
        later_rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *b"plans that go on"])))
        paid_back = plans.write_all(org, why, writer, plans_rng, later_rng, tally.margins)
        write_csv(truth / "causes.csv", tally.causes(paid_back))
        if strengths:
            write_csv(truth / "rollouts.csv", support.rollout_truth(org, strengths, expected))
        write_planted_truth(truth, planted, answers)
        asked = {"size": size, "seed": seed, "noise": noise, "alike": alike}
        alone = round(tally.counts["wins without a salesperson"] / max(tally.counts["wins"], 1), 4)
        write_summary(truth, asked, writer, planted, counted, alone)
    finally:
        con.close()


def write_planted_truth(truth: Path, planted: Planted, answers: Iterable[Path]) -> None:
    """Write the answers of the planted deals, then the answers of the ordinary ones, and the other planted truths."""
    has_header = bool(planted.answers)
    if planted.answers:
        write_csv(truth / "deals.csv", planted.answers)
        write_csv(truth / "events.csv", planted.events)
        write_csv(truth / "bad_rows.csv", [row | {"extracted_on": iso(row["extracted_on"])} for row in planted.bad])
    with (truth / "deals.csv").open("ab") as target:
        for path in answers:
            with path.open("rb") as source:
                if has_header:
                    source.readline()
                shutil.copyfileobj(source, target)
            has_header = True
            path.unlink()


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows with the same columns as DuckDB would: booleans in lower case, quotes where needed."""
    made = list(rows)
    con = connect()
    try:
        register(con, "made", {c: ["" if r[c] is None else spell(r[c]) for r in made] for c in made[0]})
        name = str(path).replace("'", "''")
        con.execute(f"copy (select * from made) to '{name}' (format csv, header, nullstr '-')")
    finally:
        con.close()


def spell(value: Any) -> str:
    """Return a value as text for the truth files."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def count_money(chunk: Mapping[str, np.ndarray]) -> dict[tuple[str, str], int]:
    """Count a chunk's deals by status, and its yen amounts (header or lines) by status."""
    counts: dict[tuple[str, str], int] = {}
    has_amount = (chunk["currency"] == 0) & (chunk["header"] | (chunk["lines"] > 0))
    for code, status in enumerate(("open", "won", "lost")):
        of_status = chunk["outcome"] == code
        counts["deals", status] = int(of_status.sum())
        counts["yen", status] = int(chunk["amount"][of_status & has_amount].sum())
    return counts


def write_summary(
    truth: Path,
    asked: Mapping[str, float],
    writer: Writer,
    planted: Planted,
    counted: Mapping[tuple[str, str], int],
    alone: float,
) -> None:
    """Write the figures that are right by construction."""
    latest: dict[str, dict[str, str]] = {}
    for k in DELTA_EXTRACTS:
        latest.update({row["deal_id"]: row for row in planted.rows.get(("deals", k), [])})
    status = {"受注": "won", "失注": "lost", "商談": "open"}
    by_status = Counter(status[row["stage"]] for row in latest.values() if row["is_deleted"] == "false")
    figures = {
        **asked,
        "as_of": iso(AS_OF),
        "deals": asked["size"],
        "deleted_deals": sum(row["is_deleted"] == "true" for row in latest.values()),
        "planted_deals": len(planted.answers),
        "deals_by_status": {s: counted["deals", s] + by_status[s] for s in ("open", "won", "lost")},
        "ordinary_yen_by_status": {s: counted["yen", s] for s in ("open", "won", "lost")},
        "share_of_wins_without_salesperson": alone,
        "rows": dict(sorted(writer.rows.items())),
        "bad_rows": len(planted.bad),
    }
    (truth / "summary.json").write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_marker(home: Home) -> dict[str, Any] | None:
    """Return the marker of an earlier sample, or None."""
    path = home.landing / MARKER
    if not path.is_file():
        return None
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(marker["files"], dict) or not isinstance(marker["truth"], dict):
            raise TypeError
    except (ValueError, KeyError, TypeError) as error:
        raise KyotenError(
            f"{path} is not readable as a sample's marker. If landing/ holds only a sample, remove it and run again; "
            "if it holds your data, choose another KYOTEN_HOME."
        ) from error
    return dict(marker)


def refuse_foreign_files(home: Home, marker: Mapping[str, Any] | None) -> None:
    """Stop if landing holds anything but an earlier sample."""
    own = {MARKER, *(marker["files"] if marker else ())}
    foreign = next((name for name in sizes_below(home.landing) if name not in own), None)
    if foreign is not None:
        raise KyotenError(
            f"{home.landing / foreign} is no file of the sample company, and the sample overwrites landing/. "
            "Choose another KYOTEN_HOME for the sample, or move that file away."
        )


def sizes_below(folder: Path) -> dict[str, int]:
    """Return the files below a folder with their sizes, by relative path."""
    found = (p for p in folder.rglob("*") if p.is_file() or p.is_symlink()) if folder.is_dir() else ()
    return {p.relative_to(folder).as_posix(): p.lstat().st_size for p in sorted(found)}


def is_complete(home: Home, marker: Mapping[str, Any]) -> bool:
    """Return whether every file of a sample exists with its size."""
    landing, truth = sizes_below(home.landing), sizes_below(home.truth)
    return all(landing.get(name) == size for name, size in marker["files"].items()) and all(
        truth.get(name) == size for name, size in marker["truth"].items()
    )


def remove_sample(home: Home, marker: Mapping[str, Any] | None) -> None:
    """Remove an earlier sample's files and the folders that they leave empty."""
    for folder, names in ((home.landing, (marker or {}).get("files", ())), (home.truth, TRUTH_FILES)):
        for name in sizes_below(folder):
            if name in names:
                (folder / name).unlink()
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def move_files(source: Path, target: Path) -> None:
    """Move every file below a folder to the same place below another one."""
    for name in sizes_below(source):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).replace(target / name)


def summary_of(home: Home, marker: Mapping[str, Any], *, created: bool, replaced: bool) -> SampleSummary:
    """Return the summary of the existing sample."""
    figures = json.loads((home.truth / "summary.json").read_text(encoding="utf-8"))
    sizes = marker["files"].values()
    return SampleSummary(marker["size"], marker["seed"], created, replaced, len(sizes), sum(sizes), figures["rows"])
