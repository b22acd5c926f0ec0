"""`kyoten superset`: datasets, charts and a dashboard as files that Superset imports, as a folder and as one archive.

Superset's `import-directory --overwrite` replaces all that an earlier import made. Its import of an archive replaces
the dashboard alone, and leaves datasets, charts and the address of the database as they are.

Labels and definitions come from ops.catalog, and metrics from kpi.metrics and the numerators and denominators of the
marts. Nothing is computed here. The same release gives the same ids, so that an import replaces what it made before.
"""

import shutil
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from orchestration import metrics
from orchestration.home import Home
from orchestration.reading import Row, columns, release, release_folder, rows
from orchestration.release.semantics import DEFINITIONS
from orchestration.warehouse import var

if TYPE_CHECKING:
    import duckdb

SPACE = uuid.UUID("6f2b3c1e-2c55-4c2f-9a53-6d1f0f6f7a10")
ROOT, DATABASE = "kyoten", "Kyoten"
NO_CACHE = -1  # 0 is the default of the server, and with Flask-Caching an answer of 0 seconds never ends
# Tables with branches or partners get their names by the one join that gives all names.
DATASETS = {
    "kpi.company_monthly": None,
    "kpi.partner_monthly_as_is": "partner",
    "kpi.branch_monthly_as_is": "branch",
    "kpi.target_path": None,
    "kpi.quiet_warnings": None,
    "kpi.open_deals": None,
}
NAMES = ("entity_name", "partner_name", "prefecture", "account_manager_name")
# By the months of the release: the clock of Superset is later than its data.
LAST_YEAR: Row = {
    "column_name": "is_last_year", "label_ja": "直近12か月", "data_type": "BOOLEAN",
    "description_ja": "終わった月のうち最新の12か月", "description_en": "The newest twelve months that are over",
}  # fmt: skip
COMPLETE = {
    "clause": "WHERE",
    "expressionType": "SIMPLE",
    "subject": "is_complete",
    "operator": "==",
    "comparator": True,
}


KNOWN = {**COMPLETE, "subject": "actual", "operator": "IS NOT NULL", "comparator": None}


def equal(column: str, value: Any) -> dict[str, Any]:
    """Return a filter of a chart."""
    return {**COMPLETE, "subject": column, "comparator": value}


def write_superset(home: Home, folder: Path, address: str | None) -> list[str]:
    """Write the folder and its archive; return the names. Without an address Superset reads the DuckDB file."""
    uri = address or f"duckdb:///{home.published / 'kyoten.duckdb'}?access_mode=READ_ONLY"
    with release(home) as connection:
        documents = _documents(connection, uri, _rates_of_deals(home))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in documents.items():
            text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            archive.writestr(zipfile.ZipInfo(f"{ROOT}/{name}"), text)  # without the time of writing
    return list(documents)


def _rates_of_deals(home: Home) -> set[str]:
    """Return the rates that need n_min deals, as the semantic layer has them; a release of Spark has none."""
    if not (release_folder(home) / DEFINITIONS).exists():
        return set()
    of = metrics.denominators(home, metrics.known(home))
    return {code for code, denominator in of.items() if metrics.counts_deals(denominator)}


def _documents(
    connection: "duckdb.DuckDBPyConnection", uri: str, rates_of_deals: set[str]
) -> dict[str, dict[str, Any]]:
    (about,) = rows(connection, "select release_id, published_at from ops.release")
    documents: dict[str, dict[str, Any]] = {
        "metadata.yaml": {
            "version": "1.0.0",
            "type": "Dashboard",
            "timestamp": f"{about['published_at'].isoformat()}+00:00",
        },
        f"databases/{DATABASE}.yaml": {
            "database_name": DATABASE, "sqlalchemy_uri": uri, "cache_timeout": NO_CACHE, "expose_in_sqllab": True,
            "allow_run_async": False, "allow_ctas": False, "allow_cvas": False, "allow_dml": False,
            "allow_file_upload": False, "extra": {"allows_virtual_table_explore": True}, "uuid": _id("database"),
            "version": "1.0.0",
        },
    }  # fmt: skip
    for name, named in DATASETS.items():
        documents[f"datasets/{DATABASE}/{name.partition('.')[2]}.yaml"] = _dataset(
            connection, name, named, rates_of_deals
        )
    charts = _charts()
    for chart in charts:
        documents[f"charts/{chart['slug']}.yaml"] = _chart(chart)
    documents["dashboards/kyoten.yaml"] = _dashboard(charts)
    return documents


def _id(*parts: str) -> str:
    return str(uuid.uuid5(SPACE, "/".join(parts)))


def _dataset(
    connection: "duckdb.DuckDBPyConnection", name: str, named: str | None, rates_of_deals: set[str]
) -> dict[str, Any]:
    schema, _, table = name.partition(".")
    described = columns(connection, schema, table)
    present = {column["column_name"] for column in described}
    added, joins = _labels(connection, schema, table, described)
    described = [*described, *(column for column, _ in added)]
    listed = ["facts.*", *(f"{source} as {column['column_name']}" for column, source in added)]
    if named:
        names = [column for column in columns(connection, "core", "dim_entity") if column["column_name"] in NAMES]
        names = [column for column in names if column["column_name"] not in present]
        described += [*names, LAST_YEAR]
        listed += [f"entities.{column['column_name']}" for column in names]
        listed.append(
            "facts.is_complete and facts.month > (select max(month) from kpi.company_monthly where is_complete) "
            f"- interval '12 months' as {LAST_YEAR['column_name']}"
        )
        joins.append(
            f"left join core.dim_entity as entities on entities.scope = '{named}' "
            f"and entities.entity_id = facts.{named}_id"
        )
    query = f"select {', '.join(listed)} from {name} as facts {' '.join(joins)}" if joins else None
    return {
        "table_name": table, "main_dttm_col": "month" if "month" in present else None,
        "description": _title(connection, name),
        "default_endpoint": None, "offset": 0, "cache_timeout": NO_CACHE, "schema": schema, "sql": query,
        "params": None, "template_params": None, "filter_select_enabled": True, "fetch_values_predicate": None,
        "extra": None, "uuid": _id("dataset", name), "metrics": _metrics(connection, described, rates_of_deals),
        "columns": [_column(c) for c in described],
        "version": "1.0.0", "database_uuid": _id("database"),
    }  # fmt: skip


def _labels(
    connection: "duckdb.DuckDBPyConnection", schema: str, table: str, described: list[Row]
) -> tuple[list[tuple[Row, str]], list[str]]:
    """Return the Japanese label of each coded column as a column with its source, and the joins for them."""
    coded = rows(
        connection,
        "select distinct column_name from ops.labels where table_schema = $schema and table_name = $name",
        {"schema": schema, "name": table},
    )
    codes = {row["column_name"] for row in coded}
    added, joins = [], []
    for column in described:
        if (name := column["column_name"]) in codes:
            label = {"column_name": f"{name}_label", "label_ja": f"{column['label_ja']}(表示名)"}
            no_key = {"key_position": None, "references_table": None}
            added.append((column | label | no_key, f"{name}_labels.label_ja"))
            joins.append(
                f"left join ops.labels as {name}_labels on {name}_labels.table_schema = '{schema}' "
                f"and {name}_labels.table_name = '{table}' and {name}_labels.column_name = '{name}' "
                f"and {name}_labels.code = facts.{name}"
            )
    return added, joins


def _title(connection: "duckdb.DuckDBPyConnection", name: str) -> str:
    query = (
        "select label_ja || chr(10) || description_ja || chr(10) || description_en as text from ops.catalog "
        "where table_schema || '.' || table_name = $name and column_name is null"
    )
    (found,) = rows(connection, query, {"name": name})
    return str(found["text"])


def _column(column: Row) -> dict[str, Any]:
    return {
        "column_name": column["column_name"], "verbose_name": column["label_ja"],
        "is_dttm": column["data_type"] in ("DATE", "TIMESTAMP"), "is_active": True, "type": column["data_type"],
        "advanced_data_type": None, "groupby": True, "filterable": True, "expression": None,
        "description": _text(column), "python_date_format": None,
        "extra": None,
    }  # fmt: skip


def _text(column: Row) -> str:
    """Return what a column means, whether it is part of the key, and the column that it refers to."""
    parts = [column["description_ja"], column["description_en"]]
    if column.get("key_position"):
        parts.append("キー / Part of the key")
    if column.get("references_table"):
        to = ".".join(column[f"references_{part}"] for part in ("schema", "table", "column"))
        parts.append(f"参照先 / Refers to: {to}")
    return "\n".join(part for part in parts if part)


def _metrics(
    connection: "duckdb.DuckDBPyConnection", described: list[Row], rates_of_deals: set[str]
) -> list[dict[str, Any]]:
    """Return sums of additive metrics, and ratios of sums; any other column has no metric that could be wrong.

    A ratio has no value where the marts have none: of fewer than n_min deals, and of a sum that is not positive.
    """
    present = {column["column_name"] for column in described}
    found = []
    for metric in rows(connection, "from kpi.metrics order by metric"):
        code = metric["metric"]
        if {f"{code}_numerator", f"{code}_denominator"} <= present:
            least = var("n_min") if code in rates_of_deals else 1
            share = f"sum({code}_numerator) * 1.0 / sum({code}_denominator)"
            expression = f"case when sum({code}_denominator) >= {least} then {share} end"
        elif code in present and metric["is_additive"]:
            expression = f"sum({code})"
        else:
            continue
        found.append(
            _metric(code, metric["label_ja"], expression, f"{metric['definition_ja']}\n{metric['definition']}")
        )
    return [*found, _metric("count", "行数", "count(*)", "行の数\nNumber of rows")]


def _metric(code: str, label: str, expression: str, text: str) -> dict[str, Any]:
    return {
        "metric_name": code, "verbose_name": label, "metric_type": None, "expression": expression, "description": text,
        "d3format": ".1%" if "/" in expression else ",.0f", "currency": None, "extra": {}, "warning_text": None,
    }  # fmt: skip


def _charts() -> list[dict[str, Any]]:
    line, bar, table = "echarts_timeseries_line", "echarts_timeseries_bar", "table"
    last_year, month = equal("is_last_year", True), "%Y-%m"
    return [
        {"slug": "won_amount", "title": "受注金額(月次)", "dataset": "kpi.company_monthly", "viz": bar,
         "params": {"x_axis": "month", "metrics": ["won_amount"], "adhoc_filters": [COMPLETE],
                    "x_axis_time_format": month}},
        {"slug": "indirect_ratio", "title": "間販比率(月次)", "dataset": "kpi.company_monthly", "viz": line,
         "params": {"x_axis": "month", "metrics": ["indirect_ratio"], "adhoc_filters": [COMPLETE],
                    "x_axis_time_format": month, "y_axis_format": ".0%"}},
        {"slug": "partners", "title": "パートナー別の受注金額(直近12か月)",
         "dataset": "kpi.partner_monthly_as_is", "viz": table,
         "params": {"query_mode": "aggregate", "groupby": ["partner_id", "entity_name"],
                    "metrics": ["won_amount", "deals_won", "deals_new"],
                    "row_limit": 1000, "adhoc_filters": [last_year]}},
        {"slug": "branches", "title": "拠点別の受注と活動(直近12か月)",
         "dataset": "kpi.branch_monthly_as_is", "viz": table,
         "params": {"query_mode": "aggregate",
                    "groupby": ["branch_id", "entity_name", "partner_name", "account_manager_name"],
                    "metrics": ["won_amount", "deals_won", "sessions_held"], "row_limit": 1000,
                    "adhoc_filters": [last_year]}},
        {"slug": "target_path", "title": "間販比率の目標と実績", "dataset": "kpi.target_path", "viz": table,
         "params": {"query_mode": "raw", "all_columns": ["month", "actual", "path", "path_gap", "outcome_label"],
                    "row_limit": 1000, "order_by_cols": ['["month", true]'], "table_timestamp_format": month,
                    "column_config": {name: {"d3NumberFormat": ".1%"} for name in ("actual", "path", "path_gap")},
                    "adhoc_filters": [COMPLETE, equal("metric", "indirect_ratio"), equal("scope", "company"), KNOWN]}},
        {"slug": "quiet", "title": "商談が途絶えている拠点", "dataset": "kpi.quiet_warnings", "viz": table,
         "params": {"query_mode": "raw", "row_limit": 1000, "table_timestamp_format": "%Y-%m-%d",
                    "order_by_cols": ['["expected_deals", false]', '["entity_id", true]'],
                    "all_columns": ["entity_name", "evidence_label", "last_deal_on", "expected_deals", "recent_deals"],
                    "adhoc_filters": [equal("is_current", True), {**equal("evidence", "none"), "operator": "!="}]}},
    ]  # fmt: skip


def _chart(chart: dict[str, Any]) -> dict[str, Any]:
    return {
        "slice_name": chart["title"], "description": None, "certified_by": None, "certification_details": None,
        "viz_type": chart["viz"], "params": {"viz_type": chart["viz"], **chart["params"]}, "query_context": None,
        "cache_timeout": NO_CACHE, "uuid": _id("chart", chart["slug"]), "version": "1.0.0",
        "dataset_uuid": _id("dataset", chart["dataset"]),
    }  # fmt: skip


def _dashboard(charts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the dashboard with two charts in each row."""
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
    }
    for index, chart in enumerate(charts):
        row = f"ROW-{index // 2}"
        if row not in position:
            position["GRID_ID"]["children"].append(row)
            position[row] = {
                "type": "ROW", "id": row, "children": [], "parents": ["ROOT_ID", "GRID_ID"],
                "meta": {"background": "BACKGROUND_TRANSPARENT"},
            }  # fmt: skip
        name = f"CHART-{chart['slug']}"
        position[row]["children"].append(name)
        position[name] = {
            "type": "CHART", "id": name, "children": [], "parents": ["ROOT_ID", "GRID_ID", row],
            "meta": {"chartId": index + 1, "width": 6, "height": 50, "sliceName": chart["title"],
                     "uuid": _id("chart", chart["slug"])},
        }  # fmt: skip
    return {
        "dashboard_title": "パートナー営業", "description": None, "css": "", "slug": "kyoten", "published": True,
        "uuid": _id("dashboard"), "position": position, "version": "1.0.0",
        "metadata": {"color_scheme": "", "refresh_frequency": 0},
    }  # fmt: skip
