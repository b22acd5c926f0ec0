"""The settings of a source that is fetched: a remote folder, a database or an API. Nothing is fetched here.

${VARIABLES} stay as they are written until something is fetched, and secrets may be written in no other way.
"""

import html
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from orchestration.sources.node import Node

SQL_KEYS = {
    "connection": "SQLAlchemy URL, such as postgresql+psycopg://${DB_USER}:${DB_PASSWORD}@host/database.",
    "schema": "Schema of the tables that name none.",
    "tables": "Alias: a table as [schema.]name, or its keys.",
}
TABLE_KEYS = {
    "table": "Table as [schema.]name.",
    "query": "SQL of the database, instead of a table.",
    "cursor": "Column that tells what changed: from the second extract on, only rows from its last value on come.",
}
REST_KEYS = {
    "client": "base_url, auth, paginator and headers.",
    "resource_defaults": "What holds for every resource that says nothing else.",
    "resources": "List of resources: name (the alias), endpoint (path, params, paginator, incremental …).",
}
# Keys whose values are secrets, for any library or API.
_SECRETS = re.compile(
    r"(.*[_-])?(token|secret|passw(or)?d|passphrase|authorization|assertion|connection_string)"
    r"|(.*[_-])?(api|access|account|private|secret)[_-]?key",
    re.IGNORECASE,
)
_NO_SECRETS = ("", "anon", "cloud")  # the values that make gcsfs take none, or the machine's own
MIN_SECRET = 2  # letters; the value of a shorter variable is all over any text


@dataclass(frozen=True)
class Transport:
    """How a source is fetched. `aliases` are the tables or resources, none where files are fetched."""

    kind: str  # remote, sql or rest
    node: Node
    config: Mapping[str, Any]
    aliases: Mapping[str, Node]
    cursors: Mapping[str, str]  # of the aliases of which only what changed is fetched


def transport_of(source: Node, entries: Mapping[str, Node]) -> Transport | None:
    """Return a source's transport; None where its files lie in a local folder."""
    path = entries.get("path")
    remote = path if path and "://" in path.text() + os.path.expandvars(path.text()) else None
    stated = [node for node in (remote, entries.get("sql"), entries.get("rest")) if node]
    if (path and stated and not remote) or len(stated) > 1:
        raise stated[-1].error("a source has one transport: keep one of `path:`, `sql:` and `rest:`.")
    if "options" in entries and not remote:
        raise entries["options"].error("goes with a `path:` that is a URL, such as s3://bucket/folder.")
    for node in (*stated, entries.get("options")):
        if node:
            _no_secrets(node)
    if remote:
        options = plain(entries["options"]) if "options" in entries else {}
        return Transport("remote", remote, {"url": remote.text(), "options": options}, {}, {})
    if "sql" in entries:
        return _sql(entries["sql"])
    return _rest(entries["rest"]) if "rest" in entries else None


def plain(node: Node) -> Any:
    """Return a node's value as YAML means it; dates stay text."""
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    if isinstance(node.value, dict):
        return {key: plain(value) for key, value in node.value.items()}
    if node.value is not None and node.tag.endswith(":int") and re.fullmatch("-?(0|[1-9][0-9]*)", node.value):
        return int(node.value)
    if node.value is not None and node.tag.endswith(":bool"):
        return node.value.lower() in ("true", "yes", "on")
    return node.value


def _no_secrets(node: Node, key: str = "") -> None:
    """Refuse a secret that the mapping spells out; what it says is not repeated."""
    if isinstance(node.value, dict):
        for name, value in node.value.items():
            _no_secrets(value, name)
    elif isinstance(node.value, list):
        for item in node.value:
            _no_secrets(item, key)
    elif node.value is None:
        return
    elif _SECRETS.fullmatch(key) and "${" not in node.value and node.value not in _NO_SECRETS:
        raise node.error("a secret is written out; write ${VARIABLE} and set it in the environment.")
    elif _password(node.value):
        raise node.error("a password is written out in the URL; write ${VARIABLE} and set it in the environment.")


def _password(text: str) -> bool:
    try:
        password = urlsplit(re.sub(r"\$\{[^}]*\}", "variable", text)).password or ""
    except ValueError:  # no URL
        return False
    return bool(unquote(password).replace("variable", "")) if "://" in text else False


def _sql(node: Node) -> Transport:
    entries = node.entries(SQL_KEYS.keys())
    for key in ("connection", "tables"):
        if key not in entries:
            raise node.error(f"`{key}:` is missing.")
    tables = entries["tables"].entries()
    config: dict[str, dict[str, str]] = {}
    for alias, table in tables.items():
        keys = {"table": table} if isinstance(table.value, str) else table.entries(TABLE_KEYS.keys())
        if ("table" in keys) == ("query" in keys):
            raise table.error("needs either `table:` or `query:`.")
        if "query" in keys and "cursor" in keys:
            raise keys["cursor"].error("goes with `table:`; a query says itself what it fetches.")
        config[alias] = {key: value.text() for key, value in keys.items()}
    if not tables:
        raise entries["tables"].error("names no table.")
    schema = entries["schema"].text() if "schema" in entries else ""
    cursors = {alias: keys["cursor"] for alias, keys in config.items() if "cursor" in keys}
    connection = entries["connection"].text()
    return Transport("sql", node, {"connection": connection, "schema": schema, "tables": config}, tables, cursors)


def _rest(node: Node) -> Transport:
    entries = node.entries(REST_KEYS.keys())
    for key in ("client", "resources"):
        if key not in entries:
            raise node.error(f"`{key}:` is missing.")
    if "base_url" not in entries["client"].entries():
        raise entries["client"].error("`base_url:` is missing.")
    aliases, cursors = {}, {}
    for resource in _resources(entries["resources"]):
        keys = resource.entries()
        name, endpoint = keys["name"].text(), keys.get("endpoint")
        if "selected" in keys and plain(keys["selected"]) is False:  # fetched for another resource's sake only
            continue
        aliases[name] = keys["name"]
        inside = endpoint.value if endpoint and isinstance(endpoint.value, dict) else {}
        if "incremental" in inside:
            incremental = inside["incremental"].entries()
            if "cursor_path" not in incremental:
                raise inside["incremental"].error("`cursor_path:` is missing.")
            if "lag" in incremental:
                raise incremental["lag"].error("has no effect, because the cursor is read from the extracts.")
            cursors[name] = incremental["cursor_path"].text()
    config = {key: plain(value) for key, value in entries.items()}
    return Transport("rest", node, config, aliases, cursors)


def _resources(node: Node) -> Iterator[Node]:
    if not isinstance(node.value, list) or not node.value:
        raise node.error("must be a list of resources, each with a `name:`.")
    seen = set()
    for resource in node.value:
        name = resource.entries().get("name")
        if name is None:
            raise resource.error("`name:` is missing; it is the alias.")
        if name.text() in seen:
            raise name.error(f"{name.text()} is written twice; keep one.")
        seen.add(name.text())
        yield resource


def clean(text: str, secrets: Mapping[str, str]) -> str:
    """Return a message without secrets: values of variables, passwords, tokens."""
    written = {
        spelt: name
        for value, name in secrets.items()
        for spelt in (value, quote(value, safe=""), quote_plus(value), html.escape(value), json.dumps(value)[1:-1])
    }
    for value, name in sorted(written.items(), key=lambda item: -len(item[0])):
        text = text.replace(value, name) if len(value) > MIN_SECRET else text
    text = re.sub(r"(?<=://)[^/@\s]*:[^@\s]*@", "***@", text)
    return re.sub(r"(?i)\b(bearer|basic)\s+(?!\*)[\w.~+/=-]{6,}", r"\1 ***", text)
