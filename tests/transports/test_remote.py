"""Files of a remote folder, by URLs of fsspec."""

import os
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from orchestration.errors import KyotenError

MAPPING = """\
sources:
  bucket:
    path: {url}
    files: {{deals: "deals_*.csv"}}
    datasets: {{deals: {{from: deals, columns: {{deal_id: Id, stage: Stage}}}}}}
"""


@pytest.fixture
def folder():
    """A folder in memory, used like any other file system of fsspec."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield "/exports"
    system.store.clear()


def put(name, *lines):
    with fsspec.open(f"memory://exports/{name}", "w") as file:
        file.write("\n".join(["Id,Stage", *lines]) + "\n")


@pytest.fixture
def sources(mapping, folder):
    put("deals_2026-03-01.csv", "1,won")
    put("deals_2026-04-01.csv", "1,won", "2,lost")
    put("other.csv", "9,won")
    return mapping(MAPPING.format(url="memory://exports"))


def loaded(desk):
    return desk.query("SELECT extracted_on::text, extract_revision, count(*) FROM raw_deals GROUP BY ALL ORDER BY ALL")


def test_each_date_is_an_extract_and_is_fetched_once(desk, sources, progress):
    assert progress.fetch(desk, sources) == ["2026-03-01", "2026-04-01"]
    desk.load(sources)
    assert loaded(desk) == [("2026-03-01", 1, 1), ("2026-04-01", 1, 2)]
    progress.clear()
    assert progress.fetch(desk, sources) == []
    assert progress == [], "a fetched file is not fetched again"


def test_a_file_that_changes_or_comes_later_makes_a_revision_of_its_date(desk, sources, progress):
    progress.fetch(desk, sources)
    put("deals_2026-04-01.csv", "1,won", "2,won", "3,won")
    put("deals_2026-04-01_b.csv", "4,won")
    progress.clear()
    assert progress.fetch(desk, sources) == ["2026-04-01_r2"]
    desk.load(sources)
    assert loaded(desk) == [("2026-03-01", 1, 1), ("2026-04-01", 2, 4)]
    # A file that is deleted remotely stays here; a revision in a file's name replaces the earlier file.
    fsspec.filesystem("memory").rm("/exports/deals_2026-04-01_b.csv")
    put("deals_2026-04-01_r2.csv", "7,won")
    assert progress.fetch(desk, sources) == ["2026-04-01_r3"]
    desk.load(sources)
    assert [path.name for path in (desk.home.extracts / "bucket" / "2026-04-01_r3").glob("*.csv")] == [
        "deals_2026-04-01_r2.csv"
    ]


def test_the_same_content_written_again_is_nothing_new(desk, sources, progress):
    progress.fetch(desk, sources)
    put("deals_2026-04-01.csv", "1,won", "2,lost")
    assert progress.fetch(desk, sources) == []
    progress.clear()
    assert progress.fetch(desk, sources) == []
    assert progress == []


def test_a_file_without_a_date_has_the_day_on_which_it_was_written(desk, tmp_path, mapping, progress):
    (tmp_path / "deals_all.csv").write_text("Id,Stage\n1,won\n")
    evening = datetime(2026, 4, 1, 16, tzinfo=UTC).timestamp()  # already the next morning in Tokyo
    os.utime(tmp_path / "deals_all.csv", (evening, evening))
    assert progress.fetch(desk, mapping(MAPPING.format(url=f"file://{tmp_path}"))) == ["2026-04-02"]


def test_a_file_without_any_date_is_reported(desk, mapping, folder, progress, monkeypatch):
    def unknown(*_):
        raise NotImplementedError

    put("deals_all.csv", "1,won")
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "modified", unknown)
    with pytest.raises(KyotenError, match=r"deals_all\.csv of bucket was not fetched: its date is unknown"):
        progress.fetch(desk, mapping(MAPPING.format(url="memory://exports")))


def test_an_interrupted_file_lands_nothing(desk, sources, progress, monkeypatch):
    system = type(fsspec.filesystem("memory"))

    def cut(self, source, target, **_):
        Path(target).write_bytes(self.cat_file(source)[:-3])

    monkeypatch.setattr(system, "get_file", cut)
    with pytest.raises(KyotenError, match=r"deals_2026-03-01.csv of bucket was not fetched: .*12 of 15 bytes came"):
        progress.fetch(desk, sources)
    assert not [path for path in desk.home.extracts.rglob("*") if path.name != ".unfinished"]


def test_a_folder_without_matching_files_is_reported(desk, mapping, folder, progress):
    with pytest.raises(KyotenError, match=r"no file at memory://exports matches deals_\*\.csv"):
        progress.fetch(desk, mapping(MAPPING.format(url="memory://exports")))


S3 = """\
sources:
  bucket:
    path: s3://crm/exports
    options:
      key: "${S3_KEY}"
      secret: "${S3_SECRET}"
      endpoint_url: http://api/
      config_kwargs: {connect_timeout: 1, read_timeout: 1, retries: {max_attempts: 1}}
    files: {deals: "deals_*.csv"}
    datasets: {deals: {from: deals, columns: {deal_id: Id, stage: Stage}}}
"""
LISTING = """<?xml version="1.0"?><ListBucketResult><Name>crm</Name><Prefix>exports/</Prefix><KeyCount>1</KeyCount>
<IsTruncated>false</IsTruncated><Contents><Key>exports/deals_2026-04-01.csv</Key><ETag>"e1"</ETag><Size>15</Size>
<LastModified>2026-04-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"""


@pytest.fixture
def s3(api, mapping, monkeypatch):
    monkeypatch.setenv("S3_KEY", "AKIAKYOTEN")
    monkeypatch.setenv("S3_SECRET", "s3-5ecret-77")
    api.answers["/crm"] = lambda _: (200, {"Content-Type": "application/xml"}, LISTING)
    return mapping(S3.replace("http://api/", api.url))


def test_s3_is_signed_with_the_credentials_of_the_environment(desk, api, s3, progress):
    content = "Id,Stage\n1,won\n"
    api.answers["/crm/exports/deals_2026-04-01.csv"] = lambda _: (200, {"ETag": '"e1"'}, content)
    assert progress.fetch(desk, s3) == ["2026-04-01"]
    assert {request.token.partition("/")[0] for request in api.asked} == {"AWS4-HMAC-SHA256 Credential=AKIAKYOTEN"}
    desk.load(s3)
    assert loaded(desk) == [("2026-04-01", 1, 1)]


def test_an_error_of_s3_is_reported_without_a_secret(desk, api, s3, progress):
    denied = "<Error><Code>AccessDenied</Code><Message>not for AKIAKYOTEN s3-5ecret-77</Message></Error>"
    api.answers["/crm"] = lambda _: (403, {"Content-Type": "application/xml"}, denied)
    with pytest.raises(KyotenError, match=r"bucket was not fetched: .*Check the path, the credentials") as error:
        progress.fetch(desk, s3)
    assert "not for ${S3_KEY} ${S3_SECRET}" in str(error.value)
