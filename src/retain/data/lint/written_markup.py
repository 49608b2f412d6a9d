"""Chat markup and special tokens written out in the rows' text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, part
from retain.data.lint.masking import around
from retain.data.lint.material import LintData, texts_of

KNOWN = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|eot_id|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "### Response:",
    "### Instruction:",
)
SHORTEST = 4
"""Special tokens of fewer characters, such as "<s>", also mean other things."""


class WrittenMarkup(Check):
    """Texts that hold a chat template's marks or the tokenizer's special tokens, such as "<|im_end|>" or "[INST]".

    The row was rendered before, and rendering it again gives it two templates; a tokenizer that reads "<|im_end|>" in a
    text as its end token teaches to stop there.
    Threshold: one row.
    Relations: `role_order` looks at the turns themselves.
    """

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        special = getattr(data.tokenizer, "all_special_tokens", [])
        marks = sorted({*KNOWN, *(token for token in special if len(token) >= SHORTEST and not token.isalnum())})
        found: list[Example] = []
        counts: Counter[str] = Counter()
        for row in data.examples:
            held = {mark for mark in marks if any(mark in text for text in texts_of(row))}
            if held:
                found.append(row)
                counts.update(held)
        if not found:
            return []
        named = ", ".join(mark for mark, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:4])
        what = f"{part(len(found), len(data.examples))} hold chat markup as text: {named}."
        do = "Undo the template: give the turns as turns (messages), without marks and special tokens."

        def text(row: Example) -> str:
            return _first_mark(texts_of(row), counts)

        return [self.finding("warning", found, len(data.examples), what, do, text)]


def _first_mark(texts: Iterable[str], marks: Iterable[str]) -> str:
    for text in texts:
        for mark in marks:
            if (at := text.find(mark)) >= 0:
                return around(text, at, at + len(mark), reach=60)
    return ""
