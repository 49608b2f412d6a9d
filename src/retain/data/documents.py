"""Plain text as documents for continued pretraining: a folder, text files, or rows with ``text``.

- **.txt and .md** (also gzipped): a file is a document. A line that is only ``<|endoftext|>``, or a form feed, ends one
  and begins another. A document of more than `LONGEST_PART` characters becomes several rows, so that a book too has
  rows to hold out: parted where a heading or a paragraph begins, else at a line, else at a space. Nothing is left out
  but white space around a document, and only the last part ends it: no EOS is trained within it.
- **rows** (JSONL and what else `read_examples` knows): one document each.
- **a folder**: all its files of the kinds in `KINDS`, at any depth, by name; hidden and empty ones are passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from retain.data.content import content_of
from retain.data.example import Example
from retain.data.formats import Scan, scan_examples
from retain.data.rows import BadRow, refuse
from retain.data.sources import extension_of
from retain.errors import UserError
from retain.records import content_hash

WHOLE = (".txt", ".md")
"""Endings of files that are text as a whole."""
KINDS = (*WHOLE, ".jsonl", ".ndjson", ".parquet")
"""Endings of the files that are read from a folder."""
LONGEST_PART = 4000
"""Characters of a part, about a thousand tokens of English."""
_END = re.compile(r"^[ \t]*<\|endoftext\|>[ \t]*(?:\r?\n|\Z)|\f", re.MULTILINE)
_BREAKS = (re.compile(r"\n(?=#{1,6} )"), re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"\s"))
"""After what a part may end, the best first."""


def read_documents(source: str) -> list[Example]:
    """The documents of a source.

    Args:
        source: a folder, a file, or a Hub data set.

    Raises:
        UserError: nothing can be read, files of a folder differ in shape, or rows cannot be used (all are named).
    """
    scan = scan_documents(source)
    refuse(source, scan.bad)
    return list(scan.examples)


def scan_documents(source: str) -> Scan:
    """As `read_documents`, but rows that cannot be used are returned beside the documents.

    Raises:
        UserError: nothing can be read at all, or files of a folder differ in shape.
    """
    if not _is_documents(source):
        return scan_examples(source)
    scans = [_scan_file(str(file)) for file in document_files(source)]
    shapes = {one.format: one.source for one in reversed(scans) if one.examples}
    if len(shapes) > 1:
        found = "; ".join(f"{name} in {file}" for name, file in sorted(shapes.items()))
        raise UserError(f"{source} mixes row shapes; a folder holds one. Found: {found}")
    examples = tuple(row for one in scans for row in one.examples)
    bad = tuple(row for one in scans for row in one.bad)
    if not examples and not bad:
        raise UserError(f"{source} holds no text")
    return Scan(source, next(iter(shapes), "text"), examples, bad)


def document_files(source: str) -> list[Path]:
    """The files that a source is read from; none for a Hub data set.

    Raises:
        UserError: it is a folder without any.
    """
    place = Path(os.path.expanduser(source))
    if not place.is_dir():
        return [place] if place.is_file() else []
    inside = (one for one in place.rglob("*") if extension_of(one) in KINDS and one.is_file() and one.stat().st_size)
    files = sorted(one for one in inside if not any(part.startswith(".") for part in one.relative_to(place).parts))
    if not files:
        raise UserError(f"the folder {source} holds no file of {', '.join(KINDS)} (also with .gz)")
    return files


def parts_of(text: str, longest: int = LONGEST_PART) -> Iterator[str]:
    """A text in parts of at most ``longest`` characters; together they are the text.

    A part ends in its second half, at the last of the best kind of place that there is.
    """
    while len(text) > longest:
        end = next((found for pattern in _BREAKS if (found := _last(pattern, text, longest))), longest)
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def _is_documents(source: str) -> bool:
    place = Path(os.path.expanduser(source))
    return place.is_dir() or (place.is_file() and extension_of(place) in WHOLE)


def _scan_file(file: str) -> Scan:
    if extension_of(Path(file)) not in WHOLE:
        scan = scan_examples(file)
        return Scan(file, scan.format, scan.examples, tuple(BadRow(0, f"{file}:{one}") for one in _told(scan.bad)))
    content = content_of(file, Path(file))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{file}:{line}: byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from None
    return Scan(file, "text", tuple(_documents(text, file)), ())


def _told(bad: tuple[BadRow, ...]) -> list[str]:
    return [f"{one.line}: {one.reason}" for one in bad]


def _documents(text: str, file: str) -> Iterator[Example]:
    start = 0
    for end in (*_END.finditer(text), None):
        document = text[start : end.start() if end else None]
        body = document.strip()
        place = start + document.index(body)
        parts = [part for part in parts_of(body) if part.strip()]
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            identity, line = content_hash("text", part, last), text.count("\n", 0, place) + 1
            yield Example(id=identity, shape="text", text=part, source=file, ended=last, line=line)
            place += len(part)
        start = end.end() if end else start


def _last(pattern: re.Pattern[str], text: str, longest: int) -> int | None:
    """Where the last match in the second half of a part ends."""
    found = [one.end() for one in pattern.finditer(text, longest // 2, longest)]
    return found[-1] if found else None
