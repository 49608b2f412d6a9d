"""Files and folders: atomic writes, the cache, and the run folder whose stages each write one file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from retain.errors import UserError
from retain.records import Record
from retain.wrong_values import problems_of

R = TypeVar("R", bound=Record)
UNWRITABLE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG}
)
"""What the system says of a place where no file can be written, whatever is free."""


def cache_folder() -> Path:
    """Where models and base measurements are kept between runs: ``$RETAIN_CACHE`` or the user's cache folder."""
    chosen = os.environ.get("RETAIN_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "retain"


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a message that says where and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"The disk is full: {path} could not be written.\n"
                "  Free some space, or choose another place with --folder (runs) or RETAIN_CACHE (cache).\n"
                "  What was finished is kept: run the same command again to go on."
            ) from error
        if error.errno in UNWRITABLE:
            raise UserError(f"{path} could not be written: {error.strerror}. Choose another place.") from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write a file so that it is either wholly there or not at all.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it is either wholly there or not at all.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``path`` at the end; after an error ``path`` is as it was.

    Raises:
        UserError: the disk is full or the place cannot be written.
    """
    making = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        try:
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            yield making
            shutil.rmtree(path, ignore_errors=True)
            making.rename(path)
        finally:
            shutil.rmtree(making, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON, atomically."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_record(path: Path, record: Record) -> None:
    """Write one record as JSON, atomically."""
    write_text(path, record.model_dump_json(indent=1) + "\n")


def write_rows(path: Path, records: list[R]) -> None:
    """Write records as JSON Lines, atomically."""
    write_text(path, "".join(record.model_dump_json() + "\n" for record in records))


def check_writable(path: Path) -> None:
    """Refuse a place for a file before hours are spent on what it should hold.

    Raises:
        UserError: it is a folder, or its folder cannot be made or written to.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        try:
            tempfile.TemporaryFile(dir=path.parent).close()
        except FileNotFoundError as error:  # what /proc says
            raise PermissionError(errno.EACCES, "its folder takes no files") from error


def read_json(path: Path) -> dict[str, Any]:
    """The values that :func:`write_json` wrote.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is missing or damaged: {error}") from None


def read_record(path: Path, kind: type[R]) -> R:
    """Read a record that :func:`write_record` wrote.

    Raises:
        UserError: the file is missing, cannot be read or holds something else.
    """
    try:
        return kind.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no file {path}") from None
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror}. Name a readable file.") from None
    except (ValidationError, UnicodeDecodeError) as error:
        what = problems_of(error, None)[0] if isinstance(error, ValidationError) else str(error)
        raise UserError(f"{path} is not a {kind.__name__}: {what}") from None


BOOL = "tag:yaml.org,2002:bool"


def read_rows(path: Path, kind: type[R]) -> list[R]:
    """Read the records of a JSON Lines file that :func:`write_rows` wrote."""
    return [kind.model_validate_json(line) for line in path.read_text("utf-8").splitlines() if line]


class _Loader(yaml.SafeLoader):
    """YAML in which ``on`` and ``no`` are words, and a key that is given twice is a mistake, not a value lost."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag != BOOL or first in "tTfF"]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f'"{key.value}" is given twice', key.start_mark)
                seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


def parse_yaml(text: str) -> Any:
    """The plain values of a YAML text.

    Raises:
        yaml.YAMLError: it is not YAML, a key is given twice, or it is nested too deeply.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
