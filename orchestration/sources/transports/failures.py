"""Messages for a failed fetch: source, table or endpoint, error and remedy."""

from urllib.parse import urlsplit

import requests
import sqlalchemy.exc

from orchestration.sources.transport_settings import clean
from orchestration.sources.transports.job import LATER, Job

_INFORMATIVE = (requests.RequestException, sqlalchemy.exc.SQLAlchemyError, OSError)
_AUTH = "Check the credentials in the environment, and what they may read"


def failure_message(job: Job, error: Exception) -> str:
    """Return the message without secrets."""
    while error.__cause__ and not isinstance(error, _INFORMATIVE):  # dlt only passes errors on
        error = error.__cause__  # type: ignore[assignment]
    what, remedy = _what(job, error)
    place = f"{job.at} of {job.source.name}" if job.at else job.source.name
    if remedy == _AUTH and (variables := sorted(name for name in job.secrets.values() if name.startswith("$"))):
        remedy = f"{remedy} ({', '.join(variables)})"
    return f"{place} was not fetched: {what}. {remedy}."


def _what(job: Job, error: Exception) -> tuple[str, str]:
    if isinstance(error, requests.RequestException):
        return _http(job, error)
    if isinstance(error, sqlalchemy.exc.SQLAlchemyError):
        return _database(job, error)
    if isinstance(error, PermissionError | FileNotFoundError):
        return f"{type(error).__name__}: {_short(job, error)}", "Check the path, the credentials and what they may read"
    if isinstance(error, OSError | ConnectionError | TimeoutError):
        return f"{type(error).__name__}: {_short(job, error)}", LATER
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    return f"{kind}{_short(job, error)}", "Correct the mapping, or the source"


def _http(job: Job, error: requests.RequestException) -> tuple[str, str]:
    request, response = error.request, error.response
    where = _plain_url(str(request.url)) if request is not None and request.url else "the API"
    if response is not None:
        where = _plain_url(response.url)
        if isinstance(error, requests.exceptions.JSONDecodeError):
            return f"{where} gave an answer that is no JSON", f"{LATER}, or correct the path"
        body = _short(job, response.text)
        what = f"{where} answered {response.status_code} {response.reason}{f': {body}' if body else ''}"
        if response.status_code in (401, 403) or "invalid_client" in body or "invalid_grant" in body:
            return what, _AUTH
        return what, LATER if response.status_code == 429 or response.status_code >= 500 else "Correct the mapping"
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return "the API gave an answer that is no JSON", f"{LATER}, or correct the path"
    if isinstance(error, requests.Timeout):
        return f"{where} did not answer in time", LATER
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"{where} broke off in the middle of an answer", LATER
    if isinstance(error, requests.ConnectionError):
        return f"{where} cannot be reached, or broke off the connection", f"{LATER}, or correct base_url"
    return f"{where}: {type(error).__name__}", "Correct the mapping"


def _plain_url(url: str) -> str:
    """Return a URL without user and query, either of which may contain a secret."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _database(job: Job, error: sqlalchemy.exc.SQLAlchemyError) -> tuple[str, str]:
    if isinstance(error, sqlalchemy.exc.NoSuchTableError):
        return f"the database has no table {error}", "Correct the table's name or its schema, or what the user may see"
    if isinstance(error, sqlalchemy.exc.OperationalError):
        return _short(job, error.orig or error), f"{LATER}, or correct the connection and its credentials"
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return _short(job, error.orig or error), "Correct the table or the query"
    return _short(job, error), "Correct the mapping"


def _short(job: Job, message: object) -> str:
    """Return a message as one short line; secrets are masked before it is cut, so that no half of a secret remains."""
    return " ".join(clean(str(message), job.secrets).split())[:400].rstrip(".")
