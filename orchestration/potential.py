"""A proposal for the weights of the potential score, fitted to what branches won after past halves.

It reads the Parquet files of the current release and writes one CSV next to the configured weights. Nothing here
changes a seed or a table: a person adopts a proposal by adding a version to seeds/potential_features.csv.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine, sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.warehouse import var

if TYPE_CHECKING:
    import pandas as pd

# Half the width of an interval of 95 %, in standard errors.
WIDTH = 1.96
COLUMNS = (
    "version", "feature", "weight", "proposed_weight", "coefficient", "interval_low", "interval_high", "evidence",
    "branches_with_value",
)  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """Configured and proposed weights, and how well both order branches at a cut-off that was not used in the fit."""

    rows: tuple[dict[str, Any], ...]
    branches: int
    cutoffs: int
    support: float
    configured_auc: float | None
    proposed_auc: float | None


def cases(home: Home, parquet: Path) -> "tuple[pd.DataFrame, list[tuple[str, str, int]]]":
    """Return a row per cut-off and branch with features and outcome, and version, feature and weight of the score."""
    with engine.connect(home) as connection:
        outcomes, points = (
            connection.execute(f"from read_parquet({sql.text(str(parquet / name))}) order by all").df()
            for name in ("potential_outcomes.parquet", "potential_contributions.parquet")
        )
    if outcomes.empty or points.empty:
        raise KyotenError(
            "No past half has both scores and a whole outcome after it: no proposal. It needs branch_profiles of at"
            " least backtest_months before today."
        )
    latest = points[points["period_start"] == points["period_start"].max()]
    version = str(latest["version"].iloc[0])
    weights = latest.drop_duplicates("feature").sort_values("feature")
    features = [(version, str(row.feature), int(row.weight)) for row in weights.itertuples()]
    wide = points.pivot_table(
        index=["branch_id", "period_end"], columns="feature", values="scaled_value", aggfunc="first", dropna=False
    )
    rows = outcomes[outcomes["version"] == version].merge(
        wide.reset_index(), left_on=["branch_id", "cutoff_on"], right_on=["branch_id", "period_end"]
    )
    for _, feature, _ in features:
        rows[feature] = rows[feature].astype(float) if feature in rows else float("nan")
    return rows.sort_values(["cutoff_on", "branch_id"]).reset_index(drop=True), features


def fit(rows: "pd.DataFrame", features: Sequence[str]) -> tuple[dict[str, tuple[float, float]], float]:
    """Return coefficient and error of each feature, and the coefficient of support.

    Logistic regression of "won afterwards". Support before the cut-off is in it, so that a feature is not credited with
    what support explains. Errors are clustered by partner: its branches, and one branch at several cut-offs, are alike.
    """
    import numpy as np
    import pandas as pd
    import statsmodels.api as sm

    values = rows[list(features)].astype(float)
    # A missing value is the mean, and a feature that is the same everywhere has no coefficient.
    known = [name for name in features if values[name].nunique() > 1]
    matrix = values[known].fillna(values[known].mean())
    matrix["support"] = np.log1p(rows["live_touches_before"].astype(float))
    matrix = sm.add_constant(matrix, has_constant="add")
    groups = pd.factorize(rows["partner_id"], sort=True)[0]
    with np.errstate(all="ignore"):
        model = sm.GLM(rows["is_producing"].astype(float), matrix, family=sm.families.Binomial())
        result = model.fit(cov_type="cluster", cov_kwds={"groups": groups})
    if not result.converged or not np.isfinite(result.bse).all():
        raise KyotenError(
            "The fit did not converge: the features separate the branches completely, or repeat each other."
        )
    found = {name: (float(result.params[name]), float(result.bse[name])) for name in known}
    return found, float(result.params["support"])


def shares(found: dict[str, tuple[float, float]]) -> dict[str, int]:
    """Return whole weights that add up to 100; a feature without evidence has none."""
    sure = {name: value for name, (value, error) in found.items() if value - var("evidence_some") * error > 0}
    whole = sum(sure.values())
    exact = {name: 100 * value / whole for name, value in sorted(sure.items())}
    weights = {name: int(value) for name, value in exact.items()}
    for name in sorted(exact, key=lambda key: (weights[key] - exact[key], key))[: 100 - sum(weights.values())]:
        weights[name] += 1
    return weights


def auc_of(rows: "pd.DataFrame", weights: dict[str, int]) -> float | None:
    """Return how often a branch with a win has a higher score than one without; unknown features have no weight."""
    from scipy.stats import mannwhitneyu

    names = [name for name, weight in weights.items() if weight > 0]
    if not names:
        return None
    known = rows[names].notna().mul([float(weights[name]) for name in names], axis=1).sum(axis=1)
    points = rows[names].fillna(0.0).mul([float(weights[name]) for name in names], axis=1).sum(axis=1)
    score = (points / known)[known > 0]
    won = rows["is_producing"].astype(bool)[known > 0]
    if not won.any() or won.all():
        return None
    return float(mannwhitneyu(score[won], score[~won]).statistic) / int(won.sum()) / int((~won).sum())


def propose(home: Home, parquet: Path) -> Proposal:
    """Fit weights to all cut-offs, and compare them with the configured ones at a cut-off that the fit did not see.

    Raises:
        KyotenError: if there are too few branches for the number of features.
    """
    rows, features = cases(home, parquet)
    names = [feature for _, feature, _ in features]
    last = rows.groupby("branch_id").tail(1)
    # With fewer, a fit repeats accidents of the sample.
    needed = var("proposal_min_branches") * (len(names) + 1)
    fewer = min(int(last["is_producing"].sum()), int((~last["is_producing"].astype(bool)).sum()))
    if fewer < needed:
        raise KyotenError(
            f"Too few branches for a proposal: {fewer} with (or without) a win, and {len(names)} features need"
            f" {needed} of each."
        )
    found, support = fit(rows, names)
    weights = shares(found)
    # Outcomes of the earlier cut-offs were over before the last one began.
    newest = rows["cutoff_on"].max()
    earlier, unseen = rows[rows["outcome_end"] <= newest], rows[rows["cutoff_on"] == newest]
    configured_auc = proposed_auc = None
    if len(earlier) and earlier["is_producing"].nunique() == 2:
        configured_auc = auc_of(unseen, {feature: weight for _, feature, weight in features})
        proposed_auc = auc_of(unseen, shares(fit(earlier, names)[0]))
    table = []
    for version, feature, weight in features:
        value, error = found.get(feature, (0.0, 0.0))
        is_strong, is_some = (value - var(f"evidence_{grade}") * error > 0 for grade in ("strong", "some"))
        table.append({
            "version": version, "feature": feature, "weight": weight, "proposed_weight": weights.get(feature, 0),
            "coefficient": f"{value:.3f}", "interval_low": f"{value - WIDTH * error:.3f}",
            "interval_high": f"{value + WIDTH * error:.3f}",
            "evidence": "strong" if error and is_strong else "some" if error and is_some else "none",
            "branches_with_value": int(rows.loc[rows[feature].notna(), "branch_id"].nunique()),
        })  # fmt: skip
    return Proposal(
        tuple(table), int(last.shape[0]), int(rows["cutoff_on"].nunique()), support, configured_auc, proposed_auc
    )


def write(proposal: Proposal, path: Path) -> None:
    """Write the proposal as CSV: the same release gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(proposal.rows)


def print_proposal(home: Home) -> None:
    """Fit, write and print the proposal of a home's release."""
    parquet = home.published / "parquet" / "segment"
    if not (parquet / "potential_outcomes.parquet").exists():
        raise KyotenError(f"No release in {home.published}. Run: make refresh KYOTEN_HOME={home.root}")
    proposal = propose(home, parquet)
    path = home.root / "proposals" / "potential_features.csv"
    write(proposal, path)
    print(
        f"Weights of the potential score, fitted to {proposal.branches} branches at {proposal.cutoffs} past halves:\n"
    )
    print(f"{'feature':<26}{'weight':>8}{'proposed':>10}  evidence  coefficient (95 % interval)")
    for row in proposal.rows:
        print(
            f"{row['feature']:<26}{row['weight']:>8}{row['proposed_weight']:>10}  {row['evidence']:<8}"
            f"  {row['coefficient']} ({row['interval_low']} … {row['interval_high']})"
        )
    if proposal.configured_auc is not None and proposal.proposed_auc is not None:
        print(
            f"\nAt the last half, whose outcome a second fit has not seen: AUC {proposal.configured_auc:.2f} as"
            f" configured, {proposal.proposed_auc:.2f} as proposed."
        )
    print(
        f"\n{path}\nNothing has changed. To adopt weights, add a version to seeds/potential_features.csv: give the old"
        " rows a valid_to, and the new rows the same day as valid_from."
    )
