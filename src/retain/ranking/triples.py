"""MS MARCO's triples: a query, a relevant and another document on each line, between tabs, without a header."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from retain.data import shapes
from retain.data.readers import LONGEST_ROW
from retain.data.rows import BadRow, refuse
from retain.errors import UserError
from retain.ranking.judged import Gathered

ENDINGS = (".tsv", ".tsv.gz", ".txt", ".txt.gz")
HEADERS = {
    name.casefold()
    for names in (shapes.QUERIES, shapes.POSITIVES, shapes.NEGATIVES, shapes.PAIR_QUERIES, shapes.PAIR_DOCUMENTS)
    for name in names
} | {"query-id", "qid"}
"""A first line that holds one of these names columns."""


def is_triples(path: Path) -> bool:
    """Whether a file is one of triples, told by its name and its first line."""
    if not path.name.lower().endswith(ENDINGS) or not path.is_file():
        return False
    try:
        cells = next(_lines(path), b"").decode("utf-8-sig", "replace").rstrip("\r\n").split("\t")
    except UserError:
        return False
    return len(cells) == 3 and HEADERS.isdisjoint(cell.strip().casefold() for cell in cells)


def read_triples(path: Path) -> Gathered:
    """Every triple; quotes are text.

    Raises:
        UserError: a line is none, or the file cannot be read; all bad lines are named.
    """
    gathered, bad = Gathered(str(path)), list[BadRow]()
    for number, raw in enumerate(_lines(path), 1):
        if not raw.strip():
            continue
        try:
            cells = raw.decode("utf-8-sig").rstrip("\r\n").split("\t")
        except UnicodeDecodeError:
            bad.append(BadRow(number, "not UTF-8"))
            continue
        if len(cells) != 3 or not all(cell.strip() for cell in cells):
            bad.append(BadRow(number, f"found {len(cells)} columns, expected query, relevant and other document"))
            continue
        query, relevant, other = cells
        gathered.add(query, {relevant: 1.0}, number)
        gathered.add(query, {other: 0.0}, number)
    refuse(str(path), bad)
    return gathered


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while line := file.readline(LONGEST_ROW):
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
