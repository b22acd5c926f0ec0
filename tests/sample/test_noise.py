"""Noise removes evidence, never adds evidence, and never changes an answer; without noise nothing changes."""

from pathlib import Path

import duckdb
import pytest

from orchestration.errors import KyotenError
from orchestration.home import Home
from tools.sample import generate

from .conftest import quiet
from .test_files import digests

SPOILT = {"landing/deals/", "landing/deal_registrations/", "landing/deal_participants/"}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Home]:
    """Return one company at three levels of noise."""
    made = {level: Home(tmp_path_factory.mktemp("noise") / str(level)) for level in (0.0, 1.0, 5.0)}
    for level, home in made.items():
        generate(home, 2_000, 11, quiet, noise=level)
    return made


def answers(home: Home) -> list[tuple]:
    """Return the truth without the column that describes the damage."""
    return duckdb.sql(
        f"select * exclude (damaged) from read_csv('{home.truth}/deals.csv', all_varchar = true) order by deal_id"
    ).fetchall()


def test_the_level_changes_evidence_and_no_answer(homes: dict[float, Home]) -> None:
    silent = digests(homes[0.0].root)
    for level in (1.0, 5.0):
        assert answers(homes[level]) == answers(homes[0.0])
        loud = digests(homes[level].root)
        changed = {name for name in loud if name.startswith("landing/") and loud[name] != silent[name]}
        folders = {name.rpartition("/")[0] + "/" for name in changed} - {"landing/"}  # the marker contains the level
        assert folders <= SPOILT
    assert folders == SPOILT


def test_more_noise_damages_more_and_none_damages_nothing(homes: dict[float, Home]) -> None:
    shares = {}
    for level, home in homes.items():
        shares[level] = duckdb.sql(
            f"select count(damaged) / count(*) from read_csv('{home.truth}/deals.csv', all_varchar = true)"
        ).fetchall()[0][0]
    assert shares[0.0] == 0
    assert 0.03 < shares[1.0] < 0.08
    assert 0.15 < shares[5.0] < 0.35


def test_damaged_deals_stay_indirect_and_their_addresses_are_unassigned(homes: dict[float, Home]) -> None:
    home = homes[5.0]
    with duckdb.connect() as con:
        con.execute(f"create view truth as from read_csv('{home.truth}/deals.csv', all_varchar = true)")
        for name in ("deals", "contact_points", "deal_registrations"):
            con.execute(f"create view {name} as from read_csv('{home.landing}/{name}/*.csv', all_varchar = true)")
        direct = """select deal_id from deals join truth using (deal_id)
            where damaged is not null and (channel is null or channel = 'direct')"""
        assert con.execute(direct).fetchall() == []
        strange = """
            select count(*), count(c.value) from (
                select deal_id, rep_email from deals join truth using (deal_id)
                where regexp_matches(damaged, 'rep_email (mistyped|unregistered)') and rep_email is not null
            ) left join contact_points c on c.value = rep_email
        """
        count, registered = con.execute(strange).fetchone() or (0, 0)
        assert count > 10 and registered == 0


@pytest.mark.parametrize("noise", [-0.1, 31])
def test_impossible_levels_are_refused(tmp_path: Path, noise: float) -> None:
    with pytest.raises(KyotenError, match="NOISE"):
        generate(Home(tmp_path), 1_000, 1, quiet, noise=noise)
    assert not list(tmp_path.iterdir())


def test_another_level_replaces_the_sample(tmp_path: Path) -> None:
    home = Home(tmp_path)
    generate(home, 1_000, 1, quiet, noise=0)
    summary = generate(home, 1_000, 1, quiet, noise=1)
    assert summary.created and summary.replaced
    assert not generate(home, 1_000, 1, quiet, noise=1.0).created
