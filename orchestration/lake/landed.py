"""Loads contract-shaped files from landing/.

Files of one dataset, source, extract date and revision form a group and are always judged together: a new file also
reloads the others of its group. So the lake does not depend on how a delivery was split over files and refreshes.
"""

import json
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb

from orchestration import sql
from orchestration.contract import NUMBERS, Dataset
from orchestration.lake import drift, no_data, readers, rules, workbook
from orchestration.lake.batch import (
    Batch,
    Counts,
    Staged,
    check_unchanged,
    examine,
    read_records,
    reject,
    reject_broken,
    unreadable,
)
from orchestration.lake.ledger import REPEAT, Entry, Group
from orchestration.lake.no_data import NoData
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
        except Exception as error:
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
    numbers = {
        i: (c.name, c.name)
        for i, c in enumerate(scan.columns)
        if c.name in dataset.columns and dataset.columns[c.name].type in NUMBERS
    }
    workbook.check_merged(scan.sheet, numbers)
    batch.say(workbook.said(scan.sheet, list(names), file.file_name))
    given = {name: rules.Given(c.sql, c.type) for name, c in names.items() if name in dataset.columns}
    extras = {name: c.sql for name, c in names.items() if name not in dataset.columns}
    lineage = batch.lineage(file, file_name=sql.text(file.file_name), file_sha256=sql.text(content.sha256))

    def load(scan: readers.Scan) -> tuple[int, int]:
        checked = rules.check(dataset, scan, given, extras, lineage, batch.timezone)
        accepted = sql.copy(connection, checked.accepted, path)
        doubts = [f"{file.file_name}: {doubt}" for doubt in rules.rounded_ids(connection, dataset, path, given)]
        batch.say(doubts)
        if any(one.rounded for one in given.values()):
            checked = rules.check(dataset, scan, given, extras, lineage, batch.timezone)
            accepted = sql.copy(connection, checked.accepted, path)
        if accepted == scan.expected:  # every line is a record and was accepted: the usual case, read once
            return accepted, 0
        connection.execute(f"DELETE FROM rejects WHERE unit = {sql.text(unit)}")
        reject(connection, unit, checked.rejected(connection, path))
        return accepted, sql.scalar(connection, f"SELECT count(*) FROM rejects WHERE unit = {sql.text(unit)}")

    counts = read_records(connection, scan, load)
    found = _no_data(connection, dataset, counts, lineage, unit)
    ends = no_data.none_of(counts.scan.broken, counts.read, (), *_marks(file.path))
    broken = tuple(record for record in counts.scan.broken if record.number not in ends)
    reject_broken(connection, unit, broken, file.file_name, content.sha256)
    lines = found.lines | ends
    way_out = "If they are records, map the file and state `footer: []` for it"
    batch.say(replace(found, lines=lines).said(file.file_name, way_out))
    taken = lines or found.doubtful
    accepted = sql.scalar(connection, f"SELECT count(*) FROM {sql.parquet([path])}") if taken else counts.accepted
    check_unchanged(file)
    batch.note_date(file)
    entry = batch.entry(
        file,
        file_sha256=content.sha256,
        extract_mode=dataset.extract,
        rows_read=counts.read - len(lines),
        rows_accepted=accepted,
        rows_rejected=counts.read - len(lines) - accepted,
        rows_not_data=len(lines) or None,
        rows_undecided=rules.count_undecided(connection, dataset, path),
        columns=json.dumps(list(names), ensure_ascii=False),
    )
    raw = rules.check(dataset, counts.scan, given, extras, lineage, batch.timezone).raw
    return Staged(entry, dataset, path, raw)


def _marks(path: Path) -> tuple[str, str]:
    return ("\t" if readers.kind(path) == "tsv" else ","), '"'


def _no_data(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, counts: Counts, lineage: rules.Lineage, unit: str
) -> NoData:
    """Take the lines that are no record from the accepted and the rejected rows; most files show at once that they
    have none.
    """
    words = [f"contains({key}, {sql.text(w)})" for key in dataset.key for w in ("計", "otal", "OTAL", "平均")]
    keys = " OR ".join([*(f"CAST({key} AS VARCHAR) = {sql.text(key)}" for key in dataset.key), *words])
    keys_as_text = ", ".join(f"CAST({key} AS VARCHAR) AS {key}" for key in dataset.key)
    rows = f"SELECT {keys_as_text} FROM {sql.parquet([Path(unit)])}"
    odd = "regexp_matches(raw_row, '(?i)計|total|平均|average') OR contains(reason, 'required, and empty')"
    suspected = (
        f"SELECT EXISTS (FROM ({rows}) WHERE {keys}) OR EXISTS (FROM rejects WHERE unit = {sql.text(unit)} AND ({odd}))"
    )
    if not sql.scalar(connection, suspected):
        return NoData()
    scan = counts.scan
    columns = {column.sql: column.name for column in scan.columns}
    cells = ", ".join(f"nullif(trim(CAST({column} AS VARCHAR)), '') AS {column}" for column in columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE lines AS SELECT {cells}, number AS _row_number, "
        f"{lineage.file_name} AS _file_name, {lineage.file_sha256} AS _file_sha256 FROM "
        f"(SELECT *, {scan.row_number} AS number FROM {scan.sql}) WHERE {scan.valid} AND {scan.present}"
    )
    found = no_data.find(connection, "lines", columns)
    if gone := ", ".join(map(str, [*found.lines, *found.doubtful])):
        accepted = f"FROM {sql.parquet([Path(unit)])}"
        doubtful = f"SELECT row_number {accepted} WHERE row_number IN ({', '.join(map(str, found.doubtful)) or 'NULL'})"
        if found.doubtful:
            rows = no_data.rejected(found, "lines", columns, is_mapped=False)
            reject(connection, unit, f"FROM ({rows}) WHERE row_number IN ({doubtful})")
        kept = Path(f"{unit}.kept")
        sql.copy(connection, f"{accepted} WHERE row_number NOT IN ({gone})", kept)
        kept.replace(unit)
        lines = ", ".join(map(str, found.lines)) or "NULL"
        connection.execute(f"DELETE FROM rejects WHERE unit = {sql.text(unit)} AND row_number IN ({lines})")
    return found


def _require(dataset: Dataset, names: list[str]) -> None:
    missing = [c.name for c in dataset.columns.values() if c.required and c.name not in names]
    if not missing:
        return
    if not set(names) & set(dataset.columns):
        first = ", ".join(names[:3])
        raise RefusedError(
            f"has no column of {dataset.name}; its first line begins “{first}”. "
            f"Put the column names in the first line ({', '.join(missing)} are required), or map the file and name "
            "its columns under `header:`."
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
