"""Loads contract-shaped files from landing/.

Files of one dataset, source, extract date and revision form a group and are always judged together: a new file also
reloads the others of its group. So the lake does not depend on how a delivery was split over files and refreshes.
"""

import json
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import duckdb

from orchestration import sql
from orchestration.contract import Dataset
from orchestration.lake import drift, readers, rules
from orchestration.lake.batch import (
    Batch,
    Staged,
    check_unchanged,
    examine,
    read_records,
    reject,
    reject_broken,
    unreadable,
)
from orchestration.lake.ledger import REPEAT, Entry, Group
from orchestration.sources.landing import LandedFile, landed_files
from orchestration.spelling import nearest
from orchestration.sql import RefusedError


def load_landing(batch: Batch, datasets: set[str] | None) -> None:
    """Stage new files below landing/; a file that belongs to no dataset is reported when all datasets are loaded."""
    groups: dict[Group, list[LandedFile]] = defaultdict(list)
    for file in landed_files(batch.home, batch.timezone):
        if datasets is not None and file.dataset not in datasets:
            continue
        if file.problem:
            batch.refuse(file, file.problem)
        else:
            groups[(file.dataset, file.source_name, file.extracted_on, file.revision)].append(file)
    for group, files in sorted(groups.items()):
        if group in batch.state.unsure or not all(batch.state.known(file) for file in files):
            _load_group(batch, group, sorted(files, key=lambda f: f.file_name))


def _load_group(batch: Batch, group: Group, files: list[LandedFile]) -> None:
    contents: dict[str, readers.Content] = {}
    hashes: dict[str, str] = {}
    for file in files:
        known = batch.state.known(file)
        if known:
            hashes[file.file_name] = known.file_sha256 or ""
            continue
        try:
            contents[file.file_name] = examine(file)
            hashes[file.file_name] = contents[file.file_name].sha256
        except RefusedError as refusal:
            batch.refuse(file, str(refusal))
    present = [file for file in files if file.file_name in hashes]
    before = batch.state.loaded_in(group)

    # The same content counts once. It keeps the file name of its load as long as a file of that name exists.
    counting: dict[str, LandedFile] = {}
    for file in present:
        sha256 = hashes[file.file_name]
        held = before.get(file.file_name)
        if sha256 not in counting or (held and held.file_sha256 == sha256):
            counting[sha256] = file
    loaded = {entry.file_sha256: entry.file_name for entry in before.values()}
    overwritten = any(
        seen.file_sha256 != hashes[file.file_name]
        for file in present
        if (seen := batch.state.seen.get((group, file.file_name)))
    )
    is_changed = group in batch.state.unsure or overwritten or any(sha256 not in loaded for sha256 in counting)
    if is_changed:
        _stage_group(batch, group, list(counting.values()), contents, set(hashes), before)
    for file in present:
        sha256 = hashes[file.file_name]
        if file.file_name in contents and not (is_changed and counting[sha256] is file):
            other = loaded.get(sha256, counting[sha256].file_name)
            message = f"{file.file_name} has the same content as {other}: loaded once"
            batch.entries.append(batch.entry(file, file_sha256=sha256, status=REPEAT, message=message))


def _stage_group(
    batch: Batch,
    group: Group,
    files: list[LandedFile],
    contents: dict[str, readers.Content],
    present: set[str],
    before: dict[str, Entry],
) -> None:
    dataset = batch.contract.datasets[str(group[0])]

    def stage(file: LandedFile) -> Staged | RefusedError:
        try:
            return _stage(batch, file, dataset, contents.get(file.file_name) or examine(file))
        except RefusedError as refusal:
            return refusal
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
            return RefusedError(unreadable(error))

    # DuckDB reads a file with one thread (see sql.connect), so two files are read at a time.
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        results = list(pool.map(stage, files))
    for file, result in zip(files, results, strict=True):
        if isinstance(result, RefusedError):
            batch.refuse(file, str(result))
            present = present - {file.file_name}
    fresh = [result for result in results if isinstance(result, Staged)]
    staged_hashes = {one.entry.file_sha256 for one in fresh}
    frozen = {n for n, e in before.items() if n not in present and e.file_sha256 not in staged_hashes}
    staged = fresh + [_frozen(batch, before[name], dataset) for name in sorted(frozen)]

    schema = batch.home.lake / "raw" / dataset.name / "_schema.parquet"
    batch.judge(batch.connection, dataset, staged, [schema])
    unchanged = set()
    for one in staged:
        name = one.entry.file_name
        one.changed = one.has_repeats if name in frozen else _differs(batch, one, before.get(name))
        if not one.changed:
            unchanged.add(name)
        batch.stage(one)
    batch.replaced += [entry for name, entry in before.items() if name not in frozen | unchanged]


def _stage(batch: Batch, file: LandedFile, dataset: Dataset, content: readers.Content) -> Staged:
    batch.progress(f"reading {file.file_name}")
    connection = batch.connection.cursor()
    sql.set_timezone(connection, batch.timezone)
    path = batch.new_path()
    unit = str(path)
    scan = readers.open_scan(connection, file.path, content, readers.Dialect(), batch.staging)
    names = {column.name: column for column in scan.columns}
    if names:  # JSON lines without a valid line have no columns; then each line is rejected by itself
        expected = [drift.Expected(c.name, c.name, c.required) for c in dataset.columns.values()]
        batch.report_drift(file, dataset.name, drift.differences(list(names), batch.columns_before(file), expected))
        _require(dataset, list(names))
    given = {name: rules.Given(c.sql, c.type) for name, c in names.items() if name in dataset.columns}
    extras = {name: c.sql for name, c in names.items() if name not in dataset.columns}
    lineage = batch.lineage(file, file_name=sql.text(file.file_name), file_sha256=sql.text(content.sha256))

    def load(scan: readers.Scan) -> tuple[int, int]:
        checked = rules.check(dataset, scan, given, extras, lineage, batch.timezone)
        accepted = sql.copy(connection, checked.accepted, path)
        if accepted == scan.expected:  # every line is a record and was accepted: the usual case, read once
            return accepted, 0
        connection.execute("DELETE FROM rejects WHERE unit = ?", [unit])
        reject(connection, unit, checked.rejected(connection, path))
        return accepted, sql.scalar(connection, f"SELECT count(*) FROM rejects WHERE unit = {sql.text(unit)}")

    counts = read_records(connection, scan, load)
    reject_broken(connection, unit, counts.scan.broken, file.file_name, content.sha256)
    check_unchanged(file)
    batch.note_date(file)
    entry = batch.entry(
        file,
        file_sha256=content.sha256,
        extract_mode=dataset.extract,
        rows_read=counts.read,
        rows_accepted=counts.accepted,
        rows_rejected=counts.read - counts.accepted,
        rows_undecided=rules.count_undecided(connection, dataset, path),
        columns=json.dumps(list(names), ensure_ascii=False),
    )
    raw = rules.check(dataset, counts.scan, given, extras, lineage, batch.timezone).raw
    return Staged(entry, dataset, path, raw)


def _require(dataset: Dataset, names: list[str]) -> None:
    missing = [c.name for c in dataset.columns.values() if c.required and c.name not in names]
    if not missing:
        return
    if not set(names) & set(dataset.columns):
        first = ", ".join(names[:3])
        raise RefusedError(
            f"has no column of {dataset.name}; its first line begins “{first}”. "
            f"Put the column names in the first line ({', '.join(missing)} are required), or map the file."
        )
    others = [name for name in names if name not in dataset.columns]
    listed = ", ".join(f"{name}{nearest(name, others)}" for name in missing)
    raise RefusedError(f"lacks the required column {listed}. Add or rename it in the header, or map the file.")


def _frozen(batch: Batch, entry: Entry, dataset: Dataset) -> Staged:
    """Stage a file that has left landing/ from the lake: its accepted rows still count among repeats."""
    path = batch.lake_file(entry)
    pairs = ", ".join(f"'{c}', CAST({c} AS VARCHAR)" for c in dataset.columns)
    rows = sql.parquet([path, path.with_name("_schema.parquet")])
    raw = f"SELECT row_number, file_name, file_sha256, CAST(json_object({pairs}) AS VARCHAR) AS raw_row FROM {rows}"
    # The rows keep their loaded_at: only the entry is new, and only if rows were lost.
    return Staged(batch.renewed(entry), dataset, path, raw)


def _differs(batch: Batch, one: Staged, before: Entry | None) -> bool:
    """Return whether the staged rows differ from the lake's rows of the same file; if not, the lake stays as it is."""
    if one.has_repeats or not before or before.file_sha256 != one.entry.file_sha256:
        return True
    lake = batch.lake_file(before)
    if before.contract_version != batch.contract.version or not lake.exists():
        return True
    mark = "SELECT count(*), bit_xor(hash(row_number)) FROM "
    rows = [batch.connection.execute(mark + sql.parquet([path])).fetchone() for path in (lake, one.path)]
    return rows[0] != rows[1]
