"""Keep the next-token distribution near the base's on general text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retain.data.encoding import Encoded
from retain.errors import UserError
from retain.mitigations.base import GeneralBatch, Mitigation, Penalty, Setup, Step
from retain.models.causal import TransformersCausal
from retain.models.logits import labelled_logits

if TYPE_CHECKING:
    import torch


class KlToBase(Mitigation):
    """Add weight * mean_t KL(base(.|x<t) || tuned(.|x<t)) on general text (Marek et al. 2026, arXiv 2605.26097).

    The forward direction, per labelled token, in fp32. The base's distribution is stored once before training, so
    that neither a second model nor a second forward pass is needed: its ``top_k`` most likely tokens and the rest
    as one bucket. Merging the rest makes the value a lower bound of the full divergence; ``top_k: null`` stores
    the whole vocabulary and is exact.

    Relations: on text the base wrote itself it keeps more than ``rehearsal`` of the same text. Use ``rehearsal``
    when general text stands for abilities that the base should also gain.
    """

    kind: Literal["kl_to_base"] = "kl_to_base"
    weight: float = Field(1.0, gt=0)
    """Factor on the divergence; 1 to 10."""
    share: float = Field(0.25, gt=0, le=10)
    """General tokens per task token in each step, prompts included."""
    general: str | None = None
    """Name of the general set; the first one when empty."""
    top_k: int | None = Field(256, ge=1)
    """How many of the base's most likely tokens are stored for each position; all of them when null."""

    def general_share(self, setup: Setup) -> tuple[str, float] | None:
        """The set and how much of it each step needs."""
        return setup.general_set(self.general).name, self.share

    def penalty(self, model: TransformersCausal, setup: Setup) -> Penalty | None:
        """Stores the base's distributions, then compares each step's general rows with them."""
        name = setup.general_set(self.general).name
        rows = encoded_rows(setup, name)
        stored = store_base(model, rows, self.top_k)

        def kl(step: Step) -> torch.Tensor | None:
            batch = step.general(name)
            if batch is None:
                return None
            return self.weight * divergence(step.general_logits(name), *gather_stored(stored, batch)).mean()

        return kl


Stored = list[tuple["torch.Tensor", "torch.Tensor"]]
"""For each row: token ids (positions, k) and log-probabilities (positions, k) of the base."""


def encoded_rows(setup: Setup, name: str) -> list[Encoded]:
    """The trainable rows of a general set, in the set's order.

    Raises:
        UserError: no row has anything to train.
    """
    rows = [row for row in map(setup.encode, setup.general_set(name).examples) if row is not None]
    if not rows:
        raise UserError(f'data.general: no row of the set "{name}" has a labelled token within max_length')
    return rows


def store_base(model: TransformersCausal, rows: Sequence[Encoded], top_k: int | None) -> Stored:
    """The base's most likely tokens at every labelled position, row by row; log-probabilities in fp32.

    The model must answer as the base when this is called (or offer it through ``as_base``).
    """
    import torch

    stored: Stored = []
    model.module.eval()
    with torch.no_grad(), model.as_base():
        for row in rows:
            logprobs = labelled_logits(model.module, as_batch(row, model.module.device)).log_softmax(-1)
            top = logprobs.topk(min(top_k or logprobs.shape[-1], logprobs.shape[-1]), dim=-1)
            stored.append((top.indices.to(torch.int32).cpu(), top.values.cpu()))
    return stored


def as_batch(row: Encoded, device: Any) -> dict[str, torch.Tensor]:
    """One row as a batch without padding."""
    import torch

    ids = torch.tensor([row.input_ids], device=device)
    return {
        "input_ids": ids,
        "labels": torch.tensor([row.labels], device=device),
        "attention_mask": torch.ones_like(ids),
    }


def gather_stored(stored: Stored, batch: GeneralBatch) -> tuple[Any, Any]:
    """The stored ids and log-probabilities of a batch's positions, on its device, in the order of its logits."""
    import torch

    device = batch.tensors["input_ids"].device
    ids = torch.cat([stored[row][0] for row in batch.rows]).to(device).long()
    return ids, torch.cat([stored[row][1] for row in batch.rows]).to(device)


def divergence(logits: torch.Tensor, ids: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """KL(base || tuned) in nats for each position, over the stored tokens and one bucket for the rest.

    Args:
        logits: the tuned model's, (positions, vocabulary).
        ids: stored token ids, (positions, k).
        base: the base's log-probabilities of those tokens, (positions, k).
    """
    import torch

    tuned = logits.log_softmax(-1).gather(-1, ids)
    kl: torch.Tensor = (base.exp() * (base - tuned)).sum(-1)
    if ids.shape[-1] == logits.shape[-1]:
        return kl
    base_rest = (1 - base.exp().sum(-1)).clamp(min=1e-6)
    tuned_rest = (1 - tuned.exp().sum(-1)).clamp(min=1e-6)
    return kl + base_rest * (torch.log(base_rest) - torch.log(tuned_rest))
