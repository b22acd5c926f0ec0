"""Kept releases: going back and forth, what refreshes do meanwhile, retention, and what was known on a day."""

import json
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.release import listing
from orchestration.release import publish as publishing
from orchestration.release.known_on import CATALOGUE, write_catalogue
from orchestration.release.releases import (
    Kept,
    current_release,
    delete_expired,
    disk,
    kept_releases,
    last_rollback,
    newest_release,
    notice_of_rollback,
    pin,
    point,
    roll_back,
    rolled_back_to,
    total_disk,
    unpin,
    with_reasons,
)
from orchestration.release.verify import verify
from orchestration.settings import Releases, settings_of
from tests.conftest import long, run_cli
from tests.ingest.killing import kills
from tests.orchestration.test_publish import _build, _editions, _publish


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with three releases, whose rows have the numbers 1, 2 and 3."""
    home = Home(tmp_path / "it's a home")
    for edition in (1, 2, 3):
        _build(home, edition, rows=10 * edition)
        _publish(home)
    return home


def ids(home: Home) -> list[str]:
    return [one.release_id for one in kept_releases(home)]


def test_readers_go_back_and_forth(home: Home) -> None:
    first, second, third = ids(home)
    assert roll_back(home, first, "wrong prices") == first
    assert _editions(home) == (1, 1) and rolled_back_to(home) == first
    assert roll_back(home, second, "not as wrong") == second
    assert _editions(home) == (2, 2) and rolled_back_to(home) == second
    verify(home, "current")
    assert roll_back(home, "latest", "") == third
    assert _editions(home) == (3, 3) and rolled_back_to(home) is None
    log = [json.loads(line) for line in (home.published / "rollbacks.jsonl").read_text().splitlines()]
    assert [(line["from"], line["to"], line["reason"]) for line in log] == [
        (third, first, "wrong prices"),
        (first, second, "not as wrong"),
        (second, third, "back to the latest release"),
    ]


def test_a_refresh_keeps_its_release_but_does_not_switch_readers(home: Home) -> None:
    first = ids(home)[0]
    roll_back(home, first, "wrong prices")
    _build(home, 4)
    made = _publish(home)
    assert _editions(home) == (1, 1)
    assert newest_release(home) == made != current_release(home)
    notice = notice_of_rollback(home) or ""
    assert f"Readers stay at release {first} since 20" in notice and "wrong prices" in notice
    assert roll_back(home, "latest", "") == made["release_id"]
    assert _editions(home) == (4, 4) and notice_of_rollback(home) is None
    _build(home, 5)
    _publish(home)
    assert _editions(home) == (5, 5), "readers see each new release again"


@pytest.mark.parametrize(
    ("release", "reason", "message"),
    [("first", " ", "needs its reason"), ("20200101T000000Z", "x", "There is no release 20200101T000000Z")],
)
def test_a_rollback_that_is_refused_changes_nothing(home: Home, release: str, reason: str, message: str) -> None:
    with pytest.raises(KyotenError, match=message):
        roll_back(home, ids(home)[0] if release == "first" else release, reason)
    assert _editions(home) == (3, 3) and last_rollback(home) == {}


def test_a_damaged_release_does_not_come_back(home: Home) -> None:
    database = kept_releases(home)[0].folder / "kyoten.duckdb"
    database.chmod(0o644)
    database.write_bytes(database.read_bytes()[:-100])
    with pytest.raises(KyotenError, match=r"not as it was published: kyoten.duckdb has .* Nothing was changed"):
        roll_back(home, ids(home)[0], "older is better")
    assert _editions(home) == (3, 3)


def test_a_kill_leaves_readers_at_one_of_the_two_with_its_reason(home: Home, tmp_path: Path) -> None:
    first = ids(home)[0]
    before = shutil.copytree(home.root, tmp_path / "before", symlinks=True)

    def prepare() -> None:
        shutil.rmtree(home.root)
        shutil.copytree(before, home.root, symlinks=True)

    killed = 0
    for _ in kills(home.root, lambda: roll_back(home, first, "why not"), prepare, step=1):
        killed += 1
        assert (_editions(home) == (1, 1)) == (rolled_back_to(home) == first)
        assert rolled_back_to(home) is None or last_rollback(home)["reason"] == "why not"
        roll_back(home, first, "again")
        assert _editions(home) == (1, 1)
    assert killed > 5 and _editions(home) == (1, 1)


def test_the_switch_takes_milliseconds(home: Home) -> None:
    first = ids(home)[0]
    started = time.perf_counter()
    roll_back(home, first, "quickly")
    assert time.perf_counter() - started < 0.5, "it reads no table; 50 ms on a machine that does nothing else"


def aged(home: Home, days: list[int], as_of: list[str]) -> None:
    """Change when the releases were published, and as of which day."""
    now = datetime.now(UTC)
    for one, age, day in zip(kept_releases(home), days, as_of, strict=True):
        path = one.folder / "manifest.json"
        published = (now - timedelta(days=age)).isoformat(timespec="seconds")
        path.write_text(json.dumps(one.manifest | {"published_at": published, "as_of": day}))


DAYS = ["2026-03-30", "2026-03-31", "2026-04-02", "2026-04-09", "2026-04-30", "2026-05-01", "2026-05-02"]


@pytest.fixture
def long_kept(home: Home) -> Home:
    """Seven releases of three months; the last one is of today."""
    for edition in (4, 5, 6, 7):
        _build(home, edition)
        _publish(home)
    aged(home, [100, 99, 60, 50, 40, 1, 0], DAYS)
    return home


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (Releases(keep=100, days=0, month_ends=0), [0, 1, 2, 3, 4, 5, 6]),
        (Releases(keep=100, days=55, month_ends=0), [3, 4, 5, 6]),
        (Releases(keep=3, days=0, month_ends=0), [4, 5, 6]),
        (Releases(keep=0, days=0, month_ends=0), [5, 6]),  # the latest and the one before
        (Releases(keep=1, days=0, month_ends=24), [1, 4, 5, 6]),
        (Releases(keep=1, days=0, month_ends=2), [4, 5, 6]),
    ],
)
def test_retention_by_number_age_and_month_end(long_kept: Home, keep: Releases, expected: list[int]) -> None:
    before = ids(long_kept)
    assert delete_expired(long_kept, keep) == [one for i, one in enumerate(before) if i not in expected]
    assert ids(long_kept) == [before[i] for i in expected]
    assert delete_expired(long_kept, keep) == []


def test_what_is_pinned_or_seen_by_readers_is_never_deleted(long_kept: Home) -> None:
    before, nothing = ids(long_kept), Releases(keep=0, days=1, month_ends=0)
    roll_back(long_kept, before[2], "wrong since then")
    pin(long_kept, before[0], "annual report")
    delete_expired(long_kept, nothing)
    assert ids(long_kept) == [before[0], before[2], *before[5:]]
    reasons = [one.why for one in with_reasons(long_kept, nothing, datetime.now(UTC))]
    assert reasons == ["pinned: annual report", "readers see it", "before the latest", "latest"]
    unpin(long_kept, before[0])
    assert delete_expired(long_kept, nothing) == [before[0]]
    with pytest.raises(KyotenError, match="needs its reason"):
        pin(long_kept, before[2], "")
    with pytest.raises(KyotenError, match="is not pinned"):
        unpin(long_kept, before[2])


def test_a_kill_during_retention_leaves_whole_releases(long_kept: Home, tmp_path: Path) -> None:
    home, keep = long_kept, Releases(keep=2, days=0, month_ends=0)
    before, all_ids = shutil.copytree(home.root, tmp_path / "before", symlinks=True), ids(home)

    def prepare() -> None:
        shutil.rmtree(home.root)
        shutil.copytree(before, home.root, symlinks=True)

    for _ in kills(home.root, lambda: delete_expired(home, keep), prepare, step=4):
        assert set(all_ids[-2:]) <= set(ids(home))
        for one in kept_releases(home):
            assert (one.folder / "kyoten.duckdb").exists() and (one.folder / "parquet" / "core").is_dir()
        delete_expired(home, keep)
        _publish(home)
        assert not list((home.published / "releases").glob("*.tmp"))
        assert ids(home)[:2] == all_ids[-2:]


def test_settings_that_do_not_exist_are_named(home: Home) -> None:
    assert settings_of(home).releases == Releases()
    settings = home.root / "settings.yml"
    settings.write_text("releases: {keep: 5}\n")
    assert settings_of(home).releases == Releases(keep=5)
    for text, message in (
        ("release: {keep: 5}", r"no setting release \(did you mean releases\?\)"),
        ("releases: {keeps: 5}", r"no setting releases.keeps \(did you mean keep\?\)"),
        ("releases: {keep: -1}", "releases.keep is -1. Write a whole number of 0 or more"),
        ("releases: {keep: true}", "releases.keep is True"),
        ("releases: 5", "releases must be"),
        ("- a", "the file must be"),
        ("a: [", "cannot be read"),
    ):
        settings.write_text(text)
        with pytest.raises(KyotenError, match=message):
            settings_of(home)


def test_any_table_as_known_on_a_day(long_kept: Home) -> None:
    releases = dict(zip(range(1, 8), ids(long_kept), strict=True))
    write_catalogue(long_kept)
    with duckdb.connect() as reader:
        reader.execute(f"attach {sql.text(str(long_kept.published / CATALOGUE))} as known (read_only)")

        def edition(known_on: str) -> int:
            (found,) = reader.sql(f"select distinct edition from known.core.fct_deals({known_on})").fetchall()
            return found[0]

        assert edition("'2026-03-31'") == 2
        assert edition("'2026-04-01'") == 2, "of two days the later one that is not after the day asked"
        assert edition("date '2026-04-29'") == 4
        assert edition("'2030-01-01'") == 7
        assert edition(f"'{releases[3]}'") == 3
        with pytest.raises(duckdb.InvalidInputException, match="known from 2026-03-30 on, none before"):
            edition("'2026-03-29'")
        with pytest.raises(duckdb.InvalidInputException, match="No kept release has the id 2026-03"):
            edition("'2026-03'")
        listed = reader.sql("select release_id, as_of::varchar from known.releases order by 1").fetchall()
        assert listed == list(zip(releases.values(), DAYS, strict=True))


def test_the_list_has_reasons_disk_and_changes(long_kept: Home) -> None:
    kept = kept_releases(long_kept)
    headlines = [
        {"month 2026-04-01": {"won_amount": "5000", "deals_won": "3", "deals_new": "None"}},
        {"month 2026-04-01": {"won_amount": "4000", "deals_won": "3", "deals_new": "7"}},
    ]
    for one, figures in zip(kept[4:6], headlines, strict=True):
        (one.folder / "manifest.json").write_text(json.dumps(one.manifest | {"headlines": figures}))
    shown = list(listing.lines(long_kept, "Asia/Tokyo"))
    text = "\n".join(shown)
    assert shown[0].startswith(kept[-1].release_id) and shown[0].endswith("readers see it")
    assert "    month of 2026-04-01: won -1,000 to 4,000" in text
    assert "wins" not in text, "a figure that did not change is not named"
    assert "deals +10 to 20" in text
    assert f"7 releases need {total_disk(long_kept.published / 'releases') / 1e6:,.1f} MB" in text
    first = Kept(kept[0].folder, kept[0].manifest)
    assert listing.changes(None, first) == ["the first that is kept"]


def test_the_links_are_replaced_at_once(home: Home) -> None:
    link = home.published / "somewhere"
    for target in ("a", "b"):
        point(link, target)
        assert str(link.readlink()) == target


@long
def test_the_commands_on_a_real_release(home_copy: Home) -> None:
    first = ids(home_copy)[0]
    assert "readers see it" in run_cli(home_copy, "releases").stdout
    assert run_cli(home_copy, "rollback", first).returncode == 1, "no reason"
    back = run_cli(home_copy, "rollback", first, "--reason", "prices were wrong")
    assert back.returncode == 0 and "prices were wrong" in back.stdout

    nothing_new = run_cli(home_copy, "refresh")
    assert nothing_new.returncode == 0 and f"Readers stay at release {first}" in nothing_new.stdout

    again = run_cli(home_copy, "refresh", "--force")
    assert again.returncode == 0, again.stdout + again.stderr
    second = ids(home_copy)[1]
    assert f"Built and kept release {second}" in again.stdout
    assert again.stdout.count(f"Readers stay at release {first}") == 2, "in the progress and in the summary"
    assert (current_release(home_copy) or {})["release_id"] == first
    assert f"Nothing new since release {second}" in run_cli(home_copy, "refresh").stdout

    latest = run_cli(home_copy, "rollback", "latest")
    assert latest.returncode == 0 and f"Readers see release {second}" in latest.stdout
    listed = run_cli(home_copy, "releases").stdout
    assert "no headline figure changed" in listed
    with duckdb.connect() as reader:
        reader.execute(f"attach '{home_copy.published / CATALOGUE}' as known (read_only)")
        then = reader.sql(f"select count(*) from known.kpi.branch_monthly('{first}')").fetchall()
        now = reader.sql("select count(*) from known.kpi.branch_monthly('2099-01-01')").fetchall()
    assert then == now


def test_a_table_that_did_not_change_is_written_once(home: Home) -> None:
    """Its Parquet file is shared with the release before; a damaged file is not."""
    first = _publish(home)
    second = _publish(home)
    places = [home.published / "releases" / one["release_id"] / "parquet" / "core" for one in (first, second)]
    files = [place / "fct_deals.parquet" for place in places]
    assert files[0].stat().st_ino == files[1].stat().st_ino
    assert disk([places[0].parent.parent])[places[0].parent.parent] < total_disk(places[0].parent.parent)
    files[1].chmod(0o644)
    status, content = files[1].stat(), bytearray(files[1].read_bytes())
    content[len(content) // 2] ^= 1
    files[1].write_bytes(content)
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    third = _publish(home)
    verify(home, third["release_id"])
    with duckdb.connect(str(home.database)) as connection:
        connection.execute("update core.fct_deals set amount = amount + 1 where deal_id = 'D1'")
    changed = _publish(home)
    before, release = (home.published / "releases" / one["release_id"] / "parquet" / "core" for one in (third, changed))
    assert (release / "fct_deals.parquet").stat().st_nlink == 1
    assert (release / "fct_revenue.parquet").stat().st_nlink > 1
    query = "select sum(amount) from read_parquet(?)"
    sums = [
        duckdb.execute(query, [str(one)]).fetchone()
        for one in (before / "fct_deals.parquet", release / "fct_deals.parquet")
    ]
    assert sums[1] and sums[0] and sums[1][0] != sums[0][0]
    verify(home, "current")


def test_a_clock_that_jumps_leaves_the_releases_in_the_order_of_their_publication(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set back by a day, put right, and ahead by a year: the last one published is the latest each time."""
    start, before = datetime.now(UTC), ids(home)
    for edition, moved in ((4, timedelta(days=-1)), (5, timedelta(0)), (6, timedelta(days=365)), (7, timedelta(0))):

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None, moment: datetime = start + moved) -> datetime:
                return moment

        monkeypatch.setattr(publishing, "datetime", Clock)
        _build(home, edition)
        made = _publish(home)
        assert _editions(home) == (edition, edition)
        assert newest_release(home) == made and ids(home) == [*before, made["release_id"]]
        before = ids(home)
        delete_expired(home, Releases(keep=100, days=0, month_ends=0))
    roll_back(home, before[0], "wrong since then")
    assert roll_back(home, "latest", "") == made["release_id"]
