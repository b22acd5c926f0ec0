"""One writer per home: the lock that a refresh holds. Readers of published/ never need it."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.errors import KyotenError
from orchestration.home import Home

_held: set[Path] = set()


def lock_file(home: Home) -> Path:
    """Return the file whose lock means that a process writes in this home."""
    return home.build / ".lock"


@contextmanager
def write_lock(home: Home) -> Iterator[None]:
    """Hold the home's lock. The same process may enter it again.

    Raises:
        KyotenError: at once, if another process holds it.
    """
    path = lock_file(home)
    if path in _held:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("a+")
    except OSError as error:
        raise KyotenError(
            f"{home.root} cannot be written: {error.strerror}. Give the account that runs Kyoten the right to write "
            "there, or name another folder in KYOTEN_HOME."
        ) from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KyotenError(
                f"{home.root} is being written by process {holder(home) or 'unknown'}. "
                "Wait until it ends, or stop it; the published release can be read meanwhile."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        _held.add(path)
        try:
            yield
        finally:
            _held.discard(path)
            file.truncate(0)


def holder(home: Home) -> str | None:
    """Return the id of the process that holds the lock, or None."""
    path = lock_file(home)
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip() or "unknown"
    return None


def database_user(database: Path) -> int | None:
    """Return the id of a process that has this DuckDB file open, or None. Any open reader blocks a writer."""
    if not database.exists():
        return None
    flock = "hhqqi"  # struct flock: l_type, l_whence, l_start, l_len, l_pid
    with database.open("rb") as file:
        asked = struct.pack(flock, fcntl.F_WRLCK, 0, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(flock, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else pid
