"""How to repeat a run or a comparison: the commands, ready to copy."""

from __future__ import annotations

from dataclasses import dataclass

from retain.data.lint.masking import masked
from retain.records import RunRecord


@dataclass(frozen=True)
class Command:
    """One thing to do with a finished run."""

    what: str
    line: str
    """For a shell. Foreign text, not escaped."""


def repeating(record: RunRecord) -> list[Command]:
    """The command that was given, where it is known, and those that work from the folder of this report."""
    given = record.provenance.get("command")
    found = [Command("As it was called", masked(given))] if isinstance(given, str) and given else []
    if record.recipe:
        again = "retain run recipe.yaml --folder again"
        found.append(
            Command("Again, from this folder: recipe.yaml is the recipe below, every default filled in", again)
        )
    found.append(
        Command("Judge it by other margins, without measuring again", "retain gate . --margin 3 --mean-margin 1")
    )
    found.append(Command("Write this report again", "retain report ."))
    return found
