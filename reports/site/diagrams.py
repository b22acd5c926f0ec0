"""A hook of MkDocs: Mermaid diagrams of the guides become pictures, which need no script and no network.

Runs in .venv-site, so it imports nothing of the project.
"""

import itertools
import re
from typing import Any

import mermaidx

DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each diagram by its picture."""
    numbers = itertools.count(1)  # the styles of a picture name its id, which must be its own on the page
    return DIAGRAM.sub(lambda found: _picture(found[1], f"diagram-{next(numbers)}"), markdown)


def _picture(source: str, name: str) -> str:
    svg = mermaidx.render(source).svg().replace("my-svg", name)
    return f'<div class="diagram">{" ".join(svg.split())}</div>'
