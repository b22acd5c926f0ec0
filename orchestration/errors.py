"""The error that a person is meant to read: what is wrong, where, and what to do about it."""

import contextlib
import errno
import threading
import unicodedata
from collections.abc import Iterator

FULL = (errno.ENOSPC, errno.EDQUOT)
INTERRUPTED = threading.Event()


class KyotenError(Exception):
    """A problem with a remedy. Commands print its text without a traceback and exit with status 1."""


class NotLoadedError(KyotenError):
    """The release is published, and a copy of it elsewhere, such as in PostgreSQL, is still of the one before."""


@contextlib.contextmanager
def room_needed() -> Iterator[None]:
    """Turn the error of a full disk, which any step that writes can meet, into a KyotenError."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        place = f": {error.filename}" if error.filename else ""
        raise KyotenError(
            f"No space is left on the disk{place}. Make room, then run the same command again. "
            "The published release stays."
        ) from error


def interrupt(*_: object) -> None:
    """End as Ctrl-C does: temporary files are removed, and no child process remains. A handler of signals."""
    INTERRUPTED.set()
    raise KeyboardInterrupt


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn an error into an interrupt if there was one: interrupted libraries raise errors of their own."""
    try:
        yield
    except Exception as error:
        if INTERRUPTED.is_set():
            raise KeyboardInterrupt from error
        raise


def printable(text: str) -> str:
    """Return a text whose control characters, which could command a terminal, are visible; line breaks stay."""
    return "".join(c if c in "\n\t" or not is_control(c) else c.encode("unicode_escape").decode() for c in text)


def is_control(character: str) -> bool:
    """Return whether a character is a control, an invisible one that changes the text around it, or half of a pair."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs")
