"""A value of a YAML file with the place where it is written, so that an error can name file, line and key."""

from collections.abc import Collection
from dataclasses import dataclass

from orchestration.errors import KyotenError
from orchestration.spelling import nearest


@dataclass(frozen=True)
class Node:
    """A YAML node with its line. Scalars stay as written: `no` and 1.10 are not reinterpreted."""

    value: "str | list[Node] | dict[str, Node] | None"
    file: str
    line: int
    key: str
    tag: str = ""
    preset: bool = False  # written in presets/, not by the user

    def error(self, problem: str) -> KyotenError:
        """Return an error that names file, line and key."""
        return KyotenError(f"{self.file}, line {self.line}{', ' + self.key if self.key else ''}: {problem}")

    def entries(self, allowed: Collection[str] | None = None) -> "dict[str, Node]":
        """Return a mapping's entries; a key that is not allowed is an error with a suggestion."""
        if not isinstance(self.value, dict):
            raise self.error("must be a mapping (`key: value` lines, indented below it).")
        for key, node in self.value.items():
            if allowed and key not in allowed:
                hint = " Inside {…} quote a value that holds a comma." if " " in key.strip() else ""
                raise node.error(f"unknown key{nearest(key, allowed)}; known here: {', '.join(sorted(allowed))}.{hint}")
        return self.value

    def text(self) -> str:
        """Return a scalar's text."""
        if not isinstance(self.value, str):
            raise self.error("must be a single value.")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """Return a list of scalars, or the one scalar, as texts."""
        if isinstance(self.value, list):
            return tuple(node.text() for node in self.value)
        return (self.text(),)
