"""What a refresh spends: CPU seconds, seconds and peak memory of each step."""

import contextlib
import json
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestration.home import Home, write_whole
from orchestration.language import say


@dataclass(frozen=True)
class Step:
    """One step: CPU seconds of this process and its children, seconds on the clock, peak memory of this process."""

    name: str
    cpu: float
    wall: float
    peak_mib: int


@dataclass
class Costs:
    """The steps of one refresh, in order."""

    steps: list[Step] = field(default_factory=list)
    inner: list[tuple[float, float]] = field(default_factory=list)  # of running steps: CPU and wall of those within

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step, also where it fails. The costs of a step within it are only its own."""
        _reset_peak()
        cpu, wall = _cpu(), time.monotonic()
        self.inner.append((0.0, 0.0))
        try:
            yield
        finally:
            cpu, wall = _cpu() - cpu, time.monotonic() - wall
            inner_cpu, inner_wall = self.inner.pop()
            self.steps.append(Step(name, cpu - inner_cpu, wall - inner_wall, _peak_mib()))
            if self.inner:
                self.inner[-1] = (self.inner[-1][0] + cpu, self.inner[-1][1] + wall)

    def lines(self) -> list[str]:
        """Return a table as text."""
        cpu, wall = sum(one.cpu for one in self.steps), sum(one.wall for one in self.steps)
        rows = [*self.steps, Step("all", cpu, wall, max((one.peak_mib for one in self.steps), default=0))]
        table = [f"{one.name:<12} {one.cpu:8.1f} {one.wall:8.3f} {one.peak_mib:10,}" for one in rows]
        return [f"{'step':<12} {'CPU s':>8} {'wall s':>8} {'peak MiB':>10}", *table]

    def save(self, home: Home, release_id: str) -> None:
        """Keep the costs of the refresh that made a release, for the summary."""
        write_whole(_file(home), json.dumps({"release_id": release_id, "steps": [asdict(one) for one in self.steps]}))


def seconds(home: Home, release_id: str) -> float | None:
    """Return how long the refresh took that made this release, or None if it is not known."""
    steps = _steps(home, release_id)
    return sum(one.wall for one in steps) if steps else None


def _steps(home: Home, release_id: str) -> list[Step]:
    if not _file(home).exists():
        return []
    saved = json.loads(_file(home).read_text())
    return [Step(**one) for one in saved["steps"]] if saved["release_id"] == release_id else []


def slowest(home: Home, release_id: str) -> str | None:
    """Return a line about the slowest step of the refresh that made this release, or None if it is not known."""
    steps = _steps(home, release_id)
    if not steps:
        return None
    longest = max(steps, key=lambda one: one.wall)
    wall, command = sum(one.wall for one in steps), "make refresh FORCE=1 PROFILE=1"
    return say(
        f"The refresh took {wall:.0f} s. Its slowest step was {longest.name} with {longest.wall:.0f} s. "
        f"All steps: {command}",
        f"更新にかかった時間は{wall:.0f}秒、最も長い処理は {longest.name}({longest.wall:.0f}秒)。内訳: {command}",
    )


def _file(home: Home) -> Path:
    return home.build / "costs.json"


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _reset_peak() -> None:
    with contextlib.suppress(OSError):  # Linux only; elsewhere the peak is that of the process so far
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mib() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
