"""Preference rows as tokens, and what the base thinks of their answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retain.data.encoding import IGNORED, Encoded, encode
from retain.data.example import Example
from retain.data.preference_rows import answered
from retain.errors import UserError
from retain.mitigations.asked_base import target_logprobs
from retain.mitigations.base import Setup
from retain.models.causal import TransformersCausal
from retain.records import Record

if TYPE_CHECKING:
    import torch

BEYOND = "the answers begin beyond training.max_length"
SILENT = "one of the answers is empty"
ALIKE = "within training.max_length both answers are the same"


class Pair(Record):
    """Token ids of a pair: the prompt as the model is given it, and both answers with the token that ends them."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]
    cut: bool = False
    """An answer was longer than the limit and lost its end."""

    @property
    def rows(self) -> tuple[Encoded, Encoded]:
        """Prompt and chosen answer, prompt and rejected answer; the answers labelled."""
        return _row(self.prompt, self.chosen), _row(self.prompt, self.rejected)

    @property
    def tokens(self) -> int:
        """Of both answers, each with the prompt."""
        return 2 * len(self.prompt) + len(self.chosen) + len(self.rejected)


def encode_pairs(rows: Sequence[Example], tokenizer: Any, max_length: int) -> tuple[list[Pair], list[str]]:
    """The pairs that can be trained on, in order; and in words how many were left out or cut, and why.

    Args:
        rows: of preference shape.
        tokenizer: a transformers tokenizer; its chat template renders the conversation.
        max_length: most tokens of a prompt with an answer; longer answers lose their end.

    Raises:
        UserError: no pair is left, or the chat template refuses one.
    """
    found = [encode_pair(row, tokenizer, max_length) for row in rows]
    pairs = [pair for pair in found if isinstance(pair, Pair)]
    lost = Counter(why for why in found if isinstance(why, str))
    if not pairs:
        reasons = "; ".join(f"{count}: {why}" for why, count in lost.items())
        raise UserError(
            f"data.train: no pair can be trained on ({reasons}); raise training.max_length or mend the rows"
        )
    cut = sum(pair.cut for pair in pairs)
    notes = [f"{count} training pairs were left out: {why}" for why, count in sorted(lost.items())]
    if cut:
        notes.append(f"{cut} training pairs lost an answer's end, and with it the end token, to training.max_length")
    return pairs, notes


def encode_pair(example: Example, tokenizer: Any, max_length: int) -> Pair | str:
    """A pair in tokens, each answer encoded as supervised training would have it; or why it cannot be trained on.

    Raises:
        UserError: the chat template refuses it.
    """
    if not (example.chosen.strip() and example.rejected.strip()):
        return SILENT
    first, second = (encode(answered(example, one), tokenizer) for one in (example.chosen, example.rejected))
    assert first is not None and second is not None
    start = min(_start(first), _start(second), _common(first.input_ids, second.input_ids))
    if start >= max_length:
        return BEYOND
    chosen, rejected = (one.input_ids[start:max_length] for one in (first, second))
    if chosen == rejected:
        return ALIKE
    cut = max(len(first.input_ids), len(second.input_ids)) > max_length
    return Pair(prompt=first.input_ids[:start], chosen=chosen, rejected=rejected, cut=cut)


def base_logprobs(
    model: TransformersCausal, setup: Setup, pairs: Sequence[Pair], tail_weight: float = 1.0
) -> list[tuple[float, float]]:
    """Of each pair the base's log-probability of the chosen and of the rejected answer, in nats.

    Asked once, in training's precision, and kept for later runs: no second model is in memory, and what the model has
    become by then does not matter.

    Args:
        model: answers as the base when this is called, or offers it through ``as_base``.
        setup: its base's fingerprint names the answers in the store.
        pairs: what is asked.
        tail_weight: of tokens beyond the length that both answers of a pair have.
    """
    both = [pair.rows for pair in pairs]
    found = target_logprobs(model, setup, [row for rows in zip(*both, strict=True) for row in rows])
    chosen, rejected = found[: len(pairs)], found[len(pairs) :]
    answers = zip(chosen, rejected, strict=True)
    return [(_total(one, other, tail_weight), _total(other, one, tail_weight)) for one, other in answers]


def _total(logprobs: torch.Tensor, other: torch.Tensor, tail_weight: float) -> float:
    shared = min(len(logprobs), len(other))
    return float(logprobs[:shared].sum() + tail_weight * logprobs[shared:].sum())


def _row(prompt: list[int], answer: list[int]) -> Encoded:
    return Encoded(input_ids=prompt + answer, labels=[IGNORED] * len(prompt) + answer)


def _start(row: Encoded) -> int:
    """Where the last answer begins; an answer before it is followed by another turn, which is not labelled."""
    return max((place for place, label in enumerate(row.labels, 1) if label == IGNORED), default=0)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
