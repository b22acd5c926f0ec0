"""A refresh without the UI: if anything is new, runs the steps in this process.

It does not start Dagster, which would take longer for its events than most steps take for their work. The sensor
`releases` of definitions.py records the release in the UI.
"""

import os
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Any

from orchestration import engine, sql
from orchestration.costs import Costs
from orchestration.errors import KyotenError, NotLoadedError, interruptible, printable, room_needed
from orchestration.home import Home
from orchestration.ladder import LADDER, check_ladder
from orchestration.language import say, translated
from orchestration.lock import write_lock
from orchestration.release import postgres
from orchestration.release.fingerprint import nothing_new
from orchestration.release.releases import current_release, newest_release, notice_of_rollback
from orchestration.release.verify import damage
from orchestration.settings import settings_of
from orchestration.sources.transports.fetch import FetchError, fetch
from orchestration.warehouse import configure, overrides, var

DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
# Output of runs goes to logs/ and to the terminal of `dagster dev`; captured by Dagster it would pile up per run.
compute_logs:
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# One run at a time: a home has one writer. A second one waits here instead of failing on the lock.
concurrency:
  runs:
    max_concurrent_runs: 1
retention:
  schedule: {purge_after_days: 30}
  sensor: {purge_after_days: 7}
  auto_materialize: {purge_after_days: 7}
"""
NO_ROOM = 1_000_000  # bytes
# The setting with the address of the database for Dagster's records; without it they are in dagster/ of the home. It
# begins with postgresql+psycopg2://, because Dagster notifies in a way that psycopg 3 does not have.
POSTGRES = postgres.RECORDS
POSTGRES_YAML = f"""\
storage:
  postgres:
    postgres_url: {{env: {POSTGRES}}}
"""


@dataclass(frozen=True)
class Clock:
    """Prints each step with the seconds since the start, to the real terminal even where output is redirected."""

    started: float

    def say(self, text: str) -> None:
        """Print one line of progress."""
        line = f"{time.monotonic() - self.started:7.1f} s  {printable(translated(text))}"
        print(line, file=sys.__stdout__, flush=True)


def refresh(home: Home, *, force: bool = False, fetches: bool = True, profile: bool = False) -> str | None:
    """Bring the published release up to date; return the id of the new release, or None if nothing was new.

    profile: print what each step took.
    """
    clock, costs = Clock(time.monotonic()), Costs()
    with write_lock(home):
        overrides()  # a wrong KYOTEN_VARS is reported at once, and so is a wrong ladder
        check_ladder(LADDER)
        settings_of(home)
        if fetches:
            with costs.step("fetch"):
                _fetch(home, clock)
        if not force and (release_id := nothing_new(home)):
            _load_postgres(home, clock)
            _tell(home, clock)
            nothing = say(
                f"Nothing new since release {release_id}.", f"リリース {release_id} から新しいデータはありません。"
            )
            print("\n".join(filter(None, [nothing, notice_of_rollback(home)])))
            return None
        clock.say(f"Refreshing {home.root}")
        for change in damage(home):
            clock.say(f"The release is not as it was published: {change}. It will be published again.")
        prepare_dagster(home)
        before = newest_release(home)
        try:
            with interruptible(), room_needed():
                release = _run(home, clock, costs)
        except KeyboardInterrupt:
            made = newest_release(home)
            if made is None or made == before:
                raise
            new = made["release_id"]
            published = f"Interrupted. Release {new} is published; the next refresh does the rest."
            japanese = f"中断しました。リリース {new} は公開済みです。残りの処理は次の更新で行います。"
            raise KeyboardInterrupt(say(published, japanese)) from None
        except NotLoadedError as error:  # readers have the new release
            _tell(home, clock, [str(error)])
            raise
        except KyotenError as error:
            causes = [*_full_disk(home, str(error)), *str(error).splitlines()]
            _tell(home, clock, causes)
            told = _not_published(home, [*causes, *_rejected(home)])
            raise KyotenError(f"{told}\nLog of dbt: {home.logs / 'dbt.log'}") from error
        finally:
            if profile:
                print("\n".join(["", *costs.lines()]))
        costs.save(home, release["release_id"])
        _tell(home, clock)
        new, notice = release["release_id"], notice_of_rollback(home)
        if notice:
            clock.say(say(f"Built and kept release {new}", f"リリース {new} を作成し、保管しました"))
            clock.say(notice)
        else:
            clock.say(say(f"Published release {new}", f"リリース {new} を公開しました"))
        return str(release["release_id"])


def _fetch(home: Home, clock: Clock) -> None:
    """Fetch remote sources. If one fails, the others still land, but nothing is published without it."""
    try:
        fetch(home, home.sources, timezone=var("business_timezone"), say=clock.say)
    except FetchError as error:
        remedy = "To publish without it: make refresh FETCH=0"
        _tell(home, clock, str(error).splitlines())
        raise KyotenError(f"{_not_published(home, str(error).splitlines())}\n{remedy}") from None
    except KyotenError:
        return  # an error in the mapping itself; ingest reports it


def _load_postgres(home: Home, clock: Clock) -> None:
    """Load PostgreSQL if it was away when the release was published."""
    address = postgres.wanted()
    if not address or not postgres.is_expected(home):
        return
    clock.say("Loading PostgreSQL, which lacks the release")
    try:
        postgres.load(home, address)
    except NotLoadedError as error:
        _tell(home, clock, [str(error)])
        raise


def _tell(home: Home, clock: Clock, causes: list[str] | None = None) -> None:
    """Send the notices that settings.yml names; without causes, the refresh succeeded."""
    if not settings_of(home).notices.to:
        return
    from orchestration import notices

    if causes is None:
        notices.succeeded(home, clock.say)
    else:
        notices.failed(home, causes, clock.say)


def _not_published(home: Home, causes: list[str]) -> str:
    release = current_release(home)
    if release:
        kept = say(f"Release {release['release_id']} stays.", f"リリース {release['release_id']} が引き続き有効です。")
    else:
        kept = say("There is no earlier release.", "以前のリリースはありません。")
    return "\n".join([say(f"Not published. {kept}", f"公開していません。{kept}"), *(f"- {cause}" for cause in causes)])


def _full_disk(home: Home, message: str) -> list[str]:
    """Return the cause behind an error on a full disk, which engines may report as a damaged file."""
    if "No space" in message or shutil.disk_usage(home.root).free > NO_ROOM:
        return []
    return ["No space is left on the disk. Make room, then run the same command again. The published release stays."]


def _rejected(home: Home) -> list[str]:
    """Return the latest rejected rows as messages; without a release no published table shows them."""
    folder = home.lake / "rejected"
    if not folder.exists():
        return []
    latest = f"""
        with rejected as (from read_parquet({sql.text(f"{folder}/*.parquet")}, union_by_name = true))
        select concat_ws(', ', file_name, {sql.text(say("row ", "行 "))} || row_number, column_name), reason, remedy
        from rejected where loaded_at = (select max(loaded_at) from rejected) order by all limit 5
    """
    with engine.connect(home) as connection:
        rows = connection.execute(latest).fetchall()
    return [f"Rejected (this alone stops nothing): {place}: {reason}; {remedy}" for place, reason, remedy in rows]


def prepare_dagster(home: Home) -> None:
    """Create Dagster's home with the project's settings."""
    configure(home)
    stored = POSTGRES_YAML if os.environ.get(POSTGRES) else ""
    (home.dagster / "dagster.yaml").write_text(DAGSTER_YAML + stored)


def _run(home: Home, clock: Clock, costs: Costs) -> dict[str, Any]:
    with costs.step("imports"):
        from orchestration import steps

    with costs.step("ingest"):
        loaded = steps.load(home, clock.say)
    if stopped := steps.stops(loaded):
        raise KyotenError("\n".join(stopped))
    with costs.step("names"):
        steps.name(home, clock.say)
    with costs.step("knowledge"):
        steps.know(home, clock.say)
    with costs.step("dbt"):
        steps.build(home, clock.say)
    with costs.step("publish"):
        release = steps.release(home, clock.say, costs.step)
    return release
