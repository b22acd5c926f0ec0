"""YAML files that people write: plain data with the line of each value, and models whose errors name the line.

The model of what a file may say is derived from `Part`. Scalars stay as written: `no` and 1.10 stay texts.
"""

import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator
from pydantic.fields import FieldInfo

from orchestration.errors import KyotenError
from orchestration.spelling import nearest

_NO_MAPPING = "must be a mapping (`key: value` lines, indented below it)."
_WORDS = {
    "model_type": _NO_MAPPING,
    "dict_type": _NO_MAPPING,
    "string_type": "must be a single value.",
    "list_type": "must be a list.",
    "too_short": "is empty; name at least one.",
}
_MOST_VALUES, _DEEPEST = 100_000, 50
Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Line:
    """Where a value is written: file, line, and the key as a.b.c."""

    file: str
    number: int
    key: str
    preset: bool  # written in presets/, not by the user

    def error(self, problem: str) -> KyotenError:
        """Return an error that names the line."""
        return KyotenError(f"{self.file}, line {self.number}{', ' + self.key if self.key else ''}: {problem}")


@dataclass(frozen=True)
class Place:
    """A value of a file: the keys that lead to it, and the lines of all values."""

    lines: dict[Steps, Line]
    steps: Steps = ()

    @property
    def line(self) -> Line:
        """The value's line."""
        return self.lines[self.steps]

    def below(self, *steps: str | int) -> "Place":
        """Return the place that further keys lead to; a key that is not written is passed over."""
        found = self.steps
        for step in steps:
            line = self.lines.get((*found, step))
            # Blocks of a source and of its preset are merged; lists are not.
            if line and not (isinstance(step, int) and line.preset != self.lines[found].preset):
                found = (*found, step)
        return replace(self, steps=found)

    def error(self, problem: str) -> KyotenError:
        """Return an error that names the line."""
        return self.line.error(problem)


class Scalar(str):
    """A single value, and what YAML takes it for, such as tag:yaml.org,2002:int."""

    tag = ""


class PartError(ValueError):
    """What is wrong below keys of the model that raises this."""

    def __init__(self, problem: str, *steps: str | int) -> None:
        """Take the problem and the keys."""
        super().__init__(problem)
        self.steps = steps


class Part(BaseModel):
    """A block of a file with known keys. What is written below a field is what editors show.

    A field with `exclude=True` is no key of the file.
    """

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = cls.known_keys()
        for key in data if cls.model_config.get("extra") == "forbid" else ():
            if key not in known:
                hint = " Inside {…} quote a value that holds a comma." if " " in key.strip() else ""
                raise PartError(f"unknown key{nearest(key, known)}; known here: {', '.join(sorted(known))}.{hint}", key)
        for key, field in known.items():
            if field.is_required() and key not in data:
                raise PartError(f"`{key}:` is missing. {field.description or ''}".rstrip())
        return data

    @classmethod
    def known_keys(cls) -> dict[str, FieldInfo]:
        """Return the keys that a block of this kind may have, with their fields."""
        return {field.alias or name: field for name, field in cls.model_fields.items() if not field.exclude}


class NamedPart(Part):
    """A block with a name, whose errors may also be found after the file has been read."""

    name: str = Field("", exclude=True)
    place: Place = Field(Place({}), exclude=True, repr=False)

    def error(self, path: str, problem: str) -> KyotenError:
        """Return an error at keys of this block such as columns.amount, or at the last of them that is written."""
        return self.place.below(*path.split(".", 1)).error(problem)


def parsed(parse: Callable[[Any], Any], problem: str) -> BeforeValidator:
    """Return the validator that parses a value; where `parse` returns None or fails, the problem is the error."""

    def parse_or_tell(value: Any) -> Any:
        with suppress(LookupError, TypeError, ValueError, AttributeError, OSError):
            if (result := parse(value)) is not None:
                return result
        raise ValueError(problem.format(value))

    return BeforeValidator(parse_or_tell)


# An editor reads 1 and no as a number and a boolean, so its schema states no type.
AnyType = WithJsonSchema({})
Text = Annotated[str, AnyType]
T = TypeVar("T")
Several = Annotated[
    tuple[T, ...], BeforeValidator(lambda value: value if isinstance(value, list) else [value]), AnyType
]
Texts = Several[str]
M = TypeVar("M", bound=Part)


def checked(model: type[M], data: dict[str, Any], place: Place) -> M:
    """Return the data as the model has it; of several errors the first in the file is raised."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = {}
        for one in reversed(error.errors()):
            cause = one.get("ctx", {}).get("error")
            at = place.below(*one["loc"], *getattr(cause, "steps", ()))
            found[at.line.number] = at.error(str(cause or _WORDS.get(one["type"], f"{one['msg']}.")))
    raise found[min(found)]


def read(path: Path, what: str, remedy: str, *, preset: bool = False) -> tuple[dict[str, Any], Place]:
    """Return a file's data and its place. `what` is what people call the file, `remedy` is for one without data."""
    lines: dict[Steps, Line] = {}
    try:
        text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8-sig"))  # some editors of macOS write NFD
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _data(tree, lines, (), Line(path.name, 1, "", preset)) if tree else None
    except OSError as error:
        raise KyotenError(f"The {what} {path} cannot be read: {error.strerror}. {remedy}") from error
    except UnicodeDecodeError as error:
        raise KyotenError(f"{path.name}: is not UTF-8 text ({error.reason} at byte {error.start}).") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", error)
        where = f"{path.name}, line {mark.line + 1}" if mark else path.name
        raise KyotenError(f"{where}: is not valid YAML: {problem}.") from error
    if not isinstance(data, dict):
        problem = _NO_MAPPING if data is not None else f"the {what} is empty. {remedy}"
        raise KyotenError(f"{path.name}, line 1: {problem}")
    return data, Place(lines)


def _data(tree: yaml.Node, lines: dict[Steps, Line], steps: Steps, here: Line) -> Any:
    if len(lines) > _MOST_VALUES:  # an alias of aliases of aliases would take all memory
        raise here.error(f"its aliases unfold to more than {_MOST_VALUES:,} values. Write them out.")
    if len(steps) > _DEEPEST:
        start = replace(here, key=f"{'.'.join(map(str, steps[:2]))}…")
        raise start.error(f"is more than {_DEEPEST} levels deep, or an alias contains itself. Write it out.")

    def below(node: yaml.Node, value: yaml.Node, step: str | int, key: str) -> Any:
        line = Line(here.file, node.start_mark.line + 1, key, here.preset)
        if not isinstance(step, str | int):
            raise line.error("a key must be a single value.")
        if (*steps, step) in lines:
            raise line.error("is written twice; keep one.")
        return _data(value, lines, (*steps, step), line)

    lines[steps] = here
    if isinstance(tree, yaml.SequenceNode):
        return [below(item, item, i, f"{here.key}[{i}]") for i, item in enumerate(tree.value)]
    if isinstance(tree, yaml.MappingNode):
        prefix = f"{here.key}." if here.key else ""
        return {name.value: below(name, value, name.value, f"{prefix}{name.value}") for name, value in tree.value}
    scalar = Scalar(tree.value)
    scalar.tag = tree.tag
    return None if tree.tag == "tag:yaml.org,2002:null" else scalar
