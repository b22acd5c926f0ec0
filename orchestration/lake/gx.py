"""Great Expectations: the pages about batches that miss an expectation.

No other module uses Great Expectations. Importing this module takes about 3 CPU seconds and 160 MiB, because it imports
pandas, too. So a run imports it only if a batch misses a bound. The input is one frame per dataset with one row per
batch; DuckDB has computed the figures.

The pages of Great Expectations fetch styles and scripts from seven hosts. So this module removes those links and adds a
style; data_docs.py writes the first page.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween

from orchestration.lake.expectations import KINDS, Expectation
from orchestration.lake.judged import JudgedBatch

_FETCHED = re.compile(
    r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>",
    re.DOTALL | re.IGNORECASE,
)


def write_pages(batches: Sequence[JudgedBatch], folder: Path, style: str) -> set[tuple[str, str]]:
    """Validate the batches, one suite per dataset, write their pages, and return the missed (batch, figure) pairs."""
    missed: set[tuple[str, str]] = set()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source = context.data_sources.add_pandas("profile")
    datasets: dict[str, dict[str, JudgedBatch]] = defaultdict(dict)
    for one in batches:
        datasets[one.dataset][one.name] = one
    for dataset, named in sorted(datasets.items()):
        rules = next(iter(named.values())).profiler.expectations
        frame = pandas.DataFrame([one.figures for one in named.values()], dtype="float64")
        frame.insert(0, "batch", list(named))
        suite = context.suites.add(gx.ExpectationSuite(dataset, expectations=[_expectation(rule) for rule in rules]))
        whole = source.add_dataframe_asset(dataset).add_batch_definition_whole_dataframe("batches")
        definition = context.validation_definitions.add(gx.ValidationDefinition(name=dataset, data=whole, suite=suite))
        checkpoint = gx.Checkpoint(
            name=dataset,
            validation_definitions=[definition],
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["batch"]},
        )
        outcome = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
        missed |= {
            (row["batch"], result.expectation_config.kwargs["column"])
            for run in outcome.run_results.values()
            for result in run.results
            if result.expectation_config
            for row in result.result.get("unexpected_index_list") or ()
        }
    _write(context, folder, style)
    return missed


def _expectation(rule: Expectation) -> ExpectColumnValuesToBeBetween:
    return ExpectColumnValuesToBeBetween(
        column=rule.figure,
        min_value=rule.at_least,
        max_value=rule.at_most,
        meta={"notes": {"format": "markdown", "content": [f"If it is missed: {KINDS[rule.kind].remedy}."]}},
    )


def _write(context: Any, folder: Path, style: str) -> None:
    site: Any = {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.add_data_docs_site("batch_rules", site)
    context.build_data_docs(site_names=["batch_rules"])  # otherwise they are also written to a temporary folder
    shutil.rmtree(folder / "static")
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if style not in text:
            page.write_text(_FETCHED.sub("", text).replace("</head>", f"{style}</head>", 1), encoding="utf-8")
