"""Removes a person from a home: the one exception to the rule that what landed is never changed.

Names and addresses are replaced in landed and fetched files, lake, kept releases, worklists, Data Docs, logs and in
Dagster's records; the id too, where it cannot be taken for something else. Deals stay credited, to a pseudonym that is
chosen by chance. Ledger and manifests take the new hashes and say why. The working database and the states of knowledge
are deleted: the next refresh builds them again.

The file forget_mark of the home holds the person while this runs, so that a run after a kill completes it. persons.py
says what counts as a value of the person.
"""

import contextlib
import getpass
import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine, sql
from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.home import Home, write_whole
from orchestration.lake import ledger
from orchestration.lock import write_lock
from orchestration.persons import Person
from orchestration.release import postgres
from orchestration.release.known_on import write_catalogue
from orchestration.release.publish import STORAGE_VERSION
from orchestration.release.releases import kept_releases
from orchestration.release.verify import MANIFEST, files_of
from orchestration.sources.mapping import load_mapping
from orchestration.warehouse import require_free

if TYPE_CHECKING:
    import duckdb

ENCODINGS = ("utf-8", "cp932", "utf-16")
TEXTS = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".log", ".html", ".yml", ".yaml", ".md", ".xml", ".svg", "")
BOOKS = (".xlsx", ".xlsm")
# What a file that was damaged before raises; a full disk raises something else, and ends the run.
BROKEN = (UnicodeError, EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, sqlite3.DatabaseError)
# What rosters have about a rep: dataset, condition, and the column with a name or an address.
NAMES = (("reps", "rep_id = {}", "rep_name"), ("aliases", "(entity_type = 'rep' and entity_id = {})", "alias"))
ADDRESSES = (
    ("reps", "rep_id = {}", "rep_email"),
    ("contact_points", "(owner_type = 'rep' and owner_id = {} and kind <> 'domain')", "value"),
)
# Other addresses next to the id of a rep. One that was ever delivered without this id may be a mailbox of a branch.
MENTIONED = ("deals", "deal_registrations", "activity_attendees")
OTHER_NAMES = (
    *(("staff", "staff_name"), ("partners", "partner_name"), ("branches", "branch_name")),
    ("customers", "customer_name"),
)
WHY = "names of a person removed (make forget)"


class Forgetting:
    """One run: the person, the files that were changed, and their hashes before and after."""

    def __init__(self, home: Home, person: Person, hashes: dict[str, str], lake: dict[str, str]) -> None:
        """Continue with what an interrupted run recorded."""
        self.home, self.person, self.hashes, self.lake = home, person, hashes, lake
        self.touched: Counter[str] = Counter()
        self.unreachable: list[str] = []

    def save(self) -> None:
        """Record the person and the hashes, for a run after a kill; only this account may read it."""
        path = self.home.forget_mark
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        record = {"person": self.person.record(), "hashes": self.hashes, "lake": self.lake}
        aside = path.with_suffix(".tmp")
        aside.touch(mode=0o600)
        aside.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        aside.replace(path)

    def run(self) -> None:
        """Change everything, in an order that a run after a kill can repeat."""
        home = self.home
        for path in home.root.rglob(".*.forget"):  # of a run that was killed
            path.unlink()
        for path in [home.database, home.build / "verified.json", home.build / "inputs.fingerprint"]:
            path.unlink(missing_ok=True)
        for folder in (home.build / "knowledge", home.build / "spill", home.build / "ingest", home.lake / "knowledge"):
            shutil.rmtree(folder, ignore_errors=True)
        with engine.connect(home) as connection:
            for folder in (home.landing, home.extracts):
                for path in _files(folder):
                    self._change(connection, path, delivered=True)
            self._change_lake(connection)
        for kept in kept_releases(home):
            self._change_release(kept.folder)
        with engine.connect(home) as connection:
            done = (home.landing, home.extracts, home.lake, home.published)
            for path in _files(home.root):
                if not any(path.is_relative_to(folder) for folder in done) and path != home.forget_mark:
                    self._change(connection, path)
            for path in home.published.glob("*.json*"):
                self._change(connection, path)
        write_catalogue(home)
        self._change_postgres()

    def _change(self, connection: "duckdb.DuckDBPyConnection", path: Path, *, delivered: bool = False) -> None:
        """Replace the person's values in a file; delivered: record its new hash, because the ledger has the old one."""
        aside = path.with_name(f".{path.name}.forget")
        try:
            is_changed = self._write(connection, path, aside)
        except BROKEN as error:
            aside.unlink(missing_ok=True)
            self.unreachable.append(f"{path} could not be read ({type(error).__name__})")
            return
        if not is_changed:
            return
        if delivered:
            self.hashes[_hash(path)] = _hash(aside)
            self.save()
        shutil.copymode(path, aside)
        aside.replace(path)
        self._note(path)

    def _write(self, connection: "duckdb.DuckDBPyConnection", path: Path, aside: Path) -> bool:
        """Write a file without the person to `aside`; return whether there was anything to replace."""
        suffix = path.suffix.lower()
        if suffix == ".parquet":
            return self._write_parquet(connection, path, aside)
        if suffix in (".db", ".sqlite"):
            return self._change_sqlite(path)
        if suffix in BOOKS:
            return self._write_book(path, aside)
        content = path.read_bytes()
        is_packed = content[:2] == b"\x1f\x8b"
        plain = gzip.decompress(content) if is_packed else content
        if Path(path.stem).suffix.lower() not in TEXTS and suffix not in TEXTS:
            self.look(path, plain)
            return False
        changed = self._in_bytes(plain)
        if changed == plain:
            return False
        aside.write_bytes(gzip.compress(changed, mtime=0) if is_packed else changed)
        return True

    def _in_bytes(self, content: bytes) -> bytes:
        """Return the content of a text file without the person, in the encoding that it has."""
        for encoding in ("utf-16", *ENCODINGS) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ENCODINGS:
            with contextlib.suppress(UnicodeDecodeError):
                text = content.decode(encoding)
                changed = self.person.in_text(text)
                if changed == text:
                    return content
                for old, new in self.hashes.items():
                    changed = changed.replace(old, new)
                return changed.encode(encoding)
        return content

    def look(self, path: Path, content: bytes) -> None:
        """Report a file whose format cannot be changed here if it contains a value of the person."""
        texts = (content.decode(encoding, errors="ignore") for encoding in ("utf-8", "cp932", "utf-16-le"))
        if any(self.person.is_in(text) for text in texts):
            self.unreachable.append(f"{path} contains the person and cannot be changed: replace or delete it")

    def _write_book(self, path: Path, aside: Path) -> bool:
        """Write a workbook whose texts lack the person."""
        is_changed = False
        with zipfile.ZipFile(path) as book, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as written:
            for item in book.infolist():
                content = book.read(item)
                if item.filename.endswith(".xml"):
                    text = content.decode("utf-8")
                    changed = self.person.in_text(text)
                    is_changed |= changed != text
                    content = changed.encode("utf-8")
                written.writestr(item, content)
        if not is_changed:
            aside.unlink()
        return is_changed

    def _change_sqlite(self, path: Path) -> bool:
        """Replace the person's values in each text of a database of SQLite, such as Dagster's, and free the space."""
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.create_function("without", 1, lambda v: self.person.in_text(v) if isinstance(v, str) else v)
            database.create_function("has", 1, lambda v: isinstance(v, str) and self.person.is_in(v))
            changed = 0
            for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
                for column in [row[1] for row in database.execute(f"pragma table_info({sql.name(table)})")]:
                    name = sql.name(column)
                    changed += database.execute(
                        f"update {sql.name(table)} set {name} = without({name}) where has({name})"
                    ).rowcount
            database.commit()
            if changed:
                database.execute("vacuum")
                self._note(path)
        return False

    def without(self, connection: "duckdb.DuckDBPyConnection", relation: str) -> str | None:
        """Return the columns of a relation without the person, or None if nothing is to be replaced."""
        kinds = {row[0]: row[1] for row in connection.execute(f"describe from {relation}").fetchall()}
        texts = [name for name, kind in kinds.items() if kind in ("VARCHAR", "JSON")]
        for name in kinds.keys() - set(texts):
            if "VARCHAR" in kinds[name]:
                has_person = self.person.found_in(f"cast({sql.name(name)} as varchar)")
                if connection.execute(f"select 1 from {relation} where {has_person} limit 1").fetchone():
                    self.unreachable.append(f"{relation}: column {name} of type {kinds[name]} contains the person")
        if not texts:
            return None
        values = sql.texts([self.person.rep_id, *self.person.addresses])
        whose = " or ".join(f"cast({sql.name(name)} as varchar) in ({values})" for name in texts)
        hashes = {old: new for old, new in self.hashes.items() if "file_sha256" in texts}
        found: dict[str, str] = {}
        cells: dict[str, str] = {}
        for name in texts:
            column = f"cast({sql.name(name)} as varchar)"
            found[name], cells[name] = self.person.found_in(column, whose), self.person.in_cell(column, whose)
        if hashes:
            pairs = ", ".join(f"{sql.text(old)}: {sql.text(new)}" for old, new in hashes.items())
            found["file_sha256"] = f"file_sha256 in ({sql.texts(hashes)})"
            cells["file_sha256"] = f"coalesce(map {{{pairs}}}[file_sha256], file_sha256)"
        tests = ", ".join(f"bool_or({found[name]})" for name in texts)
        row = connection.execute(f"select {tests} from {relation}").fetchone() or ()
        changed = [name for name, is_found in zip(texts, row, strict=True) if is_found]
        replaced = ", ".join(f"cast({cells[name]} as {kinds[name]}) as {sql.name(name)}" for name in changed)
        return f"select * replace ({replaced}) from {relation}" if changed else None

    def _write_parquet(self, connection: "duckdb.DuckDBPyConnection", path: Path, aside: Path) -> bool:
        query = self.without(connection, f"read_parquet({sql.text(str(path))})")
        if query is None:
            return False
        connection.execute(f"copy ({query}) to {sql.text(str(aside))} (format parquet, compression zstd)")
        return True

    def _change_lake(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Change rows, then the ledger, then delete the rows of before: their files have the hash in their name."""
        home = self.home
        names: dict[Path, Path] = {}
        for path in sorted((home.lake / "raw").glob("*/[!_]*.parquet")):
            aside = path.with_name(f".{path.name}.forget")
            if self._write_parquet(connection, path, aside):
                stem, _, _ = path.stem.rpartition("_")
                names[path] = path.with_name(f"{stem}_{_hash(aside)[:16]}.parquet")
                self.lake[path.name] = names[path].name
                self.save()
                aside.replace(names[path])
                self._note(path)
        for path in sorted((home.lake / "loads").glob("[!_]*.parquet")):
            self._change_ledger(connection, path)
        for old in sorted((home.lake / "raw").glob("*/*.parquet")):
            if old.name in self.lake and self.lake[old.name] != old.name:
                old.unlink()
        for folder in ("rejected", "drift", "texts", "readings", "similar_names", *ledger.KNOWLEDGE):
            for path in sorted((home.lake / folder).glob("*.parquet")):
                self._change(connection, path)

    def _change_ledger(self, connection: "duckdb.DuckDBPyConnection", path: Path) -> None:
        columns, places = ", ".join(ledger.SCHEMA), [path, path.with_name("_schema.parquet")]
        rows = connection.execute(f"select {columns} from {sql.parquet(places)}").fetchall()
        before = [ledger.Entry(*row) for row in rows]
        after = [self._entry(entry) for entry in before]
        if after != before:
            self._note(path)
            ledger.write(connection, self.home, after)

    def _entry(self, entry: ledger.Entry) -> ledger.Entry:
        """Return an entry with the new hash, size, time and place of its file, and why they changed."""
        new = self.hashes.get(entry.file_sha256 or "")
        old_place = ledger.lake_file(self.home, entry).name if entry.dataset and entry.file_sha256 else None
        place = self.lake.get(old_place or "", entry.lake_file) if entry.lake_file or new else entry.lake_file
        if new and not entry.lake_file and entry.status == ledger.LOADED:
            place = self.lake.get(old_place or "", old_place)
        message = self.person.in_text(entry.message or "")
        if not new and place == entry.lake_file and message == entry.message:
            return entry
        if WHY not in message:
            message = "; ".join(filter(None, [message, f"{datetime.now(UTC).date()}: {WHY}"]))
        changed: dict[str, Any] = {"message": message, "lake_file": place}
        if new:
            changed["file_sha256"] = new
            path = self.home.landing / entry.file_name
            if path.is_file() and _hash(path) == new:
                changed |= {"file_size": path.stat().st_size, "file_mtime_ns": path.stat().st_mtime_ns}
        return replace(entry, **changed)

    def _change_release(self, folder: Path) -> None:
        """Change a release file by file, each replaced at once, and its manifest last."""
        with engine.connect(self.home) as connection:
            for path in sorted((folder / "parquet").rglob("*.parquet")):
                self._change(connection, path)
            for database in sorted(folder.glob("*.duckdb")):
                self._change_database(connection, database)
            for path in _files(folder):  # the pages
                if path.suffix not in (".parquet", ".duckdb") and path.name != MANIFEST:
                    self._change(connection, path)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        text = json.dumps(manifest, ensure_ascii=False)
        for old, new in self.hashes.items():
            text = text.replace(old, new)
        changed = json.loads(self.person.in_text(text))
        if "files" in changed:
            changed["files"] = files_of(folder)
        if changed != manifest:
            changed.setdefault("forgotten", []).append({"on": str(datetime.now(UTC).date()), "why": WHY})
            write_whole(folder / MANIFEST, json.dumps(changed, ensure_ascii=False, indent=1, default=str) + "\n")
            self._note(folder / MANIFEST)

    def _change_database(self, connection: "duckdb.DuckDBPyConnection", path: Path) -> None:
        """Write a release's database again, because rows that are changed in place stay in its free space."""
        aside = path.with_name(f".{path.name}.forget")
        aside.unlink(missing_ok=True)
        connection.execute(f"attach {sql.text(str(path))} as before (read_only)")
        tables = connection.execute(
            "select schema_name, table_name, comment from duckdb_tables() where database_name = 'before' order by all"
        ).fetchall()
        queries = {
            (schema, name): self.without(connection, _table("before", schema, name)) for schema, name, _ in tables
        }
        if any(queries.values()):
            attached = f"{sql.text(str(aside))} as after (storage_version {sql.text(STORAGE_VERSION)})"
            connection.execute(f"attach {attached}")
            for schema, name, comment in tables:
                table = _table("after", schema, name)
                rows = queries[schema, name] or f"from {_table('before', schema, name)}"
                connection.execute(f"create schema if not exists after.{sql.name(schema)}")
                connection.execute(f"create table {table} as {rows}")
                comments = [f"comment on table {table} is {sql.text(comment)}"] if comment else []
                for column, text in connection.execute(
                    "select column_name, comment from duckdb_columns() where database_name = 'before' "
                    f"and schema_name = {sql.text(schema)} and table_name = {sql.text(name)} and comment is not null"
                ).fetchall():
                    comments.append(f"comment on column {table}.{sql.name(column)} is {sql.text(text)}")
                if comments:
                    connection.execute("; ".join(["begin", *comments, "commit"]))
            connection.execute("detach after")
        connection.execute("detach before")
        if aside.exists():
            shutil.copymode(path, aside)
            aside.replace(path)
            self._note(path)

    def _change_postgres(self) -> None:
        """Load the changed release into PostgreSQL, and change Dagster's records there."""
        if (address := postgres.wanted()) and (self.home.published / "current").exists():
            postgres.expect(self.home)
            try:
                self.touched["PostgreSQL"] += postgres.load(self.home, address)
            except KyotenError as error:
                self.unreachable.append(f"PostgreSQL has the person until a refresh loads it: {error}")
        if records := os.environ.get(postgres.RECORDS):
            self.touched["Dagster's PostgreSQL"] += change_records(records, self.person)

    def _note(self, path: Path) -> None:
        self.touched[path.relative_to(self.home.root).parts[0]] += 1


def change_records(address: str, person: Person) -> int:
    """Replace the person's values in the records that Dagster keeps in PostgreSQL; return the number of rows.

    Raises:
        KyotenError: if the server cannot be reached; the same command completes it later.
    """
    import psycopg
    from psycopg.sql import SQL, Identifier

    changed = 0
    try:
        with psycopg.connect(address.replace("+psycopg2", "", 1)) as connection:
            columns = connection.execute(
                "select table_name, column_name from information_schema.columns where table_schema = current_schema()"
                " and data_type in ('text', 'character varying') order by 1, 2"
            ).fetchall()
            for table, column in columns:
                names = {"table": Identifier(table), "column": Identifier(column)}
                rows = SQL("select ctid::text, {column} from {table} where {column} is not null").format(**names)
                found = [(place, text) for place, text in connection.execute(rows) if person.is_in(text)]
                update = SQL("update {table} set {column} = %s where ctid = %s::tid").format(**names)
                for place, text in found:
                    connection.execute(update, [person.in_text(text), place])
                changed += len(found)
            connection.commit()
            connection.autocommit = True
            for table in {table for table, _ in columns} if changed else ():
                connection.execute(SQL("vacuum full {}").format(Identifier(table)))
    except psycopg.Error as error:
        shown = " ".join(str(error).split()).replace(address, postgres.RECORDS)
        raise KyotenError(f"Dagster's records in PostgreSQL cannot be changed: {shown}. Run the same again.") from None
    return changed


def forget(home: Home, rep_id: str) -> list[str]:
    """Remove a person; return lines about what was changed and what is out of reach.

    Raises:
        KyotenError: if no roster has the person, or a run for another person must be completed first.
    """
    with write_lock(home):
        require_free(home)
        with engine.connect(home) as connection:  # columns that an earlier version did not have
            ledger.write_schemas(connection, home, load_contract())
        run = _interrupted(home, rep_id) or Forgetting(home, _person(home, rep_id), {}, {})
        run.save()
        run.run()
        left = remaining(home, run.person)
        home.forget_mark.unlink()
        return _report(run, left)


def remaining(home: Home, person: Person) -> list[str]:
    """Return the files of a home that still contain a value that only this person has."""
    found = Forgetting(home, person, {}, {})
    left: list[str] = []
    with engine.connect(home) as connection:
        for path in _files(home.root):
            if path == home.forget_mark:
                continue
            if path.suffix == ".duckdb":
                connection.execute(f"attach {sql.text(str(path))} as looked (read_only)")
                names = connection.execute(
                    "select schema_name, table_name from duckdb_tables() where database_name = 'looked'"
                ).fetchall()
                tables = [_table("looked", schema, name) for schema, name in names]
                left += [f"{path}: {table}" for table in tables if found.without(connection, table)]
                connection.execute("detach looked")
            elif path.suffix == ".parquet":
                if found.without(connection, f"read_parquet({sql.text(str(path))})"):
                    left.append(str(path))
            else:
                found.look(path, _unpacked(path))
    return left + found.unreachable


def _unpacked(path: Path) -> bytes:
    if path.suffix.lower() in BOOKS and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as book:
            return b"\n".join(book.read(item) for item in book.infolist())
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _person(home: Home, rep_id: str) -> Person:
    """Find names and addresses of a rep in the lake, over all extracts."""
    with engine.connect(home) as connection:

        def values(dataset: str, column: str, condition: str = "true") -> set[str]:
            files = f"{home.lake}/raw/{dataset}/*.parquet"
            if not (home.lake / "raw" / dataset / "_schema.parquet").exists():
                return set()
            rows = f"read_parquet({sql.text(files)}, union_by_name = true)"
            query = f"select distinct {column} from {rows} where {column} is not null and {condition}"
            return {value for (value,) in connection.execute(query).fetchall()}

        me = sql.text(rep_id)
        names = {one for table, mine, column in NAMES for one in values(table, column, mine.format(me))}
        addresses = {one for table, mine, column in ADDRESSES for one in values(table, column, mine.format(me))}
        addresses |= {one for table in MENTIONED for one in values(table, "rep_email", f"rep_id = {me}")}
        others = {one for table, mine, column in NAMES for one in values(table, column, f"not {mine.format(me)}")}
        others |= {one for table, column in OTHER_NAMES for one in values(table, column)}
        of_others = {
            one for table, mine, column in ADDRESSES for one in values(table, column, f"not {mine.format(me)}")
        }
        rosters = {one for table, mine, column in ADDRESSES for one in values(table, column, mine.format(me))}
        unsure = {one for table in MENTIONED for one in values(table, "rep_email", f"rep_id is distinct from {me}")}
    taken = {one.casefold() for one in of_others | (unsure - rosters)}
    own = {one for one in addresses if one.casefold() not in taken}
    if not names and not own:
        raise KyotenError(f"No extract has a name or address of rep {rep_id}. core.dim_rep lists the ids.")
    return Person.of(rep_id, own, names, others)


def _interrupted(home: Home, rep_id: str) -> Forgetting | None:
    if not home.forget_mark.exists():
        return None
    record = json.loads(home.forget_mark.read_text(encoding="utf-8"))
    person = Person.from_record(record["person"])
    if person.rep_id != rep_id:
        home.require_whole()
    return Forgetting(home, person, record["hashes"], record["lake"])


def _report(run: Forgetting, left: list[str]) -> list[str]:
    home, person = run.home, run.person
    counts = ", ".join(f"{number:,} in {place}" for place, number in sorted(run.touched.items())) or "none"
    lines = [f"The person is now {person.pseudonym}. Changed files, tables and records: {counts}."]
    if not person.has_sure_id:
        lines.append(f"The id {person.rep_id} stays, because it may mean something else elsewhere. It has no name now.")
    if person.shared:
        lines.append(
            f"{len(person.shared)} short or shared names were removed only from records with the id or an address."
        )
    lines += [f"Not removed: {one}" for one in dict.fromkeys([*run.unreachable, *left])]
    log = home.published / "forgotten.jsonl"
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"at": at, "by": getpass.getuser(), "changed": dict(run.touched), "pseudonym": person.pseudonym}
    if home.published.exists():
        earlier = log.read_text(encoding="utf-8") if log.exists() else ""
        write_whole(log, f"{earlier}{json.dumps(line)}\n")
    lines.append("Addresses that others have, too, such as a mailbox of the branch, stay.")
    lines.append("Texts that mention the person in another way, such as by the family name alone, are not found.")
    lines.append("Copies out of reach:")
    lines.append("- the systems that deliver: remove the person there, too, or the next extract brings the name back")
    lines += [f"- {source}" for source in _outside(home)]
    lines.append("- backups of the home, its files in Git or on other disks, and the history of this shell")
    lines.append("- what readers copied: open connections, exported tables, files of BI tools, mails and notices")
    lines.append(f"The new figures are published by: make refresh KYOTEN_HOME={home.root}")
    return lines


def _outside(home: Home) -> Iterator[str]:
    """Yield the folders outside the home that the mapping reads."""
    if home.sources is None:
        return
    with contextlib.suppress(KyotenError, OSError):
        for source in load_mapping(home.sources, home=home).sources.values():
            if not source.path.resolve().is_relative_to(home.root.resolve()):
                yield f"files of the source {source.name} in {source.path}, which the mapping reads"


def _files(folder: Path) -> Iterator[Path]:
    """List the files below a folder, hidden ones too, without links."""
    for root, _, names in os.walk(folder):
        yield from (path for name in sorted(names) if (path := Path(root, name)).is_file() and not path.is_symlink())


def _table(catalogue: str, schema: str, name: str) -> str:
    return f"{catalogue}.{sql.name(schema)}.{sql.name(name)}"


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
