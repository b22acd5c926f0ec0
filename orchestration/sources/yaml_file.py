"""YAML files that people write: plain data that remembers where it stands, and models whose errors name that place.

What a file may say is a pydantic model derived from `Part`. Scalars stay as written: `no` and 1.10 stay texts.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from orchestration.errors import KyotenError
from orchestration.spelling import nearest

_WORDS = {
    "model_type": "must be a mapping (`key: value` lines, indented below it).",
    "dict_type": "must be a mapping (`key: value` lines, indented below it).",
    "string_type": "must be a single value.",
    "list_type": "must be a list.",
}


@dataclass(frozen=True)
class Place:
    """Where something is written: file, line, and the key as a.b.c."""

    file: str
    line: int
    key: str
    preset: bool  # written in presets/, not by the user

    def error(self, problem: str) -> KyotenError:
        """Return an error that names the place."""
        return KyotenError(f"{self.file}, line {self.line}{', ' + self.key if self.key else ''}: {problem}")


class Scalar(str):
    """A single value, and what YAML takes it for, such as tag:yaml.org,2002:int."""

    tag = ""


class Items(list[Any]):
    """A list, with the place of each item."""

    def __init__(self, items: Iterable[Any], places: Iterable[Place]) -> None:
        """Take the items and their places."""
        super().__init__(items)
        self.places = list(places)


class Block(dict[str, Any]):
    """The keys of a YAML mapping, with the place of the whole and of each key."""

    def __init__(self, entries: dict[str, Any], place: Place, places: dict[str, Place]) -> None:
        """Take the entries and their places."""
        super().__init__(entries)
        self.place, self.places = place, places

    def allow(self, known: Collection[str]) -> None:
        """Refuse a key that is not known."""
        for key in self:
            if key not in known:
                hint = " Inside {…} quote a value that holds a comma." if " " in key.strip() else ""
                problem = f"unknown key{nearest(key, known)}; known here: {', '.join(sorted(known))}.{hint}"
                raise self.places[key].error(problem)

    def block(self, key: str) -> "Block":
        """Return the block below a key, and an empty one where there is something else or nothing."""
        found = self.get(key)
        return found if isinstance(found, Block) else Block({}, self.place, {})

    def place_of(self, path: Iterable[str | int]) -> Place:
        """Return the place of what the keys of a path lead to, or of the last of them that is written."""
        data, place = self, self.place
        for step in path:
            if (isinstance(data, Block) and step in data) or (isinstance(data, Items) and isinstance(step, int)):
                data, place = data[step], data.places[step]  # type: ignore[index]
        return place


class Part(BaseModel):
    """A block of a file with known keys. What is written below a field is what editors show.

    A field with `exclude=True` is no key of the file.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True)
    _data: Block = PrivateAttr()

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, data: Any, handler: ModelWrapValidatorHandler["Part"]) -> "Part":
        if isinstance(data, Block) and cls.model_config.get("extra") == "forbid":
            data.allow(cls.known_keys())
        for name, field in cls.model_fields.items() if isinstance(data, Block) else ():
            if field.is_required() and (key := field.alias or name) not in data:
                raise data.place.error(f"`{key}:` is missing. {field.description or ''}".rstrip())
        made = handler(data)
        made._data = data if isinstance(data, Block) else Block({}, Place("", 0, "", False), {})
        return made

    @classmethod
    def known_keys(cls) -> list[str]:
        """Return the keys that a block of this kind may have."""
        return [field.alias or name for name, field in cls.model_fields.items() if not field.exclude]

    @property
    def place(self) -> Place:
        """The place of the whole block."""
        return self._data.place

    def error(self, path: str, problem: str) -> KyotenError:
        """Return an error at keys of this block such as columns.amount, or at the last of them that is written."""
        return self.place_of(*path.split(".", 1)).error(problem)

    def place_of(self, *keys: str) -> Place:
        """Return the place of what these keys of the block lead to, or of the last of them that is written."""
        return self._data.place_of(keys)


M = TypeVar("M", bound=Part)


def listed(value: Any) -> Any:
    """Return a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list) else [value]


# An editor takes 1 and no for other things than texts, so its schema does not ask for a type.
Text = Annotated[str, WithJsonSchema({})]
Texts = Annotated[tuple[str, ...], BeforeValidator(listed), WithJsonSchema({})]


def matching(pattern: str, problem: str) -> AfterValidator:
    """Return the validator of a text that matches a pattern from end to end."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(problem)
        return text

    return AfterValidator(check)


def checked(model: type[M], data: Block, context: Any = None) -> M:
    """Return the data as the model has it; the first error of the file is told."""
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: data.place_of(one["loc"]).line)
    cause = first.get("ctx", {}).get("error")
    raise data.place_of(first["loc"]).error(str(cause or _WORDS.get(first["type"], f"{first['msg']}.")))


def read(path: Path, what: str, remedy: str, *, preset: bool = False) -> Block:
    """Return a file's keys. `what` is what people call the file, `remedy` where to look if it is not there or empty."""
    try:
        tree = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
        data = _data(tree, Place(path.name, 1, "", preset)) if tree else None
    except OSError as error:
        raise KyotenError(f"The {what} {path} cannot be read: {error.strerror}. {remedy}") from error
    except UnicodeDecodeError as error:
        raise KyotenError(f"{path.name}: is not UTF-8 text ({error.reason} at byte {error.start}).") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise KyotenError(f"{path.name}, line {line}: is not valid YAML: {error.problem}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise KyotenError(f"{path.name}: is not valid YAML: {error}.") from error
    if data is None:
        raise KyotenError(f"{path.name}, line 1: the {what} is empty. {remedy}")
    if not isinstance(data, Block):
        raise KyotenError(f"{path.name}, line 1: {_WORDS['dict_type']}")
    return data


def _data(tree: yaml.Node, place: Place) -> Any:
    if isinstance(tree, yaml.SequenceNode):
        places = [_at(item, place, f"{place.key}[{i}]") for i, item in enumerate(tree.value)]
        return Items(map(_data, tree.value, places), places)
    if isinstance(tree, yaml.MappingNode):
        block = Block({}, place, {})
        for name, value in tree.value:
            here = _at(name, place, f"{place.key}.{name.value}" if place.key else str(name.value))
            if not isinstance(name, yaml.ScalarNode):
                raise here.error("a key must be a single value.")
            if name.value in block:
                raise here.error("is written twice; keep one.")
            block[name.value], block.places[name.value] = _data(value, here), here
        return block
    if tree.tag == "tag:yaml.org,2002:null":
        return None
    scalar = Scalar(tree.value)
    scalar.tag = tree.tag
    return scalar


def _at(tree: yaml.Node, parent: Place, key: str) -> Place:
    return Place(parent.file, tree.start_mark.line + 1, key, parent.preset)
