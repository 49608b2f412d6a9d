"""Detects the shape of a file's rows and normalises them to examples.

| shape | keys |
|---|---|
| preference | ``chosen`` and ``rejected``: strings, turns or whole dialogues |
| ranking | ``query`` with ``pos`` and ``neg``: strings or lists |
| labelled pairs | query or sentence1 with document, passage, text or sentence2 and label, relevance or score |
| messages | ``messages``: role and content |
| sharegpt | ``conversations``: from and value |
| self-instruct | ``instruction`` with ``instances`` of input and output |
| alpaca | ``instruction``, ``input``, ``output`` |
| prompt/completion | prompt, question or input with completion, response, answer or output |
| text | ``text`` |

A row has the first of these shapes whose keys it has; a key without a value counts as absent. Contents are
kept as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from retain.data import shapes
from retain.data.example import Example
from retain.data.lint.masking import as_written, beginning
from retain.data.near_shapes import renamed
from retain.data.rows import LONGEST, BadRow, Row, RowError, refuse
from retain.data.shapes import Fields, Values, present
from retain.data.sources import scan_rows
from retain.errors import UserError
from retain.records import content_hash


@dataclass(frozen=True, slots=True)
class Format:
    """A row shape: the keys it needs (one of each group) and how its rows are read."""

    name: str
    needs: tuple[tuple[str, ...], ...]
    read: Callable[[Values], Iterator[Fields]]

    def missing(self, row: Values) -> tuple[str, ...] | None:
        """The first group of keys of which the row has none."""
        return next((group for group in self.needs if present(row, group) is None), None)


FORMATS = (
    Format("preference", (("chosen",), ("rejected",)), shapes.from_preference),
    Format("ranking", (shapes.QUERIES, shapes.POSITIVES), shapes.from_ranking),
    Format("labelled pairs", (shapes.PAIR_QUERIES, shapes.PAIR_DOCUMENTS, shapes.LABELS), shapes.from_labelled_pair),
    Format("messages", (("messages",),), shapes.from_messages),
    Format("sharegpt", (shapes.CONVERSATIONS,), shapes.from_sharegpt),
    Format("self-instruct", (("instruction",), ("instances",)), shapes.from_self_instruct),
    Format("alpaca", (("instruction",), ("output", "response")), shapes.from_alpaca),
    Format("prompt/completion", (shapes.PROMPTS, shapes.ANSWERS), shapes.from_pair),
    Format("text", (("text",),), shapes.from_text),
)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a file holds: examples, and the rows that cannot be used."""

    source: str
    format: str
    """The detected shape's name."""
    examples: tuple[Example, ...]
    bad: tuple[BadRow, ...]


def read_examples(path: str, *, base_dir: Path | None = None) -> list[Example]:
    """Read a file or Hub data set as examples, whatever shape its rows have.

    Args:
        path: A file's path (relative ones start at ``base_dir``), or a Hub data set such as
            ``hub:owner/name:config:split``.
        base_dir: The folder relative paths start at; the working directory when empty.

    Raises:
        UserError: nothing can be read, the rows have no known shape or several, or rows cannot be used (all
            are reported at once, each with its line).
    """
    scan = scan_examples(path, base_dir=base_dir)
    refuse(path, scan.bad)
    return list(scan.examples)


def examples_of(rows: Sequence[Values | str], source: str) -> list[Example]:
    """Rows that a script holds as examples; a string is plain text.

    Args:
        rows: of one of the known shapes.
        source: what errors call them.

    Raises:
        UserError: as `read_examples`.
    """
    scan = scan_values(rows, source)
    refuse(source, scan.bad)
    return list(scan.examples)


def scan_values(rows: Sequence[Values | str], source: str) -> Scan:
    """As `examples_of`, but rows that cannot be used are returned beside the examples.

    Raises:
        UserError: there are no rows, or they have no known shape or several.
    """
    values = [{"text": row} if isinstance(row, str) else dict(row) for row in rows]
    if not values:
        raise UserError(f"{source} holds no rows")
    return _scan(source, [Row(number, value) for number, value in enumerate(values, 1)], [])


def scan_examples(path: str, *, base_dir: Path | None = None) -> Scan:
    """As `read_examples`, but rows that cannot be used are returned beside the examples.

    Raises:
        UserError: nothing can be read at all, or the rows have no known shape or several.
    """
    rows, bad = scan_rows(path, base_dir=base_dir)
    if not rows:
        refuse(path, bad)
    return _scan(path, rows, bad)


def _scan(path: str, rows: Sequence[Row], bad: list[BadRow]) -> Scan:
    """Rows that were read as examples; the rows that cannot be used beside them."""
    format_ = _format_of(path, rows)
    examples: list[Example] = []
    for row in rows:
        try:
            examples += _examples(path, row, format_)
        except RowError as error:
            bad.append(BadRow(row.line, str(error)))
    return Scan(path, format_.name, tuple(examples), tuple(sorted(bad, key=lambda row: row.line)))


def detect(row: Values) -> Format | None:
    """The shape of one row, or None where it has the keys of none."""
    return next((format_ for format_ in FORMATS if format_.missing(row) is None), None)


def _format_of(path: str, rows: Sequence[Row]) -> Format:
    """The one shape of all rows that have any."""
    lines: dict[str, list[int]] = {}
    for row in rows:
        if found := detect(row.value):
            lines.setdefault(found.name, []).append(row.line)
    if not lines:
        raise UserError(_unknown(path, rows[0]))
    if len(lines) > 1:
        counts = "\n".join(
            f"  - {name}: {len(at)} {'row' if len(at) == 1 else 'rows'}, the first in line {at[0]}"
            for name, at in lines.items()
        )
        raise UserError(f"{path} mixes row shapes; a file holds one. Split it:\n{counts}")
    return next(format_ for format_ in FORMATS if format_.name in lines)


def _unknown(path: str, row: Row) -> str:
    known = "\n".join(
        f"  - {format_.name}: {' and '.join(' or '.join(group) for group in format_.needs)}" for format_ in FORMATS
    )
    keys = as_written(beginning(", ".join(map(str, row.value)), LONGEST)) or "none"
    proposal = as_written(beginning(renamed(row.value, [format_.needs for format_ in FORMATS]), LONGEST))
    return "\n".join(
        [
            f"{path}:{row.line}: these keys are no known row shape: {keys}",
            *([f"To make it one, {proposal}."] if proposal else []),
            f"Known shapes and their keys:\n{known}",
        ]
    )


def _examples(path: str, row: Row, format_: Format) -> list[Example]:
    if missing := format_.missing(row.value):
        keys = ", ".join(map(str, row.value)) or "none"
        raise RowError(f"missing key `{missing[0]}` of the {format_.name} shape; found keys: {keys}")
    return [_example(path, row.line, fields) for fields in format_.read(row.value)]


def _example(path: str, line: int, fields: Fields) -> Example:
    content: list[object] = [
        [(message.role, message.content) for message in fields.get("messages", ())],
        *(fields.get(key, "") for key in ("text", "chosen", "rejected", "query", "positives", "negatives")),
    ]
    content += [list(fields[key]) for key in ("grades", "teacher_scores") if key in fields]
    _check_encodable(content)
    return Example(id=content_hash(fields["shape"], content), source=path, line=line, **fields)


def _check_encodable(content: object) -> None:
    r"""Refuse half a surrogate pair (``\ud83d`` alone), which JSON can spell and no tokenizer can read."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise RowError(f"holds half of a surrogate pair ({half!r}), which is not valid text") from error
