"""`kyoten site`: the documentation of the current release as a static site in English and Japanese, with search.

The pages about tables and metrics are generated from the release. The guides are the files of docs/, which stay the
only copy of their texts. A heading there may be followed by its Japanese title in italics. Material for MkDocs, in an
environment of its own, makes HTML of them. The site needs neither a server nor the network.
"""

import functools
import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.reading import Row, release, release_folder, rows
from orchestration.release.dbt_docs import write_docs
from orchestration.warehouse import PUBLISHED_SCHEMAS, published_models, read_manifest

if TYPE_CHECKING:
    import duckdb

LANGUAGES = {"en": "English", "ja": "日本語"}
TEMPLATES = PROJECT / "reports" / "site"
MKDOCS = PROJECT / ".venv-site" / "bin" / "mkdocs"
TITLE = re.compile(r"^(#{1,3}) (.+)\n(?:\n\*([^*\n]*[ぁ-ヿ一-鿿][^*\n]*)\*\n)?", re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)\s#]+)(#[^)\s]*)?\)")
DOCS, CHANGELOG = PROJECT / "docs", PROJECT / "CHANGELOG.md"
# The pages of the project by reader; every other page of docs/ follows.
READERS = {
    ("For analysts", "分析する人"): ("bi", "pages", "changes", "worklist"),
    ("What figures mean", "数字の意味"): (
        "attribution", "forecast", "people", "plans", "effects", "segments", "support", "requirements",
    ),
    ("For operators", "運用する人"): ("mapping", "batch_rules", "operations", "reliability", "CHANGELOG"),
}  # fmt: skip
JAPANESE = ("guides/glossary", "guides/worklist")  # pages with a Japanese text
OTHERS, DECISIONS = ("For engineers", "開発する人"), ("Decisions", "設計上の決定")
# Titles of the generated pages.
TITLES = {"index": ("Start", "はじめに"), "catalogue/index": ("Catalogue", "カタログ"), "metrics": ("Metrics", "指標")}


@dataclass(frozen=True)
class Guide:
    """A page of docs/."""

    file: Path
    path: str  # in the site, without .md

    @functools.cached_property
    def text(self) -> str:
        """The page as it is."""
        return self.file.read_text(encoding="utf-8")

    @functools.cached_property
    def titles(self) -> tuple[str, str]:
        """The title in English and Japanese; one title for both if there is no Japanese one."""
        found = TITLE.search(self.text)
        assert found, f"{self.file} has no title"
        return found[2], found[3] or found[2]


def guides() -> list[Guide]:
    """Return the pages of docs/ and the changelog."""
    found = [Guide(file, f"guides/{file.relative_to(DOCS).with_suffix('')}") for file in sorted(DOCS.rglob("*.md"))]
    return [*found, Guide(CHANGELOG, "guides/CHANGELOG")]


def _place(file: Path) -> str | None:
    """Return where a file of the project is in the site; None if it is not there."""
    if file == CHANGELOG:
        return "guides/CHANGELOG.md"
    return f"guides/{file.relative_to(DOCS)}" if file.is_relative_to(DOCS) else None


def slug(title: str) -> str:
    """Return the anchor of an English heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def cell(text: Any) -> str:
    """Return a text for a cell of a Markdown table; code in backquotes stays as it is."""
    parts = re.split(r"(`[^`]*`)", " ".join(str(text or "").split()))
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return re.sub(r"[|*_\[\]<>&]", lambda found: f"&#{ord(found[0])};", text)


class Pages:
    """What the pages of one language are made of."""

    def __init__(self, home: Home, language: str) -> None:
        """Read the release."""
        self.language, self.cell = language, staticmethod(cell)
        self.manifest = read_manifest(home)
        recorded = json.loads((release_folder(home) / "manifest.json").read_text(encoding="utf-8"))["tables"]
        self.guides = {guide.path: guide for guide in guides()}
        with release(home) as connection:
            (self.about,) = rows(connection, "from ops.release")
            self.tables = self._tables(connection, recorded)
            self.metrics = self._metrics(connection)
        self.schemas = {
            schema: [table for table in self.tables.values() if table["table_schema"] == schema]
            for schema in PUBLISHED_SCHEMAS
        }

    def two(self, english: str, japanese: str) -> str:
        """Return the text of this language."""
        return japanese if self.language == "ja" else english

    def title(self, path: str) -> str:
        """Return the title of a page."""
        return self.two(*(TITLES[path] if path in TITLES else self.guides[path].titles))

    def _tables(self, connection: "duckdb.DuckDBPyConnection", recorded: dict[str, int]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for row in rows(connection, "from ops.catalog order by table_schema, table_name, ordinal"):
            row |= {"label": row[f"label_{self.language}"], "text": row[f"description_{self.language}"]}
            name = f"{row['table_schema']}.{row['table_name']}"
            if row["column_name"] is None:
                lists: Row = {part: [] for part in ("columns", "key", "codes", "reads", "read_by", "sources")}
                found[name] = row | {"name": name, "rows": recorded[name], "id": None} | lists
                continue
            to = (row["references_schema"], row["references_table"], row["references_column"])
            names: Row = {"to_table": ".".join(to[:2]), "to": ".".join(to[1:])} if all(to) else {"to": None}
            found[name]["columns"].append(row | names)
            if row["key_position"]:
                found[name]["key"].append(row["column_name"])
        for row in rows(connection, "from ops.labels order by table_schema, table_name, column_name, code"):
            code = row | {"label": row[f"label_{self.language}"]}
            found[f"{row['table_schema']}.{row['table_name']}"]["codes"].append(code)
        for name, lines in self._lineage().items():
            if name in found:
                found[name] |= lines
        questions = list(self._questions())
        for name, table in found.items():
            pattern = re.compile(rf"\b{re.escape(name)}\b")
            table["questions"] = [question for question in questions if pattern.search(question["query"])]
        return found

    def _lineage(self) -> dict[str, Row]:
        """Return by table which published tables and datasets it reads, directly or by intermediate models."""
        nodes = {node["unique_id"]: node for node in published_models(self.manifest)}
        names = {key: f"{node['schema']}.{node['alias']}" for key, node in nodes.items()}
        parents = self.manifest["parent_map"]
        found: dict[str, Row] = {
            names[key]: {"id": key, "kind": node["resource_type"], "reads": [], "read_by": [], "sources": []}
            for key, node in nodes.items()
        }
        for key in nodes:
            waiting, seen = list(parents[key]), set()
            while waiting:
                parent = waiting.pop()
                if parent in seen:
                    continue
                seen.add(parent)
                if parent in names:
                    found[names[key]]["reads"].append(names[parent])
                    found[names[parent]]["read_by"].append(names[key])
                elif parent.startswith("source."):
                    found[names[key]]["sources"].append(parent.rpartition(".")[2])
                else:
                    waiting += parents.get(parent, [])
        for table in found.values():
            for list_ in ("reads", "read_by", "sources"):
                table[list_].sort()
        return found

    def _questions(self) -> Iterator[Row]:
        for page in ("questions", "bi"):
            text = self.guides[f"guides/{page}"].text
            for found, body in _sections(text):
                if found[1] == "###" and (query := re.search(r"```sql\n(.*?)```", body, re.DOTALL)):
                    title = self.two(found[2], found[3] or found[2])
                    yield {"page": page, "title": title, "anchor": slug(found[2]), "query": query[1]}

    def _metrics(self, connection: "duckdb.DuckDBPyConnection") -> list[Row]:
        places: dict[str, list[str]] = defaultdict(list)
        for name, table in self.tables.items():
            places[table["table_name"]].append(name)
        ja = "_ja" if self.language == "ja" else ""
        return [
            row
            | {"label": row[f"label{ja}"], "text": row[f"definition{ja}"], "table": (places[row["model"]] or [""])[0]}
            for row in rows(connection, "from kpi.metrics order by metric")
        ]

    def write(self, folder: Path) -> None:
        """Write the pages as Markdown, with the pictures of the guides."""
        import jinja2

        environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined)
        macros: Any = environment.get_template("pages.jinja").module
        pages = {
            "index": macros.index(self),
            "catalogue/index": macros.catalogue(self),
            "metrics": macros.metrics(self),
        }
        pages |= {f"catalogue/{name}": macros.table(self, table) for name, table in self.tables.items()}
        pages |= {path: self._guide(guide) for path, guide in self.guides.items()}
        for path, text in pages.items():
            file = folder / f"{path}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.strip() + "\n", encoding="utf-8")
        shutil.copytree(DOCS / "images", folder / "guides" / "images")
        (folder / "assets").mkdir()
        for name in ("iframe-worker.js", "extra.css"):
            shutil.copyfile(TEMPLATES / name, folder / "assets" / name)

    def _guide(self, guide: Guide) -> str:
        """Return a guide in this language: titles with the anchors of the English ones, and links within the site."""
        text = re.sub(r"<!--.*?-->", "", guide.text, flags=re.DOTALL)

        def linked(found: re.Match[str]) -> str:
            """Return a link within the site; a link to another file of the project becomes its text."""
            if place := _place((guide.file.parent / found[2]).resolve()):
                return f"[{found[1]}]({os.path.relpath(place, Path(guide.path).parent)}{found[3] or ''})"
            return found[1]

        parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)  # code stays as it is
        seen: dict[str, int] = defaultdict(int)

        def titled(found: re.Match[str]) -> str:
            title = self.two(found[2], found[3] or found[2])
            anchor = slug(found[2])
            seen[anchor] += 1
            unique = anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor] - 1}"
            line = f"{found[1]} {title} {{ #{unique} }}\n"
            if self.language == "ja" and found[3] and found[1] != "#":
                line += f"\n{found[2]}\n"
            return line

        text = "".join(part if part.startswith("```") else LINK.sub(linked, TITLE.sub(titled, part)) for part in parts)
        if self.language == "ja" and guide.path not in JAPANESE:
            first, _, rest = text.lstrip().partition("\n")
            text = f'{first}\n\n!!! note "このページの本文は英語です。"\n\n{rest}'
        return text

    def configuration(self, source: Path, target: Path) -> dict[str, Any]:
        """Return the configuration of MkDocs."""
        listed = ["guides/questions", "guides/glossary"]  # next to the guides
        listed += [f"guides/{name}" for names in READERS.values() for name in names]
        decisions = [path for path in self.guides if path.startswith("guides/decisions/")]
        rest = [path for path in self.guides if path not in listed and path not in decisions]
        sections = [(title, [f"guides/{name}" for name in names]) for title, names in READERS.items()]
        sections += [(OTHERS, rest), (DECISIONS, decisions)]
        return {
            "site_name": self.two("Kyoten documentation", "Kyoten 説明書"), "docs_dir": str(source),
            "site_dir": str(target), "strict": True, "use_directory_urls": False,
            "theme": {
                "name": "material", "language": self.language, "font": False, "custom_dir": str(TEMPLATES),
                "features": ["navigation.tabs", "navigation.top", "search.highlight", "content.code.copy"],
                "palette": {"primary": "indigo"},
            },
            "plugins": [{"search": {"lang": [self.language]}}, "offline"],
            "hooks": [str(TEMPLATES / "diagrams.py")],
            "markdown_extensions": [
                "admonition", "attr_list", "tables", {"toc": {"permalink": True, "toc_depth": 3}},
                "pymdownx.highlight", "pymdownx.superfences",
            ],
            "extra": {
                "polyfills": ["assets/iframe-worker.js"], "generator": False,
                "alternate": [{"name": name, "lang": code, "link": "#"} for code, name in LANGUAGES.items()],
            },
            "extra_css": ["assets/extra.css"],
            "validation": {"anchors": "warn", "absolute_links": "warn", "unrecognized_links": "warn"},
            "nav": [
                {self.title("index"): "index.md"},
                {self.title("catalogue/index"): [
                    {self.two("All tables", "全テーブル"): "catalogue/index.md"},
                    *({schema: [{self._short(table): f"catalogue/{table['name']}.md"} for table in tables]}
                      for schema, tables in self.schemas.items()),
                ]},
                {self.title("metrics"): "metrics.md"},
                {self.title("guides/questions"): "guides/questions.md"},
                {self.title("guides/glossary"): "guides/glossary.md"},
                {self.two("Guides", "ガイド"): [
                    {self.two(*title): [{self.title(path): f"{path}.md"} for path in paths]}
                    for title, paths in sections
                ]},
            ],
        }  # fmt: skip

    def _short(self, table: Row) -> str:
        return f"{table['label']} ({table['table_name']})" if table["label"] else table["table_name"]


def _sections(text: str) -> Iterable[tuple[re.Match[str], str]]:
    """Return each heading with the text below it."""
    found = list(TITLE.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [(match, text[match.end() : end]) for match, end in zip(found, ends, strict=True)]


def write_pages(home: Home, folder: Path) -> dict[str, Path]:
    """Write the pages of both languages as Markdown; return the folder of each language."""
    found = {}
    write_docs(home, folder / "site" / "dbt.html")
    for language in LANGUAGES:
        pages, source = Pages(home, language), folder / language
        pages.write(source)
        configuration = pages.configuration(source, folder / "site" / language)
        text = yaml.safe_dump(configuration, allow_unicode=True, sort_keys=False)
        (folder / f"{language}.yml").write_text(text, encoding="utf-8")
        found[language] = source
    return found


def write_site(home: Home) -> Path:
    """Write the site into the home, in place of the one before; return the page to open.

    Raises:
        KyotenError: if nothing is published, MkDocs is not installed, or a link leads nowhere.
    """
    if not MKDOCS.exists():
        raise KyotenError("The site needs Material for MkDocs. make site installs it.")
    folder = home.build / "site"
    shutil.rmtree(folder, ignore_errors=True)
    for language in write_pages(home, folder):
        command = [str(MKDOCS), "build", "--quiet", "--config-file", str(folder / f"{language}.yml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise KyotenError(f"MkDocs made no site.\n{done.stdout}{done.stderr}")
        (folder / "site" / language / "404.html").unlink()  # only for a site at the root of a server
    shutil.copyfile(TEMPLATES / "index.html", folder / "site" / "index.html")
    target = home.root / "site"
    shutil.rmtree(target, ignore_errors=True)
    shutil.move(folder / "site", target)
    shutil.rmtree(folder)
    return target / "index.html"
