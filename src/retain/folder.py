"""Files and folders: atomic writes, the cache, and the run folder whose stages each write one file."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from retain import processes
from retain.errors import DamagedError, FaultError, RetainError, UserError
from retain.faults import disk_words
from retain.records import Record
from retain.sums import sealed, sync_file, sync_folder, unsealed, write_sums
from retain.wrong_values import problems_of

R = TypeVar("R", bound=Record)
MOST_BYTES = 2**31
"""Of a file that is read into memory as a whole."""
NO_FILES = "its folder takes no files"


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
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        except FileNotFoundError as error:  # what /proc says
            raise PermissionError(errno.EACCES, NO_FILES) from error
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


def _make_parent(path: Path) -> None:
    """Make the folder of a file.

    Raises:
        OSError: it cannot be made; never that it is not there, which is what /proc says.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise PermissionError(errno.EACCES, NO_FILES) from error


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


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON, atomically."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_sealed(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values as JSON with the hash of what was written, atomically."""
    write_text(path, sealed(json.dumps(values, indent=1, ensure_ascii=False)) + "\n")


def write_record(path: Path, record: Record) -> None:
    """Write one record as JSON with the hash of what was written, atomically."""
    write_text(path, sealed(record.model_dump_json(indent=1)) + "\n")


def write_rows(path: Path, records: list[R]) -> None:
    """Write records as JSON Lines, atomically."""
    write_text(path, "".join(record.model_dump_json() + "\n" for record in records))


def check_writable(path: Path) -> None:
    """Refuse a place for a file before hours are spent on what it should hold.

    Raises:
        UserError: it is a folder, or its folder cannot be made or written to.
    """
    with disk_errors(path):
        _make_parent(path)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        try:
            tempfile.TemporaryFile(dir=path.parent).close()
        except FileNotFoundError as error:  # what /proc says
            raise PermissionError(errno.EACCES, NO_FILES) from error


def read_json(path: Path) -> dict[str, Any]:
    """The values that :func:`write_json` or :func:`write_sealed` wrote.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        found = json.loads(unsealed(read_text(path)))
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"There is no file {path}") from None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} {_damage(path, error)}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no keys with values: it is another file. Name the right one.")
    return found


def _damage(path: Path, error: Exception) -> str:
    """What is wrong with a file that should hold JSON, and what to do."""
    if isinstance(error, OSError):
        return f"could not be read: {error.strerror}. Name a readable file."
    if path.stat().st_size == 0:
        return "is empty. It was never finished, or is another file: make it again, or name the right one."
    if not isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
        return f"is damaged: {error}"
    where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
    return f"is no whole JSON{where}. It is cut short, damaged or another file: make it again, or name the right one."


def read_record(path: Path, kind: type[R]) -> R:
    """Read a record that :func:`write_record` wrote.

    Raises:
        UserError: the file is missing, or its format is of another version.
        FaultError: it cannot be read.
        DamagedError: it holds something else, or not what was written into it.
    """
    try:
        return kind.model_validate_json(unsealed(read_text(path)))
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"There is no file {path}") from None
    except OSError as error:
        raise FaultError(f"{path} could not be read: {error.strerror}. Name a readable file.") from None
    except (ValidationError, ValueError) as error:
        _check_version(path, kind)
        raise DamagedError(f"{path} {_not_a_record(path, error)}") from None


def _not_a_record(path: Path, error: ValueError) -> str:
    """Why a file cannot be read as a record, and what to do."""
    from retain import __version__

    first = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else None
    if first is None:
        what = str(error)
    elif first["type"] == "json_invalid":
        return _damage(path, RecursionError())
    elif first["type"] == "missing":
        what = f"it has no {'.'.join(str(part) for part in first['loc'])}"
    else:
        what = problems_of(error, None)[0] if isinstance(error, ValidationError) else str(error)
    return (
        f"does not hold what Retain reads there: {what}.\n  It is damaged, something else, or of another version of "
        f"Retain (this is {__version__}). Make it again with this version, or read it with the one that wrote it."
    )


def _check_version(path: Path, kind: type[R]) -> None:
    """Refuse a record whose format has another version than ``kind``'s.

    Raises:
        UserError: says which one it has.
    """
    from retain import __version__

    field = kind.model_fields.get("version")
    try:
        found = read_json(path).get("version")
    except UserError:  # no record at all, which is said by whoever asked
        return
    if field is None or not isinstance(found, int) or found == field.default:
        return
    newer = found > field.default
    raise UserError(
        f"{path}: its format is version {found}; this Retain ({__version__}) reads version {field.default}.\n"
        f"  Use {'a newer' if newer else 'an older'} Retain, or make it again with this one."
    )


def read_rows(path: Path, kind: type[R]) -> list[R]:
    """Read the records of a JSON Lines file that :func:`write_rows` wrote."""
    return [kind.model_validate_json(line) for line in path.read_text("utf-8").splitlines() if line]
