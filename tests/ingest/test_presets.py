"""A preset says how a system's exports become datasets; a source states what differs."""

import os
import shutil

import pytest

from orchestration.errors import KyotenError
from orchestration.home import PROJECT

FIVETRAN = PROJECT.parent / "shared" / "data" / "fivetran_salesforce"
API = "Id,Name,AccountId,Amount,StageName,CreatedDate,CloseDate,OwnerId,IsDeleted,Channel__c\n"
ROW = "006,a,001,5,Won,2026-03-31T15:10:00Z,2026-04-01,005,false,resale\n"


def write(tmp_path, more: str = ""):
    path = tmp_path / "sources.yml"
    path.write_text(
        f"sources:\n  sf:\n    preset: salesforce\n    path: {tmp_path}\n    extracted_on: 2026-04-01\n"
        f"    datasets:\n      customers:\n{more}"
    )
    return path


@pytest.mark.parametrize("header", [API, API.lower(), API.replace("AccountId", "account_id")])
def test_every_spelling_gives_the_same_rows(desk, tmp_path, header):
    (tmp_path / "opportunity.csv").write_text(header + ROW)
    channel = header.strip().split(",")[-1]
    desk.load(write(tmp_path, f"      deals: {{columns: {{channel: {channel}, deal_name: }}}}\n"))
    rows = desk.query("SELECT deal_id, customer_id, amount::int, stage, channel, deal_name FROM raw_deals")
    assert rows == [("006", "001", 5, "Won", "resale", None)]


@pytest.mark.skipif(not FIVETRAN.exists() and os.environ.get("CI") != "true", reason="the extracts are not here")
def test_column_names_of_a_real_extract(desk, tmp_path):
    shutil.copy(FIVETRAN / "sf_opportunity_data.csv", tmp_path / "opportunity.csv")
    result = {f.dataset: f for f in desk.load(write(tmp_path)).files}
    assert result["deals"].derived == result[None].accepted > 0
    assert result["deals"].accepted > 0


def test_unknown_preset_is_told(desk, tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text().replace("salesforce", "salesfroce"))
    with pytest.raises(KyotenError, match=r"line 3.*did you mean salesforce"):
        desk.load(path)
