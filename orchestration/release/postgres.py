"""The release in a PostgreSQL, for tools that speak nothing else: KYOTEN_POSTGRES names it.

The tables are loaded into schemas of other names, and one transaction swaps them: a reader's transaction sees
one release. Keys, references and comments in both languages are declared. The tables are PostgreSQL's copy, and the
release stays the truth.

KYOTEN_POSTGRES          its address, such as postgresql://loader:…@host/warehouse
KYOTEN_POSTGRES_READER   the role that may read, kyoten_reader unless named; it is made if it is missing
"""

import contextlib
import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine
from orchestration import sql as duck
from orchestration.errors import NotLoadedError
from orchestration.home import Home
from orchestration.reading import Row, release_folder, rows
from orchestration.warehouse import PUBLISHED_SCHEMAS

if TYPE_CHECKING:
    import duckdb
    import psycopg

RECORDS = "KYOTEN_DAGSTER_POSTGRES"  # another setting: the database in which Dagster keeps its records
LOADING = "__loading"  # the end of the name of a schema that is being loaded
TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "HUGEINT": "numeric(38, 0)", "TINYINT": "smallint"}
CHUNK = 2**20
# The swap needs all tables at once. If it waited for one while it has others, a reader that has that one and waits for
# another would never end. So it takes all or none, and tries again for this time.
LOCK_SECONDS, LOCK_PAUSE = 60.0, 0.01


def wanted() -> str | None:
    """Return the address of the PostgreSQL, or None."""
    return os.environ.get("KYOTEN_POSTGRES") or None


def expect(home: Home) -> None:
    """Record, before a release is published, that PostgreSQL lacks it: until `load` has succeeded."""
    _mark(home).touch()


def is_expected(home: Home) -> bool:
    """Return whether PostgreSQL lacks the release because a load failed or was killed."""
    return wanted() is not None and _mark(home).exists()


def _mark(home: Home) -> Path:
    return home.build / "postgres.expected"


def load(home: Home, address: str) -> int:
    """Load the current release; return the number of tables.

    Raises:
        NotLoadedError: if the server cannot be reached or refuses something, or somebody's view hangs on a table.
    """
    import psycopg

    folder = release_folder(home)
    try:
        with (
            engine.connect(home, folder / "kyoten.duckdb", read_only=True) as source,
            psycopg.connect(address, autocommit=True) as target,
        ):
            catalog = _catalog(source)
            schemas = [name for name in PUBLISHED_SCHEMAS if any(table[0] == name for table in catalog)]
            _drop_loading(target)
            for schema in schemas:
                target.execute(f'create schema "{schema}{LOADING}"')
            with tempfile.TemporaryDirectory(prefix="kyoten-postgres-") as scratch:
                for (schema, table), columns in catalog.items():
                    _load_table(source, target, schema, table, columns, Path(scratch))
            _declare(source, target, catalog)
            _swap(target, schemas)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()
        # A message of the server never repeats the password; one of the client might repeat the address.
        shown = " ".join(reason).replace(address, "KYOTEN_POSTGRES")
        raise NotLoadedError(
            f"The release {folder.name} is published, and PostgreSQL has the one before: {shown}. "
            "Correct that. The next refresh loads it, and so does kyoten postgres."
        ) from None
    _mark(home).unlink(missing_ok=True)
    return len(catalog)


def _catalog(source: "duckdb.DuckDBPyConnection") -> dict[tuple[str, str], list[Row]]:
    """Return the columns of each published table, with what ops.catalog states about them."""
    query = """
        select
            columns.schema_name, columns.table_name, columns.column_name, columns.data_type, texts.key_position,
            texts.label_en, texts.label_ja, texts.description_en, texts.description_ja,
            texts.references_schema, texts.references_table, texts.references_column
        from duckdb_columns() as columns
        left join ops.catalog as texts
            on
                columns.schema_name = texts.table_schema
                and columns.table_name = texts.table_name
                and columns.column_name = texts.column_name
        where columns.database_name = current_database() and columns.schema_name != 'semantic'
        order by columns.schema_name, columns.table_name, columns.column_index
    """
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows(source, query):
        found.setdefault((row["schema_name"], row["table_name"]), []).append(row)
    return found


def _drop_loading(target: "psycopg.Connection[Any]") -> None:
    """Remove what a load that was killed left."""
    for schema in PUBLISHED_SCHEMAS:
        target.execute(f'drop schema if exists "{schema}{LOADING}" cascade')


def _load_table(
    source: "duckdb.DuckDBPyConnection",
    target: "psycopg.Connection[Any]",
    schema: str,
    table: str,
    columns: list[Row],
    scratch: Path,
) -> None:
    place = f'"{schema}{LOADING}"."{table}"'
    types = ", ".join(f'"{c["column_name"]}" {_type(c["data_type"])}' for c in columns)
    target.execute(f"create table {place} ({types})")
    # PostgreSQL's text cannot contain a NUL.
    values = ", ".join(
        f"replace(\"{c['column_name']}\", chr(0), '')" if c["data_type"] == "VARCHAR" else f'"{c["column_name"]}"'
        for c in columns
    )
    path = scratch / "table.csv"
    source.execute(
        f'copy (select {values} from "{schema}"."{table}") to {duck.text(str(path))} '
        r"(format csv, header false, nullstr '\N', force_quote *)"
    )
    with path.open("rb") as file, target.cursor().copy(rf"copy {place} from stdin (format csv, null '\N')") as copy:
        while chunk := file.read(CHUNK):
            copy.write(chunk)
    expected, found = (
        connection.execute(f"select count(*) from {name}").fetchone()
        for connection, name in ((source, f'"{schema}"."{table}"'), (target, place))
    )
    if tuple(expected or ()) != tuple(found or ()):
        raise NotLoadedError(
            f"PostgreSQL has {found} rows of {schema}.{table} instead of {expected}. It keeps the release before."
        )


def _type(name: str) -> str:
    return TYPES.get(name, name.lower().replace("decimal", "numeric"))


def _declare(
    source: "duckdb.DuckDBPyConnection", target: "psycopg.Connection[Any]", catalog: dict[tuple[str, str], list[Row]]
) -> None:
    """Declare keys, then references, then comments, and let PostgreSQL gather statistics."""
    keys = {table: _key(columns) for table, columns in catalog.items()}
    for (schema, table), key in keys.items():
        if key:
            missing = " or ".join(f'"{name}" is null' for name in key)
            has_nulls = source.execute(f'select 1 from "{schema}"."{table}" where {missing} limit 1').fetchone()
            kind = "unique" if has_nulls else "primary key"
            target.execute(f'alter table "{schema}{LOADING}"."{table}" add {kind} ({_names(key)})')
    for (schema, table), columns in catalog.items():
        for to, pairs in _references(columns, keys):
            place = f'"{schema}{LOADING}"."{table}"'
            own, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            name = f"{table}__{'_'.join(own)}"[:60]
            target.execute(
                f'alter table {place} add constraint "{name}" foreign key ({_names(own)}) '
                f'references "{to[0]}{LOADING}"."{to[1]}" ({_names(theirs)}) not valid'
            )
            _validate(target, place, name)
    texts = {
        (row["table_schema"], row["table_name"]): row
        for row in rows(source, "from ops.catalog where column_name is null")
    }
    for (schema, table), columns in catalog.items():
        place = f'"{schema}{LOADING}"."{table}"'
        if (schema, table) in texts:
            target.execute(f"comment on table {place} is {_comment(texts[schema, table])}")
        for column in columns:
            if column["label_en"]:
                target.execute(f'comment on column {place}."{column["column_name"]}" is {_comment(column)}')
        target.execute(f"analyze {place}")


def _validate(target: "psycopg.Connection[Any]", place: str, name: str) -> None:
    """Hold a reference in all rows; where a source names an id that it does not list, it stays declared alone."""
    from psycopg.errors import ForeignKeyViolation

    with contextlib.suppress(ForeignKeyViolation):
        target.execute(f'alter table {place} validate constraint "{name}"')


def _key(columns: list[Row]) -> list[str]:
    keyed = sorted((c for c in columns if c["key_position"]), key=lambda column: int(column["key_position"]))
    return [column["column_name"] for column in keyed]


def _references(
    columns: list[Row], keys: dict[tuple[str, str], list[str]]
) -> list[tuple[tuple[str, str], list[tuple[str, str]]]]:
    """Return the references to whole keys: the table, and the pairs of columns. A key of two columns needs both."""
    refer = [c for c in columns if c["references_table"]]
    found = []
    for column in refer:
        to = (column["references_schema"], column["references_table"])
        key = keys.get(to, [])
        if key == [column["references_column"]]:
            found.append((to, [(column["column_name"], column["references_column"])]))
    by_table = itertools.groupby(
        sorted(refer, key=lambda c: (c["references_schema"], c["references_table"])),
        key=lambda c: (c["references_schema"], c["references_table"]),
    )
    for to, group in by_table:
        pairs = {c["references_column"]: c["column_name"] for c in group}
        key = keys.get(to, [])
        if len(key) > 1 and set(key) == set(pairs):
            found.append((to, [(pairs[name], name) for name in key]))
    return found


def _names(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _comment(texts: Row) -> str:
    """Return the texts as a string of PostgreSQL, in which a backslash is a backslash."""
    head = " ".join(text for text in (texts["label_ja"], texts["label_en"]) if text)
    parts = [head, texts["description_en"], texts["description_ja"]]
    return "'" + "\n".join(part for part in parts if part).replace("'", "''").replace("\0", "") + "'"


def _swap(target: "psycopg.Connection[Any]", schemas: list[str]) -> None:
    """Put the loaded schemas in the place of the old ones, when no reader has one of the tables open."""
    from psycopg.errors import LockNotAvailable

    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return _swap_at_once(target, schemas)
        except LockNotAvailable:
            if time.monotonic() > deadline:
                raise LockNotAvailable(f"for {LOCK_SECONDS:.0f} s, transactions had its tables open") from None
            time.sleep(LOCK_PAUSE)


def _swap_at_once(target: "psycopg.Connection[Any]", schemas: list[str]) -> None:
    """Lock all tables and replace them, in one transaction."""
    reader = os.environ.get("KYOTEN_POSTGRES_READER") or "kyoten_reader"
    role = '"' + reader.replace('"', '""') + '"'
    with target.transaction():
        target.execute("set local standard_conforming_strings = on")
        old = target.execute(
            "select format('%%I.%%I', schemaname, tablename) from pg_tables where schemaname = any(%s)",
            [list(PUBLISHED_SCHEMAS)],
        ).fetchall()
        if old:  # without cascade: a view that somebody made on a table stops this, and is named
            names = ", ".join(name for (name,) in old)
            target.execute(f"lock table {names} in access exclusive mode nowait")
            target.execute(f"drop table {names}")
        if not target.execute("select 1 from pg_roles where rolname = %s", [reader]).fetchone():
            target.execute(f"create role {role} nologin")
        for schema in PUBLISHED_SCHEMAS:
            target.execute(f'drop schema if exists "{schema}"')
        for schema in schemas:
            target.execute(f'alter schema "{schema}{LOADING}" rename to "{schema}"')
            target.execute(f'grant usage on schema "{schema}" to {role}')
            target.execute(f'grant select on all tables in schema "{schema}" to {role}')
