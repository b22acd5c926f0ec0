"""Decisions of the vendor that rest on a figure, and what was expected of them. Nothing in the sample follows."""

from typing import Any

import numpy as np

from tools.sample.calendar import AS_OF
from tools.sample.causes import PROGRAMMES
from tools.sample.organisation import Organisation
from tools.sample.writing import Writer

STEPS = (1.1, 0.8, 1.3)  # what is expected, as a factor on a rough forecast


def write_decisions(org: Organisation, writer: Writer) -> None:
    """Write a decision per programme, and one per year about each of a few large branches."""
    best = np.argsort(-org.weight[: org.real_branches], kind="stable")[:6].tolist()
    rows: list[dict[str, Any]] = [
        {
            "decision_id": f"DC-{code}", "decision": f"{name}を始める", "metric": "deals_new", "scope": "company",
            "scope_id": None, "figure": None, "taken_on": start, "taken_by": "パートナー営業部長",
            "expected_value": round(org.size * 0.19 * STEPS[i % 3]), "expected_by": f"{int(start[:4]) + 1}{start[4:]}",
            "programme_id": code,
        }
        for i, (code, name, _, start, _, _) in enumerate(PROGRAMMES)
    ]  # fmt: skip
    rows += [
        {
            "decision_id": f"DC{year}-B{b + 1:05d}", "decision": "担当者を増やす", "metric": metric, "scope": "branch",
            "scope_id": f"B{b + 1:05d}", "figure": None, "taken_on": f"{year}-04-15", "taken_by": "営業本部長",
            "expected_value": round(float(org.weight[b]) * org.size * per_deal * STEPS[i % 3], 2),
            "expected_by": f"{year + 1}-03-31", "programme_id": None,
        }
        for year in (2023, 2024, 2025)
        for i, b in enumerate(best)
        for metric, per_deal in ((("won_amount", 150_000), ("deals_new", 0.25))[i % 2],)
    ]  # fmt: skip
    writer.write_rows("decisions", AS_OF, rows)
