"""ops.labels: the label of each coded value in English and Japanese, by table and column.

labels.csv has the labels of codes that models write. A code that a seed explains, such as a metric, a rung or a
reason, has its label from that seed. A row of labels.csv without a table is for every published table with this
column, unless the table has rows of its own.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import sql

if TYPE_CHECKING:
    import duckdb

LABELS = Path(__file__).with_name("labels.csv")


@dataclass(frozen=True)
class Seed:
    """A published seed that explains codes: which columns of which tables (empty: all) contain them."""

    table: str
    code: str
    label: str
    label_ja: str
    columns: tuple[str, ...]
    tables: tuple[str, ...] = ()


LADDER = "attribution.attribution_ladder"
STATUSES = ("status_ladder", "status_spells", "status_today", "status_transitions")
SEEDS = (
    Seed("kpi.metrics", "metric", "label", "label_ja", ("metric", "instead_of")),
    # These tables have codes of their own besides metrics, in labels.csv.
    Seed("kpi.metrics", "metric", "label", "label_ja", ("metric",),
         ("phase_rules", "plan_progress", "plan_review_goals")),
    Seed("kpi.change_metrics", "metric", "label", "label_ja", ("metric",), ("change_metrics", "change_explained")),
    Seed(LADDER, "rung", "meaning", "meaning_ja", ("rung", "from_rung", "to_rung")),
    Seed(LADDER, "evidence_code", "meaning", "meaning_ja", ("evidence_code",)),
    Seed("attribution.quarantine_reasons", "reason", "meaning", "meaning_ja", ("reason",),
         ("quarantine", "quarantine_reasons", "worklist", "deal_attribution", "deal_evidence", "exclusions")),
    Seed("kpi.change_reasons", "reason", "label", "label_ja", ("reason",), ("change_reasons", "change_deals")),
    Seed("kpi.change_reasons", "cause", "cause_label", "cause_label_ja", ("cause",),
         ("change_reasons", "change_deals", "change_explained")),
    Seed("kpi.people_reasons", "reason", "meaning", "meaning_ja", ("reason",),
         ("people_reasons", "people_worklist", "activation_worklist")),
    Seed("segment.potential_features", "feature", "label", "label_ja", ("feature",)),
    Seed("kpi.plays", "play_id", "play", "play_ja", ("play_id",)),
    Seed("kpi.status_ladder", "status", "label", "label_ja",
         ("status", "next_status", "typed_status", "ladder_status", "inferred_status"), STATUSES),
)  # fmt: skip


def write_labels(connection: "duckdb.DuckDBPyConnection") -> None:
    """Write ops.labels for the columns of the tables that are in the attached database `release` already."""
    connection.execute(
        f"""
        insert into release.ops.labels
        with words as ({" union all ".join([_from_file(), *_from_seeds(connection)])}),

        places as (
            select schema_name as table_schema, table_name, column_name
            from duckdb_columns()
            where database_name = 'release' and data_type = 'VARCHAR'
        ),

        placed as (
            select
                places.*, words.code, words.label_en, words.label_ja,
                rank() over (
                    partition by places.table_schema, places.table_name, places.column_name
                    order by case when words.table_name is null then 1 else 0 end
                ) as place_rank
            from places
            inner join words
                on
                    places.column_name = words.column_name
                    and places.table_name = coalesce(words.table_name, places.table_name)
        )

        select table_schema, table_name, column_name, code, min(label_en), min_by(label_ja, label_en)
        from placed
        where place_rank = 1
        group by table_schema, table_name, column_name, code
        order by all
        """
    )


def _from_file() -> str:
    with LABELS.open(encoding="utf-8", newline="") as file:
        rows = [[row["table_name"] or None, *list(row.values())[1:]] for row in csv.DictReader(file)]
    return f"select * from ({sql.rows(rows)}) as words (table_name, column_name, code, label_en, label_ja)"


def _from_seeds(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    """Return a query per seed of the release. A code with several rows has the text of its first kind of evidence."""
    found = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'release'"
    ).fetchall()
    present = {name for (name,) in found}
    queries = []
    for seed in (seed for seed in SEEDS if seed.table in present):
        first = "(evidence_code, points_to)" if seed.table == LADDER else seed.label
        tables = sql.rows([[table] for table in seed.tables or (None,)])
        columns = sql.rows([[column] for column in seed.columns])
        queries.append(
            f"select tables.name, columns.name, codes.* "
            f"from ({tables}) as tables (name), ({columns}) as columns (name), "
            f"(select {seed.code}, min_by({seed.label}, {first}), min_by({seed.label_ja}, {first}) "
            f"from release.{seed.table} where {seed.code} is not null group by {seed.code}) as codes"
        )
    return queries
