"""The kept releases: which one readers see, the way back to an earlier one, and which are deleted.

    published/current      -> releases/<id>    readers see each release as soon as it is published
                           -> rolled_back      a person has brought an earlier release back; readers stay at it
    published/rolled_back  -> releases/<id>    that release
    published/rollbacks.jsonl                  a line per rollback: when, by whom, from, to, why
    published/pinned.json                      releases that are never deleted, with the reason

One link decides what readers see, and whether a refresh switches them. So no kill can leave one without the other.
"""

import contextlib
import fcntl
import getpass
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.errors import KyotenError
from orchestration.home import Home, write_whole
from orchestration.release.verify import MANIFEST, damage_of
from orchestration.settings import Releases

ROLLED_BACK = "rolled_back"
LATEST = "latest"


@dataclass(frozen=True)
class Kept:
    """A release that is kept, with the bytes that deleting it would free, and why retention keeps it."""

    folder: Path
    manifest: dict[str, Any]
    why: str = ""

    @property
    def release_id(self) -> str:
        """Return the id."""
        return self.folder.name

    @property
    def as_of(self) -> str:
        """Return the latest extract date of the release; empty if its build had none."""
        return str(self.manifest["as_of"] or "")


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a release, or None if there is none."""
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))  # type: ignore[no-any-return]
    except (OSError, ValueError):  # cut short; verify.damage names it, and a refresh publishes again
        return None


def current_release(home: Home) -> dict[str, Any] | None:
    """Return the manifest of the release that readers see, or None."""
    return manifest_of(home.published / "current")


def newest_release(home: Home) -> dict[str, Any] | None:
    """Return the manifest of the release that was published last: after a rollback, readers see an earlier one."""
    if rolled_back_to(home) is None:
        return current_release(home)
    return next((kept.manifest for kept in reversed(kept_releases(home))), None)


def previous_release(home: Home, release_id: str) -> Path | None:
    """Return the folder of the latest intact release before this one, or None."""
    earlier = (kept.folder for kept in reversed(kept_releases(home)) if kept.release_id < release_id)
    return next((folder for folder in earlier if not damage_of(folder)), None)


def kept_releases(home: Home) -> list[Kept]:
    """Return the releases in the home, oldest first."""
    folders = sorted(path for path in (home.published / "releases").glob("*Z*") if path.suffix != ".tmp")
    return [Kept(folder, manifest) for folder in folders if (manifest := manifest_of(folder))]


def rolled_back_to(home: Home) -> str | None:
    """Return the id of the release that a person has brought back, or None while readers see the latest."""
    current = home.published / "current"
    if not current.is_symlink() or str(current.readlink()) != ROLLED_BACK:
        return None
    return (home.published / ROLLED_BACK).resolve().name


def last_rollback(home: Home) -> dict[str, Any]:
    """Return when, by whom and why a person last switched readers."""
    lines = _log(home).read_text(encoding="utf-8").splitlines() if _log(home).exists() else []
    return json.loads(lines[-1]) if lines else {}


def notice_of_rollback(home: Home) -> str | None:
    """Return what a person must know while readers stay at an earlier release, or None."""
    if (release_id := rolled_back_to(home)) is None:
        return None
    last = last_rollback(home)
    why = f" since {last['at'][:16]} ({last['by']}: {last['reason']})" if last.get("to") == release_id else ""
    return (
        f"Readers stay at release {release_id}{why}. Refreshes build and keep releases, but do not switch readers. "
        f"Back to the latest: make rollback RELEASE={LATEST} KYOTEN_HOME={home.root}"
    )


def switch(home: Home, release_id: str) -> bool:
    """Show readers a release that was just published, unless a person has brought another one back."""
    with switching(home):
        if rolled_back_to(home):
            return False
        point(home.published / "current", f"releases/{release_id}")
    return True


def roll_back(home: Home, release_id: str, reason: str) -> str:
    """Let readers see another release from now on; return its id. `latest` ends that.

    It waits for no refresh: readers may be looking at wrong figures.

    Raises:
        KyotenError: without a reason, or if the release is not there or not as it was published.
    """
    if release_id != LATEST and not reason.strip():
        raise KyotenError("A rollback needs its reason, such as REASON='prices of March were wrong'.")
    if not home.published.exists():
        raise KyotenError(f"Nothing is published in {home.published} yet.")
    with switching(home):
        kept = {one.release_id: one for one in kept_releases(home)}
        wanted = next(reversed(kept), LATEST) if release_id == LATEST else release_id
        if wanted not in kept:
            raise KyotenError(f"There is no release {wanted}. make releases lists {len(kept):,}: {', '.join(kept)}.")
        if found := damage_of(kept[wanted].folder):
            raise KyotenError(f"Release {wanted} is not as it was published: {'; '.join(found)}. Nothing was changed.")
        before = (home.published / "current").resolve().name
        _record(home, before, wanted, reason.strip() or "back to the latest release")
        if release_id == LATEST:
            point(home.published / "current", f"releases/{wanted}")
        else:
            # While readers see the latest release, nothing reads this link. Afterwards it alone decides.
            point(home.published / ROLLED_BACK, f"releases/{wanted}")
            point(home.published / "current", ROLLED_BACK)
        fsync(home.published)
    return wanted


def pin(home: Home, release_id: str, reason: str) -> None:
    """Keep a release until it is unpinned.

    Raises:
        KyotenError: without a reason, or if the release is not there.
    """
    if not reason.strip():
        raise KyotenError("A pin needs its reason, such as REASON='figures of the annual report'.")
    with switching(home):
        if release_id not in {one.release_id for one in kept_releases(home)}:
            raise KyotenError(f"There is no release {release_id}. make releases lists them.")
        _write_pins(home, {**pinned(home), release_id: reason.strip()})


def unpin(home: Home, release_id: str) -> None:
    """Let retention decide about a release again."""
    with switching(home):
        if release_id not in (pins := pinned(home)):
            raise KyotenError(f"Release {release_id} is not pinned. Pinned: {', '.join(pins) or 'none'}.")
        _write_pins(home, {one: reason for one, reason in pins.items() if one != release_id})


def pinned(home: Home) -> dict[str, str]:
    """Return the pinned releases with the reason of each."""
    path = home.published / "pinned.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def with_reasons(home: Home, keep: Releases, now: datetime) -> list[Kept]:
    """Return the releases, oldest first, with why each is kept; an empty text means that retention deletes it."""
    kept = kept_releases(home)
    numbers = {one.release_id: number for number, one in enumerate(reversed(kept))}
    by_month = {one.as_of[:7]: one.release_id for one in sorted(kept, key=lambda one: (one.as_of, one.release_id))}
    month_ends = {release_id: month for month, release_id in sorted(by_month.items())[-keep.month_ends :]}
    month_ends = month_ends if keep.month_ends else {}
    pins, seen = pinned(home), (home.published / "current").resolve().name

    def why(one: Kept) -> str:
        published = datetime.fromisoformat(one.manifest["published_at"])
        if one.release_id == seen:
            return "readers see it"
        if numbers[one.release_id] < 2:
            return "latest" if numbers[one.release_id] == 0 else "before the latest"
        if one.release_id in pins:
            return f"pinned: {pins[one.release_id]}"
        if one.release_id in month_ends:
            return f"last of {month_ends[one.release_id] or 'no month'}"
        is_young = not keep.days or now - published <= timedelta(days=keep.days)
        return "recent" if numbers[one.release_id] < keep.keep and is_young else ""

    return [Kept(one.folder, one.manifest, why(one)) for one in kept]


def delete_expired(home: Home, keep: Releases) -> list[str]:
    """Delete the releases that nothing keeps; return their ids."""
    with switching(home):
        expired = [one.folder for one in with_reasons(home, keep, datetime.now(UTC)) if not one.why]
        aside = [folder.rename(folder.with_name(f"{folder.name}.tmp")) for folder in expired]
    for folder in aside:  # a kill leaves them to the next publish, which removes *.tmp
        shutil.rmtree(folder)
    return [folder.name for folder in expired]


def disk(folders: Iterable[Path]) -> dict[Path, int]:
    """Return the bytes that deleting each folder alone would free: a file that two releases share counts in neither."""
    files: dict[Path, list[os.stat_result]] = {
        folder: [path.stat() for path in folder.rglob("*") if path.is_file()] for folder in folders
    }
    return {folder: sum(one.st_size for one in stats if one.st_nlink == 1) for folder, stats in files.items()}


def total_disk(folder: Path) -> int:
    """Return the bytes of all files below a folder; a file with several names counts once."""
    stats = (path.stat() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum({(one.st_dev, one.st_ino): one.st_size for one in stats}.values())


def point(link: Path, target: str) -> None:
    """Replace the link atomically: a reader always finds the old link or the new one."""
    aside = link.with_name(f".{link.name}.tmp")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(link)


def fsync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _log(home: Home) -> Path:
    return home.published / "rollbacks.jsonl"


def _record(home: Home, before: str, after: str, reason: str) -> None:
    """Log a rollback before it is done, so that no switch lacks its reason."""
    log = _log(home)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"at": at, "by": getpass.getuser(), "from": before, "to": after, "reason": reason}
    earlier = log.read_text(encoding="utf-8") if log.exists() else ""
    write_whole(log, f"{earlier}{json.dumps(line, ensure_ascii=False)}\n")


def _write_pins(home: Home, pins: dict[str, str]) -> None:
    write_whole(home.published / "pinned.json", json.dumps(pins, ensure_ascii=False, indent=1) + "\n")


@contextlib.contextmanager
def switching(home: Home) -> Iterator[None]:
    """Wait for a process that is switching readers or deleting releases; each takes a moment."""
    with (home.published / ".switch.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
