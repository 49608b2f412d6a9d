"""Files of JSON: records with the hash of what was written, rows, and plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from retain.errors import DamagedError, FaultError, UserError
from retain.folder import read_text, write_text
from retain.records import Record
from retain.sums import sealed, unsealed
from retain.wrong_values import problems_of

R = TypeVar("R", bound=Record)


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
    if isinstance(error, json.JSONDecodeError):
        return _no_json(path, f" (line {error.lineno}, column {error.colno})")
    return _no_json(path) if isinstance(error, UnicodeDecodeError | RecursionError) else f"is damaged: {error}"


def _no_json(path: Path, where: str = "") -> str:
    if path.stat().st_size == 0:
        return "is empty. It was never finished, or is another file: make it again, or name the right one."
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

    what = str(error)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            return _no_json(path)
        missing = f"it has no {'.'.join(str(part) for part in first['loc'])}"
        what = missing if first["type"] == "missing" else problems_of(error, None)[0]
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
