"""The asset graph as a text for review: one line per asset with its group, its dependencies and its checks.

    python -m tools.asset_graph

writes tests/orchestration/asset_graph.txt, with which a test compares the graph: a change of the graph is a diff.
"""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.home import PROJECT

if TYPE_CHECKING:
    from dagster import Definitions

FILE = PROJECT / "tests" / "orchestration" / "asset_graph.txt"


def text(defs: "Definitions") -> str:
    """Return the lines, by key: `key [group] checks=number <- keys that it reads`."""
    graph = defs.resolve_asset_graph()
    checks = Counter(check.asset_key for check in graph.asset_check_keys)
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda one: list(one.path)):
        asset = graph.get(key)
        parents = sorted(parent.to_user_string() for parent in asset.parent_keys)
        read = f" <- {', '.join(parents)}" if parents else ""
        lines.append(f"{key.to_user_string()} [{asset.group_name}] checks={checks[key]}{read}\n")
    return "".join(lines)


def main() -> None:
    """Write the file from the present project, in a temporary home."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KYOTEN_HOME"] = str(Path(folder).resolve())
        from orchestration.definitions import defs

        FILE.write_text(text(defs), encoding="utf-8")
    print(f"Wrote {FILE.relative_to(PROJECT)}. Review the diff.")


if __name__ == "__main__":
    main()
