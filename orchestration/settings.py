"""The settings of a home, settings.yml: what a person decides about running it. dbt vars decide what figures mean.

docs/operations.md explains each.
"""

import re
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.spelling import nearest

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORDS = {"personal": ("publish", "pseudonymise", "separate"), "notices.weekly": (*DAYS, "never")}


@dataclass(frozen=True)
class Releases:
    """How long releases are kept. Each number is 0 or more; 0 days mean that age alone deletes nothing."""

    keep: int = 30  # the newest releases
    days: int = 90  # a release that is older is deleted
    month_ends: int = 24  # months of which the last release is kept nevertheless


@dataclass(frozen=True)
class Notices:
    """Where notices go, as addresses of Apprise, and the day of the weekly summary."""

    to: tuple[str, ...] = ()
    weekly: str = "monday"
    late_after: float = 2.0  # times the usual time between two extracts after which a dataset is late


@dataclass(frozen=True)
class Settings:
    """What settings.yml states, with defaults for the rest."""

    releases: Releases = field(default_factory=Releases)
    notices: Notices = field(default_factory=Notices)
    schedule: str = ""  # HH:MM in business time at which Dagster refreshes each day; empty: never
    watch_landing: bool = False  # whether Dagster also refreshes when files land
    owner: str = ""  # of the assets in Dagster: an address, or team:name
    personal: str = "publish"
    personal_group: str = ""


def settings_file(home: Home) -> Path:
    """Return the path of the settings of a home."""
    return home.root / "settings.yml"


def settings_of(home: Home) -> Settings:
    """Return the settings of a home.

    Raises:
        KyotenError: if the file is not YAML, or names a setting that does not exist or has another type.
    """
    path = settings_file(home)
    if not path.exists():
        return Settings()
    import yaml

    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KyotenError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    settings: Settings = _filled(path, Settings(), {} if stated is None else stated, "")
    return settings


def _filled(path: Path, default: Any, stated: Any, key: str) -> Any:
    """Return a copy of the default with the stated values."""
    if not is_dataclass(default):
        return _checked(path, default, stated, key)
    if not isinstance(stated, dict):
        raise KyotenError(f"{path}: {key or 'the file'} must be `key: value` lines.")
    known = {one.name: getattr(default, one.name) for one in fields(default)}
    values = {}
    for name, value in stated.items():
        place = f"{key}.{name}" if key else str(name)
        if name not in known:
            raise KyotenError(f"{path}: there is no setting {place}{nearest(str(name), known)}.")
        values[name] = _filled(path, known[name], value, place)
    return replace(default, **values)  # type: ignore[type-var]


def _checked(path: Path, default: Any, value: Any, key: str) -> Any:
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise KyotenError(f"{path}: {key} is {value!r}. Write true or false.")
        return value
    if isinstance(default, int) and not (type(value) is int and value >= 0):
        raise KyotenError(f"{path}: {key} is {value!r}. Write a whole number of 0 or more.")
    if isinstance(default, float):
        if type(value) not in (int, float) or value < 1:
            raise KyotenError(f"{path}: {key} is {value!r}. Write a number of 1 or more.")
        return float(value)
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise KyotenError(f"{path}: {key} must be a list of texts.")
        return tuple(value)
    if isinstance(default, str) and not isinstance(value, str):
        raise KyotenError(f"{path}: {key} is {value!r}. Write a text.")
    if key == "schedule" and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|", value):
        raise KyotenError(f'{path}: schedule is {value!r}. Write a time of day in quotes, such as "05:00".')
    if key == "owner" and not re.fullmatch(r"team:\w+|[^@\s]+@[^@\s]+|", value):
        raise KyotenError(f"{path}: owner is {value!r}. Write an e-mail address, or team: and a name.")
    if key in WORDS and value not in WORDS[key]:
        raise KyotenError(f"{path}: {key} is {value!r}. Write one of {', '.join(WORDS[key])}.")
    return value
