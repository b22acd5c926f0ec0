"""Loads, builds and publishes the warehouse: everything that is not SQL.

dbt, dlt, Dagster and MetricFlow report usage to their makers unless told otherwise. That is switched off here, before
any of them is imported, and for every process that this one starts.
"""

import os

for _name, _value in {
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # what goes wrong is told here, with no secret in it
}.items():
    os.environ.setdefault(_name, _value)
