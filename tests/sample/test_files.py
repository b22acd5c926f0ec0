"""The sample's files: deterministic, protected, replaced as a whole."""

import hashlib
import json
from pathlib import Path

import pytest

from orchestration.errors import KyotenError
from orchestration.home import Home
from tools.sample import MARKER, generate

from .conftest import CONTRACT_DATASETS, quiet


def digests(root: Path) -> dict[str, str]:
    return {
        p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in root.rglob("*")
        if p.is_file()
    }


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        generate(Home(tmp_path / name), 1_000, seed, quiet)
        made.append(digests(tmp_path / name))
    assert made[0] == made[1]
    assert made[0]["landing/deals/deals_2026-04-05.csv"] != made[2]["landing/deals/deals_2026-04-05.csv"]


def test_every_dataset_exists_in_several_formats(sample: Home) -> None:
    assert {p.name for p in sample.landing.iterdir() if p.is_dir()} == set(CONTRACT_DATASETS)
    extensions = {p.name.partition(".")[2] for p in sample.landing.glob("*/*")}
    assert {"csv", "csv.gz", "tsv", "jsonl"} <= extensions


def test_second_call_does_nothing_and_reports_it(tmp_path: Path) -> None:
    home, messages = Home(tmp_path), []
    first = generate(home, 1_000, 1, quiet)
    before = {p: p.stat().st_mtime_ns for p in home.root.rglob("*")}
    second = generate(home, 1_000, 1, messages.append)
    assert (first.created, second.created, second.replaced) == (True, False, False)
    assert {p: p.stat().st_mtime_ns for p in home.root.rglob("*")} == before
    assert len(messages) == 1 and "already" in messages[0]
    assert (first.rows, first.files, first.bytes) == (second.rows, second.files, second.bytes)


def test_another_size_replaces_the_whole_sample(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    generate(home, 1_000, 1, quiet)
    extra = home.root / "sources.yml"
    extra.write_text("kept")
    summary = generate(home, 1_200, 1, quiet)
    assert summary.created and summary.replaced
    generate(Home(tmp_path / "fresh"), 1_200, 1, quiet)
    replaced = digests(home.root)
    del replaced["sources.yml"]
    assert replaced == digests(tmp_path / "fresh")


def test_a_lost_file_is_written_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    generate(home, 1_000, 1, quiet)
    before = digests(home.root)
    (home.landing / "deals" / "deals_2026-04-05.csv").unlink()
    (home.truth / "deals.csv").write_text("cut off")
    summary = generate(home, 1_000, 1, quiet)
    assert summary.created and digests(home.root) == before


@pytest.mark.parametrize("with_sample", [False, True])
def test_foreign_files_are_refused_by_name_and_kept(tmp_path: Path, with_sample: bool) -> None:
    home = Home(tmp_path)
    if with_sample:
        generate(home, 1_000, 1, quiet)
    own = home.landing / "deals" / "our_real_deals.csv"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("deal_id\n1\n")
    before = digests(home.root)
    with pytest.raises(KyotenError, match=r"our_real_deals\.csv"):
        generate(home, 1_000, 2, quiet)
    assert digests(home.root) == before


def test_an_unreadable_marker_removes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.landing.mkdir()
    (home.landing / MARKER).write_text('{"files": ["../../precious"]}')
    with pytest.raises(KyotenError, match="marker"):
        generate(home, 1_000, 1, quiet)


def test_a_marker_reaches_no_file_outside_the_landing_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    precious = tmp_path / "precious.csv"
    precious.write_text("mine")
    home.landing.mkdir(parents=True)
    marker = {"version": 0, "size": 1, "seed": 1, "files": {"../../precious.csv": 4}, "truth": {}}
    (home.landing / MARKER).write_text(json.dumps(marker))
    generate(home, 1_000, 1, quiet)
    assert precious.read_text() == "mine"


@pytest.mark.parametrize(("size", "seed", "word"), [(99, 1, "SIZE"), (1_000, -1, "SEED")])
def test_impossible_numbers_are_refused(tmp_path: Path, size: int, seed: int, word: str) -> None:
    with pytest.raises(KyotenError, match=word):
        generate(Home(tmp_path), size, seed, quiet)
    assert not list(tmp_path.iterdir())


def test_the_summary_counts_what_was_written(sample: Home, landed: object) -> None:
    figures = json.loads((sample.truth / "summary.json").read_text(encoding="utf-8"))
    assert figures["deals"] == figures["size"] == sum(figures["deals_by_status"].values()) + figures["deleted_deals"]
    for dataset in CONTRACT_DATASETS:
        counted = landed.execute(f"select count(*) from {dataset}").fetchone()[0]  # type: ignore[attr-defined]
        assert counted == figures["rows"][dataset], dataset
