"""Builds the pages of a release from reports/: `reports/pages.yml` lists them.

A page is built again only if its template, its queries, this code or a table that it reads has changed. The finished
pages are kept in build/pages, with a mark in place of the release's id.
"""

import functools
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import yaml
from markupsafe import Markup

from orchestration import engine, sql
from orchestration.home import PROJECT, Home
from orchestration.language import language
from orchestration.release.publish import replace_pages
from orchestration.report.queries import Query, Rows, parse, run, split, tables
from orchestration.report.render import CATALOG_TEXTS, Column, Context, Head, file_name, in_script, two
from orchestration.warehouse import content_hash, var

if TYPE_CHECKING:
    import duckdb

REPORTS = PROJECT / "reports"
RELEASE_MARK = "@RELEASE@"
ALWAYS = ("ops.release", "ops.catalog", "ops.labels", "kpi.metrics")  # each page reads these
# The branches that have a page of their own.
OWN_SCRIPTS = ("style.css", "page.js", "charts.js")
LINKED = "select branch_id from core.dim_branch where not is_sentinel and closed_on is null"
SETTINGS = ("base_currency", "n_min", "people_notice_days")


@dataclass(frozen=True)
class Page:
    """An entry of reports/pages.yml."""

    name: str
    title: str
    title_ja: str
    charts: bool = False
    each: str = ""  # the query with one row per file; without it the page is one file
    is_for_partner: bool = False  # nothing internal, no links

    @property
    def queries(self) -> list[Query]:
        """Return the page's queries."""
        return parse(REPORTS / f"{self.name}.sql")


@functools.cache
def listed() -> tuple[Page, ...]:
    """Return the pages in the order of the menu."""
    entries = yaml.safe_load((REPORTS / "pages.yml").read_text(encoding="utf-8"))
    return tuple(Page(name, **entry) for name, entry in entries.items())


def build(home: Home, release: Path, manifest: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Write the pages into the folder of a release, before readers see it."""
    kept = home.build / "pages"
    built = total = 0
    files = manifest.get("files") or _table_hashes(release)
    with engine.connect(home, release / "kyoten.duckdb", read_only=True) as connection:
        for page in listed():
            wanted = _fingerprint(page, connection, files)
            folder, mark = kept / page.name, kept / f"{page.name}.fingerprint"
            if not mark.exists() or mark.read_text() != wanted or not folder.exists():
                shutil.rmtree(folder, ignore_errors=True)
                mark.unlink(missing_ok=True)
                for path, text in render(page, connection):
                    target = folder / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(text, encoding="utf-8")
                    built += 1
                folder.mkdir(parents=True, exist_ok=True)
                mark.write_text(wanted)
            total += _copy(folder, release / "pages", manifest["release_id"])
    say(f"pages: {total:,} pages, {built:,} of them built again")


def rebuild(home: Home, say: Callable[[str], None]) -> None:
    """Write the pages of the current release again and say where they are."""
    replace_pages(home, lambda folder, manifest: build(home, folder, manifest, say))
    say(f"\n{home.first_page}\n")
    for page in listed():
        files = sorted((home.published / "pages").glob(f"{page.name}/*.html" if page.each else f"{page.name}.html"))
        size = sum(file.stat().st_size for file in files) / 1e6
        place = files[0] if len(files) == 1 else home.published / "pages" / page.name
        say(f"{page.title_ja if language() == 'ja' else page.title}: {place} ({len(files):,} files, {size:.1f} MB)")


def _copy(folder: Path, target: Path, release_id: str) -> int:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    for path in paths:
        there = target / path.relative_to(folder)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(path.read_text(encoding="utf-8").replace(RELEASE_MARK, release_id), encoding="utf-8")
    return len(paths)


def _table_hashes(release: Path) -> dict[str, dict[str, str]]:
    """Return the hash of each table's Parquet file, by its path in the release."""
    return {
        str(path.relative_to(release)): {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(release.rglob("*.parquet"))
    }


@functools.cache
def _own_files() -> str:
    return content_hash(("reports", "orchestration/report"))


def _fingerprint(page: Page, connection: "duckdb.DuckDBPyConnection", files: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the fingerprint of everything that decides how a page looks."""
    names = tables([*page.queries, *_why_queries()])
    known = connection.execute("select as_of from ops.release").fetchone()
    # Most pages read only the day of ops.release. Its other figures are different in each release.
    shown = [connection.execute(query.text).fetchall() for query in page.queries if query.table == "ops.release"]
    parts = [
        _own_files(),
        language(),
        str(known),
        str(shown),
        json.dumps({name: var(name) for name in SETTINGS}, default=str),
    ]
    for name in sorted((names | set(ALWAYS)) - {"ops.release"}):
        parts.append(files.get(f"parquet/{name.replace('.', '/')}.parquet", {}).get("sha256", "none"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def render(page: Page, connection: "duckdb.DuckDBPyConnection") -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file of a page."""
    for name in SETTINGS:
        connection.execute(f"set variable {name} = {sql.value(var(name))}")
    catalog, labels = _catalog(connection), _labels(connection)
    release = run(connection, Query("release", "from ops.release")).first
    results = {query.name: run(connection, query) for query in page.queries}
    why = {} if page.is_for_partner else _why(results, connection)
    template = environment().get_template(f"{page.name}.html")
    shared = {
        "page": page,
        "pages": [one for one in listed() if not one.each],
        "release": release,
        "release_mark": RELEASE_MARK,
        "language": language(),
    }
    settings = {name: var(name) for name in SETTINGS}
    linked = frozenset(row[0] for row in connection.execute(LINKED).fetchall())
    parts = {name: split(rows) for name, rows in results.items() if rows.query.by} if page.each else {}
    heads: dict[tuple[str, Column], Head] = {}  # the same in all files of the page
    for one in results[page.each] if page.each else [None]:
        context = Context(
            catalog,
            _words(),
            labels,
            settings,
            heads,
            up="../" if page.each else "",
            shows_sql=not page.is_for_partner,
            linked=linked,
        )
        mine = dict(results)
        if one:
            id_ = one[results[page.each].query.key[0]]
            mine |= {name: found.get(id_, results[name].none) for name, found in parts.items()}
        text = template.render(**shared, q=mine, one=one, **_callables(context, why))
        yield (f"{page.name}/{file_name(id_)}.html" if one else f"{page.name}.html"), text


def _callables(context: Context, why: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "t": two,
        "col": Column,
        "fig": context.figure,
        "amount": context.amount,
        "shown": context.shown,
        "word": context.word,
        "branch": context.branch,
        "table": context.table,
        "numbers": context.numbers,
        "excel": context.excel,
        "definitions": context.definitions,
        "settings": context.settings,
        "up": context.up,
        "why": lambda: in_script({deal: why[deal] for deal in sorted(context.deals) if deal in why}),
        "file": file_name,
        "asset": _asset,
        "words": lambda: in_script(context.words),
    }


@functools.cache
def environment() -> jinja2.Environment:
    """Return Jinja2 with the project's templates; an unknown name in a template is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(REPORTS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def _words() -> dict[str, list[str]]:
    words: dict[str, list[str]] = yaml.safe_load((REPORTS / "words.yml").read_text(encoding="utf-8"))
    return words


@functools.cache
def _asset(name: str) -> Markup:
    """Return a file of reports/, CSS or JavaScript, without the indents and comments that each page would repeat."""
    text = (REPORTS / name).read_text(encoding="utf-8")
    return Markup(re.sub(r"(?m)^[ \t]+|^[ \t]*//.*\n", "", text) if name in OWN_SCRIPTS else text)


@functools.cache
def _why_queries() -> list[Query]:
    return parse(REPORTS / "why.sql")


def _why(results: Mapping[str, Rows], connection: "duckdb.DuckDBPyConnection") -> dict[str, Any]:
    """Return why each deal that a page may name is at its branch."""
    decided, evidence = (query.text for query in _why_queries())
    deals = {row["deal_id"] for rows in results.values() if "deal_id" in rows.columns for row in rows}
    # A variable, because DuckDB imports pandas to read a parameter.
    connection.execute(f"set variable deals = {sql.text(json.dumps(sorted(deals - {None})))}")
    found: dict[str, Any] = {}
    for deal, *facts in connection.execute(decided).fetchall():
        found[deal] = {"decided": [None if one is None else str(one) for one in facts], "evidence": []}
    for deal, *facts in connection.execute(evidence).fetchall():
        found[deal]["evidence"].append([None if one is None else str(one) for one in facts])
    return found


def _labels(connection: "duckdb.DuckDBPyConnection") -> dict[tuple[str, str, str], tuple[str, str]]:
    """Return the Japanese and the English label of each code, by table, column and code."""
    rows = connection.execute(
        "select table_schema || '.' || table_name, column_name, code, label_ja, label_en from ops.labels"
    ).fetchall()
    return {(table, column, code): (ja, en) for table, column, code, ja, en in rows}


def _catalog(connection: "duckdb.DuckDBPyConnection") -> dict[str, dict[str, Any]]:
    """Return the texts of each column by `schema.table.column`; of a metric by `kpi.metrics.<metric>`, too."""
    columns = connection.execute(
        "select table_schema || '.' || table_name || '.' || column_name, label_ja, label_en, description_ja, "
        "description_en from ops.catalog where column_name is not null"
    ).fetchall()
    metrics = connection.execute(
        "select metric, label_ja, label, definition_ja, definition, formula from kpi.metrics "
        "where definition is not null"
    ).fetchall()
    texts = {name: dict(zip(CATALOG_TEXTS, values, strict=False)) for name, *values in columns}
    formulas = {metric: values[-1] for metric, *values in metrics}
    for name, known in texts.items():
        known["formula"] = formulas.get(name.rpartition(".")[2])
    return texts | {
        f"kpi.metrics.{metric}": dict(zip(CATALOG_TEXTS, values, strict=True)) for metric, *values in metrics
    }
