"""Fetches a REST API's resources with dlt's rest_api."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import requests
from dlt.common import pendulum
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.extract.resource import DltResource
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client.auth import AuthConfigBase, OAuth2ClientCredentials
from dlt.sources.rest_api import rest_api_resources
from dlt.sources.rest_api.config_setup import create_auth

from orchestration.sources.transports.job import Fetched, Job
from orchestration.sources.transports.lines import write


def fetch_api(job: Job) -> dict[str, Fetched]:
    """Fetch every resource into the job's folder."""
    config: dict[str, Any] = copy.deepcopy(dict(job.config))
    client = config["client"]
    session = _session()
    if isinstance(client.get("auth"), dict) and client["auth"].get("type") == "oauth2_client_credentials":
        client["auth"]["session"] = session
    auth = create_auth(client.get("auth"))
    session.send = partial(_send, job, session.send, auth)  # type: ignore[method-assign]
    client |= {"auth": auth, "session": session}
    for resource in config["resources"]:
        if (since := job.since.get(resource["name"])) is not None:
            resource["endpoint"]["incremental"]["initial_value"] = since
    fetched = {}
    for resource in rest_api_resources(config):  # type: ignore[arg-type]
        if resource.selected:
            job.begin(resource.name)
            fetched[resource.name] = _fetch(job, resource)
    return fetched


def _fetch(job: Job, resource: DltResource) -> Fetched:
    assert job.source.transport
    alias = resource.name
    items = resource.add_limit(1) if job.is_sample else resource
    records = (flat(item if isinstance(item, Mapping) else {"value": item}) for item in items)
    rows, columns = write(job, alias, records, lambda: job.columns.get(alias, ()))
    followed = resource.incremental.incremental if resource.incremental else None
    cursor = followed.last_value if followed else None
    return Fetched(rows, columns, job.source.transport.cursors.get(alias, ""), cursor)


def _session() -> requests.Session:
    """Return dlt's session: it waits for the time in Retry-After, and repeats interrupted and timed-out requests."""
    client = Client(raise_for_status=False)
    client.update_from_config(resolve_configuration(RuntimeConfiguration()))
    return client.session


def _send(
    job: Job,
    send: Callable[..., requests.Response],
    auth: AuthConfigBase | None,
    request: requests.PreparedRequest,
    **options: Any,
) -> requests.Response:
    """Send a request; if the token expired before its time, get another one, once."""
    try:
        response = send(request, **options)
    except requests.HTTPError as error:  # dlt's hook raises it while the request is sent
        if not isinstance(auth, OAuth2ClientCredentials) or getattr(error.response, "status_code", 0) != 401:
            raise
        auth.token_expiry = pendulum.now()
        response = send(auth(request), **options)
    finally:
        if token := getattr(auth, "access_token", None):
            job.secrets[str(token)] = "***"
    # Amounts stay text, because a float would round long ones. The mapping reads text in any case.
    response.json = partial(response.json, parse_float=str)  # type: ignore[method-assign]
    return response


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a record with the fields of nested objects as its own, such as properties.amount; lists stay lists."""
    flattened: dict[str, Any] = {}
    for key, value in record.items():
        fields = flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {f"{prefix}{key}": value}
        if twins := fields.keys() & flattened.keys():
            raise ValueError(f"a record has {', '.join(sorted(twins))} twice, once within a nested object")
        flattened |= fields
    return flattened
