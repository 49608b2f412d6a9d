"""Reads rows from a file or a Hub data set, and says exactly what is wrong with those it cannot read.

Files: JSONL, JSON (a list, or ``{"data": [...]}``), CSV, TSV, Parquet and plain text (one row per paragraph),
each also gzipped. Hub data sets: ``hub:owner/name[:config][:split]``, or a bare ``owner/name`` where no such
path exists.
"""

from __future__ import annotations

import difflib
import os
from itertools import islice
from pathlib import Path

from retain.data.content import content_of
from retain.data.hub import is_hub_name, parse_hub_name, read_hub
from retain.data.readers import MOST_ROWS, READERS, Reader
from retain.data.rows import BadRow, Row, refuse
from retain.errors import UserError

PARQUET = ".parquet"


def read_rows(path: str, *, base_dir: Path | None = None) -> list[Row]:
    """Read every row of a file or Hub data set.

    Args:
        path: A file's path (relative ones start at ``base_dir``), or a Hub data set.
        base_dir: The folder relative paths start at; the working directory when empty.

    Raises:
        UserError: there is no such file or data set, it is empty, or rows cannot be read (all are named).
    """
    rows, bad = scan_rows(path, base_dir=base_dir)
    refuse(path, bad)
    return rows


def scan_rows(path: str, *, base_dir: Path | None = None) -> tuple[list[Row], list[BadRow]]:
    """As `read_rows`, but rows that cannot be read are returned beside the others.

    Raises:
        UserError: nothing can be read at all.
    """
    file = (base_dir or Path()) / os.path.expanduser(path)
    if path.startswith("hub:") or (is_hub_name(path) and not _looks_like_file(file)):
        found: list[Row | BadRow] = list(read_hub(parse_hub_name(path)))
    else:
        reader = _reader_of(path, file)
        content = content_of(path, file, text=extension_of(file) != PARQUET)
        found = list(islice(reader(content), MOST_ROWS + 1))
        if len(found) > MOST_ROWS:
            raise UserError(f"{path} holds more than {MOST_ROWS:,} rows. Take a sample of them.")
    if not found:
        raise UserError(f"{path} holds no rows")
    return [row for row in found if isinstance(row, Row)], [row for row in found if isinstance(row, BadRow)]


def _looks_like_file(file: Path) -> bool:
    return file.exists() or file.parent.is_dir() or extension_of(file) in READERS


def extension_of(file: Path) -> str:
    """A file's ending in lower case, without ``.gz``."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _reader_of(path: str, file: Path) -> Reader:
    if file.is_dir():
        raise UserError(
            f"{path} is a folder; name a file in it: {_some_names(file) or 'it holds no data file'}. "
            "training.method: pretrain reads whole folders of text."
        )
    if not file.exists():
        raise UserError(f"{path} does not exist; {_nearby(file)}")
    reader = READERS.get(extension_of(file))
    if reader is None:
        known = ", ".join(READERS)
        ending = extension_of(file)
        raise UserError(f'{path}: files that end in "{ending}" are not read; known: {known} (also with .gz)')
    return reader


def _some_names(folder: Path, most: int = 10) -> str:
    names = sorted(file.name for file in folder.iterdir() if extension_of(file) in READERS)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _nearby(file: Path) -> str:
    if not file.parent.is_dir():
        return f"there is no folder {file.parent} either"
    names = [other.name for other in file.parent.iterdir() if extension_of(other) in READERS]
    close = difflib.get_close_matches(file.name, names, n=1, cutoff=0.5)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"its folder holds: {_some_names(file.parent) or 'no data file'}"
