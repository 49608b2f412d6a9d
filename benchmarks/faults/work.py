"""One go of a piece of work in a process of its own, and what it left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harms import off

LIMIT = 120.0
"""Seconds of a processor that a go may take before it counts as hanging: some fifty times what it takes."""
IDLE = 60.0
"""Seconds in which a go may not use a processor at all. On a busy machine work is slow, and is no hang."""
DONE, TOLD, BROKE, UNFORESEEN = 0, 2, 4, 70
"""Exit codes of a go: it ended, with an error for the user, with one of ours, with a traceback."""
TIMES = frozenset({"seconds", "watch_seconds", "provenance", "title", "sha256"})
"""What may differ between two records of the same work: times, and hashes over texts with times in them."""
STAGES = ("data", "before", "general", "rate", "negatives", "training", "chosen", "after", "kl", "recitation", "row")
Harm = Callable[[Path, Path], None]
"""Prepares a process to be harmed at some point, given the folder of the work and that of the store."""


@dataclass(frozen=True)
class Place:
    """Where a trial works."""

    root: Path

    @property
    def folder(self) -> Path:
        """The run's."""
        return self.root / "run"

    @property
    def cache(self) -> Path:
        """The store's."""
        return self.root / "cache"

    def clear(self) -> None:
        """Begin anew."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)


@dataclass(frozen=True)
class Ended:
    """How a go ended."""

    code: int | None
    """Exit code; minus a signal's number; None where it hung."""
    said: str
    remove: list[str]
    """What an error says is to be removed."""
    seconds: float


def begin(recipe: Path, place: Place, harm: Harm | None = None) -> int:
    """Start a go in a child of this process, and return its id."""
    child = os.fork()
    if child:
        return child
    code = UNFORESEEN
    try:
        said = os.open(place.root / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(said, 1)
        os.dup2(said, 2)
        code = _go(recipe, place, harm)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _go(recipe: Path, place: Place, harm: Harm | None) -> int:
    from retain.commands.frontier import frontier
    from retain.commands.run import run
    from retain.errors import DamagedError, RetainError
    from retain.progress import Progress

    os.environ["RETAIN_CACHE"] = str(place.cache)
    (place.root / "remove.json").unlink(missing_ok=True)
    try:
        if harm is not None:
            harm(place.folder, place.cache)
        (frontier if recipe.stem == "frontier" else run)(recipe, place.folder, progress=Progress())
        return DONE
    except RetainError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        if isinstance(error, DamagedError):
            _unharmed(place.root / "remove.json", [str(path) for path in error.remove])
        return error.exit_code
    except BaseException:  # noqa: BLE001 - finding these is what this is for
        traceback.print_exc()
        return UNFORESEEN


def _unharmed(path: Path, value: Any) -> None:
    """Write a file, whatever is done to others."""
    off()
    path.write_text(json.dumps(value))


def end(child: int, place: Place, begun: float | None = None) -> Ended:
    """Wait until a go has ended; one that takes too long, or does nothing, is ended and counts as hanging."""
    begun = time.monotonic() if begun is None else begun
    used, since = 0.0, time.monotonic()
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            code: int | None = os.waitstatus_to_exitcode(status)
            break
        now, spent = time.monotonic(), _processor_seconds(child)
        if spent > used:
            used, since = spent, now
        if spent > LIMIT or now - since > IDLE:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            code = None
            break
        time.sleep(0.02)
    remove = place.root / "remove.json"
    said = (place.root / "said.txt").read_text("utf-8", "replace") if (place.root / "said.txt").is_file() else ""
    named = json.loads(remove.read_text()) if remove.is_file() else []
    return Ended(code, said, named, time.monotonic() - begun)


def _processor_seconds(child: int) -> float:
    """What a process has used, by /proc; nothing where it has just ended."""
    try:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def go(recipe: Path, place: Place, harm: Harm | None = None) -> Ended:
    """One go from its start to its end."""
    return end(begin(recipe, place, harm), place)


def record(place: Place) -> Any:
    """All that the work found out, without times and places; None where there is no record that can be read."""
    from retain.errors import UserError
    from retain.record_files import read_json

    found = []
    for path in sorted(place.folder.rglob("*.json")):
        if path.name in ("record.json", "frontier.json"):
            try:
                found.append([str(path.relative_to(place.folder)), read_json(path)])
            except UserError:
                return None
    text = json.dumps(found).replace(str(place.root), "ROOT").replace(f"../{place.root.name}/", "../ROOT/")
    return _timeless(json.loads(text)) if found else None


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def finished(place: Place) -> dict[str, int]:
    """The stages that were finished: file -> when it was written."""
    return {
        str(path.relative_to(place.folder)): path.stat().st_mtime_ns
        for path in place.folder.rglob("*.json")
        if path.stem in STAGES and not any(part.startswith(".") for part in path.relative_to(place.folder).parts)
    }


def stage_of(said: str) -> str:
    """The stage that a go was in when it ended, by what it said."""
    titles = [line.removesuffix(" ...") for line in said.splitlines() if line.endswith(" ...")]
    done = [line.split(": done in ")[0] for line in said.splitlines() if ": done in " in line]
    if not titles:
        return "Opening the folder"
    return "Between stages, reports" if done and done[-1] == titles[-1] else titles[-1]
