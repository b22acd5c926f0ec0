"""Wrong settings are named before a run; hostile text in paths and data is only text."""

import shutil
from pathlib import Path

import pytest

from orchestration.errors import KyotenError, printable
from orchestration.home import Home
from orchestration.warehouse import checked_vars
from tests.conftest import long, run_cli


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("business_timezone", '"Mars/Olympus"', "the name of a time zone"),
        ("base_currency", '"yen"', "a currency code of three capitals"),
        ("as_of", '"2026-4-1"', "a day as YYYY-MM-DD"),
        ("fiscal_year_start_month", "13", "a month from 1 to 12"),
        ("max_unresolved_share", "5", "a number from 0 to 1"),
        ("n_min", '"x"', "a whole number of 0 or more"),
        ("n_min", "true", "a whole number of 0 or more"),
        ("two_tier_credit", '"both"', "one of reseller, distributor"),
        ("credit_date_order", '"won"', "a list"),
        ("quarantine_severities", "[]", "an object"),
        ("stuck_factor", "-1", "a number of 0 or more"),
    ],
)
def test_a_var_that_does_not_fit_is_named(name: str, value: str, needed: str) -> None:
    with pytest.raises(KyotenError, match=f"KYOTEN_VARS sets {name} to .* It needs {needed}"):
        checked_vars(f'{{"{name}": {value}}}', "KYOTEN_VARS")


@pytest.mark.parametrize(
    "text",
    ['{"stuck_factor": 1.5}', '{"as_of": ""}', '{"as_of": "2026-04-01"}', '{"business_timezone": "Europe/Berlin"}'],
)
def test_a_var_that_fits_is_taken(text: str) -> None:
    assert checked_vars(text, "KYOTEN_VARS")


def test_a_wrong_var_stops_a_refresh_before_it_begins(tmp_path: Path) -> None:
    done = run_cli(Home(tmp_path / "home"), "refresh", KYOTEN_VARS='{"business_timezone": "Mars/Olympus"}')
    assert done.returncode == 1 and "It needs the name of a time zone" in done.stderr
    assert not (tmp_path / "home" / "lake").exists()


@pytest.mark.parametrize("command", ["refresh", "summary", "worklist"])
@pytest.mark.parametrize(
    ("name", "message"),
    [("file", "is a file. Name a folder"), ("a[b]*", "has * [ ] in its path"), ("l", "KYOTEN_HOME")],
)
def test_a_home_that_cannot_be_one(tmp_path: Path, command: str, name: str, message: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "l").symlink_to(tmp_path / "l")
    done = run_cli(Home(tmp_path / name), command)
    assert done.returncode == 1 and message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_written() -> None:
    done = run_cli(Home(Path("/proc/kyoten")), "refresh")
    assert done.returncode == 1 and "/proc/kyoten cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("size", ["99999999999999999999", "0", "-1", "1e3"])
def test_a_sample_has_a_size_that_is_possible(tmp_path: Path, size: str) -> None:
    done = run_cli(Home(tmp_path), "demo", "--size", size)
    assert done.returncode == 2 and "is not a whole number from 1 to 100,000,000" in done.stderr


@long
def test_a_home_with_signs_of_sql_and_names_with_markup(built_home: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / 'it\'s a "home" #1')
    shutil.copytree(built_home.landing, home.landing)
    (home.landing / "deals" / "a[x]\\b_2026-04-05.csv").write_text("deal_id,stage\n,[/x]won\n")
    done = run_cli(home, "refresh")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "deals/a[x]\\b_2026-04-05.csv" in "".join(done.stdout.split())
    assert run_cli(home, "verify").returncode == 0


def test_control_characters_are_visible() -> None:
    assert printable("株式\u3000会社 ①\tx") == "株式\u3000会社 ①\tx"
    assert printable("a\x1b[31mb\nc\u202e") == "a\\x1b[31mb\nc\\u202e"
