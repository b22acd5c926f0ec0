"""Runs dbt commands on a home. The inner loop builds one model, tests it and shows its rows in one process.

This is for a person who works on the models of a home that was built before. A refresh calls dbt through Dagster, in
definitions.py.
"""

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.lock import write_lock
from orchestration.release.checks import unverify
from orchestration.warehouse import (
    compile_serialisers_lazily,
    configure,
    edited_project,
    on_spark,
    overrides,
    require_free,
    vars_arguments,
)

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

# The only dbt commands that use the database and leave its tables as they are.
READING = ("compile", "debug", "docs", "list", "ls", "parse", "show", "source")
# The commands that can take the project as setup.sh parsed it, and the options with which dbt must parse it again.
TAKING_PARSED = ("build", "list", "ls", "run", "seed", "test")
PARSING = ("--no-partial-parse", "--profile", "--profiles-dir", "--project-dir", "--target", "--vars", "-t")
# Switches off what the inner loop does not need: JSON files for other commands, the listing of schemas that are not
# selected, and dbt's own debugging in the log.
LEAN = ("--no-write-json", "--cache-selected-only", "--log-level-file", "info")


def run(home: Home, arguments: list[str]) -> int:
    """Run one dbt command with this home's database, vars and parsed project; return dbt's exit status.

    Raises:
        KyotenError: if another process writes in the home or has its working database open.
    """
    result = _invoke(home, arguments)
    return 0 if result.success else 2 if result.exception else 1


def try_model(home: Home, model: str, limit: int) -> int:
    """Build and test a dbt selection, such as a model's name, and print the first rows; return 0 if all is well.

    Raises:
        KyotenError: as `run` does, and if nothing was built yet or nothing is selected.
    """
    if not home.database.exists():
        raise KyotenError(f"{home.root} holds no tables yet. Run make refresh KYOTEN_HOME={home.root} first.")
    result = _invoke(home, [*LEAN, "build", "--select", model])
    results: list[Any] = getattr(result.result, "results", [])
    if not results and not result.exception:
        raise KyotenError(f"{model} selects nothing that can be built. Name a model, such as fct_deals.")
    for one in results:
        if one.node.resource_type in ("model", "seed") and one.node.relation_name and str(one.status) == "success":
            _show(home, one.node, limit)
    return 0 if result.success else 1


def _invoke(home: Home, arguments: list[str]) -> "dbtRunnerResult":
    if on_spark():
        raise KyotenError(
            "This command uses DuckDB. On Spark: .venv-spark/bin/python -m orchestration.spark, see docs/spark.md"
        )
    given = vars_arguments() if arguments and overrides() and "--vars" not in arguments else []
    with write_lock(home):
        require_free(home)
        configure(home)
        if not any(word in READING for word in arguments):
            unverify(home)
        gc.disable()  # it would take a fifth of the time, for objects that live as long as this process
        # A folder of its own: the refresh's folder records what the refresh built and tested.
        os.environ["DBT_TARGET_PATH"] = str(_own_target(home))
        compile_serialisers_lazily()

        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.exceptions import DbtUsageException
        from dbt.cli.main import dbtRunner

        takes = any(word in TAKING_PARSED for word in arguments)
        parses = any(word.split("=")[0] in PARSING for word in arguments)
        parsed = edited_project(home) if takes and not parses else None
        result = dbtRunner(manifest=parsed).invoke([*arguments, *given])
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]  # dbt leaves the database open
    if isinstance(result.exception, DbtUsageException):  # the only one that dbt does not print
        print(result.exception, file=sys.stderr)
    return result


def _own_target(home: Home) -> Path:
    """Return dbt's target folder for people's commands, where dbt keeps what it has parsed."""
    folder = home.build / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _show(home: Home, node: Any, limit: int) -> None:

    with engine.connect(home, home.database) as connection:
        (rows,) = connection.execute(f"select count(*) from {node.relation_name}").fetchone() or (0,)
        print(f"\n{node.schema}.{node.alias}: {rows:,} rows")
        print(connection.sql(f"from {node.relation_name} limit {limit}"))
