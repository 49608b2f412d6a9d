"""A sequence's folder: a run folder for each stage. Stages may be added to it, and nothing else may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retain.at_work import is_own
from retain.errors import UserError, listed
from retain.progress import Progress
from retain.provenance import provenance
from retain.recipe import Recipe
from retain.record_files import write_sealed
from retain.records import content_hash
from retain.sequence_recipe import SequenceRecipe, parse_sequence, sequence_as_plain
from retain.stages.run_folder import (
    PROVENANCE,
    READ_AGAIN,
    RECIPE,
    RunFolder,
    begun,
    check_free,
    flat,
    other_keys,
    read_recipe,
    write_recipe,
)

STAGES, TOGETHER, BASE = "stages", "together", "base"
"""Folders of the stages' runs, of the one training for all, and of the base's measurements."""
UNREAD = ("model.base", "advise", "frontier")
"""Of a stage's recipe: where the model that it begins with lies may change with the folder's place."""


class SequenceFolder:
    """One sequence.

    Args:
        path: the folder; made when it is missing.
        recipe: what is run.
        progress: where stages are shown.

    Raises:
        UserError: the folder holds another sequence, a sequence of which an earlier stage was another, or something
            else.
    """

    def __init__(self, path: Path, recipe: SequenceRecipe, progress: Progress) -> None:
        self.path = path
        self.recipe = recipe
        self.progress = progress
        self._open()

    def _open(self) -> None:
        written = self.path / "recipe.yaml"
        plain = sequence_as_plain(self.recipe)
        if written.is_file():
            self._check(written)
        else:
            check_free(self.path)
        if not written.is_file() or not (self.path / PROVENANCE).is_file():
            write_sealed(self.path / PROVENANCE, {**provenance(self.recipe.common.seed), RECIPE: plain})
        begun(self.path)
        write_recipe(written, plain)

    def _check(self, written: Path) -> None:
        """Refuse to go on with another recipe than the folder's, but for stages that were added at its end.

        Raises:
            UserError: says what differs.
        """
        earlier = _filled(read_recipe(written))
        mine = sequence_as_plain(self.recipe)
        known = len(earlier.get("stages", ()))
        if self.recipe.settings.plan == "in_turn" and known:
            mine = {**mine, "stages": mine["stages"][:known]}
        there, here = flat(earlier), flat(mine)
        keys = other_keys(there, here)
        if not keys or not self._begun():
            return
        differences = [f"{key}: there {there.get(key)!r}, here {here.get(key)!r}" for key in keys]
        raise UserError(
            f"{self.path} holds a sequence of another recipe:\n{listed(differences)}\n"
            "  Stages can be added at the end of one that was learned in turn; earlier ones stay as they were.\n"
            "  Choose another place with --folder, or remove that folder to start anew."
        )

    def _begun(self) -> bool:
        """Whether anything was measured or trained; what was only read is forgotten where it was not."""
        files = [one for one in self.path.rglob("*") if one.is_file() and not is_own(one.name)]
        if any(one.name not in READ_AGAIN for one in files):
            return True
        for one in files:
            if one.parent != self.path:
                one.unlink()
        return False

    def stage(self, number: int) -> Path:
        """The folder of a stage's run, counted from 0."""
        return self.path / STAGES / f"{number + 1}-{plain_name(self.recipe.stages[number].name)}"

    def run(self, number: int, base: str) -> RunFolder:
        """A stage's run, which begins with the model ``base``."""
        return RunFolder(self.stage(number), _on(self.recipe.stages[number].recipe, base), self.progress, UNREAD)

    def together(self) -> RunFolder:
        """The one run for all tasks."""
        return RunFolder(self.path / TOGETHER, self.recipe.common, self.progress, UNREAD)

    def provenance(self) -> dict[str, Any]:
        """What was written down when the sequence began."""
        return {key: value for key, value in begun(self.path).items() if key != RECIPE}


def plain_name(name: str) -> str:
    """A task's name as part of a folder's, distinct for distinct names."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    return plain if plain == name else f"{plain}-{content_hash(name, length=6)}"


def _on(recipe: Recipe, base: str) -> Recipe:
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"base": base})})


def _filled(earlier: Any) -> dict[str, Any]:
    """A folder's recipe; keys that were not known when it was written have their defaults."""
    if not isinstance(earlier, dict):
        return {}
    try:
        return sequence_as_plain(parse_sequence(earlier))
    except (UserError, TypeError):  # it is of one task, or has keys or values that this version does not allow
        return earlier
