"""What a dataset that was never delivered would bring, for the summary after a refresh.

A dataset belongs here if whole tables are empty without it. The tables stay empty; nothing fails.
"""

from collections.abc import Collection

from orchestration.language import say

# Dataset → (English, Japanese).
WOULD_BRING = {
    "account_plans": (
        "account plans with their progress, actions, reviews and business reviews (docs/plans.md)",
        "アカウントプランの進捗・アクション・振り返り・QBR資料(docs/plans.md)",
    ),
    "plan_goals": (
        "the targets of account plans by month: attainment, pacing, shortfall and feasibility (docs/plans.md)",
        "プランの月次目標による達成率・ペース・不足・実現性(docs/plans.md)",
    ),
    "plan_actions": (
        "the actions of account plans: which are overdue, and how many are done in time (docs/plans.md)",
        "プランのアクションの期日超過と実行率(docs/plans.md)",
    ),
}


def missing_lines(delivered: Collection[str]) -> list[str]:
    """Return what each dataset that was not delivered would bring; of plans only the first, which the others need."""
    missing = [dataset for dataset in WOULD_BRING if dataset not in delivered]
    if "account_plans" in missing:
        missing = [dataset for dataset in missing if not dataset.startswith("plan_")]
    found = [(dataset, WOULD_BRING[dataset]) for dataset in missing]
    lines = [say(f"{one} would bring {english}.", f"{one}: {japanese}") for one, (english, japanese) in found]
    return ["", say("Not delivered", "届いていないデータと、届くと分かること"), *lines] if lines else []
