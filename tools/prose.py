"""The prose linter: words that this project does not use, and sentences that are too long.

tools/prose.yml has the words with their replacements, the longest sentence, and the paths that are not checked yet.
The linter reads Markdown (without code, generated blocks and Jinja tags), comments and descriptions in YAML, comments
in SQL, Jinja, shell, TOML and the Makefile, the texts of seeds, and in Python comments, docstrings, messages and test
names. It does not read code in backquotes, nor the sample company's data. Only Markdown has a longest sentence, because
elsewhere a line is often no sentence.

Run: python -m tools.prose [--all] [path …]. Prints `file:line: word → replacement`; exit status 1 if it found any.
"""

import argparse
import ast
import csv
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import yaml

PROJECT = Path(__file__).resolve().parent.parent
RULES = PROJECT / "tools" / "prose.yml"


class Line(NamedTuple):
    """A piece of prose and the number of its first line (from 1)."""

    number: int
    text: str


@dataclass(frozen=True)
class Rules:
    """The rules of tools/prose.yml."""

    words: dict[re.Pattern[str], str]
    longest_sentence: int
    not_checked: tuple[str, ...]


def load_rules(path: Path = RULES) -> Rules:
    """Read the rules; a pattern matches whole words in upper and lower case; in Japanese it matches anywhere."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Rules(compiled(data["words"]), int(data["longest_sentence"]), tuple(data["not_checked"]))


def compiled(words: dict[str, str]) -> dict[re.Pattern[str], str]:
    """Return the words as patterns, with their replacements."""
    flags = re.IGNORECASE | re.ASCII
    return {re.compile(rf"(?<!\w)(?:{word})(?!\w)", flags): replacement for word, replacement in words.items()}


def findings(name: str, text: str, rules: Rules) -> Iterator[Line]:
    """Yield the findings in the prose of a file, with their lines."""
    reader = next(reader for pattern, reader in READERS.items() if fnmatch(name, pattern))
    for number, written in reader(text):
        prose = re.sub(r"`[^`\n]*`", "`code`", written)
        for pattern, replacement in rules.words.items():
            for match in pattern.finditer(prose):
                yield Line(number + prose.count("\n", 0, match.start()), f"{match[0]} → {replacement}")
    if name.endswith(".md"):
        for number, sentence in sentences(text):
            count = len(sentence.split())
            if count > rules.longest_sentence:
                start = " ".join(sentence.split()[:6])
                yield Line(number, f"sentence of {count} words, at most {rules.longest_sentence}: {start} …")


def markdown(text: str) -> Iterator[Line]:
    """Yield the lines outside code, generated blocks and Jinja tags; code within a line counts as one word."""
    fenced = generated = False
    lines = []
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif re.fullmatch(r"<!-- /?\w+ -->", line):
            generated = not line.startswith("<!-- /")
        elif not fenced and not generated:
            lines.append(line)
            continue
        lines.append("")
    prose = "\n".join(lines)
    prose = re.sub(r"`(?:[^`\n]|\n(?!\n))*`", lambda code: "`code`" + "\n" * code[0].count("\n"), prose)
    prose = re.sub(r"\]\([^)\s]*\)", "]", prose)
    prose = re.sub(r"\{%.*?%\}", "", prose)
    yield from (Line(number, line) for number, line in enumerate(prose.split("\n"), 1))


def sentences(text: str) -> Iterator[Line]:
    """Yield each sentence of a Markdown text. A paragraph, a list item, a heading and a table's cell end one."""
    paragraph: list[Line] = []
    for line in (*markdown(text), Line(0, "")):
        begins = re.match(r"\s*([-*#>|]|\d+\.\s|$)", line.text)
        follows = not paragraph or line.number == paragraph[-1].number + 1
        if begins or not follows:
            yield from _split(paragraph)
            paragraph = []
        if line.text.startswith("|"):
            for cell in line.text.split("|"):
                yield from _split([Line(line.number, cell)])
        else:
            paragraph.append(line)


def _split(paragraph: list[Line]) -> Iterator[Line]:
    words = [Line(line.number, word) for line in paragraph for word in line.text.split() if re.search(r"\w", word)]
    sentence: list[Line] = []
    for word in words:
        sentence.append(word)
        if re.search(r"[.!?。][)”\"*_]*$", word.text):
            yield Line(sentence[0].number, " ".join(part.text for part in sentence))
            sentence = []
    if sentence:
        yield Line(sentence[0].number, " ".join(part.text for part in sentence))


def python(text: str) -> Iterator[Line]:
    """Yield comments, strings of several words (including docstrings and messages) and names of tests."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield Line(token.start[0], token.string)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) > 1:
            for offset, line in enumerate(node.value.split("\n")):
                yield Line(min(node.lineno + offset, node.end_lineno or node.lineno), line)
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield Line(node.lineno, node.name.replace("_", " "))


def sample(text: str) -> Iterator[Line]:
    """Yield the comments and docstrings of Python whose other strings are data."""
    docstrings = {
        offset
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
        for offset in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    lines = text.splitlines()
    yield from (line for line in python(text) if line.number in docstrings or "#" in lines[line.number - 1])


def sql(text: str) -> Iterator[Line]:
    """Yield the comments of SQL and Jinja."""
    for match in re.finditer(r"--[^\n]*|\{#.*?#\}", text, re.DOTALL):
        yield Line(text.count("\n", 0, match.start()) + 1, match[0])


def hashed(text: str) -> Iterator[Line]:
    """Yield the comments that begin with #."""
    for number, line in enumerate(text.splitlines(), 1):
        if comment := re.search(r"(?:^|\s)#+\s.*", line):
            yield Line(number, comment[0])


def yml(text: str) -> Iterator[Line]:
    """Yield the comments, and the texts of descriptions and labels."""
    yield from hashed(text)
    inside: int | None = None
    for number, written in enumerate(text.splitlines(), 1):
        line = written
        indent = len(line) - len(line.lstrip())
        if inside is not None and line.strip() and indent <= inside:
            inside = None
        if key := re.match(r"(\s*(?:- )?)(?:description|label|question|reason|rule|clause)(?:_ja)?:", line):
            inside = len(key[1])
            line = line[key.end() :]
        if inside is not None:
            yield Line(number, re.sub(r"\s#\s.*", "", line))


def seed(text: str) -> Iterator[Line]:
    """Yield the cells below the header that are not codes."""
    rows = csv.reader(io.StringIO(text))
    for row in rows:
        if rows.line_num > 1:
            yield from (Line(rows.line_num, cell) for cell in row if not re.fullmatch(r"[\w%+.-]*", cell, re.ASCII))


READERS: dict[str, Callable[[str], Iterable[Line]]] = {
    "*.md": markdown,
    "tools/sample/*.py": sample,
    "*.py": python,
    "*.sql": sql,
    "*.yml": yml,
    "seeds/*.csv": seed,
    "*.sh": hashed,
    "*.toml": hashed,
    "Makefile": hashed,
}


def check(paths: Iterable[str], rules: Rules) -> list[str]:
    """Return the findings in the files of these paths, as lines to print."""
    return [
        f"{name}:{line.number}: {line.text}"
        for name in paths
        if any(fnmatch(name, pattern) for pattern in READERS)
        for line in sorted(set(findings(name, (PROJECT / name).read_text(encoding="utf-8"), rules)))
    ]


def tracked(paths: Iterable[str] = ()) -> list[str]:
    """Return the project's files below the paths; all files without a path."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *paths]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return sorted(name for name in done.stdout.split("\0") if name and (PROJECT / name).is_file())


def main(arguments: list[str] | None = None) -> int:
    """Print the findings; return 1 if there are any."""
    parser = argparse.ArgumentParser(description="Find words and sentences that the project does not use.")
    parser.add_argument("--all", action="store_true", help="also the paths that prose.yml does not check yet")
    parser.add_argument("paths", nargs="*")
    options = parser.parse_args(arguments)
    rules = load_rules()
    skipped = () if options.all else rules.not_checked
    found = check([name for name in tracked(options.paths) if not any(fnmatch(name, s) for s in skipped)], rules)
    print("\n".join([*found, f"{len(found)} findings" if found else "The prose is clean."]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
