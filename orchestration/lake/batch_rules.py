"""Batch rules: a batch enters the lake only if its figures are within their bounds.

DuckDB profiles each staged batch. A batch that misses an expectation is held, unless a person has accepted exactly this
content. The batches of a dataset and source are judged in order of their extracts. After a held batch, the next one is
compared with the last batch that was not held.
"""

import shlex
from bisect import bisect_left
from collections import defaultdict
from datetime import date
from typing import Any

from orchestration.lake.acceptance import batch_name, content_hash, read_acceptances
from orchestration.lake.batch import Batch, Staged
from orchestration.lake.data_docs import write_data_docs
from orchestration.lake.expectations import KINDS, Expectations
from orchestration.lake.judged import JudgedBatch
from orchestration.lake.ledger import Entry, Group
from orchestration.lake.profile import Extract, Profiler

FILES_NAMED = 3
Series = tuple[str | None, str]  # dataset and source
Version = tuple[date, int]  # extract date and revision


def apply_batch_rules(batch: Batch, expectations: Expectations) -> list[JudgedBatch]:
    """Hold the staged batches that miss an expectation; return all batches that had at least one figure."""
    judged = _Run(batch, expectations).judge()
    for one in judged:
        if one.missed and not one.is_held and one.accepted:
            who = f"accepted by {one.accepted.accepted_by} on {one.accepted.accepted_at[:10]}"
            one.findings = one.failures()
            one.message = f"{one.name} was {who} ({one.accepted.reason}): {one.findings}"
            batch.note(one.group, one.message)
    if judged:
        write_data_docs(judged, batch.home)
    return judged


class _Run:
    """The batches of one run and the extracts before them."""

    def __init__(self, batch: Batch, expectations: Expectations) -> None:
        self.batch, self.minimum = batch, expectations.minimum_rows
        self.lake = self._in_the_lake()
        self.series: dict[Series, dict[Version, Extract]] = defaultdict(dict)
        for group, extract in self.lake.items():
            self.series[group[:2]][group[2:]] = extract
        staged: dict[Group, list[Staged]] = defaultdict(list)
        for one in batch.staged:
            staged[one.entry.group].append(one)
        acceptances = read_acceptances(batch.home)
        self.batches: list[JudgedBatch] = []
        profilers: dict[str, Profiler] = {}
        for group, parts in sorted(staged.items(), key=lambda item: str(item[0])):
            entries = tuple(one.entry for one in parts)
            extract = Extract(entries, tuple(one.path for one in parts))
            self.series[group[:2]][group[2:]] = extract
            dataset = parts[0].dataset
            rules = expectations.datasets.get(dataset.name)
            if rules and any(one.changed for one in parts):
                if dataset.name not in profilers:
                    schema = batch.home.lake / "raw" / dataset.name / "_schema.parquet"
                    profilers[dataset.name] = Profiler(batch.connection, dataset, rules, self.minimum, schema)
                accepted = acceptances.get((batch_name(group), content_hash(entries)))
                self.batches.append(JudgedBatch(group, extract, profilers[dataset.name], accepted))
        self.batches.sort(key=lambda one: one.group[1:] + one.group[:1])
        self.versions = {series: sorted(extracts) for series, extracts in self.series.items()}

    def _in_the_lake(self) -> dict[Group, Extract]:
        groups: dict[Group, list[Entry]] = defaultdict(list)
        for entry in self.batch.state.loaded.values():
            if entry.dataset and self.batch.lake_file(entry).exists():
                groups[entry.group].append(entry)
        return {group: Extract(tuple(e), tuple(map(self.batch.lake_file, e))) for group, e in groups.items()}

    def judge(self) -> list[JudgedBatch]:
        due = self.batches
        while due:
            for one in due:
                one.measure(self._before(one.group))
            firsts: dict[Any, JudgedBatch] = {}
            for one in self.batches:
                if one.missed and not one.is_held and not one.accepted:
                    firsts.setdefault(one.group[:2], one)
            for first in firsts.values():
                self._hold(first)
            due = [one for one in self.batches if one.is_behind(firsts.get(one.group[:2]))]
        return [one for one in self.batches if one.is_measured]

    def _before(self, group: Group) -> Extract | None:
        """Return the extract to compare with; for deltas, which may have any size, the latest that is large enough."""
        extracts, versions = self.series[group[:2]], self.versions[group[:2]]
        for version in reversed(versions[: bisect_left(versions, group[2:])]):
            extract = extracts.get(version)  # without held batches
            if extract and (extract.is_full or extract.rows >= self.minimum):
                return extract
        return self.lake.get(group)

    def _hold(self, one: JudgedBatch) -> None:
        one.is_held, one.findings = True, one.failures()
        names = sorted(entry.file_name for entry in one.extract.entries)
        files = ", ".join(names[:FILES_NAMED]) + (
            f" and {len(names) - FILES_NAMED} more" if names[FILES_NAMED:] else ""
        )
        remedies = ". ".join(dict.fromkeys(KINDS[missed.kind].remedy for missed in one.missed))
        one.message = (
            f"{one.name} ({files}) is held: {one.findings}. The rows loaded before stay. {remedies}, and deliver it "
            f"again. If it is right as it is: make accept BATCH={shlex.quote(one.name)} BY='your name' REASON='why' "
            f"KYOTEN_HOME={shlex.quote(str(self.batch.home.root))}"
        )
        self.batch.hold(one.group, one.message, content_hash(one.extract.entries))
        extracts = self.series[one.group[:2]]
        del extracts[one.group[2:]]
        if one.group in self.lake:
            extracts[one.group[2:]] = self.lake[one.group]
