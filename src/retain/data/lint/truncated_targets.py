"""Rows that are longer than training allows: answers cut short, or never reached."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retain.data.encoding import encode
from retain.data.example import Example
from retain.data.lint.base import Check, Finding, Severity, part
from retain.data.lint.material import LintData, texts_of
from retain.errors import UserError

MOST_ENCODED = 3000
"""Rows that are encoded; where more might be too long, as many are drawn at random and the count is scaled."""
MANY = 0.01
"""Share of cut rows from which they are a warning: each teaches to stop nowhere, because its end token is cut too."""


class TruncatedTargets(Check):
    """Rows longer than ``max_length`` at this tokenizer: their answer loses its end and its EOS, or is not there.

    Encoded exactly as training encodes them (`data/encoding.py`). A row whose bytes fit is not encoded: a token has at
    least one byte. A tokenizer without EOS is an error: no row could say where to stop.
    Threshold: one row without an answer is a warning, all of them an error; one cut row is a note, 1% a warning.
    Relations: `unfinished_answers` finds answers that were cut before they came here.
    """

    needs = ("tokenizer", "max_length")
    shapes = ("chat", "text")

    def find(self, data: LintData) -> list[Finding]:
        """One finding for rows without an answer, one for cut rows, or one about the tokenizer."""
        number = len(data.examples)
        if data.tokenizer.eos_token_id is None:
            do = "Give the tokenizer an EOS token before training."
            what = "The tokenizer has no EOS token, so the model could not learn where to stop."
            return [self.finding("error", data.examples[:1], number, what, do, count=number)]
        doubtful = _doubtful(data, _bytes)
        drawn = doubtful if len(doubtful) <= MOST_ENCODED else random.Random(0).sample(doubtful, MOST_ENCODED)
        seen = _look(data, drawn, scale=len(doubtful) / max(1, len(drawn)))
        findings = []
        for rows, severity, happened in (
            (seen.lost, self._lost(seen, number), "is beyond"),
            (seen.cut, self._cut(seen, number), "is cut at"),
        ):
            if rows:
                count = round(len(rows) * seen.scale)
                about = "" if seen.scale == 1 else f", told from {MOST_ENCODED:,} drawn rows"
                end = "end" if data.shape == "text" else "answer"
                limit = f"max_length, {data.max_length:,} tokens"
                what = f"{part(count, number)} have an {end} that {happened} {limit}{about}."
                do = "Raise max_length, shorten the inputs, or take these rows out; a cut answer has no end token."
                findings.append(self.finding(severity, rows, number, what, do, count=count))
        return findings

    def drops(self, data: LintData) -> Mapping[int, str]:
        """Rows that have nothing to train."""
        if data.max_length is None or data.tokenizer is None or data.tokenizer.eos_token_id is None:
            return {}
        lost = {id(row) for row in _look(data, _doubtful(data, _input_bytes)).lost}
        why = f"the answer begins beyond {data.max_length} tokens"
        return {place: why for place, row in enumerate(data.examples) if id(row) in lost}

    @staticmethod
    def _lost(seen: _Seen, number: int) -> Severity:
        return "error" if round(len(seen.lost) * seen.scale) == number else "warning"

    @staticmethod
    def _cut(seen: _Seen, number: int) -> Severity:
        return "warning" if len(seen.cut) * seen.scale >= MANY * number else "note"


@dataclass
class _Seen:
    lost: list[Example] = field(default_factory=list)
    cut: list[Example] = field(default_factory=list)
    scale: float = 1.0
    """Rows that stand behind each one that was found."""


def _doubtful(data: LintData, size: Callable[[Example], int]) -> list[Example]:
    """Rows that may have more tokens than ``max_length``, by the bytes of a part of them."""
    limit = data.max_length or 0
    added: dict[tuple[str, ...], int] = {}
    return [row for row in data.examples if size(row) + _added(row, data.tokenizer, added) > limit]


def _look(data: LintData, rows: Iterable[Example], scale: float = 1.0) -> _Seen:
    """What becomes of rows in training."""
    seen = _Seen(scale=scale)
    for row in rows:
        try:
            encoded = encode(row, data.tokenizer, data.max_length, data.loss_on)
        except UserError:  # the chat template refuses it: role_order says so
            continue
        if encoded is None:
            seen.lost.append(row)
        elif encoded.cut:
            seen.cut.append(row)
    return seen


def _input_bytes(row: Example) -> int:
    """Of what comes before the last answer: only that can leave no room for it."""
    return len(row.input.encode("utf-8", "replace"))


def _bytes(row: Example) -> int:
    return sum(len(text.encode("utf-8", "replace")) for text in texts_of(row))


def _added(row: Example, tokenizer: Any, known: dict[tuple[str, ...], int]) -> int:
    """Most tokens that the template adds to a row with these roles."""
    roles = tuple(message.role for message in row.messages)
    if roles not in known:
        try:
            encoded = encode(row, tokenizer)
        except UserError:
            return 0
        whole = tokenizer.decode(encoded.input_ids) if encoded else ""
        tokens = len(encoded.input_ids) if encoded else 0
        known[roles] = (
            max(len(whole.encode("utf-8", "replace")) - _bytes(row), tokens - _bytes(row), 0) + len(roles) + 4
        )
    return known[roles]
