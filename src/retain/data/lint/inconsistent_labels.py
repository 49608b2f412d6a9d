"""The same question, or nearly the same, with different answers."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, Severity, in_short, part
from retain.data.lint.masking import beginning
from retain.data.lint.material import LintData

MOST_COMPARED = 10
"""Of a group of nearly the same inputs, each row is compared with so many before it."""
_WORD = re.compile(r"[^\W_]+")


class InconsistentLabels(Check):
    """Inputs that have several answers: the same input, or nearly the same where the words that differ do not say why.

    Answers that repeat (labels, slots) contradict each other, a warning from the first; open answers may be meant as
    several good ones, a note, and then only for the very same input. Of preference rows those count whose chosen answer
    another row rejects. Nearly the same inputs count only with repeated answers, and not where the answers differ by
    words or numbers in which the inputs differ too ("a table for 2" and "for 3"). Northcutt et al. 2021
    (arXiv 2103.14749) found 3.3% wrong labels in ten common test sets.

    Threshold: one row. Relations: `label_spelling` finds one label written in two ways.
    """

    shapes = ("chat", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """One finding for the same inputs and one for nearly the same."""
        if data.shape == "preference":
            return self._preference(data)
        findings = []
        if same := _several(data):
            severity: Severity = "warning" if data.closed else "note"
            what = f"{part(len(same), len(data.examples))} have an input that other rows answer differently."
            do = "Decide which answer is right, or give the input what tells the cases apart."
            if not data.closed:
                do = "Keep several answers to one input only where all of them are good ones."
            findings.append(self._of(severity, data, same, what, do))
        told = set(same)
        if data.closed and (near := [place for place in dict.fromkeys(_near(data)) if place not in told]):
            what = (
                f"{part(len(near), len(data.examples))} have nearly the input of another row and another answer, and "
                "the words that differ do not say why."
            )
            do = "Read these rows side by side: some labels are likely wrong, or two labels mean the same."
            findings.append(self._of("warning", data, near, what, do))
        return findings

    def drops(self, data: LintData) -> Mapping[int, str]:
        """Of the same inputs with repeated answers, all rows but those of an answer that most of them have."""
        if not data.closed:
            return {}
        found = {}
        for places in _by_input(data):
            (best, most), *others = Counter(data.answers[place] for place in places).most_common()
            won = others and most > others[0][1]
            for place in places if others else ():
                if not won or data.answers[place] != best:
                    found[place] = "the same input has several answers" + (", most often another one" if won else "")
        return found

    def _of(self, severity: Severity, data: LintData, places: Sequence[int], what: str, do: str) -> Finding:
        return self.finding(severity, [data.examples[place] for place in places], len(data.examples), what, do)

    def _preference(self, data: LintData) -> list[Finding]:
        chosen = {(data.input_keys[place], row.chosen.strip()) for place, row in enumerate(data.examples)}
        rows = [
            row
            for place, row in enumerate(data.examples)
            if row.chosen.strip() != row.rejected.strip() and (data.input_keys[place], row.rejected.strip()) in chosen
        ]
        if not rows:
            return []
        what = f"{part(len(rows), len(data.examples))} reject an answer that another row chooses for the same prompt."
        text = _rejected
        return [self.finding("warning", rows, len(data.examples), what, "Decide which of the two is better.", text)]


def _rejected(example: Example) -> str:
    return f"{in_short(example)} (rejected: {beginning(example.rejected, 100)})"


def _by_input(data: LintData) -> list[list[int]]:
    """Rows with the same input, where there are several."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(data.input_keys):
        groups[key].append(place)
    return [places for places in groups.values() if len(places) > 1]


def _several(data: LintData) -> list[int]:
    """Rows whose very input has several answers, side by side."""
    return [place for places in _by_input(data) if len({data.answers[one] for one in places}) > 1 for place in places]


def _near(data: LintData) -> Iterator[int]:
    for group in data.near.members():
        places = [place for place in group if place < len(data.examples)]
        for at, one in enumerate(places):
            for other in places[max(0, at - MOST_COMPARED) : at]:
                same = data.input_keys[one] == data.input_keys[other] or data.answers[one] == data.answers[other]
                if not same and not _explained(data, one, other):
                    yield from (one, other)


def _explained(data: LintData, one: int, other: int) -> bool:
    """The inputs differ in a number, or in all words in which the answers differ."""
    inputs = _difference(data.input_keys[one], data.input_keys[other])
    if any(any(letter.isdigit() for letter in word) for word in inputs):
        return True
    answers = _difference(data.answers[one], data.answers[other])
    return bool(answers) and answers <= inputs


def _difference(one: str, other: str) -> set[str]:
    mine, theirs = Counter(_WORD.findall(one)), Counter(_WORD.findall(other))
    return set((mine - theirs) | (theirs - mine))
