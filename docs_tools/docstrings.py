"""Docstrings as Markdown: the sections of Google's style become headings, literals become code."""

from __future__ import annotations

import re
from inspect import cleandoc
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADING = "\x00"
"""Stands for a section's heading until markup in the text is escaped."""
SECTIONS = ("Args:", "Raises:", "Returns:")
_ENTRY = re.compile(r"(?P<name>[\w*, .]+): (?P<about>.*)")
_PAGE = re.compile(r"(?<![\w`(/\[])(docs/decisions/[\w-]+\.md|docs/LOG\.md|benchmarks/\w+)(?![\w/`])")


def as_markdown(text: str) -> str:
    """A docstring's text.

    Args:
        text: the docstring; empty text gives an empty one.
    """
    lines: list[str] = []
    section = False
    for line in cleandoc(text).splitlines():
        entry = _ENTRY.fullmatch(line.strip())
        section = line in SECTIONS or (section and (not line or line.startswith(" ")))
        if line in SECTIONS:
            lines += [f"{HEADING}{line.removesuffix(':')}", ""]
        elif section and entry and line[:5].strip():
            lines.append(f"- `{entry['name']}`: {entry['about']}")
        elif section:
            lines.append(f"    {line.strip()}".rstrip())
        else:
            starts = line.startswith("- ") and lines and lines[-1] and not lines[-1].startswith(("- ", " "))
            lines += ["", line] if starts else [line]
    return re.sub(f"^{HEADING}(.*)$", r"**\1**", inline("\n".join(lines)), flags=re.M)


def inline(text: str) -> str:
    """Literals and references as code, what Markdown would take for markup escaped, pages of this site as links."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text).replace("``", "`")
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def cell(text: str) -> str:
    """Text in one cell of a table."""
    return " ".join(inline(text).split()).replace("\\|", "|").replace("|", "\\|")


def _escaped(text: str) -> str:
    return _PAGE.sub(_link, text.replace("<", "&lt;").replace("*", "\\*"))


def _link(found: re.Match[str]) -> str:
    """A page that a docstring names, from a page in docs/reference."""
    name = found[1]
    if name.startswith("docs/"):
        return f"[{name}](../{name.removeprefix('docs/')})"
    if (ROOT / name / "README.md").is_file():
        return f"[{name}](../../{name}/README.md)"
    return name
