"""The documentation that every model needs, checked in the project's files without a build.

Published models: texts in two languages, an enforced contract, a test of their grain. Columns that several tables share
have their texts in models/columns.md. Staging: the raw contract.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.contract import Dataset, load_contract
from orchestration.home import PROJECT
from orchestration.warehouse import PUBLISHED_SCHEMAS

GRAIN = "One row per "
CONTRACT = load_contract()
BLOCKS = "models/columns.md"
BLOCK = re.compile(r"\{% docs (\w+) %\}(.*?)\{% enddocs %\}", re.DOTALL)
REFERENCE = re.compile(r"\{\{ doc\('(\w+)'\) \}\}")
# The monthly marts share their columns as YAML anchors.
ANCHORED = "_monthly_marts.yml"

# Reading the project


def model_files(project: Path) -> Iterator[tuple[Path, str]]:
    """Yield every model's SQL file and its schema, from the nearest folder in dbt_project.yml."""
    folders = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))["models"]["kyoten"]
    for path in sorted((project / "models").rglob("*.sql")):
        schema, settings = "", folders
        for folder in path.relative_to(project / "models").parent.parts:
            settings = settings.get(folder, {})
            schema = settings.get("+schema", schema)
        yield path, schema


def descriptions(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the YAML descriptions of each model in a folder; one file may describe several similar models."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            found.setdefault(model["name"], []).append(model)
    return found


def names_of(tests: list[Any]) -> set[str]:
    """Return the names of tests written as `name` or as `name: {…}`."""
    return {name for test in tests for name in ([test] if isinstance(test, str) else test)}


def texts_of(thing: dict[str, Any]) -> dict[str, Any]:
    """Return the texts that a model or column states in YAML."""
    meta = thing.get("config", {}).get("meta", {})
    return {"description": thing.get("description"), **{key: meta.get(key) for key in ("label_ja", "description_ja")}}


def missing_texts(thing: dict[str, Any]) -> list[str]:
    """Return the names of the texts that a model or column lacks."""
    return [key for key, text in texts_of(thing).items() if not (isinstance(text, str) and text.strip())]


def doc_blocks(project: Path) -> dict[str, str]:
    """Return the texts of the doc blocks."""
    return dict(BLOCK.findall((project / BLOCKS).read_text(encoding="utf-8")))


def column_problems(column: dict[str, Any], blocks: dict[str, str]) -> list[str]:
    """Return the defects in the texts of a column, which states them in YAML or takes them from a doc block."""
    texts = texts_of(column)
    if "{{" not in str(texts["description"]):
        return [f"no {key}" for key in missing_texts(column)]
    reference = REFERENCE.fullmatch(texts["description"])
    if not reference:
        return ["the description is not one doc block alone"]
    found = [f"{key} next to a doc block" for key in ("label_ja", "description_ja") if texts[key]]
    return found + [f"no doc block {name}" for name in (reference[1], f"{reference[1]}__ja") if name not in blocks]


def block_problems(project: Path) -> list[str]:
    """Return the defects of the doc blocks: lines that are missing or too many, and blocks without a column."""
    yaml_files = [*(project / "models").rglob("*.yml"), project / "seeds/_seeds.yml"]
    used = {name for path in yaml_files for name in REFERENCE.findall(path.read_text(encoding="utf-8"))}
    found = []
    for name, text in doc_blocks(project).items():
        lines = [line for line in text.split("\n") if line.strip()]
        expected = 2 if name.endswith("__ja") else 1
        if len(lines) != expected:
            found.append(f"{name}: {len(lines)} lines, not {expected}")
        if name.removesuffix("__ja") not in used:
            found.append(f"{name}: no column uses it")
    return found


def has_grain_test(model: dict[str, Any]) -> bool:
    """Return whether uniqueness is tested: of one column that cannot be null, or of several together."""
    return "unique_combination" in names_of(model.get("data_tests", [])) or any(
        "unique" in names_of(column.get("data_tests", [])) and {"type": "not_null"} in column.get("constraints", [])
        for column in model["columns"]
    )


def problems(project: Path) -> list[str]:
    """Return the defects in the documentation of the published models."""
    found = block_problems(project)
    blocks = doc_blocks(project)
    described = cache(descriptions)
    for path, schema in model_files(project):
        name = path.stem
        if re.search(r"config\([^)]*\bschema\b", path.read_text(encoding="utf-8")):
            found.append(f"{name}: a schema of its own; its folder decides")
        if schema not in PUBLISHED_SCHEMAS:
            continue
        models = described(path.parent).get(name, [])
        if len(models) != 1:
            found.append(f"{name}: {len(models)} descriptions in {path.parent.name}/*.yml")
            continue
        (model,) = models
        found += [f"{name}: no {key}" for key in missing_texts(model)]
        if not str(model.get("description", GRAIN)).startswith(GRAIN):
            found.append(f"{name}: the description does not start with the grain")
        if not model.get("config", {}).get("contract", {}).get("enforced"):
            found.append(f"{name}: no enforced contract")
        if not has_grain_test(model):
            found.append(f"{name}: no grain test")
        for column in model["columns"]:
            found += [f"{name}.{column['name']}: {problem}" for problem in column_problems(column, blocks)]
    return found


def seed_problems(project: Path) -> list[str]:
    """Return the defects in the documentation of the published seeds, which have types but no contract."""
    schemas = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))["seeds"]["kyoten"]
    seeds = yaml.safe_load((project / "seeds/_seeds.yml").read_text(encoding="utf-8"))["seeds"]
    found = []
    blocks = doc_blocks(project)
    for seed in seeds:
        name = seed["name"]
        if schemas.get(name, {}).get("+schema") not in PUBLISHED_SCHEMAS:
            continue
        found += [f"{name}: no {key}" for key in missing_texts(seed)]
        if not str(seed.get("description", GRAIN)).startswith(GRAIN):
            found.append(f"{name}: the description does not start with the grain")
        described = {column["name"]: column for column in seed["columns"]}
        header = (project / f"seeds/{name}.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
        found += [f"{name}.{column}: no column" for column in header if column not in described]
        found += [
            f"{name}.{column}: {problem}"
            for column in header
            for problem in column_problems(described.get(column, {}), blocks)
        ]
    return found


def repeated_texts(project: Path) -> list[str]:
    """Return the columns whose texts several tables state, or a table and a doc block."""
    blocks = doc_blocks(project)
    shared = {(text, *blocks.get(f"{name}__ja", "").split("\n")) for name, text in blocks.items()}
    tables: dict[tuple[str, ...], list[str]] = {}
    for path in [*sorted((project / "models").rglob("*.yml")), project / "seeds/_seeds.yml"]:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for table in [] if path.name == ANCHORED else document.get("models", []) + document.get("seeds", []):
            for column in table.get("columns", []):
                if not missing_texts(column):
                    tables.setdefault((column["name"], *texts_of(column).values()), []).append(table["name"])
    return [
        f"{texts[0]}: {', '.join(names)}" for texts, names in tables.items() if len(names) > 1 or texts[1:] in shared
    ]


def output_columns(sql: str) -> list[str]:
    """Return the column names of a query's last select, which has one column per line."""
    select_list = re.findall(r"^select\n(.*?)^from ", sql, re.DOTALL | re.MULTILINE)[-1]
    return [re.split(r"\.| as ", line.strip().rstrip(","))[-1] for line in select_list.splitlines() if line.strip()]


# Published models


def test_published_models_are_documented() -> None:
    assert sum(schema in PUBLISHED_SCHEMAS for _, schema in model_files(PROJECT)) > 20
    assert problems(PROJECT) == []


def test_published_seeds_are_documented(tmp_path: Path) -> None:
    assert seed_problems(PROJECT) == []
    words = copied(tmp_path) / "seeds/_seeds.yml"
    text = words.read_text(encoding="utf-8")
    words.write_text(
        text.replace("name: meaning_ja", "name: other").replace("label_ja: 判定順, ", ""), encoding="utf-8"
    )
    assert "attribution_ladder.rung_order: no label_ja" in seed_problems(tmp_path)
    assert "quarantine_reasons.meaning_ja: no column" in seed_problems(tmp_path)


def drop(*keys: str) -> Callable[[dict[str, Any]], None]:
    def without(thing: dict[str, Any]) -> None:
        for key in keys[:-1]:
            thing = thing[key]
        del thing[keys[-1]]

    return without


def in_column(name: str, change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda model: change(next(column for column in model["columns"] if column["name"] == name))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (drop("description"), "fct_deals: no description"),
        (
            lambda model: model.update(description="All deals."),
            "fct_deals: the description does not start with the grain",
        ),
        (drop("config", "meta", "label_ja"), "fct_deals: no label_ja"),
        (lambda model: model["config"]["meta"].update(description_ja=" "), "fct_deals: no description_ja"),
        (drop("config", "contract"), "fct_deals: no enforced contract"),
        (in_column("deal_id", drop("data_tests")), "fct_deals: no grain test"),
        (in_column("deal_id", drop("constraints")), "fct_deals: no grain test"),
        (in_column("deal_id", drop("description")), "fct_deals.deal_id: no description"),
        (in_column("deal_id", lambda column: column.update(description="Deal.")), "fct_deals.deal_id: no label_ja"),
        (
            in_column("deal_id", lambda column: column.update(description="{{ doc('planted') }}")),
            "fct_deals.deal_id: no doc block planted",
        ),
        (
            in_column("deal_id", lambda column: column.update(description="{{ doc('deal_id') }} It is unique.")),
            "fct_deals.deal_id: the description is not one doc block alone",
        ),
        (
            in_column("deal_id", lambda column: column.update(config={"meta": {"label_ja": "案件"}})),
            "fct_deals.deal_id: label_ja next to a doc block",
        ),
        (in_column("stage", drop("config")), "fct_deals.stage: no label_ja"),
    ],
)
def test_missing_documentation_is_found(tmp_path: Path, change: Callable[[dict[str, Any]], None], problem: str) -> None:
    words = copied(tmp_path) / "models/facts/fct_deals.yml"
    document = yaml.safe_load(words.read_text(encoding="utf-8"))
    change(document["models"][0])
    words.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    assert problem in problems(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "replacement", "problem"),
    [
        (r"docs deal_id__ja ", "docs planted__ja ", "fct_deals.deal_id: no doc block deal_id__ja"),
        (r"docs metric__ja ", "docs planted__ja ", "kpi_sets.metric: no doc block metric__ja"),
        (r"docs metric__ja ", "docs planted__ja ", "planted__ja: no column uses it"),
        (r"(docs deal_id %})", r"\1\nOne line.\n", "deal_id: 2 lines, not 1"),
        (r"(docs deal_id__ja %}.*)\n", r"\1", "deal_id__ja: 1 lines, not 2"),
    ],
)
def test_a_defect_of_a_doc_block_is_found(tmp_path: Path, pattern: str, replacement: str, problem: str) -> None:
    words = copied(tmp_path) / BLOCKS
    planted, changes = re.subn(pattern, replacement, words.read_text(encoding="utf-8"))
    words.write_text(planted, encoding="utf-8")
    assert changes == 1
    assert problem in problems(tmp_path) + seed_problems(tmp_path)


def test_texts_that_several_tables_share_are_stated_once(tmp_path: Path) -> None:
    assert repeated_texts(PROJECT) == []
    models = copied(tmp_path) / "models"
    stage = column_of(models / "facts/fct_deals.yml", "stage")
    plant(models / "facts/fct_revenue.yml", stage)
    plant(models / "attribution/quarantine.yml", {**stage, "description": "Stage of the deal."})
    plant(models / "marts/kpi" / ANCHORED, stage)
    words = {"label_ja": "月", "description_ja": "月の初日。"}
    plant(
        models / "ops/loads.yml", {"name": "since", "description": "First day of the month.", "config": {"meta": words}}
    )
    assert repeated_texts(tmp_path) == ["stage: fct_deals, fct_revenue", "since: loads"]


def column_of(path: Path, name: str) -> dict[str, Any]:
    (model,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    return next(column for column in model["columns"] if column["name"] == name)


def plant(path: Path, column: dict[str, Any]) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["models"][0]["columns"].append(column)
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")


def test_a_published_model_is_described_once(tmp_path: Path) -> None:
    models = copied(tmp_path) / "models"
    (models / "facts/fct_planted.sql").write_text("select 1 as planted_id\n", encoding="utf-8")
    (models / "facts/intermediate/int_planted.sql").write_text("select 1 as planted_id\n", encoding="utf-8")
    shutil.copy(models / "marts/kpi/performance.yml", models / "marts/kpi/again.yml")
    assert problems(tmp_path) == [
        "fct_planted: 0 descriptions in facts/*.yml",
        "performance: 2 descriptions in kpi/*.yml",
    ]


def test_a_file_of_several_models_documents_each(tmp_path: Path) -> None:
    words = copied(tmp_path) / "models/marts/kpi/_monthly_marts.yml"
    document = yaml.safe_load(words.read_text(encoding="utf-8"))
    names = [model["name"] for model in document["models"]]
    assert len(names) == 7
    for model in document["models"]:
        del model["description"]
    words.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    assert sorted(problems(tmp_path)) == sorted(f"{name}: no description" for name in names)


def test_a_schema_comes_from_the_folder_alone(tmp_path: Path) -> None:
    planted = copied(tmp_path) / "models/facts/intermediate/int_planted.sql"
    planted.write_text("{{ config(materialized='view', schema='kpi') }}\n\nselect 1 as planted_id\n", encoding="utf-8")
    assert problems(tmp_path) == ["int_planted: a schema of its own; its folder decides"]
    inner = {schema for path, schema in model_files(tmp_path) if path.parent.name == "intermediate"}
    assert inner == {"intermediate", "staging"}, "neither is published"


def copied(folder: Path) -> Path:
    for name in ("models", "seeds"):
        shutil.copytree(PROJECT / name, folder / name)
    shutil.copy(PROJECT / "dbt_project.yml", folder)
    return folder


# Staging


def is_one_to_one(dataset: Dataset, sql: str) -> bool:
    """Return whether a staging model has the contract's columns in order, before the columns that it adds."""
    columns = output_columns(sql)
    return columns[: len(dataset.columns)] == list(dataset.columns) and len(columns) == len(set(columns))


def staging_sql(dataset: Dataset) -> str:
    return (PROJECT / "models/staging" / dataset.group / f"stg_{dataset.name}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("dataset", CONTRACT.datasets.values(), ids=lambda dataset: dataset.name)
def test_staging_has_the_columns_of_the_contract(dataset: Dataset) -> None:
    sql = staging_sql(dataset)
    assert is_one_to_one(dataset, sql), output_columns(sql)
    last = list(dataset.columns)[-1]
    without_last = re.sub(rf"^    (\w+\.)?{last},\n", "", sql, flags=re.MULTILINE)
    assert not is_one_to_one(dataset, without_last)


def test_datasets_sources_and_staging_models_are_one_to_one() -> None:
    staged = [path.stem.removeprefix("stg_") for path in (PROJECT / "models/staging").glob("*/stg_*.sql")]
    sources = yaml.safe_load((PROJECT / "models/staging/_sources.yml").read_text(encoding="utf-8"))["sources"]
    (tables,) = ([table["name"] for table in source["tables"]] for source in sources if source["name"] == "raw")
    assert sorted(staged) == sorted(tables) == sorted(CONTRACT.datasets)


# The ids of the rows themselves, and ids that no dataset lists.
OWN_IDS = """
    deals.deal_id deal_lines.line_id deal_amount_events.event_id deal_registrations.registration_id
    customers.customer_id
    products.product_id staff.staff_id partners.partner_id branches.branch_id branches.division_id reps.rep_id
    activities.activity_id activity_attendees.attendee_id inquiries.inquiry_id leads_supplied.lead_id cases.case_id
    account_plans.plan_id plan_goals.goal_id plan_actions.action_id programmes.programme_id decisions.decision_id
"""


def test_findings_look_up_every_id_of_another_dataset() -> None:
    macro = (PROJECT / "macros" / "known_ids.sql").read_text(encoding="utf-8")
    looked_up = {
        f"{dataset}.{column}"
        for dataset, _, columns in re.findall(r"\('(\w+)', (true|false), \{([^}]*)\}", macro)
        for column in re.findall(r"'(\w+)':", columns)
    }
    full = set(re.findall(r"\('(\w+)', true,", macro))
    datasets = load_contract().datasets.values()
    ids = {f"{one.name}.{column}" for one in datasets for column in one.columns if column.endswith("_id")}
    assert looked_up | set(OWN_IDS.split()) == ids
    assert full == {one.name for one in datasets if one.extract == "full"} & {name.split(".")[0] for name in looked_up}
