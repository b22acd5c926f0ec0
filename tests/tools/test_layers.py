"""The picture of the layers is drawn from the manifest, for any folders."""

import re
from typing import Any

from orchestration.home import Home
from orchestration.warehouse import read_manifest
from tools.layers import END, PAGE, START, page_with, picture, reads


def model(path: str, *reads: str) -> dict[str, Any]:
    return {"resource_type": "model", "original_file_path": f"models/{path}.sql", "depends_on": {"nodes": list(reads)}}


MANIFEST = {
    "sources": {"source.raw": {"resource_type": "source"}},
    "nodes": {
        "seed.ladder": {"resource_type": "seed", "original_file_path": "seeds/ladder.csv", "depends_on": {"nodes": []}},
        "model.stg": model("staging/crm/stg", "source.raw"),
        "model.int": model("deals/int", "model.stg", "seed.ladder"),
        "model.fct": model("deals/fct", "model.int", "model.stg"),
        "model.name": model("organisation/name", "model.stg"),
        "model.who": model("deals/who", "model.name"),
        "model.mart": model("marts/kpi/mart", "model.fct"),
        "test.mart": {
            "resource_type": "test",
            "original_file_path": "tests/x.sql",
            "depends_on": {"nodes": ["model.stg"]},
        },
    },
}


def test_layers_are_folders_and_read_each_other_by_their_models() -> None:
    assert reads(MANIFEST) == {
        "staging": {"lake"},
        "organisation": {"staging"},
        "deals": {"organisation", "staging", "seeds"},
        "marts/kpi": {"deals"},
    }


def test_the_picture_omits_indirect_reads_and_the_table_has_all() -> None:
    assert picture(reads(MANIFEST)).splitlines() == [
        "```mermaid",
        "flowchart TD",
        '    deals["deals"]',
        '    lake["lake"]',
        '    marts_kpi["marts/kpi"]',
        '    organisation["organisation"]',
        '    seeds["seeds"]',
        '    staging["staging"]',
        "    deals --> marts_kpi",
        "    lake --> staging",
        "    organisation --> deals",
        "    seeds --> deals",
        "    staging --> organisation",
        "```",
        "",
        "| layer | reads |",
        "|---|---|",
        "| `deals` | organisation, seeds, staging |",
        "| `marts/kpi` | deals |",
        "| `organisation` | staging |",
        "| `staging` | lake |",
    ]


def test_another_read_changes_the_picture() -> None:
    nodes = {**MANIFEST["nodes"], "model.bad": model("deals/bad", "model.mart")}
    assert picture(reads({**MANIFEST, "nodes": nodes})) != picture(reads(MANIFEST))


def test_the_page_shows_the_layers_of_the_manifest(built_home: Home) -> None:
    """If this fails, run python -m tools.layers and add a row to the table for each new layer."""
    page, found = PAGE.read_text(encoding="utf-8"), reads(read_manifest(built_home))
    assert page == page_with(picture(found), page)
    table = page.partition(END)[2].partition("\nRules")[0]
    assert re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE) and set(
        re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)
    ) == {*found}


def test_only_the_marked_part_of_the_page_changes() -> None:
    assert page_with("new", f"a\n{START}\nold\n{END}\nb\n") == f"a\n{START}\nnew\n{END}\nb\n"
