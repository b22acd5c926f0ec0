"""The home that a version leaves for later ones is whole after it was unpacked, and small enough for a repository."""

import tarfile
from pathlib import Path

import pytest

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.release.releases import current_release
from orchestration.release.verify import verify
from tests.orchestration.test_publish import _build, _publish
from tools import fixture


def test_a_packed_home_is_whole(tmp_path: Path) -> None:
    home, unpacked = Home(tmp_path / "home"), Home(tmp_path / "unpacked")
    _build(home, 1)
    release = _publish(home)
    (home.root / "settings.yml").write_text("personal: publish\n")
    path = fixture.pack(home, tmp_path)
    assert path.name == f"home_{release['project_version']}.tar.xz"
    with tarfile.open(path) as archive:
        archive.extractall(unpacked.root, filter="data")
    assert current_release(unpacked) == release and verify(unpacked, "current") == len(release["files"])
    assert sorted(one.name for one in unpacked.root.iterdir()) == ["published", "settings.yml"]


def test_what_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(KyotenError, match=r"has no release\. Make one: make demo SIZE=300"):
        fixture.pack(home, tmp_path)
    _build(home, 1)
    _publish(home)
    monkeypatch.setattr(fixture, "LARGEST", 1_000)
    with pytest.raises(KyotenError, match=r"more than 1,000\. Make a home of fewer deals"):
        fixture.pack(home, tmp_path)
    assert not list(tmp_path.glob("*.tar.xz"))
