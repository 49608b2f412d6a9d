"""The run folder: each stage writes one file in it, once; a run that was interrupted goes on at the next one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from retain import processes
from retain.errors import UserError, listed
from retain.folder import parse_yaml, read_json, read_record, read_text, write_json, write_record, write_text
from retain.progress import Progress
from retain.provenance import provenance
from retain.recipe import Recipe, as_plain, parse_recipe
from retain.records import Record

R = TypeVar("R", bound=Record)
LEAST_SECONDS = 0.05
"""A stage shorter than this was read, not done."""
READ_AGAIN = frozenset({"recipe.yaml", "provenance.json", "seconds.json", "data.json", "documents.json"})
"""Files of a folder in which nothing was measured or trained yet; another recipe makes them anew in seconds."""


class RunFolder:
    """One run of one recipe.

    Args:
        path: the folder; made when it is missing.
        recipe: what is run.
        progress: where stages are shown.
        unread: keys of the recipe, such as ``advise`` or ``advise.margin``, that no finished stage depends on; they may
            have changed since the run began.

    Raises:
        UserError: the folder holds a run of another recipe, or something else.
    """

    def __init__(self, path: Path, recipe: Recipe, progress: Progress, unread: Sequence[str] = ()) -> None:
        self.path = path
        self.recipe = recipe
        self.progress = progress
        processes.from_first(lambda: self._open(unread))
        if not (path / "recipe.yaml").is_file():
            raise UserError(
                f"{path} was made by the first process, and process {processes.rank()} does not see it. Put the run "
                "folder (--folder) on a file system that all processes share."
            )

    def _open(self, unread: Sequence[str]) -> None:
        written = self.path / "recipe.yaml"
        if written.is_file() and not self._goes_on(written, unread):
            for name in READ_AGAIN:
                (self.path / name).unlink(missing_ok=True)
        if written.is_file():
            self._write(written)
            return
        others = [one.name for one in self.path.iterdir()] if self.path.is_dir() else []
        begun = [name for name in others if name == "provenance.json" or name.endswith(".tmp")]  # and then killed
        if self.path.is_file() or len(others) > len(begun):
            raise UserError(f"{self.path} is not empty and holds no run. Choose another place with --folder.")
        several = {"processes": processes.launched()} if processes.launched() > 1 else {}
        write_json(self.path / "provenance.json", {**provenance(self.recipe.seed), **several})
        self._write(written)

    def _write(self, written: Path) -> None:
        """The recipe as it is gone on with; a file that says the same stays as it is."""
        text = yaml.safe_dump(as_plain(self.recipe), sort_keys=False, allow_unicode=True)
        if not written.is_file() or written.read_text("utf-8") != text:
            write_text(written, text)

    def _goes_on(self, written: Path, unread: Sequence[str]) -> bool:
        """True when the folder's recipe is this one; False when it is another and nothing was measured or trained yet.

        Raises:
            UserError: it is another one, and there is work that was done with it.
        """
        try:
            earlier = _filled(parse_yaml(read_text(written)))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"{written} is damaged: {error}. Choose another place with --folder.") from None
        mine = flat(as_plain(self.recipe))
        keys = sorted(key for key in {*earlier, *mine} if not same_value(earlier.get(key), mine.get(key)))
        keys = [key for key in keys if not any(key == one or key.startswith(f"{one}.") for one in unread)]
        if not keys:
            return True
        if {one.name for one in self.path.iterdir()} <= READ_AGAIN:
            return False
        differences = [f"{key}: there {earlier.get(key)!r}, here {mine.get(key)!r}" for key in keys]
        raise UserError(
            f"{self.path} holds a run of another recipe:\n{listed(differences)}\n"
            "  Choose another place with --folder, or remove that folder to start anew."
        )

    def once(self, name: str, kind: type[R], make: Callable[[], R], title: str = "", alone: bool = False) -> R:
        """The record of a stage: read when the stage was finished before, else made and written.

        Args:
            name: of its file.
            kind: of its record.
            make: does the stage. Where several processes work together each calls it, and what the first one made is
                taken.
            title: what a person calls it.
            alone: only the first process calls ``make``.
        """
        path = self.path / f"{name}.json"
        found = processes.from_first(lambda: self._finished(path, kind))
        if found is not None:
            return found
        begun = time.monotonic()
        with self.progress.stage(title or name):
            record = processes.from_first(make) if alone else make()

        def write() -> R:
            write_record(path, record)
            self._note_time(name, time.monotonic() - begun)
            return record

        return processes.from_first(write)

    def _finished(self, path: Path, kind: type[R]) -> R | None:
        """The record of a stage that was finished before."""
        if not path.is_file():
            return None
        try:
            return read_record(path, kind)
        except UserError as error:
            raise UserError(f"{error}\n  Remove that file, and the same command does this stage again.") from None

    def _note_time(self, name: str, seconds: float) -> None:
        if seconds >= LEAST_SECONDS:
            write_json(self.path / "seconds.json", {**self.seconds(), name: round(seconds, 2)})

    def seconds(self) -> dict[str, float]:
        """Stage -> wall time of the go that finished it."""
        path = self.path / "seconds.json"
        return read_json(path) if path.is_file() else {}

    def provenance(self) -> dict[str, Any]:
        """What was written down when the run began."""
        return read_json(self.path / "provenance.json")


def _filled(earlier: Any) -> dict[str, Any]:
    """A folder's recipe, flat; keys that were not known when it was written have their defaults."""
    try:
        return flat(as_plain(parse_recipe(earlier)))
    except (UserError, TypeError):  # it has keys or values that this version does not allow
        return flat(earlier)


def same_value(one: Any, other: Any) -> bool:
    """Equal, or paths of the same file by way of different links."""
    if isinstance(one, str) and isinstance(other, str) and os.path.isabs(one) and os.path.isabs(other):
        return os.path.realpath(one) == os.path.realpath(other)
    return bool(one == other)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Nested values as ``a.b.0.c`` -> leaf."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {
            key: leaf
            for name, part in pairs
            for key, leaf in flat(part, f"{path}.{name}" if path else str(name)).items()
        }
    return {path: value}
