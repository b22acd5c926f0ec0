"""Settings of a Superset on this machine that tries the dashboard: docs/bi.md has the commands.

It keeps its records in SQLite and the state of filters in memory, which is enough for a few people. SUPERSET_HOME names
the folder of the records.
"""

import os
import secrets
from pathlib import Path

_home = Path(os.environ.get("SUPERSET_HOME", Path.home() / ".superset"))
_home.mkdir(parents=True, exist_ok=True)
_key = _home / "secret_key"
if not _key.exists():
    _key.touch(mode=0o600)
    _key.write_text(secrets.token_urlsafe(42))
SECRET_KEY = _key.read_text()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_home}/superset.db"
# The caches of answers are off, as by default: they would show figures of the release in which they were asked.
FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 0}
LANGUAGES = {"ja": {"flag": "jp", "name": "Japanese"}, "en": {"flag": "us", "name": "English"}}
BABEL_DEFAULT_LOCALE = "ja"
