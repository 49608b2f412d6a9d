"""The bytes of a data file: regular files only, of a bounded size, and text where text belongs."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from retain.errors import UserError
from retain.folder import MOST_BYTES, in_bytes, is_regular

BEGINNING = 2**16
"""Bytes that are looked at to tell what a file is."""
KNOWN = {
    b"PK\x03\x04": "a zip archive (or a file of an office program)",
    b"\x1f\x8b": "compressed with gzip; give it the ending .gz",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"(\xb5/\xfd": "compressed with zstd",
    b"PAR1": "a Parquet file; give it the ending .parquet",
    b"SQLite format 3\x00": "an SQLite database",
    b"%PDF": "a PDF file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GGUF": "a model (GGUF)",
    b"\x80\x04\x95": "a pickle",
    b"\x80\x05\x95": "a pickle",
    b"ARROW1": "an Arrow file; save it as Parquet",
}
"""How files begin that are no text -> what they are."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\v\f\r\x1b"})
BINARY = 0.01
"""Share of control characters from which a file is no text: texts have none, random bytes one in nine."""


def content_of(path: str, file: Path, text: bool = True) -> bytes:
    """All bytes of a data file, unpacked where its name ends in ``.gz``.

    Args:
        path: what errors call it.
        file: where it is.
        text: it should hold text.

    Raises:
        UserError: it cannot be read, is no regular file, is empty or too large (unpacked too), or is no text.
    """
    try:
        content = _read(path, file)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if not content.strip():
        raise UserError(f"{path} is empty")
    if text and (what := binary_kind(content)):
        raise UserError(f"{path} holds no text: it is {what}. Rows are read from text (UTF-8) or from Parquet.")
    return content


def _read(path: str, file: Path) -> bytes:
    if not is_regular(file):
        raise UserError(f"{path} is no regular file (a device or a pipe?). Save the rows as a file first.")
    if file.stat().st_size > MOST_BYTES:
        raise UserError(_too_large(path, f"{in_bytes(file.stat().st_size)}"))
    if file.suffix.lower() != ".gz":
        return file.read_bytes()
    with gzip.open(file) as unpacked:
        content = unpacked.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UserError(_too_large(path, f"more than {in_bytes(MOST_BYTES)} when it is unpacked"))
    return content


def _too_large(path: str, found: str) -> str:
    return (
        f"{path} is too large: found {found}, and at most {in_bytes(MOST_BYTES)} are read. Take a sample of its rows."
    )


def binary_kind(content: bytes) -> str:
    """What a file is that holds no text; empty for text, in whatever encoding."""
    for begins, what in KNOWN.items():
        if content.startswith(begins):
            return what
    start = content[:BEGINNING]
    if start[:2] in UTF_16:
        return ""
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return "binary" if b"\x00" in start or controls > BINARY * len(start) else ""
