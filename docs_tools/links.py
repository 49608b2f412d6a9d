"""Links between pages of the site and files of the repository: both are written as paths in the repository."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
FILES = "files/"
"""Where files of the repository that are no pages lie in the site."""
_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^()\s]+)(\))")
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.M | re.S)


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed that is no fenced block."""
    parts, last = [], 0
    for fence in _FENCE.finditer(text):
        parts += [change(text[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*parts, change(text[last:])])


def targets(text: str) -> Iterator[str]:
    """Every target of a Markdown text's links and pictures."""
    found: list[str] = []

    def collect(part: str) -> str:
        found.extend(match[2] for match in _LINK.finditer(part))
        return part

    outside_fences(text, collect)
    yield from found


def is_internal(target: str) -> bool:
    """Whether a link leads to a file here, and not to the web or within the page."""
    return not re.match(r"[a-z]+:|#|//", target)


def in_repository(place: str, target: str) -> str:
    """The path in the repository that a link leads to, without its anchor.

    Args:
        place: the path in the repository of the page that holds the link.
        target: the link.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), target.partition("#")[0]))


def in_site(path: str) -> str:
    """Where a file of the repository lies in the site."""
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    if (ROOT / path).is_dir():
        return in_site(f"{path}/README.md")
    return path if path.endswith(".md") else FILES + path


def rewritten(text: str, place: str) -> str:
    """A page's text with its links as they are in the site.

    Args:
        text: the Markdown.
        place: the page's path in the repository.
    """
    here = posixpath.dirname(in_site(place))

    def one(match: re.Match[str]) -> str:
        if not is_internal(match[2]):
            return match[0]
        _, mark, anchor = match[2].partition("#")
        there = os.path.relpath(in_site(in_repository(place, match[2])), here or ".")
        return f"{match[1]}{there}{mark}{anchor}{match[3]}"

    return outside_fences(text, lambda part: _LINK.sub(one, part))
