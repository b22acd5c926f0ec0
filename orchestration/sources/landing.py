"""Lists the files of landing/ and of the mapping by name, size and time. File contents are not read here."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestration.contract import load_contract
from orchestration.errors import KyotenError, is_control
from orchestration.home import CONTRACT, EXPECTATIONS, Home
from orchestration.sources.mapping import Mapping, load_mapping
from orchestration.spelling import nearest

SOURCE = "landing"
TEXT_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl")
SUFFIXES = (*TEXT_SUFFIXES, *(s + ".gz" for s in TEXT_SUFFIXES), ".parquet", ".xlsx")
_IGNORED = {"thumbs.db", "desktop.ini"}
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_WRITTEN = re.compile(r"(?<!\d)(\d{4})(?:\.(\d{2})\.|_(\d{2})_|年(\d{1,2})月)(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)((?:19|20|21)\d{2})(\d{2})(\d{2})(?:\d{4}|\d{6})?(?!\d)")
REVISION = re.compile(r"_r(\d+)(?=[_.\-]|$)")
_FIRST_DAY = date(1990, 1, 1)
_DAYS_AHEAD = 366  # a date further ahead than this is a slip
_MOST_REVISIONS = 100_000
_EXTRACT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:_r(\d{1,5}))?")


@dataclass(frozen=True)
class LandedFile:
    """One delivered file; `dataset` is empty if a mapping reads it, and `problem` is why it cannot be loaded."""

    path: Path
    dataset: str
    source_name: str
    file_name: str
    size: int
    mtime_ns: int
    extracted_on: date
    revision: int
    problem: str = ""
    note: str = ""  # what a person should know about its date


def scan(home: Home, sources: Path | None = None, timezone: str = "Asia/Tokyo") -> list[LandedFile]:
    """List every landed and mapped file, sorted."""
    mapped = mapped_files(load_mapping(sources, home=home), timezone) if sources else []
    return sorted([*landed_files(home, timezone), *mapped], key=lambda f: (f.source_name, f.file_name))


def landed_files(home: Home, timezone: str) -> Iterator[LandedFile]:
    """List the contract-shaped files below landing/."""
    datasets = load_contract().datasets
    for path in walk(home.landing):
        relative = path.relative_to(home.landing)
        try:
            dataset = _printable(Path(relative.parts[0]))
            file = _describe(path, relative, SOURCE, timezone, dataset=dataset, known=datasets)
        except FileNotFoundError:  # removed since it was listed
            continue
        yield file


def mapped_files(mapping: Mapping, timezone: str) -> Iterator[LandedFile]:
    """List the files that the mapping's patterns match."""
    for source in mapping.sources.values():
        paths = {path for alias in source.files.values() for path in alias.matches(source.path)}
        for path in paths:
            relative = Path(os.path.relpath(path, source.path))
            extract = extract_of(relative.parts[0]) if source.transport else None
            extracted_on = extract[0] if extract else source.extracted_on
            try:
                file = _describe(path, relative, source.name, timezone, extracted_on=extracted_on)
            except FileNotFoundError:  # removed since it was listed
                continue
            yield replace(file, revision=extract[1]) if extract else file


def extract_of(folder: str) -> tuple[date, int] | None:
    """Return date and revision in the name of a fetched folder, or None if the name has another form."""
    try:
        return (date.fromisoformat(found[1]), int(found[2] or 1)) if (found := _EXTRACT.fullmatch(folder)) else None
    except ValueError:
        return None


def walk(folder: Path) -> Iterator[Path]:
    """List files, and folders that cannot be read or are named like data files; linked folders are not entered.

    Hidden files and folders are left out.
    """
    unreadable: list[Path] = []

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            unreadable.append(Path(error.filename))

    for root, folders, files in os.walk(folder, onerror=note):
        odd = [name for name in folders if name.lower().endswith(SUFFIXES)]
        folders[:] = sorted(name for name in folders if name not in odd and not _hidden(name))
        yield from (Path(root, name) for name in sorted([*odd, *files]) if not _hidden(name))
    yield from unreadable


def _hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in _IGNORED


def _describe(
    path: Path,
    relative: Path,
    source_name: str,
    timezone: str,
    *,
    dataset: str = "",
    known: Iterable[str] | None = None,
    extracted_on: date | None = None,
) -> LandedFile:
    status = path.stat() if path.exists() else path.lstat()
    problem = _problem(path, relative, known)
    today, note = datetime.now(ZoneInfo(timezone)).date(), ""
    is_stated = extracted_on is not None
    try:
        extracted_on = extracted_on or date_in(relative)
        if extracted_on:
            _check_sane(extracted_on, today, is_stated)
    except ValueError as error:
        problem = problem or str(error)
        extracted_on = None
    if extracted_on is None:
        extracted_on = datetime.fromtimestamp(status.st_mtime_ns / 1e9, ZoneInfo(timezone)).date()
        note = (
            f"counts as of {extracted_on}, when it was saved, because its name has no date; put the day of the extract "
            "into its name, such as _2026-03-31" + (", or state `extracted_on:`" if known is None else "")
        )
    elif extracted_on > today + timedelta(days=1):
        note = f"counts as of {extracted_on}, which is after today ({today}); correct the date if it is wrong"
    stated = REVISION.search(path.name)
    revision = int(stated[1][:9]) if stated else 1
    if revision > _MOST_REVISIONS:
        problem = problem or f"has the revision {revision} in its name. Write the number of the delivery, such as _r2."
        revision = 1
    return LandedFile(
        path=path,
        dataset=dataset,
        source_name=source_name,
        file_name=_printable(relative),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        extracted_on=extracted_on,
        revision=revision,
        problem=problem,
        note="" if problem else note,
    )


def _check_sane(day: date, today: date, is_stated: bool) -> None:
    """Raise an error for an extract date that can only be a slip."""
    where = "under `extracted_on:`" if is_stated else "in its name"
    if day < _FIRST_DAY:
        raise ValueError(f"has the date {day} {where}, which is before {_FIRST_DAY}. Correct it.")
    if day > today + timedelta(days=_DAYS_AHEAD):
        raise ValueError(f"has the date {day} {where}, which is more than a year after today ({today}). Correct it.")


def date_in(relative: Path) -> date | None:
    """Return the date in the file's name, else in the nearest folder's name; two dates in one name are an error."""
    for part in reversed(relative.parts):
        part = unicodedata.normalize("NFC", part)
        found = {_strict_date(match) for match in _ISO.finditer(part)}
        found |= {day for match in _WRITTEN.finditer(part) if (day := _date_of(*filter(None, match.groups())))}
        found |= {day for match in _COMPACT.finditer(part) if (day := _date_of(*match.group(1, 2, 3)))}
        if len(found) > 1:
            dates = " and ".join(sorted(str(day) for day in found))
            raise ValueError(f"the name holds two dates, {dates}. Leave only the extract date in the name.")
        if found:
            return found.pop()
    return None


def _date_of(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:  # the digits may be a number of another kind
        return None


def _strict_date(match: re.Match[str]) -> date:
    if (day := _date_of(*match.group(1, 2, 3))) is None:
        raise ValueError(f"{match[0]} in the name is no day of the calendar. Correct the name.")
    return day


def _problem(path: Path, relative: Path, known: Iterable[str] | None) -> str:
    lower = path.name.lower()
    if _printable(relative) != relative.as_posix():
        return f"has a name that is not plain UTF-8 text{_meant(relative)}. Rename the file."
    if path.is_dir() and not lower.endswith(SUFFIXES):
        return "is a folder that cannot be read. Give the account that runs Kyoten the right to read it."
    if path.is_dir():
        return "is a folder, but is named like a data file. Give the folder a name without a data file's ending."
    if not path.is_file():
        return "the link leads nowhere, or to something that is not a file. Deliver the file itself."
    if known is None:  # a mapping states how to read its files, with any ending
        return ""
    if len(relative.parts) == 1:
        return f"lies in no dataset's folder. Move it into landing/<dataset>/{nearest(_stem(path.name), known)}."
    if relative.parts[0] not in known:
        folder = relative.parts[0]
        return f"{folder} is no dataset of contract.yml{nearest(folder, known)}. Rename the folder, or map the file."
    if lower.endswith(SUFFIXES):
        return ""
    return f"is not a data file that can be read here ({', '.join(SUFFIXES)}). Convert or remove it."


def _printable(relative: Path) -> str:
    """Return a path as text; bytes that are not UTF-8 and control characters appear as \\x8e."""
    text = os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) == "Cc" else c for c in text)


def _meant(relative: Path) -> str:
    """Return what a name out of a zip file of Japanese Windows was meant to be."""
    with suppress(UnicodeDecodeError):
        if not any(map(is_control, meant := os.fsencode(relative.name).decode("cp932"))):
            return f" (in the Shift_JIS of Windows it is {meant})"
    return ""


def _stem(name: str) -> str:
    return re.split(r"[.\d]", name)[0].strip("_- ")


def fingerprint(home: Home, sources: Path | None = None) -> str:
    """Hash names, sizes and times of everything that may be loaded, and the files that configure the load."""
    digest = hashlib.sha256(CONTRACT.read_bytes() + EXPECTATIONS.read_bytes())
    if home.acceptances.exists():
        digest.update(home.acceptances.read_bytes())
    for line in sorted(_listing(home, sources)):
        digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def _listing(home: Home, sources: Path | None) -> Iterator[str]:
    for path in walk(home.landing):
        yield _line(path, path.relative_to(home.landing).as_posix())
    if sources is None:
        return
    try:
        yield sources.read_text(encoding="utf-8")
        mapping = load_mapping(sources, home=home)
    except (OSError, UnicodeDecodeError, KyotenError) as error:
        yield str(error)  # ingest reports the error; here the text only counts as changed or not
        return
    for source in mapping.sources.values():
        for path in {path for alias in source.files.values() for path in alias.matches(source.path)}:
            yield _line(path, str(path))


def _line(path: Path, name: str) -> str:
    try:
        status = path.lstat() if not path.exists() else path.stat()
    except FileNotFoundError:  # removed since it was listed
        return name
    return f"{name}\t{status.st_size}\t{status.st_mtime_ns}"
