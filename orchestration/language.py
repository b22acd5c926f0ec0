"""Which language people read: Japanese or English. KYOTEN_LANG decides (`LANG_=ja` of make), else LANG of the shell."""

import os
from typing import Literal

Language = Literal["en", "ja"]


def language() -> Language:
    """Return `ja` or `en`."""
    return "ja" if (os.environ.get("KYOTEN_LANG") or os.environ.get("LANG", "")).startswith("ja") else "en"


def say(en: str, ja: str) -> str:
    """Return the text in the language of this run."""
    return ja if language() == "ja" else en
