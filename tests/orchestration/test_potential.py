"""The proposal of weights finds what planted outcomes rest on, changes nothing, and is not made from a few branches."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.potential import print_proposal, propose, shares, write

CUTOFFS = (date(2024, 3, 31), date(2024, 9, 30), date(2025, 3, 31))


def planted(folder: Path, branches: int = 400, seed: int = 1) -> Path:
    """Write outcomes that rest on two features and on support, not on the third."""
    rng = np.random.default_rng(seed)
    outcomes, points = [], []
    for b in range(branches):
        values = {name: float(rng.random()) for name in ("headcount", "overlap", "useless")}
        for cutoff in CUTOFFS:
            support = int(rng.poisson(2 + 6 * values["overlap"]))
            odds = -3 + 3 * values["headcount"] + 1.5 * values["overlap"] + 0.3 * np.log1p(support)
            outcomes.append({
                "version": "v1", "cutoff_on": cutoff, "outcome_end": cutoff.replace(year=cutoff.year + 1),
                "branch_id": f"B{b:04}", "partner_id": f"P{b // 4:03}", "live_touches_before": support,
                "is_producing": bool(rng.random() < 1 / (1 + np.exp(-odds))),
            })  # fmt: skip
            points += [
                {
                    "version": "v1", "branch_id": f"B{b:04}", "period_start": cutoff.replace(day=1),
                    "period_end": cutoff, "feature": name, "weight": weight,
                    "scaled_value": values[name] if b % 7 or name == "useless" else None,
                }
                for name, weight in (("headcount", 30), ("overlap", 30), ("useless", 40))
            ]  # fmt: skip
    parquet = folder / "published" / "parquet" / "segment"
    parquet.mkdir(parents=True)
    pl.DataFrame(outcomes).write_parquet(parquet / "potential_outcomes.parquet")
    pl.DataFrame(points).write_parquet(parquet / "potential_contributions.parquet")
    return parquet


def test_weights_follow_the_planted_outcomes(tmp_path: Path) -> None:
    proposal = propose(Home(tmp_path), planted(tmp_path))
    found = {row["feature"]: row for row in proposal.rows}
    assert found["useless"]["proposed_weight"] == 0 and found["useless"]["evidence"] == "none"
    assert found["headcount"]["evidence"] == found["overlap"]["evidence"] == "strong"
    assert found["headcount"]["proposed_weight"] > found["overlap"]["proposed_weight"] > 15
    assert sum(row["proposed_weight"] for row in proposal.rows) == 100
    assert [row["weight"] for row in proposal.rows] == [30, 30, 40]  # the configured ones, next to it
    assert proposal.support > 0
    assert proposal.configured_auc and proposal.proposed_auc and proposal.proposed_auc > proposal.configured_auc


def test_the_same_release_gives_the_same_bytes_and_no_seed_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = (PROJECT / "seeds" / "potential_features.csv").read_bytes()
    parquet = planted(tmp_path)
    print_proposal(Home(tmp_path))
    path = tmp_path / "proposals" / "potential_features.csv"
    first = path.read_bytes()
    write(propose(Home(tmp_path), parquet), path)
    assert path.read_bytes() == first
    assert (PROJECT / "seeds" / "potential_features.csv").read_bytes() == seed
    assert "Nothing has changed" in capsys.readouterr().out


def test_few_branches_are_no_proposal(tmp_path: Path) -> None:
    with pytest.raises(KyotenError, match="Too few branches"):
        propose(Home(tmp_path), planted(tmp_path, branches=60))
    with pytest.raises(KyotenError, match="No release"):
        print_proposal(Home(tmp_path / "empty"))


def test_no_past_half_is_no_proposal(tmp_path: Path) -> None:
    parquet = planted(tmp_path, branches=5)
    path = parquet / "potential_outcomes.parquet"
    pl.read_parquet(path).clear().write_parquet(path)
    with pytest.raises(KyotenError, match="No past half"):
        propose(Home(tmp_path), parquet)


def test_weights_are_whole_and_need_evidence() -> None:
    assert shares({"a": (2.0, 0.1), "b": (1.0, 0.1), "c": (1.0, 0.9), "d": (-3.0, 0.1)}) == {"a": 67, "b": 33}
    assert shares({"a": (1.0, 1.0)}) == {}
