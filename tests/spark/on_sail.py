"""Builds the models on Sail, whose server runs in this process: `python -m tests.spark.on_sail`.

Runs in .venv-sail, so it imports no test library. The outcome is build/on_sail.json of the home.
"""

import json
import os
import shutil
import sys
import traceback

from orchestration import spark
from orchestration.home import Home
from tests.spark.costs import costs

KINDS = ("--exclude-resource-type", "test", "unit_test", "saved_query", "exposure")


def main() -> None:
    """Build all seeds and models; write results and costs."""
    from pysail.spark import SparkConnectServer

    os.environ |= {"RUST_LOG": "error", "KYOTEN_ENGINE": "spark"}
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{server.listening_address[1]}"
    home = Home.from_environment()
    spark.start_session(home)
    folder = home.build / "spark_tables" / "0"
    shutil.rmtree(folder.parent, ignore_errors=True)
    if not spark.prepare(home, folder, spark.lake_tables(home)):
        raise SystemExit("the tables of the lake could not be registered")
    spark.dbt(home, ["build", *KINDS])
    (home.build / "on_sail.json").write_text(json.dumps({"models": statuses(home), "costs": costs(os.getpgrp())}))


def statuses(home: Home) -> dict[str, dict[str, object]]:
    """Return status, message and seconds of each model and seed of the last dbt command, by its name."""
    results = json.loads((home.build / "spark" / "run_results.json").read_text())["results"]
    return {
        result["unique_id"].split(".")[2]: {key: result[key] for key in ("status", "message", "execution_time")}
        for result in results
    }


if __name__ == "__main__":
    status = 1
    os.setpgid(0, 0)  # so that `costs` finds its children
    try:
        main()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)  # Sail's threads would keep the process
