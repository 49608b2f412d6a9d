"""The worst example of a symptom: one prompt with both answers, shortened."""

from __future__ import annotations

from collections.abc import Sequence

from retain.comparison.symptoms.side_by_side import Answered

LONGEST = 300
"""Characters of each part that are shown."""


def worst_example(answers: Sequence[Answered]) -> list[str]:
    """The item whose score fell most, then the one that lost most of its text; in three lines, as the models wrote it.

    Reports escape it. Empty without answers.
    """
    if not answers:
        return []
    worst = max(answers, key=lambda one: (one.fall, len(one.base.text) - len(one.tuned.text), one.item))
    return pair_lines(worst.prompt, worst.base.text, worst.tuned.text)


def pair_lines(prompt: str, base: str, tuned: str) -> list[str]:
    """Prompt, base and tuned side by side, each on one line."""
    return [f"Prompt: {shortened(prompt)}", f"Base: {shortened(base)}", f"Tuned: {shortened(tuned)}"]


def shortened(text: str) -> str:
    """One line of at most ``LONGEST`` characters; what is left out is said, nothing at all too."""
    line = " ".join(text.split())
    if len(line) > LONGEST:
        return f"{line[:LONGEST].rstrip()} ... ({len(line) - LONGEST:,} more characters)"
    return line or "(nothing)"
