"""Great Expectations: compares the figures of batches with their bounds, and writes Data Docs.

No other module uses Great Expectations. Importing this module takes about 3 CPU seconds and 160 MiB, because it imports
pandas, too. So a run imports it only if a batch has a figure to judge. The input is one frame per dataset with one row
per batch; DuckDB has computed the figures.

The pages of Great Expectations fetch styles and scripts from seven hosts, and without them the first page is empty. So
this module removes those links, adds a style, and writes the first page, with one row per batch, itself.
"""

import html
import re
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas
from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.lake.expectations import KINDS, Expectation
from orchestration.lake.judged import JudgedBatch

Context = AbstractDataContext
_FETCHED = re.compile(
    r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>",
    re.DOTALL | re.IGNORECASE,
)
_STYLE = """<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff; }
a { color: #0645ad; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .8rem; text-align: left; vertical-align: top; }
.row { display: flex; flex-wrap: wrap; gap: 0 3rem; } .row .row { display: block; }
.container-fluid > .row > :first-child { flex: 0 0 18rem; } .container-fluid > .row > :last-child { flex: 1; }
.card:has(.btn-group), .modal, [data-toggle=collapse], [id*=collapse-body] { display: none; }
ol, ul { list-style: none; padding: 0; } .breadcrumb { display: flex; gap: 1rem; }
.fa-check-circle::before { content: "met"; } .fa-times::before { content: "missed"; } i { font-style: normal; }
.text-success, .met { color: #17692b; } .text-danger, .held { color: #b00020; font-weight: 600; }
.accepted { color: #8a5a00; font-weight: 600; } td > a { white-space: nowrap; } .badge { font-weight: 600; }
</style>"""


def validate(batches: Sequence[JudgedBatch], load_id: str) -> Context:
    """Validate the figures, one suite per dataset, and record in each batch the expectations that it misses."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source = context.data_sources.add_pandas("profile")
    datasets: dict[str, dict[str, JudgedBatch]] = defaultdict(dict)
    for one in batches:
        one.missed = []
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
        by_figure = {rule.figure: rule for rule in rules}
        outcome = context.checkpoints.add(checkpoint).run(
            batch_parameters={"dataframe": frame}, run_id=gx.RunIdentifier(run_name=load_id)
        )
        for result in outcome.run_results.values():
            for found in result.results:
                assert found.expectation_config
                rule = by_figure[found.expectation_config.kwargs["column"]]
                if found.exception_info.get("raised_exception"):
                    raise KyotenError(f"{dataset}: “{rule.figure}” could not be judged: {found.exception_info}")
                for row in found.result.get("unexpected_index_list") or ():
                    named[row["batch"]].missed.append(rule)
    return context


def _expectation(rule: Expectation) -> ExpectColumnValuesToBeBetween:
    return ExpectColumnValuesToBeBetween(
        column=rule.figure,
        min_value=rule.at_least,
        max_value=rule.at_most,
        meta={"notes": {"format": "markdown", "content": [f"If it is missed: {KINDS[rule.kind].remedy}."]}},
    )


def write_data_docs(context: Context, batches: Sequence[JudgedBatch], home: Home) -> None:
    """Write the pages and delete the pages of the run before."""
    shutil.rmtree(home.data_docs, ignore_errors=True)
    site: Any = {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(home.data_docs)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.add_data_docs_site("batch_rules", site)
    context.build_data_docs(site_names=["batch_rules"])  # otherwise they are also written to a temporary folder
    shutil.rmtree(home.data_docs / "static")
    for page in home.data_docs.rglob("*.html"):
        text = _FETCHED.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", f"{_STYLE}</head>", 1), encoding="utf-8")
    (home.data_docs / "index.html").write_text(_first_page(batches, home.data_docs), encoding="utf-8")


def _first_page(batches: Sequence[JudgedBatch], folder: Path) -> str:
    rows = []
    for one in sorted(batches, key=lambda b: (not b.is_held, not b.missed)):
        status = "held" if one.is_held else "accepted" if one.missed else "met"
        page = next((folder / "validations" / one.dataset).rglob("*.html")).relative_to(folder).as_posix()
        rows.append(
            f'<tr><td class="{status}">{status}</td><td><a href="{html.escape(page)}">{html.escape(one.name)}</a></td>'
            f"<td>{html.escape(one.message)}</td></tr>"
        )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Batch rules</title>{_STYLE}</head><body>'
        "<h1>Batch rules</h1><p>The batches of the latest load. Each has a link to the page of its dataset.</p>"
        "<table><thead><tr><th>Expectations</th><th>Batch</th><th>Why</th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></body></html>"
    )
