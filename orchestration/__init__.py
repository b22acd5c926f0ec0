"""Loads, builds and publishes the warehouse: everything that is not SQL.

dbt, dlt, Dagster, Great Expectations and MetricFlow report usage to their makers by default. That is switched off here,
before any of them is imported, and for every process that this one starts.
"""

import os

for _name, _value in {
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # errors are reported by our own messages, which hold no secret
}.items():
    os.environ.setdefault(_name, _value)
