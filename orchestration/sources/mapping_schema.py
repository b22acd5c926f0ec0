"""The JSON Schema of a mapping file, for editors: made from the models that check it, and from the contract."""

import json
from typing import Any

from orchestration.contract import NUMBERS, TIMES, Dataset, load_contract
from orchestration.home import PROJECT
from orchestration.sources import forms
from orchestration.sources.mapping import Mapping

PATH = PROJECT / "sources.schema.json"
_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def schema() -> dict[str, Any]:
    """Return the schema."""
    made = Mapping.model_json_schema(mode="serialization")
    whole = _plain(made, made.pop("$defs"))
    source = whole["properties"]["sources"]["additionalProperties"]
    source["anyOf"] = [{"required": keys} for keys in (["path", "files"], ["path", "preset"], ["sql"], ["rest"])]
    keys = source["properties"]
    for named in (keys["files"], keys["sql"]["properties"]["tables"]):  # what needs no more than a name may be one
        named["additionalProperties"] = {"anyOf": [*_TEXTS["anyOf"], named["additionalProperties"]]}
    keys["files"]["additionalProperties"]["anyOf"][-1].pop("required")  # a preset may know the pattern
    any_dataset = keys["datasets"].pop("additionalProperties")
    keys["datasets"] |= _object(
        {name: _dataset(dataset, any_dataset) for name, dataset in load_contract().datasets.items()}
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def _plain(made: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema with its definitions where they are used, and nothing in it that only Python needs."""
    if isinstance(made, list):
        return [_plain(one, definitions) for one in made]
    if not isinstance(made, dict):
        return made
    if reference := made.get("$ref"):
        made = definitions[reference.removeprefix("#/$defs/")] | made
    return {key: _plain(one, definitions) for key, one in made.items() if key not in ("$ref", "title", "default")}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _dataset(dataset: Dataset, any_dataset: dict[str, Any]) -> dict[str, Any]:
    keys = {key: {"description": value["description"]} for key, value in any_dataset["properties"].items()}
    columns = dataset.columns.values()
    keys["mode"]["enum"] = ["full", "delta"]
    for section in ("columns", "constants", "values"):
        keys[section] |= _object({c.name: {"description": c.type} for c in columns})
    units = {"enum": [*forms.UNITS, *forms.SIGNS, 1]}
    keys["amounts"] |= _object({c.name: units for c in columns if c.type in NUMBERS})
    known = ", ".join(f"{name} ({text})" for name, text in forms.DATE_FORMS.items())
    form = {**_TEXTS, "description": f"{known}, or a strptime pattern"}
    keys["dates"] |= _object({c.name: form for c in columns if c.type in TIMES})
    return _object(keys) | {"description": dataset.description}


def text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
