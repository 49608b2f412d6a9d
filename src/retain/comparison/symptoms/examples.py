"""The worst example of a symptom: one prompt with both answers, shortened."""

from __future__ import annotations

from collections.abc import Sequence

from retain.comparison.symptoms.side_by_side import Answered
from retain.records import ExamplePair

LONGEST = 300
"""Characters of each part that are shown."""


def worst_example(answers: Sequence[Answered]) -> ExamplePair | None:
    """The item whose score fell most, then the one that lost most of its text; None without answers."""
    if not answers:
        return None
    worst = max(answers, key=lambda one: (one.fall, len(one.base.text) - len(one.tuned.text), one.item))
    return example_pair(worst.prompt, worst.base.text, worst.tuned.text)


def example_pair(prompt: str, base: str, tuned: str, expected: str = "") -> ExamplePair:
    """Prompt, base and tuned as the models wrote it, each on one line; reports escape it."""
    shown = shortened(expected) if expected else ""
    return ExamplePair(prompt=shortened(prompt), base=shortened(base), tuned=shortened(tuned), expected=shown)


def shortened(text: str) -> str:
    """One line of at most ``LONGEST`` characters; what is left out is said, nothing at all too."""
    line = " ".join(text.split())
    if len(line) > LONGEST:
        return f"{line[:LONGEST].rstrip()} ... ({len(line) - LONGEST:,} more characters)"
    return line or "(nothing)"
