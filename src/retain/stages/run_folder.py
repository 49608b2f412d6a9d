"""The run folder: each stage writes one file in it, once; a run that was interrupted goes on at the next one."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from retain import processes
from retain.at_work import is_own
from retain.errors import DamagedError, UserError, listed
from retain.folder import read_text, write_text
from retain.progress import Progress
from retain.provenance import provenance
from retain.recipe import Recipe, as_plain, parse_recipe
from retain.record_files import read_json, read_record, write_record, write_sealed
from retain.records import Record, content_hash
from retain.yaml_text import parse_yaml

R = TypeVar("R", bound=Record)
log = logging.getLogger(__name__)
PROVENANCE, SECONDS, RECIPE = "provenance.json", "seconds.json", "recipe"
"""Files beside the stages' own; and the key under which the first one keeps the recipe a second time."""
SEAL = "# hash of the lines above: "
LEAST_SECONDS = 0.05
"""A stage shorter than this was read, not done."""
READ_AGAIN = frozenset({"recipe.yaml", PROVENANCE, SECONDS, "data.json", "documents.json"})
"""Files of a folder in which nothing was measured or trained yet; another recipe makes them anew in seconds."""


def begun(folder: Path) -> dict[str, Any]:
    """What was written down when the work in a folder began.

    Raises:
        DamagedError: the file does not hold what was written.
    """
    path = folder / PROVENANCE
    try:
        return read_json(path)
    except UserError as error:
        raise DamagedError(str(error), [path]) from None


def check_free(folder: Path) -> None:
    """Refuse a folder in which something else lies than what a run leaves that was killed as it began.

    Raises:
        UserError: there is something, or it is a file.
    """
    others = [one.name for one in folder.iterdir()] if folder.is_dir() else []
    if folder.is_file() or any(name != PROVENANCE and not is_own(name) for name in others):
        raise UserError(f"{folder} is not empty and holds no run. Choose another place with --folder.")


def write_recipe(path: Path, plain: Mapping[str, Any]) -> None:
    """Write a recipe's values as they are gone on with, with their hash; a file that says the same stays as it is."""
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    text += f"{SEAL}{content_hash(text)}\n"
    try:
        same = path.read_text("utf-8") == text
    except (OSError, UnicodeDecodeError):
        same = False
    if not same:
        write_text(path, text)


def read_recipe(path: Path) -> Any:
    """The values that :func:`write_recipe` wrote; from provenance.json, which says them too, where they are damaged.

    Raises:
        DamagedError: neither is sound.
    """
    try:
        text, _, digest = read_text(path).partition(SEAL)
        found = parse_yaml(text)
        if digest.strip() != content_hash(text):  # one that was cut short has none
            raise yaml.YAMLError("its content has not the hash that stands in its last line")
        if not isinstance(found, dict):
            raise yaml.YAMLError("it holds no settings")
        return found
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        kept = begun(path.parent).get(RECIPE)
        if not isinstance(kept, dict):
            raise DamagedError(f"{path} is damaged: {error}. Choose another place with --folder.") from None
        log.warning("%s is damaged (%s); the recipe that provenance.json kept is taken", path, error)
        return kept


def other_keys(earlier: dict[str, Any], mine: dict[str, Any], unread: Sequence[str] = ()) -> list[str]:
    """The keys, flat, in which two recipes differ, without those under a key that no finished stage depends on."""
    keys = sorted(key for key in {*earlier, *mine} if not same_value(earlier.get(key), mine.get(key)))
    return [key for key in keys if not any(key == one or key.startswith(f"{one}.") for one in unread)]


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
        plain = as_plain(self.recipe)
        if not written.is_file():
            check_free(self.path)
        if not written.is_file() or not (self.path / PROVENANCE).is_file():
            several = {"processes": processes.launched()} if processes.launched() > 1 else {}
            write_sealed(self.path / PROVENANCE, {**provenance(self.recipe.seed), **several, RECIPE: plain})
        begun(self.path)  # what is wrong with it is said before hours of work
        write_recipe(written, plain)

    def _goes_on(self, written: Path, unread: Sequence[str]) -> bool:
        """True when the folder's recipe is this one; False when it is another and nothing was measured or trained yet.

        Raises:
            UserError: it is another one, and there is work that was done with it.
        """
        earlier, mine = _filled(read_recipe(written)), flat(as_plain(self.recipe))
        keys = other_keys(earlier, mine, unread)
        if not keys:
            return True
        if {one.name for one in self.path.iterdir() if not is_own(one.name)} <= READ_AGAIN:
            return False
        differences = [f"{key}: there {earlier.get(key)!r}, here {mine.get(key)!r}" for key in keys]
        raise UserError(
            f"{self.path} holds a run of another recipe:\n{listed(differences)}\n"
            "  Choose another place with --folder, or remove that folder to start anew."
        )

    def once(
        self,
        name: str,
        kind: type[R],
        make: Callable[[], R],
        title: str = "",
        before: Sequence[str] = (),
        alone: bool = False,
    ) -> R:
        """The record of a stage: read when the stage was finished before, else made and written.

        Args:
            name: of the stage, and of its file.
            kind: of its record.
            make: does the stage. Where several processes work together each calls it, and what the first one made is
                taken.
            title: what a person calls it.
            before: later stages that look at what this one leaves; where it is done again, so are they.
            alone: only the first process calls ``make``.

        Raises:
            DamagedError: its file does not hold what was written.
        """
        path = self.path / f"{name}.json"
        found = processes.from_first(lambda: self._finished(path, kind, before))
        if found is not None:
            return found
        started = time.monotonic()
        with self.progress.stage(title or name):
            record = processes.from_first(make) if alone else make()

        def write() -> R:
            write_record(path, record)
            self._note_time(name, time.monotonic() - started)
            return record

        return processes.from_first(write)

    def _finished(self, path: Path, kind: type[R], before: Sequence[str]) -> R | None:
        """The record of a stage that was finished before; else None, and what later stages left is removed."""
        if path.is_file():
            try:
                return read_record(path, kind)
            except DamagedError as error:
                raise DamagedError(error.what, [path]) from None
        for later in before:
            (self.path / f"{later}.json").unlink(missing_ok=True)
            shutil.rmtree(self.path / later, ignore_errors=True)
        return None

    def _note_time(self, name: str, seconds: float) -> None:
        if seconds >= LEAST_SECONDS:
            write_sealed(self.path / SECONDS, {**self.seconds(), name: round(seconds, 2)})

    def seconds(self) -> dict[str, float]:
        """Stage -> wall time of the go that finished it."""
        path = self.path / SECONDS
        try:
            return read_json(path) if path.is_file() else {}
        except UserError as error:
            log.warning("the times of earlier stages are lost: %s", error)
            path.unlink(missing_ok=True)
            return {}

    def provenance(self) -> dict[str, Any]:
        """What was written down when the run began."""
        return {key: value for key, value in begun(self.path).items() if key != RECIPE}


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
