"""Markdown that fits a comment on a pull request: folded parts, and the longest ones cut."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST = 65_536
"""Characters of a comment on GitHub; GitLab and Gitea allow more."""
ROOM_FOR_NOTE = 120
_FENCE = re.compile(r"^(`{3,})\S*$")


def fitted(sections: Sequence[str], most: int) -> list[str]:
    """The sections, the longest ones cut so that all together have at most ``most`` characters.

    A section is cut between two lines, an open code block is closed, and a note says how much is missing.
    """
    if sum(map(len, sections)) <= most:
        return list(sections)
    low, high = 0, max(map(len, sections))
    while low < high:  # the greatest length that all sections can be cut to
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(min(len(one), middle) for one in sections) <= most else (low, middle - 1)
    return [cut(one, low) for one in sections]


def cut(section: str, most: int) -> str:
    """The beginning of a section as whole lines, with a note where something is missing."""
    if len(section) <= most:
        return section
    kept: list[str] = []
    fence, room = "", most - ROOM_FOR_NOTE
    for line in section.split("\n"):
        mark = _FENCE.match(line)
        opened = fence
        if mark:
            opened = "" if fence == line else fence or mark[1]
        room -= len(line) + 1
        if room < len(opened) + 1:
            break
        kept.append(line)
        fence = opened
    kept += [fence] if fence else []
    shown = "\n".join(kept)
    return f"{shown}\n\n*Cut here: {len(section) - len(shown):,} more characters are in report.html.*"


def folded(summary: str, sections: Sequence[str]) -> list[str]:
    """The sections under one line that opens them; nothing where there are none. ``summary`` is not escaped."""
    shown = [section for section in sections if section]
    return [f"<details>\n<summary>{summary}</summary>", *shown, "</details>"] if shown else []
