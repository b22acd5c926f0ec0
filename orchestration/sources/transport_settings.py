"""The settings of a source that is fetched: a remote folder, a database or an API. Nothing is fetched here.

${VARIABLES} stay as they are written until something is fetched, and secrets may be written in no other way.
"""

import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from orchestration.sources.yaml_file import Block, Items, Part, Place, Scalar, Text

if TYPE_CHECKING:
    from orchestration.sources.mapping import Source

# Keys whose values are secrets, for any library or API.
_SECRETS = re.compile(
    r"(.*[_-])?(token|secret|passw(or)?d|passphrase|authorization|assertion|connection_string)"
    r"|(.*[_-])?(api|access|account|private|secret)[_-]?key",
    re.IGNORECASE,
)
_NO_SECRETS = ("", "anon", "cloud")  # the values that make gcsfs take none, or the machine's own
MIN_SECRET = 2  # letters; the value of a shorter variable is all over any text


class Table(Part):
    """A table or query of a database."""

    table: Text = ""
    """Table as [schema.]name."""
    query: Text = ""
    """SQL of the database, instead of a table."""
    cursor: Text = ""
    """Column that tells what changed: from the second extract on, only rows from its last value on come."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.table) == bool(self.query):
            raise self.error("", "needs either `table:` or `query:`.")
        if self.query and self.cursor:
            raise self.error("cursor", "goes with `table:`; a query says itself what it fetches.")
        return self


class Database(Part):
    """What is fetched of a database."""

    connection: Text
    """SQLAlchemy URL, such as postgresql+psycopg://${DB_USER}:${DB_PASSWORD}@host/database."""
    schema_: Text = Field("", alias="schema")
    """Schema of the tables that name none."""
    tables: dict[str, Annotated[Table, BeforeValidator(lambda v: {"table": v} if isinstance(v, str) else v)]]
    """Alias: a table as [schema.]name, or its keys."""


class Incremental(Part, extra="allow"):
    """How a resource's cursor is found."""

    cursor_path: Text
    """Where a record has what tells that it changed."""

    @model_validator(mode="after")
    def _no_lag(self) -> Self:
        if "lag" in self._data:
            raise self.error("lag", "has no effect, because the cursor is read from the extracts.")
        return self


class Endpoint(Part, extra="allow"):
    """Where a resource is."""

    incremental: Incremental | None = None


class Resource(Part, extra="allow"):
    """One resource of an API; what is not named here is dlt's to check."""

    name: Text
    """It is the alias."""
    endpoint: Annotated[Endpoint | None, BeforeValidator(lambda v: v if isinstance(v, dict) else None)] = None

    @property
    def is_selected(self) -> bool:
        """Whether its rows are wanted, or it is fetched for another resource's sake only."""
        return plain(self._data.get("selected")) is not False


class Client(Part, extra="allow"):
    """How an API is reached."""

    base_url: Text
    """What all paths begin with."""


class Api(Part):
    """What is fetched of a REST API."""

    client: Annotated[Client, WithJsonSchema({})]
    """base_url, auth, paginator and headers."""
    resource_defaults: Any = None
    """What holds for every resource that says nothing else."""
    resources: Annotated[list[Resource], WithJsonSchema({}), Field(min_length=1)]
    """List of resources: name (the alias), endpoint (path, params, paginator, incremental …)."""

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        seen: set[str] = set()
        for one in self.resources:
            if one.name in seen:
                raise one.error("name", f"{one.name} is written twice; keep one.")
            seen.add(one.name)
        return self


@dataclass(frozen=True)
class Transport:
    """How a source is fetched. `aliases` are the tables or resources, none where files are fetched."""

    kind: str  # remote, sql or rest
    place: Place
    config: Mapping[str, Any]
    aliases: Mapping[str, Place]
    cursors: Mapping[str, str]  # of the aliases of which only what changed is fetched


def transport_of(source: "Source", data: Block) -> Transport | None:
    """Return a source's transport; None where its files lie in a local folder."""
    is_remote = "://" in source.location + os.path.expandvars(source.location)
    stated = [key for key in ("path", "sql", "rest") if key in data and (key != "path" or is_remote)]
    if ("path" in data and stated and not is_remote) or len(stated) > 1:
        raise source.error(stated[-1], "a source has one transport: keep one of `path:`, `sql:` and `rest:`.")
    if "options" in data and not is_remote:
        raise source.error("options", "goes with a `path:` that is a URL, such as s3://bucket/folder.")
    for key in (*stated, "options"):
        _no_secrets(data.get(key), data.places.get(key, data.place))
    if is_remote:
        config = {"url": source.location, "options": plain(data.get("options", {}))}
        return Transport("remote", data.places["path"], config, {}, {})
    if source.sql:
        return _sql(source.sql)
    return _rest(source.rest, data["rest"]) if source.rest else None


def _sql(sql: Database) -> Transport:
    if not sql.tables:
        raise sql.error("tables", "names no table.")
    tables = {alias: table.model_dump(exclude_defaults=True) for alias, table in sql.tables.items()}
    return Transport(
        "sql",
        sql.place,
        {"connection": sql.connection, "schema": sql.schema_, "tables": tables},
        {alias: sql.place_of("tables", alias) for alias in tables},
        {alias: keys["cursor"] for alias, keys in tables.items() if "cursor" in keys},
    )


def _rest(rest: Api, data: Block) -> Transport:
    wanted = [one for one in rest.resources if one.is_selected]
    return Transport(
        "rest",
        rest.place,
        plain(data),
        {one.name: one.place_of("name") for one in wanted},
        {one.name: one.endpoint.incremental.cursor_path for one in wanted if one.endpoint and one.endpoint.incremental},
    )


def plain(data: Any) -> Any:
    """Return data as YAML means it; dates stay text."""
    if isinstance(data, Items):
        return [plain(item) for item in data]
    if isinstance(data, Block):
        return {key: plain(value) for key, value in data.items()}
    if not isinstance(data, Scalar):
        return data
    if data.tag.endswith(":int") and re.fullmatch("-?(0|[1-9][0-9]*)", data):
        return int(data)
    return data.lower() in ("true", "yes", "on") if data.tag.endswith(":bool") else str(data)


def _no_secrets(data: Any, place: Place, key: str = "") -> None:
    """Refuse a secret that the mapping spells out; what it says is not repeated."""
    if isinstance(data, Block):
        for name, value in data.items():
            _no_secrets(value, data.places[name], name)
    elif isinstance(data, Items):
        for item, where in zip(data, data.places, strict=True):
            _no_secrets(item, where, key)
    elif data is None:
        return
    elif _SECRETS.fullmatch(key) and "${" not in data and data not in _NO_SECRETS:
        raise place.error("a secret is written out; write ${VARIABLE} and set it in the environment.")
    elif _password(data):
        raise place.error("a password is written out in the URL; write ${VARIABLE} and set it in the environment.")


def _password(text: str) -> bool:
    try:
        password = urlsplit(re.sub(r"\$\{[^}]*\}", "variable", text)).password or ""
    except ValueError:  # no URL
        return False
    return bool(unquote(password).replace("variable", "")) if "://" in text else False


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
