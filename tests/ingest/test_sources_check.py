"""The command that tries a mapping and loads nothing."""

from orchestration.home import PROJECT
from orchestration.sources import mapping_schema
from orchestration.sources.mapping import Alias, MappedDataset, Source
from orchestration.sources_check import check_sources


def test_shows_what_columns_become_and_counts_what_is_refused(tmp_path, capsys):
    (tmp_path / "d.csv").write_text('Id,Stage,Amt\n1,won,"¥1,200"\n2,won,much\n')
    (tmp_path / "s.yml").write_text(
        f"sources: {{crm: {{path: {tmp_path}, files: {{d: d.csv}}, datasets: {{deals: {{from: d, "
        "columns: {deal_id: Id, stage: Stage, amount: Amt}, amounts: {amount: 円}}}}}"
    )
    assert check_sources(tmp_path / "s.yml", "Asia/Tokyo") == 1
    output = capsys.readouterr().out
    assert "amount (decimal): 1,200 to 1,200, for example 1,200" in output
    assert "rejected: d.csv, row 2: amount: 'much'" in output
    (tmp_path / "d.csv").write_text("Id,Stage,Amt\n1, WON ,5\n")
    assert check_sources(tmp_path / "s.yml", "Asia/Tokyo") == 0


def test_amounts_and_dates_are_shown_as_they_will_be_read(tmp_path, capsys):
    lines = ["1,won,30.5,2026-04-01 15:30", "2,won,1200000,2026-04-02", "3,won,7,2026-04-01", "4,won,9,", "5,won,7,"]
    (tmp_path / "d.csv").write_text("\n".join(["Id,Stage,Amt,Made", *lines]) + "\n")
    (tmp_path / "s.yml").write_text(
        f"sources: {{crm: {{path: {tmp_path}, timezone: UTC, files: {{d: d.csv}}, datasets: {{deals: {{from: d, "
        "columns: {deal_id: Id, stage: Stage, amount: Amt, created_at: Made, won_on: Made}}}}}"
    )
    assert check_sources(tmp_path / "s.yml", "Asia/Tokyo") == 0
    output = capsys.readouterr().out
    assert "amount (decimal): 7 to 1,200,000, for example 30.5, 1,200,000, 7\n" in output
    assert (
        "created_at (timestamp, Asia/Tokyo): 2026-04-01 09:00:00 to 2026-04-02 09:00:00, for example "
        "2026-04-02 00:30:00, 2026-04-02 09:00:00, 2026-04-01 09:00:00\n"
    ) in output
    assert "won_on (date): 2026-04-01 to 2026-04-02, for example 2026-04-02, 2026-04-01\n" in output


def test_unmapped_stages_are_reported_before_anything_is_loaded(tmp_path, capsys):
    (tmp_path / "d.csv").write_text("Id,Stage,Day\n1,A見込,2026-04-01\n2,won,2026-04-01\n3,没,2026-04-01\n")
    columns = "deal_id: Id, stage: Stage"
    (tmp_path / "s.yml").write_text(
        f"sources: {{crm: {{path: {tmp_path}, files: {{d: d.csv}}, datasets: {{"
        f"deals: {{from: d, columns: {{{columns}}}, values: {{stage: {{没: lost}}}}}},"
        f"deal_stage_history: {{from: d, columns: {{{columns}, entered_at: Day}}}}}}}}}}"
    )
    assert check_sources(tmp_path / "s.yml", "Asia/Tokyo") == 2
    output = capsys.readouterr().out
    assert "note: crm: d.csv counts as of 20" in output
    assert (
        "would stop publishing: stages without a mapping: A見込, 没; translate them in the mapping under `values"
        in output
    )


def test_a_batch_that_would_be_held_is_reported(tmp_path, capsys):
    (tmp_path / "d.csv").write_text("Id,Stage\n" + "".join(f"{i},x\n" for i in range(30)))
    (tmp_path / "s.yml").write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2026-04-01, files: {{d: d.csv}}, datasets: {{deals: "
        "{from: d, columns: {deal_id: Id, stage: Stage}}}}}"
    )
    assert check_sources(tmp_path / "s.yml", "Asia/Tokyo") == 1
    output = capsys.readouterr().out
    assert "counts as of" not in output
    assert "would be held: crm/deals/2026-04-01: stage: share in the set is 0, expected at least 0.5 (x)" in output


def test_every_key_is_documented():
    text = (PROJECT / "docs" / "mapping.md").read_text(encoding="utf-8")
    keys = {key for part in (Source, Alias, MappedDataset) for key in part.known_keys()}
    assert {"path", "pattern", "from"} < keys
    assert [key for key in keys if f"{key}:" not in text] == []


def test_the_schema_for_editors_is_that_of_the_checks():
    assert mapping_schema.PATH.read_text(encoding="utf-8") == mapping_schema.text()
