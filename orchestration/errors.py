"""The error that a person is meant to read: what is wrong, where, and what to do about it."""


class KyotenError(Exception):
    """A problem with a remedy. Commands print its text without a traceback and exit with status 1."""
