"""Files and folders: reading text, atomic writes, and the cache."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from retain import processes
from retain.errors import FaultError, RetainError, UserError
from retain.faults import disk_words
from retain.records import Record
from retain.sums import sync_file, sync_folder, write_sums

R = TypeVar("R", bound=Record)
MOST_BYTES = 2**31
"""Of a file that is read into memory as a whole."""


def cache_folder() -> Path:
    """Where models and base measurements are kept between runs: ``$RETAIN_CACHE`` or the user's cache folder."""
    chosen = os.environ.get("RETAIN_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "retain"


def is_regular(path: Path) -> bool:
    """True for a file, by way of links too; devices and pipes may never end. A missing one is left to who reads it."""
    return path.is_file() or not path.exists()


def in_bytes(number: int) -> str:
    """``2147483648`` -> ``2.0 GiB``."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"


def read_text(path: Path, most: int | None = None) -> str:
    """A file of text (UTF-8).

    Args:
        path: of a regular file.
        most: bytes that it may have; :data:`MOST_BYTES` when None.

    Raises:
        UserError: it is a device or a pipe, or too large.
        OSError, UnicodeDecodeError: it cannot be read.
    """
    most = MOST_BYTES if most is None else most
    if not is_regular(path) and not path.is_dir():
        raise UserError(f"{path} is no regular file (a device or a pipe?). Name a file.")
    if path.is_file() and path.stat().st_size > most:
        raise UserError(
            f"{path} is too large: found {in_bytes(path.stat().st_size)}, and at most {in_bytes(most)} are read."
        )
    return path.read_text("utf-8")


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full, read-only or failing disk into a message that says where and what to do."""
    try:
        yield
    except RetainError:
        raise
    except Exception as error:
        words = disk_words(error, path)
        if words is None:
            raise
        raise FaultError(words) from error


def write_text(path: Path, text: str) -> None:
    """Write a file so that it is either wholly there or not at all.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it is either wholly there or not at all; of processes that work together the first one does.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    if not processes.is_first():
        return
    with disk_errors(path):
        _make_parent(path)
        with _no_place():
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _readable(temporary)
            os.replace(temporary, path)
            sync_folder(path.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def _no_place() -> Iterator[None]:
    """Say of a folder that takes no files that it does not, where the system (of /proc) says that there is none.

    Raises:
        PermissionError: in the place of FileNotFoundError.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise PermissionError(errno.EACCES, "its folder takes no files") from error


def _make_parent(path: Path) -> None:
    with _no_place():
        path.parent.mkdir(parents=True, exist_ok=True)


def _readable(path: Path | str) -> None:
    """Let others read a file: temporary ones, and what safetensors writes, are their owner's alone."""
    if not os.path.islink(path):
        os.chmod(path, os.stat(path).st_mode | 0o644)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The path of a file to write, for a library that writes by itself; it takes the place of ``path`` at the end.

    Raises:
        UserError: the disk is full or the place cannot be written.
    """
    making = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        _make_parent(path)
        try:
            yield making
            _readable(making)
            sync_file(making)
            os.replace(making, path)
            sync_folder(path.parent)
        finally:
            making.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, sums: bool = False) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``path`` at the end; after an error ``path`` is as it was.

    Args:
        path: of the folder.
        sums: also write the hash of each file, for :func:`retain.sums.check_sums`.

    Raises:
        UserError: the disk is full or the place cannot be written.
    """
    making = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        try:
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            yield making
            if sums:
                write_sums(making)
            for file in making.rglob("*"):
                if file.is_file():
                    _readable(file)
                    sync_file(file)
                else:
                    sync_folder(file)
            sync_folder(making)
            shutil.rmtree(path, ignore_errors=True)
            making.rename(path)
            sync_folder(path.parent)
        finally:
            shutil.rmtree(making, ignore_errors=True)


def check_writable(path: Path) -> None:
    """Refuse a place for a file before hours are spent on what it should hold.

    Raises:
        UserError: it is a folder, or its folder cannot be made or written to.
    """
    with disk_errors(path):
        _make_parent(path)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        with _no_place():
            tempfile.TemporaryFile(dir=path.parent).close()
