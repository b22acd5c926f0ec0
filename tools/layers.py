"""The picture of the layers in docs/architecture.md, drawn from dbt's manifest.

A layer is a folder below models/; each folder of marts is a separate layer, as for readers. A test checks which layer
may read which; this module only draws them.

Run: python -m tools.layers. It writes the picture; a test fails if the picture differs from the manifest.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.home import PROJECT

PAGE = PROJECT / "docs" / "architecture.md"
START, END = "<!-- layers -->", "<!-- /layers -->"
# Resources that are no models, with their names in the picture.
OUTSIDE = {"source": "lake", "seed": "seeds"}


def layer(node: Mapping[str, Any]) -> str:
    """Return the layer of a node: the first folder below models/ (two folders for a mart), else lake or seeds."""
    if node["resource_type"] in OUTSIDE:
        return OUTSIDE[node["resource_type"]]
    folders = Path(node["original_file_path"]).parts[1:-1]
    return "/".join(folders[: 2 if folders[0] == "marts" else 1])


def reads(manifest: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return for each layer of models the other layers that its models read directly."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    found: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            parents = {layer(nodes[parent]) for parent in node["depends_on"]["nodes"]}
            found.setdefault(layer(node), set()).update(parents - {layer(node)})
    return found


def picture(found: Mapping[str, set[str]]) -> str:
    """Return a Mermaid flowchart without redundant arrows, and a table with all of them."""
    edges = sorted((parent, child) for child, parents in found.items() for parent in parents)
    drawn = [edge for edge in edges if not _follows(edge, found)]
    names = sorted({*found, *(parent for parent, _ in edges)})
    ids = {name: name.replace("/", "_") for name in names}
    lines = [f'    {ids[name]}["{name}"]' for name in names]
    lines += [f"    {ids[parent]} --> {ids[child]}" for parent, child in drawn]
    rows = [f"| `{name}` | {', '.join(sorted(found[name])) or 'no other layer'} |" for name in sorted(found)]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```", "", "| layer | reads |", "|---|---|", *rows])


def _follows(edge: tuple[str, str], found: Mapping[str, set[str]]) -> bool:
    """Return whether the child also reads the parent through another layer."""
    parent, child = edge
    seen: set[str] = set()
    waiting = [other for other in found[child] if other != parent]
    while waiting:
        other = waiting.pop()
        if parent in found.get(other, ()):
            return True
        if other not in seen:
            seen.add(other)
            waiting += found.get(other, set()) - {child}
    return False


def page_with(drawn: str, page: str) -> str:
    """Return the page with the picture between its markers."""
    before, _, rest = page.partition(START)
    after = rest.partition(END)[2]
    return f"{before}{START}\n{drawn}\n{END}{after}"


def main() -> int:
    """Draw the picture again."""
    from orchestration.home import Home
    from orchestration.warehouse import read_manifest

    home = Home.from_environment()
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page_with(picture(reads(read_manifest(home))), page), encoding="utf-8")
    print(f"Written to {PAGE.relative_to(PROJECT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
