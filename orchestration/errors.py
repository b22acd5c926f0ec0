"""The error that a person is meant to read: what is wrong, where, and what to do about it."""


class KyotenError(Exception):
    """A problem with a remedy. Commands print its text without a traceback and exit with status 1."""


def printable(text: str) -> str:
    """Return a text whose control characters, which could command a terminal, are visible; line breaks stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
