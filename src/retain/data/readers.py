"""One reader for each file type: bytes in, rows and unreadable rows with their lines out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from retain.data.content import UTF_16
from retain.data.lint.masking import passage
from retain.data.rows import BadRow, Row, RowError, kind_of
from retain.folder import MOST_BYTES, in_bytes
from retain.yaml_text import MOST_DEEP

MOST_ROWS = 5_000_000
"""Of one file: beyond it, rows of nothing fill the memory."""
MOST_VALUES = 10 * MOST_ROWS
"""Cells of a Parquet file, those within lists counted one by one."""
BATCH = 1024
"""Rows of a Parquet file that are unpacked at once."""
LONGEST_CELL = 2**27
"""Characters a CSV cell may hold; Python's own limit of 131,072 is shorter than many documents."""

LONGEST_ROW = 2**27
"""Bytes of a line of JSON Lines."""
LONGEST_JSON = 2**28
"""Bytes of a JSON document, which is parsed at once and takes twenty times its size then."""
DELIMITERS = (",", ";", "\t", "|")
"""What divides the columns of a .csv file; a spreadsheet writes semicolons where the comma is the decimal point."""
SEEN = 2**16
"""Characters in which a table's header is looked for."""
MOSTLY = 0.5
"""Share of unreadable lines from which a file is in another encoding as a whole."""

Reader = Callable[[bytes], Iterator[Row | BadRow]]


def _decoded(content: bytes, line: int = 1) -> str | BadRow:
    """The content as text without a byte order mark, or the line of the first byte that is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line += content[: error.start].count(b"\n")
        hint = "; it looks like UTF-16" if content[:2] in UTF_16 else ""
        return BadRow(line, f"byte {content[error.start]:#04x} is not UTF-8{hint}; save the file as UTF-8")


def _parsed(text: str) -> Any:
    """The JSON value, or a `BadRow` whose line counts from the start of ``text``."""
    try:
        value = json.loads(text)
        deep = too_deep(text, value)
        return BadRow(1, f"nested more than {MOST_DEEP} levels deep") if deep else value
    except json.JSONDecodeError as error:
        found = passage(text, error.pos, error.pos + 20).split("\n")[0]
        what = f'found "{found}" at column {error.colno}' if found else f"the text ends at column {error.colno}"
        return BadRow(error.lineno, f"not JSON: {error.msg}, {what}")
    except RecursionError:
        return BadRow(1, f"nested more than {MOST_DEEP} levels deep")
    except ValueError as error:
        return BadRow(1, f"not JSON that can be read: {error}")


def too_deep(text: str, value: Any) -> bool:
    """Whether a value that was read from a text has more levels than any code that walks through it should meet."""
    if text.count("[") + text.count("{") <= MOST_DEEP:
        return False
    level = [value]
    for _ in range(MOST_DEEP):
        level = [
            part
            for one in level
            if isinstance(one, list | dict)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, list | dict) for one in level)


def _as_row(value: object, line: int) -> Row | BadRow:
    if isinstance(value, BadRow):
        return BadRow(line, value.reason)
    if not isinstance(value, dict):
        return BadRow(line, f"a row is an object with keys; found {kind_of(value)}")
    return Row(line, value)


def _read_jsonl(content: bytes) -> Iterator[Row | BadRow]:
    if problem := _other_encoding(content):
        yield problem
        return
    for line, raw in enumerate(io.BytesIO(content), 1):
        if len(raw) > LONGEST_ROW:
            yield BadRow(line, f"a row of {in_bytes(len(raw))}; at most {in_bytes(LONGEST_ROW)} are read")
            continue
        text = _decoded(raw.removesuffix(b"\n"), line)
        if isinstance(text, BadRow):
            yield text
        elif text.strip():
            yield _as_row(_parsed(text), line)


def _other_encoding(content: bytes) -> BadRow | None:
    """One remark where the file as a whole is not UTF-8, in place of one for each line."""
    if content[:2] in UTF_16:
        found = _decoded(content)
        return found if isinstance(found, BadRow) else None
    lines = content[:SEEN].split(b"\n")[: SEEN // 100]
    wrong = [found for line, raw in enumerate(lines, 1) if isinstance(found := _decoded(raw, line), BadRow)]
    if len(wrong) < 3 or len(wrong) < MOSTLY * sum(bool(raw.strip()) for raw in lines):
        return None
    first = wrong[0]
    return BadRow(0, f"it is not in UTF-8 (line {first.line}: {first.reason.partition(';')[0]}); save it as UTF-8")


def _is_jsonl(content: bytes) -> bool:
    """True when the first line is an object by itself: JSONL that is called .json."""
    first = _decoded(content.lstrip()[:LONGEST_ROW].partition(b"\n")[0])
    return isinstance(first, str) and isinstance(_parsed(first), dict)


def _read_json(content: bytes) -> Iterator[Row | BadRow]:
    if len(content) > LONGEST_JSON:
        yield BadRow(
            0,
            f"a JSON document of {in_bytes(len(content))}, and at most {in_bytes(LONGEST_JSON)} are read; save it as "
            "JSON Lines (.jsonl)",
        )
        return
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


def _read_table(content: bytes, usual: str) -> Iterator[Row | BadRow]:
    text = _decoded(content)
    if isinstance(text, BadRow):
        yield text
        return
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    delimiter = _delimiter(text, usual)
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


def _delimiter(text: str, usual: str) -> str:
    """What divides the header into the most columns; of equals the usual one."""

    def columns(delimiter: str) -> int:
        rows = csv.reader(io.StringIO(text[:SEEN], newline=""), delimiter=delimiter)
        try:
            return len(next((cells for cells in rows if cells), []))
        except csv.Error:
            return 0

    return max((usual, *DELIMITERS), key=columns)


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if len(set(names)) < len(names) or "" in names:
        raise RowError(f"the header needs one distinct name per column; found {', '.join(names)}")
    return names


def _table_row(header: list[str], cells: list[str], line: int) -> Row | BadRow:
    if len(cells) != len(header):
        hint = "; a cell that holds the separator or a line break needs quotes around it" if len(header) > 1 else ""
        return BadRow(line, f"the header has {len(header)} columns, this row {len(cells)}{hint}")
    return Row(line, dict(zip(header, cells, strict=True)))


def _read_csv(content: bytes) -> Iterator[Row | BadRow]:
    return _read_table(content, ",")


def _read_tsv(content: bytes) -> Iterator[Row | BadRow]:
    return _read_table(content, "\t")


def _read_parquet(content: bytes) -> Iterator[Row | BadRow]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    number = held = 0
    try:
        file = parquet.ParquetFile(arrow.BufferReader(content))
        if problem := _too_many(file.metadata):
            yield problem
            return
        for batch in file.iter_batches(batch_size=BATCH):
            held += batch.nbytes
            if held > MOST_BYTES:
                yield BadRow(0, f"more than {in_bytes(MOST_BYTES)} when it is unpacked; take a sample of its rows")
                return
            yield from (Row(place, value) for place, value in enumerate(batch.to_pylist(), number + 1))
            number += batch.num_rows
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        yield BadRow(0, f"not a Parquet file that can be read: {error}")


def _too_many(metadata: Any) -> BadRow | None:
    """Refuse by what a Parquet file says of itself: equal values take no room in it, and fill the memory."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    values = sum(group.column(place).num_values for group in groups for place in range(group.num_columns))
    if metadata.num_rows <= MOST_ROWS and values <= MOST_VALUES:
        return None
    return BadRow(
        0,
        f"{metadata.num_rows:,} rows with {values:,} values; at most {MOST_ROWS:,} rows with {MOST_VALUES:,} values "
        "are read. Take a sample of its rows",
    )


def _read_text(content: bytes) -> Iterator[Row | BadRow]:
    text = _decoded(content)
    if isinstance(text, BadRow):
        yield text
        return
    start, paragraph = 1, list[str]()
    for line, written in enumerate(chain((one.removesuffix("\n") for one in io.StringIO(text, "\n")), [""]), 1):
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
