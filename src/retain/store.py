"""Results that are worth keeping between runs: one checked file for each, found again by what it depends on.

A key is a hash of everything that the content depends on, so that an entry is never out of date: what changed has
another key. Each file says its own key and the sha256 of its content, on one line before it. A file that does not hold
what its name promises (damaged, cut short, or put there by something else) is moved aside with a line that says so, and
counts as missing. Files appear whole or not at all, so that several processes can share one store.
Where several work together (``retain.processes``) the first one reads for all, and writes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TypeVar

from retain import processes
from retain.errors import UserError
from retain.folder import cache_folder, write_bytes
from retain.records import Record

R = TypeVar("R", bound=Record)
FORMAT = 1
SET_ASIDE = "damaged"
"""Name of the folder for files that did not hold what they should."""
log = logging.getLogger(__name__)


class Store:
    """One kind of result.

    Args:
        name: the folder's name within the user's store.
        place: the folder above; ``store_folder()`` when None.
    """

    def __init__(self, name: str, place: Path | None = None) -> None:
        self.name = name
        self.folder = (place or store_folder()) / name

    def read(self, key: str, kind: type[R]) -> R | None:
        """The record that was written under a key; None where there is none that is sound."""
        content = self.read_bytes(key)
        if content is None:
            return None
        try:
            return kind.model_validate_json(content)
        except ValueError as error:  # sound, and yet of another version of this record
            self._set_aside(key, f"it is no {kind.__name__}: {str(error).splitlines()[0]}")
            return None

    def write(self, key: str, record: Record) -> None:
        """Keep a record."""
        self.write_bytes(key, record.model_dump_json().encode())

    def read_bytes(self, key: str) -> bytes | None:
        """The content that was written under a key; None where there is none that is sound."""
        return processes.from_first(lambda: self._read(key))

    def _read(self, key: str) -> bytes | None:
        try:
            head, _, content = self._path(key).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("%s cannot be read (%s); its content is made anew", self._path(key), error.strerror)
            return None
        problem = self._problem(key, head, content)
        if problem:
            self._set_aside(key, problem)
            return None
        return content

    def write_bytes(self, key: str, content: bytes) -> None:
        """Keep some content. Where the disk is full or read-only that is said, and nothing is kept."""
        head = {"format": FORMAT, "store": self.name, "key": key, "sha256": hashlib.sha256(content).hexdigest()}
        try:
            write_bytes(self._path(key), json.dumps(head).encode() + b"\n" + content)
        except UserError as error:
            log.warning("not kept for later: %s", error)

    def _path(self, key: str) -> Path:
        return self.folder / key

    def _problem(self, key: str, head: bytes, content: bytes) -> str:
        """Why a file is not what its name promises, or nothing."""
        try:
            said = json.loads(head)
        except ValueError:
            said = None
        if not isinstance(said, dict) or said.get("format") != FORMAT:
            return "it was not written by this store"
        if (said.get("store"), said.get("key")) != (self.name, key):
            return "it belongs to another key"
        if said.get("sha256") != hashlib.sha256(content).hexdigest():
            return "it is damaged or cut short: its content has not the hash that was written down"
        return ""

    def _set_aside(self, key: str, problem: str) -> None:
        aside = self.folder / SET_ASIDE / key
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._path(key), aside)
        except OSError:  # another process was first, or nothing can be moved here: it is overwritten then
            aside = self._path(key)
        log.warning("%s is not used, its content is made anew: %s (see %s)", self._path(key), problem, aside)


def store_folder() -> Path:
    """Where all stores lie: ``store`` in the cache folder. It may be deleted at any time."""
    return cache_folder() / "store"


def store_size() -> tuple[int, int]:
    """(files, bytes) of all stores."""
    sizes = [path.stat().st_size for path in store_folder().rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
