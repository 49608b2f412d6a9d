"""``retain list``: what there is, from docstrings and from the suites' own files."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

from retain import registry
from retain.comparison.read_symptoms import FOLDER as SYMPTOMS
from retain.errors import UserError, nearest
from retain.reporting.columns import WIDTH, page_of
from retain.training.read_alarms import FOLDER as ALARMS

TITLES: dict[str, str] = {
    "mitigations": "Ways to forget less (`mitigations: - kind: ...`)",
    "probes": "Things that can be measured (`kind` of a suite's probe)",
    "symptoms": "Ways of forgetting that a mean score can hide (each report's section on symptoms)",
    "alarms": "Hints, read off the losses, that training learns rows by heart (each starts the recitation test)",
    "checks": "What the data lint looks for (`retain lint FILE`)",
    "suites": "Named sets of probes (`measure: suite: ...`)",
    "builtin": "Embedded models (`model: base: builtin:...`)",
}
PLACES = {"symptoms": SYMPTOMS, "alarms": ALARMS, "checks": "data.lint"}
"""Folders of units whose name is not where they lie."""


def list_units(folder: str | None = None) -> dict[str, dict[str, str]]:
    """Everything a recipe can name: kind of thing -> name -> its first sentence.

    Args:
        folder: ``mitigations``, ``probes``, ``symptoms``, ``alarms``, ``checks``, ``suites``, ``builtin``; all when
            empty.

    Raises:
        UserError: there is no such kind of thing.
    """
    if folder is not None and folder not in TITLES:
        raise UserError(f'list: there is no kind of unit "{folder}"; {nearest(folder, TITLES)}')
    return {name: _units(name) for name in TITLES if folder in (None, name)}


def render_list(listed: dict[str, dict[str, str]], width: int = WIDTH) -> str:
    """The units as plain text in lines of ``width`` columns, between 60 and 100, names under each other."""
    longest = max((len(name) for units in listed.values() for name in units), default=0)
    page, rest = page_of(width), " " * (longest + 4)
    parts = []
    for folder, units in listed.items():
        lines = [line for name, about in units.items() for line in page.wrapped(about, f"  {name:<{longest}}  ", rest)]
        parts.append("\n".join([folder, *lines]))
    return "\n\n".join(parts) + "\n"


def markdown_tables(folder: str | None = None) -> str:
    """The units as markdown tables, for README and docs: generated, never kept by hand."""
    return "\n\n".join(_table(name, units) for name, units in list_units(folder).items()) + "\n"


def _table(folder: str, units: dict[str, str]) -> str:
    rows = [f"| `{name}` | {_cell(about)} |" for name, about in units.items()]
    return "\n".join([f"**{TITLES[folder]}**", "", "| name | what it is |", "| --- | --- |", *rows])


def _cell(text: str) -> str:
    """Docstrings are ours and may use markdown: only what would end the cell is escaped."""
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


def _units(folder: str) -> dict[str, str]:
    if folder == "suites":
        return _suites()
    if folder == "builtin":
        return _builtin()
    found = registry.units(PLACES.get(folder, folder))
    return {kind: registry.summary(unit) for kind, unit in sorted(found.items())}


def _suites() -> dict[str, str]:
    import retain.probes

    folder = Path(retain.probes.__path__[0]) / "suites"
    return {path.stem: suite_summary(path.read_text("utf-8")) for path in sorted(folder.glob("*.yaml"))}


def suite_summary(text: str) -> str:
    """The first sentence of the comment that a suite's file opens with, without ``What it is:``."""
    lines = list(takewhile(lambda line: line.startswith("#"), text.splitlines()))
    comment = " ".join(line.removeprefix("#").strip() for line in lines).strip()
    sentence = re.split(r"(?<=\.)\s(?=[A-Z`])", comment.removeprefix("What it is:").strip(), maxsplit=1)[0]
    return sentence[:1].upper() + sentence[1:]


def _builtin() -> dict[str, str]:
    from retain.models.builtin import BUILTINS

    return {name: f"{builtin.about} ({builtin.licence})" for name, builtin in sorted(BUILTINS.items())}
