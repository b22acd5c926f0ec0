"""The settings of a source that is fetched: a remote folder, a database or an API. Nothing is fetched here.

${VARIABLES} stay as they are written until something is fetched, and secrets may be written in no other way.
"""

import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pydantic import AliasPath, BeforeValidator, Field, model_validator

from orchestration.sources.yaml_file import AnyType, Part, PartError, Place, Scalar, Text, parsed

# Keys whose values are secrets, for any library or API.
_SECRETS = re.compile(
    r"(.*[_-])?(token|secret|passw(or)?d|passphrase|authorization|assertion|connection_string)"
    r"|(.*[_-])?(api|access|account|private|secret)[_-]?key",
    re.IGNORECASE,
)
_NO_SECRETS = ("", "anon", "cloud")  # the values that make gcsfs take none, or the machine's own
MIN_SECRET = 2  # letters; the value of a shorter variable is all over any text
ALIAS = re.compile("[a-z][a-z0-9_]*")
_NO_ALIAS = "an alias is a table's name in SQL: lower case letters, digits and underscores."
AliasName = Annotated[str, parsed(lambda name: ALIAS.fullmatch(name) and name, _NO_ALIAS)]


def plain(data: Any) -> Any:
    """Return data as YAML means it; dates stay text."""
    if isinstance(data, list):
        return [plain(item) for item in data]
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if not isinstance(data, Scalar):
        return data
    if data.tag.endswith(":int") and re.fullmatch("-?(0|[1-9][0-9]*)", data):
        return int(data)
    return data.lower() in ("true", "yes", "on") if data.tag.endswith(":bool") else str(data)


class Table(Part):
    """A table or query of a database."""

    table: Text = ""
    """Table as [schema.]name."""
    query: Text = ""
    """SQL of the database, instead of a table."""
    cursor: Text = ""
    """Column that shows what changed: from the second extract on, only rows from its last value on come."""

    @model_validator(mode="after")
    def _has_one_of_both(self) -> Self:
        if bool(self.table) == bool(self.query):
            raise PartError("needs either `table:` or `query:`.")
        if self.query and self.cursor:
            raise PartError("goes with `table:`; a query says itself what it fetches.", "cursor")
        return self


class Database(Part):
    """What is fetched of a database."""

    connection: Text
    """SQLAlchemy URL, such as postgresql+psycopg://${DB_USER}:${DB_PASSWORD}@host/database."""
    schema_: Text = Field("", alias="schema")
    """Schema of the tables without one."""
    tables: Annotated[
        dict[AliasName, Annotated[Table, BeforeValidator(lambda one: {"table": one} if isinstance(one, str) else one)]],
        Field(min_length=1),
    ]
    """Alias: a table as [schema.]name, or its keys."""


class Incremental(Part, extra="allow"):
    """How a resource's cursor is found."""

    cursor_path: Text
    """It is where a record says when it changed."""

    @model_validator(mode="after")
    def _has_no_lag(self) -> Self:
        if "lag" in (self.model_extra or {}):
            raise PartError("has no effect, because the cursor is read from the extracts.", "lag")
        return self


class Resource(Part, extra="allow"):
    """One resource of an API; dlt checks what is not named here."""

    name: Text
    """It is the alias."""
    selected: Annotated[Any, BeforeValidator(plain)] = True  # if not, it is fetched for another resource's sake only
    incremental: Incremental = Field(None, validation_alias=AliasPath("endpoint", "incremental"))  # type: ignore[assignment]


class Client(Part, extra="allow"):
    """How an API is reached."""

    base_url: Text
    """What all paths begin with."""


def _filled(data: Any) -> Any:
    return data if isinstance(data, list) and data else None


class Api(Part):
    """What is fetched of a REST API."""

    client: Annotated[Client, AnyType]
    """base_url, auth, paginator and headers."""
    resource_defaults: Any = None
    """What counts for every resource without its own."""
    resources: Annotated[list[Resource], AnyType, parsed(_filled, "must be a list of resources, each with a `name:`.")]
    """List of resources: name (the alias), endpoint (path, params, paginator, incremental …)."""

    @model_validator(mode="after")
    def _names_are_aliases(self) -> Self:
        names = [one.name for one in self.resources]
        for i, one in enumerate(self.resources):
            if one.name in names[:i]:
                raise PartError(f"{one.name} is written twice; keep one.", "resources", i, "name")
            if one.selected is not False and not ALIAS.fullmatch(one.name):
                raise PartError(_NO_ALIAS, "resources", i, "name")
        return self


@dataclass(frozen=True)
class Transport:
    """How a source is fetched. `aliases` are the tables or resources, none where files are fetched."""

    kind: str  # remote, sql or rest
    place: Place
    config: Mapping[str, Any]
    aliases: Mapping[str, Place]
    cursors: Mapping[str, str]  # of the aliases of which only what changed is fetched


def is_url(path: str) -> bool:
    """Return whether a folder is a remote one, as it is written or by a variable's value."""
    return "://" in path + os.path.expandvars(path)


def transport_of(data: Mapping[str, Any], place: Place, sql: Database, rest: Api) -> Transport | None:
    """Return the transport of a source; None where its files lie in a local folder."""
    is_remote = is_url(data.get("path", ""))
    stated = [key for key in ("path", "sql", "rest") if key in data and (key != "path" or is_remote)]
    if ("path" in data and stated and not is_remote) or len(stated) > 1:
        raise place.below(stated[-1]).error("a source has one transport: keep one of `path:`, `sql:` and `rest:`.")
    if "options" in data and not is_remote:
        raise place.below("options").error("goes with a `path:` that is a URL, such as s3://bucket/folder.")
    for key in (*stated, "options"):
        _check_secrets(data.get(key), place.below(key))
    if not stated:
        return None
    at = place.below(stated[0])
    if is_remote:
        return Transport("remote", at, {"url": data["path"], "options": plain(data.get("options", {}))}, {}, {})
    if sql:
        config = {"schema": "", **sql.model_dump(by_alias=True, exclude_defaults=True)}
        cursors = {alias: table.cursor for alias, table in sql.tables.items() if table.cursor}
        return Transport("sql", at, config, {alias: at.below("tables", alias) for alias in sql.tables}, cursors)
    wanted = {one.name: (i, one.incremental) for i, one in enumerate(rest.resources) if one.selected is not False}
    aliases = {name: at.below("resources", i, "name") for name, (i, _) in wanted.items()}
    cursors = {name: found.cursor_path for name, (_, found) in wanted.items() if found}
    return Transport("rest", at, plain(data["rest"]), aliases, cursors)


def _check_secrets(data: Any, place: Place, key: str = "") -> None:
    """Refuse a secret that the mapping spells out; what it says is not repeated."""
    if isinstance(data, dict):
        for name, value in data.items():
            _check_secrets(value, place.below(name), name)
    elif isinstance(data, list):
        for i, item in enumerate(data):
            _check_secrets(item, place.below(i), key)
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
