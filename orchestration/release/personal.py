"""Columns with names and addresses (`meta: {personal: true}`), as settings.yml wants them published.

    publish        as they are
    pseudonymise   each text as a pseudonym such as P-3f9a2c51d07b, the same in all tables and releases
    separate       as pseudonyms, and as they are in personal.duckdb of the release, for one group only

A pseudonym is a hash of the text and of a key that only the account that refreshes can read. Other types become null.
"""

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.settings import Settings, settings_file

if TYPE_CHECKING:
    import duckdb

DATABASE = "personal.duckdb"
DIGITS = 12


def pseudonyms(home: Home, settings: Settings) -> str:
    """Return the key of the pseudonyms, made at the first use; empty if names are published as they are."""
    if settings.personal == "publish":
        return ""
    path = home.lake / ".pseudonyms"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(".pseudonyms.unfinished")
        aside.unlink(missing_ok=True)
        aside.touch(mode=0o600)
        aside.write_text(secrets.token_hex(32))
        aside.replace(path)
    return path.read_text()


def without_names(connection: "duckdb.DuckDBPyConnection", relation: str, columns: Sequence[str], key: str) -> str:
    """Return the rows of a relation as SQL, with pseudonyms in these columns if there is a key."""
    if not key or not columns:
        return f"from {relation}"
    kinds = {row[0]: row[1] for row in connection.execute(f"describe from {relation}").fetchall()}
    replaced = ", ".join(
        f"{_pseudonym(name, key) if kinds[name] == 'VARCHAR' else f'cast(null as {kinds[name]})'} as {sql.name(name)}"
        for name in columns
        if name in kinds
    )
    return f"select * replace ({replaced}) from {relation}" if replaced else f"from {relation}"


def _pseudonym(column: str, key: str) -> str:
    return f"'P-' || left(sha256({sql.text(key)} || {sql.name(column)}), {DIGITS})"


def restrict(path: Path, home: Home, group: str) -> None:
    """Let only the owner and a group read a file.

    Raises:
        KyotenError: if the group does not exist, or this account does not belong to it.
    """
    path.chmod(0o440)
    if not group:
        return
    try:
        shutil.chown(path, group=int(group) if group.isdecimal() else group)
    except (LookupError, OSError) as error:
        raise KyotenError(
            f"{settings_file(home)}: the group {group} of personal_group cannot be used ({error}). Create it, and add "
            f"the account {os.getuid()} to it. Nothing was published; the release before stays."
        ) from error
    path.chmod(0o440)
