"""What the base would say next at each labelled position of some rows, and how far a model is from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retain import processes
from retain.data.encoding import Encoded
from retain.errors import BrokenError, UserError
from retain.mitigations.base import Setup
from retain.models.causal import TransformersCausal
from retain.models.logits import labelled_logits

if TYPE_CHECKING:
    import torch

Stored = list[tuple["torch.Tensor", "torch.Tensor"]]
"""For each row: token ids (positions, k) and log-probabilities (positions, k) of the base."""
ByPlace = Mapping[int, tuple["torch.Tensor", "torch.Tensor"]]
"""The same by the places of the rows."""


def encoded_rows(setup: Setup, name: str) -> list[Encoded]:
    """The trainable rows of a general set, in the set's order.

    Raises:
        UserError: no row has anything to train.
    """
    rows = [row for one in setup.general_set(name).examples for row in setup.encoded(one)]
    if not rows:
        raise UserError(f'data.general: no row of the set "{name}" has a labelled token within max_length')
    return rows


def store_base(
    model: TransformersCausal, rows: Sequence[Encoded], top_k: int | None, mask_target: bool = False
) -> Stored:
    """The base's most likely tokens at every labelled position, row by row; log-probabilities in fp32.

    Args:
        model: answers as the base when this is called, or offers it through ``as_base``.
        rows: encoded with its tokenizer.
        top_k: how many tokens are stored for each position, 8 bytes each; all of them when None.
        mask_target: delete the labelled token from each distribution first and renormalise the others.
    """
    return processes.split(rows, lambda part: _stored(model, part, top_k, mask_target))


def _stored(model: TransformersCausal, rows: Sequence[Encoded], top_k: int | None, mask_target: bool) -> Stored:
    import torch

    stored: Stored = []
    model.module.eval()
    with torch.no_grad(), model.as_base():
        for row in rows:
            batch = as_batch(row, model.module.device)
            logits = labelled_logits(model.module, batch)
            if mask_target:
                logits = without(logits, targets(batch))
            most = logits.shape[-1] - mask_target
            top = logits.log_softmax(-1).topk(min(top_k or most, most), dim=-1)
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


def targets(batch: Any) -> torch.Tensor:
    """The labelled tokens of a batch in the order of its logits, (positions,)."""
    following = batch["labels"][:, 1:]
    found: torch.Tensor = following[following != -100]
    return found


def without(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Logits with one token of each position deleted: it has no probability, and the others share all of it."""
    return logits.scatter(-1, target[:, None], float("-inf"))


def gather_stored(stored: Stored | ByPlace, rows: Sequence[int], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The stored ids and log-probabilities of a batch's rows on a device, in the order of its logits.

    Raises:
        BrokenError: a row was not announced, so that nothing is stored of it.
    """
    import torch

    if isinstance(stored, Mapping) and (strangers := [row for row in rows if row not in stored]):
        raise BrokenError(
            f"A batch holds row {strangers[0]} of general text, which is not among those that training was to draw: "
            "what the base said about it is not known."
        )
    ids = torch.cat([stored[row][0] for row in rows]).to(device).long()
    return ids, torch.cat([stored[row][1] for row in rows]).to(device)


def divergence(
    logits: torch.Tensor, ids: torch.Tensor, base: torch.Tensor, target: torch.Tensor | None = None
) -> torch.Tensor:
    """KL(base || tuned) in nats for each position, over the stored tokens and one bucket for the rest.

    By the chain rule the divergence over the whole vocabulary is larger by the base's probability of the rest times
    the divergence within the rest; with every token stored the two are equal.

    Args:
        logits: the tuned model's, (positions, vocabulary).
        ids: stored token ids, (positions, k).
        base: the base's log-probabilities of those tokens, (positions, k).
        target: a token of each position that both distributions are without (``mask_target``), (positions,).
    """
    import torch

    if target is not None:
        logits = without(logits, target)
    tuned = logits.log_softmax(-1).gather(-1, ids)
    kl: torch.Tensor = (base.exp() * (base - tuned)).sum(-1)
    if ids.shape[-1] == logits.shape[-1] - (target is not None):
        return kl
    base_rest = (1 - base.exp().sum(-1)).clamp(min=1e-6)
    tuned_rest = (1 - tuned.exp().sum(-1)).clamp(min=1e-6)
    return kl + base_rest * (torch.log(base_rest) - torch.log(tuned_rest))


def divergence_of_logits(tuned: torch.Tensor, base: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
    """KL(base || tuned) in nats for each position over the whole vocabulary, from both models' logits."""
    import torch

    if target is not None:
        keep = torch.ones_like(tuned, dtype=torch.bool).scatter(-1, target[:, None], False)
        tuned, base = (logits[keep].view(len(logits), -1) for logits in (tuned, base))
    start = base.log_softmax(-1)
    kl: torch.Tensor = (start.exp() * (start - tuned.log_softmax(-1))).sum(-1)
    return kl
