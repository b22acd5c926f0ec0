"""A folder of models/ is a layer: it reads its own models and earlier layers. No rule has an exception."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.home import PROJECT, Home
from orchestration.warehouse import read_manifest

LAYERS = ("staging", "organisation", "deals", "attribution", "facts", "measures", "marts", "ops")
READ_SOURCES = {"staging", "ops"}
MOST_LINES = 200
MOST_FILES_WITH_LOOPS = 10

Manifest = dict[str, Any]
Node = dict[str, Any]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The manifest of the project."""
    return read_manifest(Home(tmp_path_factory.mktemp("parsed") / "home"))


def models(manifest: Manifest) -> dict[str, Node]:
    """Models by their unique id."""
    return {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def layer(node: Node) -> str:
    """The first folder below models/."""
    return Path(node["original_file_path"]).parts[1]


def wrong_reads(manifest: Manifest) -> list[str]:
    """Name each model that reads a later layer, each mart that reads staging, and each improper reader of a source."""
    known, problems = models(manifest), []
    for node in known.values():
        here = layer(node)
        if here not in LAYERS:
            problems.append(f"{node['name']} is in no layer: models/{here}")
            continue
        for key in node["depends_on"]["nodes"]:
            there = layer(known[key]) if key in known else None
            if key.startswith("source.") and here not in READ_SOURCES:
                problems.append(f"{node['name']} ({here}) reads a source: {key}")
            elif there in LAYERS and LAYERS.index(there) > LAYERS.index(here):
                problems.append(f"{node['name']} ({here}) reads {known[key]['name']} ({there})")
            elif (here, there) == ("marts", "staging"):
                problems.append(f"{node['name']} is a mart and reads {known[key]['name']}")
    return problems


def unexplained_marts(manifest: Manifest) -> list[str]:
    """Name each mart that reads a mart and does not say why, and each reason for one that is not read."""
    known, problems = models(manifest), []
    for node in known.values():
        reasons = node["config"]["meta"].get("reads_marts", {})
        read = {
            known[key]["name"] for key in node["depends_on"]["nodes"] if key in known and layer(known[key]) == "marts"
        }
        read = read if layer(node) == "marts" else set()
        problems += [f"{node['name']} reads {mart}: say why in config.meta.reads_marts" for mart in read - set(reasons)]
        problems += [f"{node['name']} does not read {mart}" for mart in set(reasons) - read]
        problems += [f"{node['name']} reads {mart} without a reason" for mart, reason in reasons.items() if not reason]
    return problems


def own_schemas(manifest: Manifest) -> list[str]:
    """Name each model whose schema is not that of its folder in dbt_project.yml."""
    problems = []
    for node in models(manifest).values():
        wanted, here = "", yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["models"]["kyoten"]
        for folder in Path(node["original_file_path"]).parts[1:-1]:
            here = here.get(folder, {})
            wanted = here.get("+schema", wanted)
        if node["schema"] != wanted:
            problems.append(f"{node['name']} is in {node['schema']}, its folder in {wanted}")
    return problems


def untidy_files(texts: dict[str, str]) -> list[str]:
    """Name each model that is too long or excluded from linting, and all models with loops if there are too many."""
    problems = [
        f"{path} has {text.count(chr(10))} lines" for path, text in texts.items() if text.count("\n") > MOST_LINES
    ]
    problems += [
        f"{path}: noqa for the whole file" for path, text in texts.items() if re.search(r"noqa: *disable", text)
    ]
    loops = sorted(path for path, text in texts.items() if "{%" in text)
    return problems + [f"{len(loops)} models with control blocks: {loops}"] * (len(loops) > MOST_FILES_WITH_LOOPS)


def raw_reads(texts: dict[str, str]) -> list[str]:
    """Name each file that reads rows of the lake other than through extract_rows, which drops replaced revisions."""
    reads = re.compile(r"source\(\s*['\"]raw['\"]|read_parquet|lake/raw")
    problems = []
    for path, text in texts.items():
        allowed = 1 if path == "macros/lake.sql" else 0
        found = len(reads.findall(text))
        if found > allowed:
            problems.append(f"{path} reads raw rows itself: use extract_rows or latest_rows of macros/lake.sql")
    return problems


def longest_chain(manifest: Manifest) -> list[str]:
    """The models of the longest chain of references, last one first."""
    known, chains = models(manifest), {}

    def chain(key: str) -> list[str]:
        if key not in chains:
            before = (chain(parent) for parent in known[key]["depends_on"]["nodes"] if parent in known)
            chains[key] = [known[key]["name"], *max(before, key=len, default=[])]
        return chains[key]

    return max((chain(key) for key in known), key=len)


def test_layers_point_one_way(manifest: Manifest) -> None:
    assert len(models(manifest)) > 100
    assert wrong_reads(manifest) == []
    chain = longest_chain(manifest)
    print(f"The longest chain has {len(chain)} models: {' ← '.join(chain)}")


def test_a_mart_that_reads_a_mart_says_why(manifest: Manifest) -> None:
    assert unexplained_marts(manifest) == []


def test_schemas_come_from_folders(manifest: Manifest) -> None:
    assert own_schemas(manifest) == []


def test_models_are_short_and_plain() -> None:
    files = (PROJECT / "models").rglob("*.sql")
    assert untidy_files({str(file.relative_to(PROJECT)): file.read_text(encoding="utf-8") for file in files}) == []


def project_sql() -> dict[str, str]:
    """Every SQL file that dbt reads, by its path."""
    folders = [PROJECT / name for name in ("models", "macros", "tests/data", "seeds")]
    files = [file for folder in folders for file in folder.rglob("*.sql")]
    return {str(file.relative_to(PROJECT)): file.read_text(encoding="utf-8") for file in files}


def test_raw_rows_are_read_in_one_way() -> None:
    assert raw_reads(project_sql()) == []


def test_a_planted_read_of_raw_rows_is_found() -> None:
    macro = project_sql()["macros/lake.sql"]
    planted = {
        "macros/lake.sql": macro,
        "models/a.sql": "select * from {{ source('raw', 'deals') }}",
        "tests/data/b.sql": 'select * from {{ source( "raw", "deals") }}',
        "models/c.sql": "{{ extract_rows('deals') }}",
        "models/d.sql": "select * from {{ source('lake', 'loads') }}",
    }
    assert [problem.split()[0] for problem in raw_reads(planted)] == ["models/a.sql", "tests/data/b.sql"]
    assert raw_reads({"macros/lake.sql": macro + macro})[0].startswith("macros/lake.sql reads")


def planted(manifest: Manifest, reader: str, read: str) -> Manifest:
    """The manifest in which one model reads another, or a source, besides."""
    changed = copy.deepcopy(manifest)
    changed["nodes"][f"model.kyoten.{reader}"]["depends_on"]["nodes"].append(read)
    return changed


@pytest.mark.parametrize(
    ("reader", "read", "problem"),
    [
        ("int_deals", "model.kyoten.fct_deals", "int_deals (deals) reads fct_deals (facts)"),
        (
            "dim_branch",
            "model.kyoten.deal_attribution",
            "dim_branch (organisation) reads deal_attribution (attribution)",
        ),
        ("performance", "model.kyoten.stg_deals", "performance is a mart and reads stg_deals"),
        ("fct_deals", "source.kyoten.raw.deals", "fct_deals (facts) reads a source: source.kyoten.raw.deals"),
    ],
)
def test_a_planted_wrong_read_is_found(manifest: Manifest, reader: str, read: str, problem: str) -> None:
    assert wrong_reads(planted(manifest, reader, read)) == [problem]


def test_a_planted_folder_is_no_layer(manifest: Manifest) -> None:
    changed = copy.deepcopy(manifest)
    changed["nodes"]["model.kyoten.fct_deals"]["original_file_path"] = "models/misc/fct_deals.sql"
    assert wrong_reads(changed)[0] == "fct_deals is in no layer: models/misc"


def test_a_planted_mart_needs_a_reason(manifest: Manifest) -> None:
    read = planted(manifest, "performance", "model.kyoten.bottlenecks")
    assert unexplained_marts(read) == ["performance reads bottlenecks: say why in config.meta.reads_marts"]
    stale = copy.deepcopy(manifest)
    stale["nodes"]["model.kyoten.performance"]["config"]["meta"]["reads_marts"] = {"pipeline": "was read once"}
    assert unexplained_marts(stale) == ["performance does not read pipeline"]


def test_a_planted_schema_is_found(manifest: Manifest) -> None:
    changed = copy.deepcopy(manifest)
    changed["nodes"]["model.kyoten.int_deals"]["schema"] = "core"
    assert own_schemas(changed) == ["int_deals is in core, its folder in intermediate"]


def test_planted_untidy_files_are_found() -> None:
    assert untidy_files({"long.sql": "select 1\n" * (MOST_LINES + 1)}) == [f"long.sql has {MOST_LINES + 1} lines"]
    assert untidy_files({"a.sql": "-- noqa: disable=LT05\nselect 1\n"}) == ["a.sql: noqa for the whole file"]
    loops = {f"{n}.sql": "{% for a in b %}" for n in range(MOST_FILES_WITH_LOOPS + 1)}
    assert len(untidy_files(loops)) == 1
    assert untidy_files(dict(list(loops.items())[1:])) == []
