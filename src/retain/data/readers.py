"""One reader for each file type: bytes in, rows and unreadable rows with their lines out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from retain.data.lint.masking import passage
from retain.data.rows import BadRow, Row, RowError, kind_of

LONGEST_CELL = 2**27
"""Characters a CSV cell may hold; Python's own limit of 131,072 is shorter than many documents."""

Reader = Callable[[bytes], Iterator[Row | BadRow]]


def _decoded(content: bytes, line: int = 1) -> str | BadRow:
    """The content as text without a byte order mark, or the line of the first byte that is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line += content[: error.start].count(b"\n")
        hint = "; it looks like UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        return BadRow(line, f"byte {content[error.start]:#04x} is not UTF-8{hint}; save the file as UTF-8")


def _parsed(text: str) -> Any:
    """The JSON value, or a `BadRow` whose line counts from the start of ``text``."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        found = passage(text, error.pos, error.pos + 20).split("\n")[0]
        what = f'found "{found}" at column {error.colno}' if found else f"the text ends at column {error.colno}"
        return BadRow(error.lineno, f"not JSON: {error.msg}, {what}")
    except (RecursionError, ValueError) as error:
        return BadRow(1, f"not JSON that can be read: {error}")


def _as_row(value: object, line: int) -> Row | BadRow:
    if isinstance(value, BadRow):
        return BadRow(line, value.reason)
    if not isinstance(value, dict):
        return BadRow(line, f"a row is an object with keys; found {kind_of(value)}")
    return Row(line, value)


def _read_jsonl(content: bytes) -> Iterator[Row | BadRow]:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") and isinstance(problem := _decoded(content), BadRow):
        yield problem
        return
    for line, raw in enumerate(content.split(b"\n"), 1):
        text = _decoded(raw, line)
        if isinstance(text, BadRow):
            yield text
        elif text.strip():
            yield _as_row(_parsed(text), line)


def _is_jsonl(content: bytes) -> bool:
    """True when the first line is an object by itself: JSONL that is called .json."""
    first = _decoded(content.lstrip().split(b"\n")[0])
    return isinstance(first, str) and isinstance(_parsed(first), dict)


def _read_json(content: bytes) -> Iterator[Row | BadRow]:
    text = _decoded(content)
    value = text if isinstance(text, BadRow) else _parsed(text)
    if isinstance(value, BadRow):
        yield from _read_jsonl(content) if _is_jsonl(content) else [value]
        return
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if not isinstance(value, list):
        yield BadRow(1, f'expected a list of rows, or {{"data": [...]}}; found {kind_of(value)}')
        return
    for number, row in enumerate(value, 1):
        yield _as_row(row, number)


def _read_table(content: bytes, delimiter: str) -> Iterator[Row | BadRow]:
    text = _decoded(content)
    if isinstance(text, BadRow):
        yield text
        return
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if cells and header is None:
                header = _header(cells)
            elif cells and header is not None:
                yield _table_row(header, cells, line)
            line = reader.line_num + 1
    except csv.Error as error:
        yield BadRow(line, f"not readable from here on: {error} (is a quote left open?)")
    except RowError as error:
        yield BadRow(line, str(error))


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if len(set(names)) < len(names) or "" in names:
        raise RowError(f"the header needs one distinct name per column; found {names}")
    return names


def _table_row(header: list[str], cells: list[str], line: int) -> Row | BadRow:
    if len(cells) != len(header):
        return BadRow(line, f"the header has {len(header)} columns, this row {len(cells)}")
    return Row(line, dict(zip(header, cells, strict=True)))


def _read_csv(content: bytes) -> Iterator[Row | BadRow]:
    return _read_table(content, ",")


def _read_tsv(content: bytes) -> Iterator[Row | BadRow]:
    return _read_table(content, "\t")


def _read_parquet(content: bytes) -> Iterator[Row | BadRow]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        values = parquet.read_table(arrow.BufferReader(content)).to_pylist()
    except (arrow.ArrowException, OSError) as error:
        yield BadRow(0, f"not a Parquet file that can be read: {error}")
        return
    for number, value in enumerate(values, 1):
        yield Row(number, value)


def _read_text(content: bytes) -> Iterator[Row | BadRow]:
    text = _decoded(content)
    if isinstance(text, BadRow):
        yield text
        return
    start, paragraph = 1, list[str]()
    for line, written in enumerate([*text.split("\n"), ""], 1):
        if written.strip():
            start = start if paragraph else line
            paragraph.append(written.rstrip("\r"))
        elif paragraph:
            yield Row(start, {"text": "\n".join(paragraph)})
            paragraph = []


READERS: dict[str, Reader] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_json,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
    ".txt": _read_text,
}
"""File ending -> reader."""
