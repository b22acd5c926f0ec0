"""Any answer of an API lands with every record counted, or is refused with a message."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.errors import KyotenError
from orchestration.sources.transports.fetch import fetch
from tests.conftest import examples
from tests.ingest.conftest import Desk
from tests.transports.test_api import HUBSPOT

KEYS = st.one_of(st.sampled_from(["id", "Id", "properties", "dealname", "amount", "dealstage", "a.b", ""]), st.text())
TEXTS = st.text(st.characters(codec=None), max_size=8)  # also half characters, which JSON may escape
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
DEAL = st.fixed_dictionaries(
    {"id": JSON, "properties": st.fixed_dictionaries({"dealname": JSON, "amount": JSON, "dealstage": JSON})}
)


@settings(examples(40), deadline=10_000)
@given(records=st.lists(st.one_of(DEAL, JSON), max_size=4), with_deal=st.booleans())
def test_any_answer_is_loaded_or_gets_a_message(api, travel, records, with_deal):
    if with_deal:  # then all columns of the mapping exist
        records = [{"id": "1", "properties": {"dealname": "", "amount": 1, "dealstage": "won"}}, *records]
    api.answers["/crm/v3/objects/deals"] = lambda _: json.dumps({"results": records})
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder) / "home")
        sources = Path(folder) / "sources.yml"
        sources.write_text(HUBSPOT.format(url=api.url))
        try:
            fetch(desk.home, sources, say=lambda _: None)
            loaded = {file.dataset: file for file in desk.load(sources, expectations=None).files}
        except KyotenError as error:
            assert str(error).count("\n") == 0
            return
        assert all(file.message or file.status == "loaded" for file in loaded.values())
        if loaded[None].status == "loaded":
            assert loaded[None].read == loaded[None].accepted + loaded[None].rejected == len(records)
        assert {path.name for path in Path(folder).iterdir()} == {"home", "sources.yml"}
