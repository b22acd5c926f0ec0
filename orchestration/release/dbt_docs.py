"""dbt's documentation as one page that opens without a server: tables, tests, metrics, exposures, lineage."""

import os
import shutil
from pathlib import Path

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.lock import write_lock
from orchestration.warehouse import configure, require_free, vars_arguments


def write_docs(home: Home) -> Path:
    """Write dbt_docs/index.html of the home, with sizes and types of the tables built last; return its path.

    Raises:
        KyotenError: if nothing was built yet, another process writes in the home, or dbt fails.
    """
    if not home.database.exists():
        raise KyotenError(f"{home.root} holds no tables yet. Run make refresh KYOTEN_HOME={home.root} first.")
    with write_lock(home):
        require_free(home)
        configure(home)
        scratch = home.build / "dbt_docs"  # leaves the files of the refresh in dbt's target folder as they are
        os.environ["DBT_TARGET_PATH"] = str(scratch)

        from dbt.cli.main import dbtRunner

        result = dbtRunner().invoke(["--log-level", "none", "docs", "generate", "--static", *vars_arguments()])
        if not result.success:
            raise KyotenError(f"dbt wrote no documentation: {result.exception}. More in {home.logs / 'dbt.log'}.")
        page = home.root / "dbt_docs" / "index.html"
        page.parent.mkdir(exist_ok=True)
        shutil.move(scratch / "static_index.html", page)
        shutil.rmtree(scratch)
    return page
