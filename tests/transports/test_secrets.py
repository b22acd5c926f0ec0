"""A secret from the environment appears in no file of the home and in no output, also after errors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.lock import write_lock
from orchestration.refresh import DAGSTER_YAML
from orchestration.sources.mapping import load_mapping
from orchestration.sources.transport_settings import clean
from tests.conftest import run_cli
from tests.transports.conftest import PASSWORD, Api, Postgres
from tests.transports.test_api import HUBSPOT, hubspot

ERP = """\
  erp:
    sql:
      connection: {url}
      tables: {{deals: crm.deals}}
    datasets: {{reps: {{query: "SELECT id AS rep_id FROM deals"}}}}
"""
TOKEN = "tok-3f9c2b7a"  # pragma: allowlist secret


def holding(home: Home, *secrets: str) -> list[Path]:
    """Return the files below a home that contain one of the secrets."""
    files = [path for path in home.root.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_no_file_and_no_output_of_the_commands_contains_a_secret(desk, api: Api, postgres: Postgres) -> None:
    home = desk.home
    api.answers["/crm/v3/objects/deals"] = hubspot
    (home.root / "sources.yml").write_text(HUBSPOT.format(url=api.url) + ERP.format(url=postgres.url))
    secrets = {"API_TOKEN": TOKEN, "DB_USER": "postgres", "DB_PASSWORD": PASSWORD}

    done = run_cli(home, "refresh", **secrets)  # the table does not exist
    assert done.returncode == 1
    assert "deals of erp was not fetched: the database has no table deals" in done.stderr
    assert done.stderr.strip().endswith("make refresh FETCH=0")
    assert [path.name for path in home.extracts.glob("[!.]*")] == ["hubspot"], "the other source landed"

    postgres.run("CREATE TABLE crm.deals (id text)")
    api.answers["/crm/v3/objects/deals"] = lambda request: (401, {}, f"no: {request.token}")
    fetched = run_cli(home, "fetch", **secrets)
    assert fetched.returncode == 1
    assert "Check the credentials in the environment, and what they may read (${API_TOKEN})" in fetched.stderr
    assert "deals of erp" not in fetched.stderr
    checked = run_cli(home, "sources-check", **secrets)
    assert checked.returncode == 1

    # The step in the UI: Dagster stores its failure with the causes.
    home.dagster.mkdir()
    (home.dagster / "dagster.yaml").write_text(DAGSTER_YAML)
    dagster = [str(Path(sys.executable).parent / "dagster"), "asset", "materialize", "-m", "orchestration.definitions"]
    step = subprocess.run(
        [*dagster, "--select", "key:landing/extracts"],
        cwd=PROJECT,
        env={**os.environ, **secrets, "KYOTEN_HOME": str(home.root), "DAGSTER_HOME": str(home.dagster)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "deals of hubspot was not fetched" in step.stdout + step.stderr
    for one in (done, fetched, checked, step):
        assert TOKEN not in one.stdout + one.stderr
        assert PASSWORD not in one.stdout + one.stderr
    assert holding(home, TOKEN, PASSWORD) == []
    assert holding(home, "deals of hubspot was not fetched"), "the event log is one of these files"


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("${{API_TOKEN}}", TOKEN, 7),
        ("{url}", "http://me:pass@api.example.com/", 6),  # pragma: allowlist secret
        ("auth: {{type", "headers: {{Authorization: Bearer abc}}\n        auth: {{type", 7),
        ("auth: {{type", "headers: {{X-Cybozu-API-Token: abc}}\n        auth: {{type", 7),
    ],
)
def test_a_secret_in_the_mapping_is_refused_and_not_repeated(mapping, before, after, line) -> None:
    text = HUBSPOT.replace(before, after).replace("{url}", "https://api.example.com/")
    with pytest.raises(KyotenError, match=rf"line {line}.* is written out.*\$\{{VARIABLE\}}") as error:
        load_mapping(mapping(text.replace("{{", "{").replace("}}", "}")))
    assert not any(word in str(error.value) for word in (TOKEN, "me:pass", "abc"))


def test_a_password_in_a_connection_is_refused(mapping, postgres: Postgres) -> None:
    text = "sources:\n" + ERP.format(url="postgresql://me:hunter2@db/erp")  # pragma: allowlist secret
    with pytest.raises(KyotenError, match=r"line 4, .*connection: a password is written out"):
        load_mapping(mapping(text))


def test_messages_mask_secrets_in_every_encoding() -> None:
    secrets = {"p@ss/w": "${PW}", "p@ss/word": "${LONGER}", 'a"&é': "${ODD}"}
    cleaned = clean("a p@ss/word b p%40ss%2Fw c p@ss/w d http://u:x@h/ Bearer abcdef123", secrets)
    assert cleaned == "a ${LONGER} b ${PW} c ${PW} d http://***@h/ Bearer ***"
    assert clean(r"a\"&\u00e9 a&quot;&amp;é a%22%26%C3%A9", secrets) == "${ODD} ${ODD} ${ODD}"


@pytest.mark.parametrize("before", range(380, 402, 4))
def test_no_half_of_a_secret_remains_in_a_shortened_message(desk, api: Api, mapping, travel, progress, before) -> None:
    api.answers["/crm/v3/objects/deals"] = lambda _: (400, {}, "x" * before + TOKEN)
    with pytest.raises(KyotenError) as error:
        progress.fetch(desk, mapping(HUBSPOT.format(url=api.url)))
    assert TOKEN[:6] not in str(error.value)


def test_a_fetch_refuses_to_run_while_another_process_writes(desk, api: Api) -> None:
    (desk.home.root / "sources.yml").write_text(HUBSPOT.format(url=api.url))
    with write_lock(desk.home):
        done = run_cli(desk.home, "fetch", API_TOKEN=TOKEN)
    assert done.returncode == 1
    assert "is being written by process" in done.stderr
    assert api.asked == []
