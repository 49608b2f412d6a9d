"""What a check is: something that looks at rows and says what is wrong with them, how often, and what to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from retain.data.example import Example, Shape
from retain.data.lint.masking import as_written, beginning, ending, masked, shown_text
from retain.data.lint.material import LintData
from retain.records import Record

Severity = Literal["error", "warning", "note"]
"""``error``: training on these rows is wrong or impossible, and a run stops. ``warning``: look at them before you
train. ``note``: worth knowing."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
MOST_SHOWN = 5
Need = Literal["held_out", "real", "tokenizer", "max_length", "items"]
"""Attributes of `LintData`."""
MISSING: dict[Need, str] = {
    "held_out": "no held-out rows were given",
    "real": "no file of real prompts was given",
    "tokenizer": "they count tokens, for which a model's tokenizer must be on this machine: retain lint --model MODEL",
    "max_length": "they compare rows with the longest row that is trained: retain lint --model MODEL --max-length N",
    "items": "no probe items were given",
}


class Shown(Record):
    """One example of what was found; secrets and personal data in it are masked."""

    source: str
    line: int
    text: str


class Finding(Record):
    """What one check found."""

    check: str
    severity: Severity
    count: int
    """Rows concerned."""
    of: int
    """Rows that were looked at."""
    share: float
    """``count`` of ``of``."""
    what: str
    """What was found, in one sentence with its numbers."""
    do: str
    """What to do about it, in one sentence."""
    examples: list[Shown] = []


class Check(ABC):
    """One check. It changes nothing, and the same rows give the same findings.

    A check looks at the rows of its ``shapes`` and is left out, with the reason, where one of its ``needs`` is missing.
    Its thresholds are constants of its file, each with the reason for its value.
    """

    needs: ClassVar[tuple[Need, ...]] = ()
    shapes: ClassVar[tuple[Shape, ...]] = ("chat", "text", "preference", "ranking")
    repeats: ClassVar[bool] = False
    """It drops rows because of other rows that stay, and so looks at what the other checks keep."""

    @property
    def name(self) -> str:
        """Its file's name."""
        return type(self).__module__.rsplit(".", 1)[-1]

    def left_out(self, data: LintData) -> str | None:
        """Why it has nothing to look at, or None."""
        for need in self.needs:
            if not data.has(need):
                return MISSING[need]
        if data.shape and data.shape not in self.shapes:
            return f"for {_and(self.shapes)} rows; these are {data.shape} rows"
        return None

    @abstractmethod
    def find(self, data: LintData) -> list[Finding]:
        """What is wrong with the rows; empty where nothing is."""

    def drops(self, data: LintData) -> Mapping[int, str]:
        """Rows that a cleaned file does without: place among ``data.examples`` -> why. None, unless a check says so."""
        return {}

    def repeats_found(self, data: LintData, many: float, said: str, do: str) -> list[Finding]:
        """One finding about the rows that :meth:`drops` names, each with its reason; none where it names none.

        Args:
            data: the rows.
            many: share of the rows from which it is a warning.
            said: what these rows do, after their number.
            do: what to do about it.
        """
        drops = self.drops(data)
        rows = [data.examples[place] for place in drops]
        if not rows:
            return []
        number = len(data.examples)
        text = with_reasons(rows, drops.values())
        return [
            self.finding(graded(len(rows), number, many), rows, number, f"{part(len(rows), number)} {said}", do, text)
        ]

    def finding(
        self,
        severity: Severity,
        rows: Sequence[Example],
        of: int,
        what: str,
        do: str,
        text: Callable[[Example], str] = lambda example: in_short(example),
        count: int | None = None,
    ) -> Finding:
        """A finding about some rows.

        Args:
            severity: how bad it is.
            rows: the rows concerned; the first few are shown.
            of: rows that were looked at.
            what: what was found; secrets and personal data in it are masked.
            do: what to do about it.
            text: what is shown of a row. It cuts a text after masking it (`masking.py`).
            count: rows concerned, where ``rows`` are examples only.
        """
        count = len(rows) if count is None else count
        shown = [
            Shown(source=as_written(row.source), line=row.line, text=shown_text(text(row))) for row in rows[:MOST_SHOWN]
        ]
        share = round(count / of, 6) if of else 0.0
        return Finding(
            check=self.name,
            severity=severity,
            count=count,
            of=of,
            share=share,
            what=masked(what),
            do=do,
            examples=shown,
        )


def _and(words: Sequence[str]) -> str:
    """``chat``, ``chat and text``, ``chat, text and ranking``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def in_short(example: Example) -> str:
    """A row in one line, masked: the end of what is asked, and the beginning of the answer."""
    if example.shape == "text":
        return beginning(example.text)
    answer = [*example.positives, *example.negatives][0] if example.shape == "ranking" else example.target
    return f"{ending(example.input, 100)} => {beginning(answer, 400)}"


def graded(count: int, of: int, many: float) -> Severity:
    """A warning from a share of ``many`` on, else a note."""
    return "warning" if count >= many * of else "note"


def with_reasons(rows: Sequence[Example], reasons: Iterable[str]) -> Callable[[Example], str]:
    """A function that shows a row with its own reason, such as ``like line 12``."""
    known = {id(row): reason for row, reason in zip(rows, reasons, strict=True)}
    return lambda row: f"({known[id(row)]}) {in_short(row)}"


def counted(number: int, noun: str = "row") -> str:
    """``1 row``, ``1,204 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def part(number: int, of: int, noun: str = "row") -> str:
    """``12 of 400 rows (3.0%)``."""
    return f"{number:,} of {counted(of, noun)} ({number / max(1, of):.1%})"
