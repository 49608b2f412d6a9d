"""The commands that README and docs show: what the tests run and check."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.M | re.S)
NO_COMMAND = ("yaml", "python", "json")
"""Languages of blocks that hold no commands."""


def pages(root: Path) -> list[Path]:
    """README and every page of docs."""
    return sorted({root / "README.md", *(root / "docs").rglob("*.md")})


def blocks(path: Path, language: str | None = None) -> list[str]:
    """The fenced blocks of a page that are of one language; those that may hold commands when None."""
    found = FENCE.findall(path.read_text("utf-8"))
    return [text for word, text in found if (word not in NO_COMMAND if language is None else word == language)]


def commands(text: str) -> Iterator[list[str]]:
    """The lines of a block, or of a shell script, that call retain, as words without ``retain`` itself."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip().startswith("retain "):
            words = shlex.split(re.split(r" (?:\|\||&&|[|;>#]) ", line.strip())[0])  # v1#model holds no comment
            yield words[1:]


def documented(root: Path) -> list[tuple[str, list[str]]]:
    """(page, words) of every command of the pages, in their order."""
    return [
        (path.relative_to(root).as_posix(), words)
        for path in pages(root)
        for text in blocks(path)
        for words in commands(text)
    ]
