"""One process works in a folder at a time: a lock of the system's, which ends with its process however that ends."""

from __future__ import annotations

import errno
import json
import logging
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from retain import processes
from retain.errors import FaultError
from retain.faults import faults_in_words
from retain.folder import disk_errors

LOCK = ".lock"
"""Name of the locked file, which also says who holds it. It stays where it is: removing it would let two in."""
MARKS = ("recipe.yaml", "provenance.json", LOCK)
"""A folder with one of these is a run's."""
NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
"""What a file system without locks says."""
log = logging.getLogger(__name__)


@contextmanager
def working_in(folder: Path, option: str = "--folder") -> Iterator[None]:
    """Lock a folder, remove what a killed process left half-written in it, and tell faults of the machine in words.

    Of several processes that train together the first one holds the lock.

    Args:
        folder: what is locked, and made where it is not there.
        option: with which a command is given another place.

    Raises:
        FaultError: another process works in the folder, or a file could not be read or written.
        BrokenError: memory ran out.
    """
    with faults_in_words(folder):
        if not processes.is_first() or _is_foreign(folder):  # foreign: it will be refused, and stays as it is
            yield
            return
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = _taken(folder, option)
        try:
            _sweep(folder)
            yield
        finally:
            if lock is not None:
                lock.release()


def is_own(name: str) -> bool:
    """Whether a name in a folder is one that work in it leaves, and no result."""
    return name == LOCK or _half_written(name)


def _half_written(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def _is_foreign(folder: Path) -> bool:
    if not folder.exists():
        return False
    if not folder.is_dir():
        return True
    names = {one.name for one in folder.iterdir()}
    return bool({name for name in names if not is_own(name)}) and not names & {*MARKS}


def _taken(folder: Path, option: str) -> FileLock | None:
    path = folder / LOCK
    lock = FileLock(path, blocking=False, fallback_to_soft=False)  # a soft one outlives a killed process
    try:
        lock.acquire()
    except Timeout:
        raise FaultError(
            f"{folder} is in use: {_holder(path)} works in it.\n"
            f"  Wait for it, end it, or choose another place with {option}."
        ) from None
    except NotImplementedError as error:
        _without(folder, str(error))
        return None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        _without(folder, str(error.strerror))
        return None
    path.write_text(json.dumps({"pid": os.getpid(), "host": platform.node()}), "utf-8")
    return lock


def _without(folder: Path, why: str) -> None:
    log.warning("%s cannot be locked (%s): see to it that nothing else works in it", folder, why)


def _holder(path: Path) -> str:
    try:
        said = json.loads(path.read_text("utf-8"))
        return f"process {int(said['pid'])} on {said['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _sweep(folder: Path) -> None:
    """Remove what was being written when a process was killed: nobody else writes here while the lock is held.

    Folders in it with a lock of their own are left to who works in them.
    """
    for place, folders, files in os.walk(folder):
        for path in [Path(place, name) for name in (*folders, *files) if _half_written(name)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        folders[:] = [name for name in folders if not Path(place, name, LOCK).exists()]
