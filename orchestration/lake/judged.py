"""A batch that is judged: its figures, the expectations that it misses, and messages about them."""

from dataclasses import dataclass, field

from orchestration.lake.acceptance import Acceptance, batch_name
from orchestration.lake.expectations import KINDS, Expectation
from orchestration.lake.ledger import Group
from orchestration.lake.profile import Extract, Profiler


@dataclass
class JudgedBatch:
    """A batch, its figures, and the expectations that it misses."""

    group: Group
    extract: Extract
    profiler: Profiler
    accepted: Acceptance | None
    before: Extract | None = None
    figures: dict[str, float | None] = field(default_factory=dict)
    missed: list[Expectation] = field(default_factory=list)
    is_held: bool = False
    findings: str = ""
    message: str = ""

    @property
    def name(self) -> str:
        """The name of the batch in messages."""
        return batch_name(self.group)

    @property
    def dataset(self) -> str:
        """Its dataset."""
        return self.profiler.dataset.name

    def is_behind(self, other: "JudgedBatch | None") -> bool:
        """Whether it belongs to a later extract than another batch."""
        return other is not None and self.group[2:] > other.group[2:]

    def measure(self, before: Extract | None) -> None:
        """Compute the figures, some of them in comparison with the extract before, and which are out of bounds."""
        self.before, self.figures = before, self.profiler.measure(self.extract, before)
        self.missed = [one for one in self.profiler.expectations if not one.holds(self.figures[one.figure])]

    @property
    def is_measured(self) -> bool:
        """Whether it has enough rows for at least one figure."""
        return any(figure is not None for figure in self.figures.values())

    def failures(self) -> str:
        """Return a message with the missed expectations, the figures, and a few values to look at."""
        return "; ".join(self._failure(one) for one in self.missed)

    def _failure(self, one: Expectation) -> str:
        text = f"{one.figure} is {self.figures[one.figure]:.4g}, expected {one.bounds}"
        if KINDS[one.kind].compares and self.before:
            text += f", against the extract of {self.before.day}"
        examples = ", ".join(self.profiler.examples(one, self.extract, self.before))
        return f"{text} ({examples})" if examples else text
