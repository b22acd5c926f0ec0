"""Every var of dbt_project.yml is read, and every threshold of segments and plans is a var or in a seed.

An unread var has no effect. A threshold in SQL is hard to find and to change.
"""

import re
from pathlib import Path

import yaml

from orchestration.home import PROJECT

FOLDERS = ("models", "macros", "orchestration", "reports", "tests/data", "tools")


def unread(names: set[str], texts: str) -> set[str]:
    return {name for name in names if not re.search(rf"['\"]{name}['\"]", texts)}


def test_every_var_is_read() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    files = [PROJECT / "dbt_project.yml"]
    files += [
        path for folder in FOLDERS for path in Path(PROJECT / folder).rglob("*") if path.suffix in (".sql", ".py")
    ]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert unread(set(project["vars"]), texts) == set()
    assert unread({"n_min", "a_var_that_nothing_reads"}, texts) == {"a_var_that_nothing_reads"}


REF = re.compile(r"ref\('(\w+)'\)")
NO_THRESHOLD = re.compile(r"\{#.*?#\}|--[^\n]*|decimal\(\d+, \d+\)", re.DOTALL)
NUMBER = re.compile(r"(?P<compared>[<>]=?\s*-?)?(?<![\w.])(?P<number>\d+(?:\.\d+)?)\b")
# None and one; halves of a rank; a quarter; a week; a year; minutes of an hour; per cent.
USUAL = {"0", "1", "2", "3", "7", "12", "60", "100"}
# Numbers that set no limit.
EXEMPT = {
    "int_action_cases": {"2", "3", "4", "5", "6"},  # the steps by which likeness is loosened
    "int_action_effects": {"4", "5", "15", "16", "17", "19", "96", "384"},  # the expansion of the t distribution
    "int_backtest": {"2", "5"},  # quarters of a half; fifths
    "int_plan_ambitions": {"5"},  # the rows before, of six months
    "int_potential_scores": {"6"}, "potential_contributions": {"6"},  # digits
    "int_programme_deals": {"0.00000001"},  # a share of nothing
    "int_rollout_chances": {"9"},  # Wilson and Hilferty
    "int_rollouts": {"365"},  # days of a year
    "int_segments": {"91", "1.0"},  # days of a quarter
    "potential_backtest": {"1.96", "0.5"},  # the published interval of 95 %; the area of chance
    "potential_feature_results": {"1.96", "0.5", "1.03", "3"},  # the same, and Fisher's error of ranks
    "programme_results": {"6", "24"},  # months in the names of columns
}  # fmt: skip


def models_of_segments_and_plans() -> dict[str, str]:
    """Return the SQL of the marts of segments and plans, and of the intermediate models that only these read."""
    files = {path.stem: path for path in (PROJECT / "models").rglob("*.sql")}
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    readers: dict[str, set[str]] = {name: set() for name in files}
    for name, text in texts.items():
        for read in REF.findall(text):
            readers.get(read, set()).add(name)
    found = {name for name, path in files.items() if path.parent.name in ("segment", "plan")}
    while more := {
        name
        for name in files
        if name.startswith("int_") and name not in found and readers[name] and readers[name] <= found
    }:
        found |= more
    return {name: texts[name] for name in sorted(found)}


def fixed_thresholds(text: str, exempt: set[str]) -> list[str]:
    """Return the numbers of SQL that may set a limit: in a comparison any but 0 and 1, elsewhere unusual ones."""
    found = []
    for match in NUMBER.finditer(NO_THRESHOLD.sub(" ", text)):
        number, is_compared = match["number"], match["compared"] is not None
        if number not in exempt and number not in ({"0", "1"} if is_compared else USUAL):
            found.append(match[0].strip())
    return found


def test_every_threshold_is_a_var() -> None:
    models = models_of_segments_and_plans()
    assert len(models) > 80 and {"int_rollout_chances", "int_action_effects", "next_budget"} <= set(models)
    found = {name: fixed_thresholds(text, set(EXEMPT.get(name, ()))) for name, text in models.items()}
    assert {name: numbers for name, numbers in found.items() if numbers} == {}


def test_a_fixed_threshold_is_found() -> None:
    for text, number in (
        ("where sources.distance <= -3.090", "<= -3.090"),
        ("{{ shrunk_ratio('sum(wins)', 'sum(wins_before)', 30) }}", "30"),
        ("{{ add_days('as_of', 8) }}", "8"),
        ("where case_rank <= 10", "<= 10"),
        ("having count(*) > 3 -- or 4", "> 3"),
    ):
        assert fixed_thresholds(text, set()) == [number]
    assert fixed_thresholds("select cast(won_amount_t12m as decimal(18, 2)) / 12 where wins > 0", set()) == []
