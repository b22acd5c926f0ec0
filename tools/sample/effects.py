"""What makes a difference in the sample company, and by how much. causes.py applies it; the truth file states it.

Win rates are in points of probability, so that 0.08 means eight points more. `more` is a factor on the number of new
deals, `passes` a factor on the share of deals that pass one step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

# What a potential score reads. A correlation is that of its normal scores with the log of the last year's business.
FEATURES = ("sales_headcount", "target_customer_overlap", "customer_count", "sells_competitor")
STEPS = ("open", "qualified", "proposed")  # the step of a deal that has reached this stage


@dataclass(frozen=True)
class Programme:
    """What a programme brings: more deals of its branches, and the month after its start in which it has paid back."""

    more: float
    payback_month: int | None  # None: not within the calendar


@dataclass(frozen=True)
class Effects:
    """The planted causes. The defaults are of believable size."""

    win_rate: float = 0.27  # of a new deal at an average branch, without help
    direct: float = 0.03
    # Standard deviation of the logarithm of a branch's business; 0: business in proportion to its salespeople.
    business: float = 1.8
    branch_skill: float = 0.065  # standard deviation
    rep_skill: float = 0.07
    renewal: float = 0.18
    joint_visit: float = 0.08
    shared_case: float = 0.12  # for the case's product at the branch, for `case_days` after a success case was shared
    case_days: int = 240
    weak_branches: float = 0.2  # share of branches with one weak step
    weak_passes: float = 0.72
    play_passes: float = 1.15  # of the play `proposal_template` at the step `qualified`
    play_days: int = 90
    session_more: float = 1.3  # in the weeks `after` … `until` after a study session
    training_more: float = 1.25
    after: int = 2
    until: int = 9
    quick_lead: float = 0.5  # share of supplied leads that become deals if the branch calls within a week
    slow_lead: float = 0.2
    slip_days: float = 14.0  # mean days by which deals close after their first expected date, if they last that long
    late_slip_days: float = 50.0  # the same for some reps
    late_reps: float = 0.2
    quiet: float = 0.1  # factor on the business of a branch that became quiet
    features: Mapping[str, float] = field(
        default_factory=lambda: {"sales_headcount": 0.45, "target_customer_overlap": 0.5, "customer_count": 0.3}
    )
    programmes: Mapping[str, Programme] = field(
        default_factory=lambda: {
            "PG1": Programme(1.25, 8),
            "PG2": Programme(1.15, 30),
            "PG3": Programme(1.2, 14),
            "PG4": Programme(1.0, None),
            "PG5": Programme(1.12, 20),
            "PG6": Programme(1.3, 5),
        }
    )


EFFECTS = Effects()
# Every branch, rep and action is like every other one: a difference that is found here is chance.
ALIKE = Effects(
    win_rate=0.31, direct=0.0, business=0.0, branch_skill=0.0, rep_skill=0.0, renewal=0.0, joint_visit=0.0,
    shared_case=0.0, weak_branches=0.0, weak_passes=1.0, play_passes=1.0, session_more=1.0, training_more=1.0,
    quick_lead=0.35, slow_lead=0.35, slip_days=20.0, late_slip_days=20.0, late_reps=0.0, quiet=1.0, features={},
    programmes={code: Programme(1.0, None) for code in ("PG1", "PG2", "PG3", "PG4", "PG5", "PG6")},
)  # fmt: skip
