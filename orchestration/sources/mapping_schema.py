"""The JSON Schema of a mapping file, for editors: made from the lists that the checks read, and from the contract."""

import json
from typing import Any

from orchestration.contract import Dataset, load_contract
from orchestration.home import PROJECT
from orchestration.sources import forms
from orchestration.sources.mapping import DATASET_KEYS, FILE_KEYS, SOURCE_KEYS
from orchestration.sources.transport_settings import REST_KEYS, SQL_KEYS, TABLE_KEYS

PATH = PROJECT / "sources.schema.json"
_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_NUMBERS = ("integer", "decimal", "decimal(8)")


def schema() -> dict[str, Any]:
    """Return the schema."""
    file = _object({key: {"description": text} for key, text in FILE_KEYS.items()}, [])
    datasets = {name: _dataset(dataset) for name, dataset in load_contract().datasets.items()}
    source: dict[str, dict[str, Any]] = {key: {"description": text} for key, text in SOURCE_KEYS.items()}
    source["files"] |= {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, file]}}
    source["datasets"] |= _object(datasets, [])
    source["options"]["type"] = "object"
    table = _object({key: {"description": text} for key, text in TABLE_KEYS.items()}, [])
    database: dict[str, dict[str, Any]] = {key: {"description": text} for key, text in SQL_KEYS.items()}
    database["tables"] |= {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, table]}}
    source["sql"] |= _object(database, ["connection", "tables"])
    source["rest"] |= _object({key: {"description": text} for key, text in REST_KEYS.items()}, ["client", "resources"])
    transports = [{"required": keys} for keys in (["path", "files"], ["path", "preset"], ["sql"], ["rest"])]
    sources = {"type": "object", "additionalProperties": _object(source, ["datasets"]) | {"anyOf": transports}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | _object({"sources": sources}, ["sources"])


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _dataset(dataset: Dataset) -> dict[str, Any]:
    keys: dict[str, Any] = {key: {"description": text} for key, text in DATASET_KEYS.items()}
    columns = dataset.columns.values()
    keys["mode"]["enum"] = ["full", "delta"]
    for section in ("columns", "constants", "values"):
        keys[section] |= _object({c.name: {"description": c.type} for c in columns}, [])
    units = {"enum": [*forms.UNITS, *forms.SIGNS, 1]}
    keys["amounts"] |= _object({c.name: units for c in columns if c.type in _NUMBERS}, [])
    known = ", ".join(f"{name} ({text})" for name, text in forms.DATE_FORMS.items())
    form = {**_TEXTS, "description": f"{known}, or a strptime pattern"}
    keys["dates"] |= _object({c.name: form for c in columns if c.type in ("date", "timestamp")}, [])
    return _object(keys, []) | {"description": dataset.description}


def text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
