"""The accuracy of attribution: sample companies with known answers, resolved, and compared with their truth files.

The scores do not use what the models report about themselves. sample/ makes the companies, and scratch.py runs the
models; nothing is published.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration.errors import KyotenError
from orchestration.home import Home

if TYPE_CHECKING:
    import duckdb

MODELS = ("deal_attribution", "quarantine")
RESOLVED_AT_LEAST = {0.0: 1.0, 1.0: 0.98}  # by level of noise; other levels have no limit
SHOWN = 10

# Each deal of the truth with the models' decision. A branch or DIRECT that differs from the truth is wrong, as
# is a deal that got lost; UNKNOWN or UNRESOLVED is only undecided. A deal is ambiguous if its answer has a reason for
# quarantine.
JUDGED = """
    with reasons as (
        select
            deal_id, list(reason order by reason) as reasons,
            bool_or(severity = 'error') as is_error
        from attribution.quarantine
        group by deal_id
    ),
    judged as (
        select
            coalesce(truth.deal_id, found.deal_id) as deal_id, truth."case", truth.damaged,
            truth.expected_branch_id, truth.expected_reason, found.branch_id,
            array_to_string(reasons.reasons, ', ') as reasons,
            truth.expected_reason is not null as is_ambiguous,
            coalesce(truth.evidence_sufficient = 'true' and truth.expected_branch_id != 'DIRECT', false)
                as is_sufficient,
            truth.expected_branch_id is not distinct from found.branch_id as is_right,
            coalesce(found.branch_id = 'UNRESOLVED' or found.branch_id like 'UNKNOWN:%', false) as is_undecided,
            coalesce(list_contains(reasons.reasons, truth.expected_reason), false) as is_reason_right,
            coalesce(reasons.is_error, false) as is_error
        from read_csv({truth}, header = true, all_varchar = true, delim = ',', quote = '"') as truth
        full join attribution.deal_attribution as found using (deal_id)
        left join reasons using (deal_id)
    )
    select
        deal_id, "case", damaged, expected_branch_id, expected_reason, branch_id, reasons,
        is_sufficient,
        is_sufficient and is_right as is_resolved,
        not is_right and not is_undecided as is_wrong,
        is_ambiguous,
        is_ambiguous and is_right and is_reason_right as is_quarantined,
        expected_reason is null and damaged is null as is_clear,
        is_clear and is_error as is_clear_quarantined
    from judged
"""
EXAMPLES = f"""
    select concat_ws(
        '; ', deal_id, "case",
        concat_ws(' ', 'truth', coalesce(expected_branch_id, 'no deal'), expected_reason),
        concat_ws(' ', 'found', coalesce(branch_id, 'no deal'), reasons),
        'damaged: ' || damaged
    )
    from judged
    where is_wrong or is_ambiguous != is_quarantined or is_clear_quarantined
        or (is_sufficient and not is_resolved and damaged is null)
    order by is_wrong desc, deal_id
    limit {SHOWN}
"""
COUNTED = ("is_sufficient", "is_resolved", "is_wrong", "is_ambiguous", "is_quarantined", "is_clear_quarantined")


@dataclass(frozen=True)
class Score:
    """The score of one sample, or of several samples of one level of noise."""

    noise: float
    seeds: tuple[int, ...]
    deals: int
    sufficient: int
    resolved: int
    wrong: int
    ambiguous: int
    quarantined: int
    clear_quarantined: int

    def broken(self) -> list[str]:
        """Return the limits that this score misses."""
        where = f"noise {self.noise:g}"
        least = RESOLVED_AT_LEAST.get(self.noise, 0.0)
        checks = (
            (
                self.resolved < least * self.sufficient,
                f"{percent(self.resolved, self.sufficient)} resolved, at least {least:.0%} required",
            ),
            (self.wrong > 0, f"{self.wrong} wrong decisions, 0 allowed"),
            (
                self.quarantined < self.ambiguous,
                f"{self.ambiguous - self.quarantined} ambiguous deals are not in quarantine with their reason",
            ),
            (self.clear_quarantined > 0, f"{self.clear_quarantined} clear deals are in quarantine"),
        )
        return [f"{where}: {text}" for is_broken, text in checks if is_broken]


def percent(part: int, whole: int) -> str:
    """Return a share in percent, rounded down: 100.00 % means all."""
    return f"{10_000 * part // whole / 100:.2f} %" if whole else "none"


def total(scores: Collection[Score]) -> Score:
    """Add up scores of one level of noise."""
    first, *_ = scores
    counts = (sum(getattr(s, name) for s in scores) for name in list(Score.__dataclass_fields__)[2:])
    return Score(first.noise, tuple(seed for s in scores for seed in s.seeds), *counts)


def measure(
    home: Home, size: int, seeds: Collection[int], levels: Iterable[float], progress: Callable[[str], None] = print
) -> tuple[list[Score], list[str]]:
    """Make, resolve and score one sample per seed and level below a home; return scores and examples of failures."""
    scores: list[Score] = []
    failures: Counter[str] = Counter()
    samples = [(level, seed) for level in levels for seed in seeds]
    for number, (level, seed) in enumerate(samples, 1):
        progress(f"{number}/{len(samples)}  noise {level:g}, seed {seed}: {size:,} deals")
        with resolve(home, size, seed, MODELS, noise=level, cases=True) as connection:
            score, examples = judge(connection, home, seed, level)
        scores.append(score)
        failures.update(examples)
    return scores, [f"{example} (in {count} of {len(samples)} samples)" for example, count in failures.most_common()]


def resolve(home: Home, size: int, seed: int, models: Collection[str], **company: Any) -> "duckdb.DuckDBPyConnection":
    """Make a sample in the home and run the models on it; return their database. company: options of `generate`."""
    from orchestration.lake.ingest import ingest
    from orchestration.names.lake import write_names
    from orchestration.scratch import compile_models
    from tools.sample import generate

    generate(home, size, seed, quiet, **company)
    shutil.rmtree(home.lake, ignore_errors=True)
    result = ingest(home, progress=quiet)
    if stopped := [file.message for file in result.refused] + [batch.message for batch in result.held]:
        raise KyotenError(f"The sample cannot be read: {stopped[0]}")
    write_names(home)
    return compile_models(home).build(home.build / "accuracy", models)


def judge(connection: "duckdb.DuckDBPyConnection", home: Home, seed: int, level: float) -> tuple[Score, list[str]]:
    """Compare the decisions of the models with the truth file."""
    from orchestration.sql import text

    truth = text(str(home.truth / "deals.csv"))
    connection.execute(f"create temp table judged as {JUDGED.format(truth=truth)}")
    sums = ", ".join(f"count_if({column})" for column in COUNTED)
    counts = connection.execute(f"select count(*), {sums} from judged").fetchone()
    assert counts is not None
    bad = connection.execute(EXAMPLES).fetchall()
    return Score(level, (seed,), *counts), [line for (line,) in bad]


def report_progress(text: str) -> None:
    """Print progress on stderr."""
    print(text, file=sys.stderr, flush=True)


def quiet(_: str) -> None:
    """Ignore the progress of a part."""


HEADER = ("noise", "seed", "deals", "evident", "resolved", "wrong", "ambiguous", "quarantined", "quarantined wrongly")
LEGEND = """evident: partner deals with enough evidence, by the truth file; resolved: of these, to the right branch
wrong: decided for another branch, or DIRECT, than the truth; ambiguous: deals whose answer is a quarantine reason
quarantined: of these, for the right reason; quarantined wrongly: clear deals in quarantine as errors"""


def cells(score: Score) -> tuple[str, ...]:
    """Return a score's row of the table."""
    seeds = str(score.seeds[0]) if len(score.seeds) == 1 else "all"
    return (
        f"{score.noise:g}", seeds, f"{score.deals:,}", f"{score.sufficient:,}",
        percent(score.resolved, score.sufficient), str(score.wrong), str(score.ambiguous),
        percent(score.quarantined, score.ambiguous), str(score.clear_quarantined),
    )  # fmt: skip


def rows(scores: Iterable[Score]) -> list[tuple[str, ...]]:
    """Return the table's rows: each sample, and after the samples of a level their sum."""
    levels = by_level(scores)
    return [cells(row) for level in levels for row in [*level, *([total(level)] if len(level) > 1 else [])]]


def by_level(scores: Iterable[Score]) -> list[list[Score]]:
    """Group scores by their level of noise."""
    grouped: dict[float, list[Score]] = {}
    for score in scores:
        grouped.setdefault(score.noise, []).append(score)
    return list(grouped.values())


def markdown(scores: Iterable[Score]) -> str:
    """Return the table in Markdown."""
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---:|" * len(HEADER)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows(scores))])


def print_table(scores: Iterable[Score]) -> None:
    """Print the table in the terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in HEADER:
        table.add_column(title, justify="right")
    for row in rows(scores):
        table.add_row(*row, style="bold" if row[1] == "all" else None)
    Console().print(table)
    print(LEGEND)


def run(home: Home, size: int, seeds: int, levels: Iterable[float], *, as_markdown: bool) -> None:
    """Measure and print the scores.

    Raises:
        KyotenError: if a score misses a limit.
    """
    from orchestration.lock import write_lock

    place = Home(home.root / f"accuracy-{size}")
    with write_lock(place):
        scores, failures = measure(place, size, range(1, seeds + 1), levels, report_progress)
    if as_markdown:
        print(markdown(scores))
    else:
        print_table(scores)
    report_progress(f"The last sample and its database: {place.root}")
    if broken := [promise for level in by_level(scores) for promise in total(level).broken()]:
        raise KyotenError("\n".join(["Broken promises:", *broken, "", "Examples:", *failures]))
