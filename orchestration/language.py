"""Which language people read: Japanese or English. KYOTEN_LANG decides (`LANG_=ja` of make), else LANG of the shell.

A text that one place writes has both languages by `say`. Messages that are made at many places, or kept as data
such as the reason of a rejected row, are written in English and translated here by messages_ja.yml.
"""

import functools
import os
import re
from pathlib import Path
from typing import Literal

Language = Literal["en", "ja"]
MESSAGES = Path(__file__).with_name("messages_ja.yml")
_PLACE = re.compile(r"\{(\w+)\}")


def language() -> Language:
    """Return `ja` or `en`."""
    return "ja" if (os.environ.get("KYOTEN_LANG") or os.environ.get("LANG", "")).startswith("ja") else "en"


def say(en: str, ja: str) -> str:
    """Return the text in the language of this run."""
    return ja if language() == "ja" else en


def translated(message: str) -> str:
    """Return a message in the language of this run; one that is not known stays in English."""
    return japanese(message) if language() == "ja" else message


def japanese(message: str) -> str:
    """Return a message in Japanese, line by line; what is not known stays in English."""
    return "\n".join(functools.reduce(_replace, _messages(), line) for line in message.split("\n"))


def _replace(line: str, message: tuple[re.Pattern[str], str]) -> str:
    pattern, replacement = message
    return pattern.sub(replacement, line)


@functools.cache
def _messages() -> tuple[tuple[re.Pattern[str], str], ...]:
    import yaml

    pairs = yaml.safe_load(MESSAGES.read_text(encoding="utf-8"))
    return tuple((_pattern(english), _PLACE.sub(r"\\g<\1>", japanese)) for english, japanese in pairs)


def _pattern(english: str) -> re.Pattern[str]:
    """Return a pattern whose places hold as little as possible; one at an end reaches to the end of the line."""
    parts = _PLACE.split(english)  # text, name, text, name, …, text
    texts, names = parts[::2], parts[1::2]
    pattern = re.escape(texts[0])
    for at, (name, text) in enumerate(zip(names, texts[1:], strict=True)):
        is_last = at == len(names) - 1 and not text
        pattern += f"(?P<{name}>.+)" if is_last else f"(?P<{name}>.+?){re.escape(text)}"
    return re.compile(("^" if not texts[0] else "") + pattern)
