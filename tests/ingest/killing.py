"""Ends a run in a child process just before its n-th change of the file system, as a kill or a power cut would.

Or lets it go on with a disk that is full from then on.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from orchestration.errors import KyotenError
from tests.conftest import SCALE

CHANGES = (
    "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate", "os.utime",
)  # fmt: skip
NEEDS_ROOM = ("open", "os.link", "os.mkdir", "os.symlink")
KILLED = 9
STEP = 1 if SCALE > 1 else 3  # PROPERTY_SCALE=2 kills before each change, else before every third one


def is_change(event: str, arguments: tuple[Any, ...], root: str) -> bool:
    """Return whether an audit event announces a change below a folder."""
    if event == "open":
        path, _, flags = arguments
        return isinstance(path, str) and path.startswith(root) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    # Of a link the second is the path that is made.
    return event in CHANGES and any(str(path).startswith(root) for path in arguments[:2])


def killed_before(change: int, root: Path, run: Callable[[], object], is_full: bool = False) -> bool:
    """Run in a child process and end it before its n-th change below root; return False if it ended by itself.

    is_full: let it go on, but from this change on there is no room for new files. It must end with that message.

    DuckDB's own writes are no events of Python.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) in (0, KILLED)
        return os.waitstatus_to_exitcode(status) == KILLED
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        # A folder that is opened to be emptied is a descriptor here; removing its entries must count, too.
        if is_change(event, arguments, str(root)) or (event in ("os.remove", "os.rmdir") and arguments[1] != -1):
            seen += 1
            if is_full and seen >= change and event in NEEDS_ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if not is_full and seen == change:
                os._exit(KILLED)

    status = 1
    try:
        sys.addaudithook(hook)
        run()
        status = 0
    except KyotenError as error:
        status = KILLED if is_full and os.strerror(errno.ENOSPC) in str(error) else 1
    finally:
        os._exit(status)


def kills(
    root: Path, run: Callable[[], object], prepare: Callable[[], object], step: int, is_full: bool = False
) -> Iterator[int]:
    """Yield after each kill, with its number; prepare before each. With a step of 3, kill before every third change.

    is_full: in place of the kill, the disk is full from then on.
    """
    changes = count(1, step)
    prepare()
    while killed_before(change := next(changes), root, run, is_full):
        yield change
        prepare()
    print(f"{'full' if is_full else 'killed'} before {(change - 1) // step:,} changes")
