"""`kyoten metrics`: the metrics of the semantic layer by any dimension, from the current release, by MetricFlow.

The definitions come from the release, too, so a refresh neither disturbs a query nor waits for one.
"""

import csv
import difflib
import functools
import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestration import sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.reading import Row, release, release_folder, rows
from orchestration.release.semantics import DEFINITIONS

if TYPE_CHECKING:
    import duckdb

logging.getLogger("metricflow").setLevel(logging.ERROR)
TIME = re.compile(r"metric_time__(day|week|month|quarter|year|fiscal_quarter|fiscal_half|fiscal_year)")


@dataclass(frozen=True)
class Question:
    """Metrics by dimensions: names, allowed values by dimension, the first and last day, number and order of rows.

    The metric `largest_first` orders the rows, otherwise the dimensions do.
    """

    metrics: tuple[str, ...]
    by: tuple[str, ...] = ()
    only: Mapping[str, Sequence[str]] | None = None
    since: str | None = None
    until: str | None = None
    limit: int | None = None
    largest_first: str | None = None


def ask(home: Home, connection: "duckdb.DuckDBPyConnection", question: Question) -> list[Row]:
    """Return the rows that answer a question, from an open release.

    Raises:
        KyotenError: for an unknown metric, and for a dimension by which the metrics cannot be cut.
    """
    query = compiled_query(home, question)
    return rows(connection, query)


def prepare(home: Home, connection: "duckdb.DuckDBPyConnection") -> None:
    """Make the views of the semantic layer in this connection alone."""
    for name, query in _document(release_folder(home)).get("views", {}).items():
        connection.execute(f"create temp view {sql.name(name)} as {query}")


def compiled_query(home: Home, question: Question) -> str:
    """Return the SQL that answers a question."""
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

    folder = release_folder(home)
    check_names(question.metrics, known(home), "metric")
    names = dimensions(home, question.metrics)
    check_names(question.by, names, "dimension")
    where = [*_times(question), *_filters(question, names)]
    request = MetricFlowQueryRequest.create(
        metric_names=list(question.metrics),
        group_by_names=list(question.by),
        where_constraints=where or None,
        order_by_names=[*([f"-{question.largest_first}"] if question.largest_first else []), *question.by] or None,
        limit=question.limit,
    )
    explained = engine_of(folder).explain(request)
    statement: str = explained.sql_statement.sql
    return statement


@functools.lru_cache(maxsize=2)
def _document(folder: Path) -> dict[str, Any]:
    path = folder / DEFINITIONS
    if not path.exists():
        raise KyotenError(f"The release {folder.name} has no semantic layer. make refresh FORCE=1 publishes one.")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@functools.lru_cache(maxsize=2)
def engine_of(folder: Path) -> Any:
    """Return MetricFlow's engine with the definitions of a release; it writes SQL and opens nothing."""
    try:
        from metricflow.engine.metricflow_engine import MetricFlowEngine
        from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
        from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
        from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup
    except ImportError:
        raise KyotenError("Metrics by any dimension need MetricFlow. Run make bi once, which installs it.") from None
    from metricflow.protocols.sql_client import SqlEngine

    class Renders:
        """What MetricFlow needs of a client when it only writes SQL."""

        sql_engine_type = SqlEngine.DUCKDB
        sql_plan_renderer = DuckDbSqlPlanRenderer()

    plain = {key: value for key, value in _document(folder).items() if key != "views"}
    manifest = parse_manifest_from_dbt_generated_manifest(manifest_json_string=json.dumps(plain))
    return MetricFlowEngine(semantic_manifest_lookup=SemanticManifestLookup(manifest), sql_client=cast(Any, Renders()))


def known(home: Home) -> list[str]:
    """Return the names of the metrics."""
    return sorted(metric["name"] for metric in _document(release_folder(home))["metrics"])


def denominators(home: Home, names: Sequence[str]) -> dict[str, str]:
    """Return the denominator of each ratio among these metrics."""
    found = {}
    for metric in _document(release_folder(home))["metrics"]:
        if metric["name"] in names and metric["type"] == "ratio":
            found[metric["name"]] = metric["type_params"]["denominator"]["name"]
    return found


def texts(home: Home, names: Sequence[str]) -> dict[str, str]:
    """Return what the definitions of the release state about these metrics: their description or else their label."""
    listed = {metric["name"]: metric for metric in _document(release_folder(home))["metrics"]}
    return {name: listed[name]["description"] or listed[name]["label"] or name for name in names}


def counts_deals(metric: str) -> bool:
    """Return whether a denominator counts deals, of which a rate needs n_min; a rate of persons needs one."""
    return metric.startswith(("deals_", "cohort_", "logged_wins", "resolved_", "partner_deals"))


@functools.lru_cache(maxsize=64)
def _dimensions(folder: Path, metrics: tuple[str, ...]) -> tuple[str, ...]:
    engine = engine_of(folder)
    found = {
        dimension.granularity_free_dunder_name for dimension in engine.simple_dimensions_for_metrics(list(metrics))
    }
    found |= {entity.name for entity in engine.entities_for_metrics(list(metrics))}
    times = [f"metric_time__{grain}" for grain in ("day", "week", "month", "quarter", "year")]
    times += [f"metric_time__fiscal_{period}" for period in ("quarter", "half", "year")]
    return tuple(sorted(found) + times)


def dimensions(home: Home, metrics: Sequence[str]) -> tuple[str, ...]:
    """Return the dimensions and entities by which these metrics, together, may be cut."""
    return _dimensions(release_folder(home), tuple(metrics))


def check_names(given: Sequence[str], names: Sequence[str], kind: str) -> None:
    """Raise KyotenError for a name that does not exist, with the names that are near."""
    if kind == "metric" and not given:
        raise KyotenError("Name at least one metric.")
    for name in given:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=3) or list(names)[:20]
            raise KyotenError(f"There is no {kind} {name!r} for this question. Near: {', '.join(close)}.")


def _times(question: Question) -> list[str]:
    found = []
    for day, sign in ((question.since, ">="), (question.until, "<=")):
        if day is None:
            continue
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
            raise KyotenError(f"{day!r} is no day. Write YYYY-MM-DD.")
        found.append(f"{{{{ TimeDimension('metric_time', 'day') }}}} {sign} '{day}'")
    return found


def _filters(question: Question, names: Sequence[str]) -> list[str]:
    """Return conditions; a value is a quoted text, and MetricFlow's template must not see braces in it."""
    found = []
    for name, values in (question.only or {}).items():
        check_names([name], names, "dimension")
        if TIME.fullmatch(name):
            raise KyotenError(f"{name} is a time. Give the first and the last day instead.")
        if any(mark in value for value in values for mark in "{}%#"):
            raise KyotenError("A value must not contain any of {, }, % and #.")
        kind = "Dimension" if "__" in name else "Entity"
        found.append(f"{{{{ {kind}('{name}') }}}} in ({sql.texts(values)})")
    return found


def print_metrics(
    home: Home, names: str, by: str, only: Sequence[str], *, since: str | None, until: str | None, limit: int | None
) -> None:
    """Print the rows that answer a question as CSV; without names the metrics, without `by` their dimensions, too."""
    if not names:
        print("\n".join(known(home)))
        return
    wanted = tuple(names.split(","))
    kept: dict[str, list[str]] = {}
    for one in only:
        name, sign, value = one.partition("=")
        if not sign:
            raise KyotenError(f"{one!r} is no filter. Write it as deal__channel=resale.")
        kept.setdefault(name, []).append(value)
    question = Question(wanted, tuple(by.split(",")) if by else (), kept, since, until, limit)
    with release(home) as connection:
        prepare(home, connection)
        found = ask(home, connection, question)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(found[0] if found else [*question.by, *question.metrics])
    writer.writerows(row.values() for row in found)
    if not by:
        print(f"By: {' '.join(dimensions(home, wanted))}", file=sys.stderr)
