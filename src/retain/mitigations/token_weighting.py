"""Weigh the task's tokens by how likely they are: what surprises the model most makes it forget most."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from retain.errors import UserError
from retain.mitigations.asked_base import target_logprobs
from retain.mitigations.base import Mitigation, Setup, Step, Weights
from retain.mitigations.distributions import targets
from retain.mitigations.known_rows import RowIndex
from retain.models.causal import as_language_model
from retain.models.transformers_model import TransformersModel

if TYPE_CHECKING:
    import torch

THRESHOLD = 2.5
FLOOR = 0.01
READ = {"threshold": ("stm",), "tau": ("talr", "flow"), "floor": ("talr",)}
"""Knob -> the rules that read it."""
PLAIN_LOSS = {"loss_type": ("nll", "chunked_nll"), "label_smoothing_factor": (0,)}
"""Key of ``training.extra`` that changes the task's loss -> its values that change nothing."""


class TokenWeighting(Mitigation):
    """Drop or weigh down the training tokens that the model finds unlikely (Wu et al. 2025, arXiv 2501.14315).

    - ``stm`` drops labelled tokens whose perplexity under the base, exp(-log p), is above ``threshold`` (selective
      token masking, arXiv 2501.14315). The others weigh total / kept, so that the loss is the mean over the kept
      tokens, as in the paper's code, there of each batch, here of all training rows. A row that loses all its tokens
      teaches nothing; such rows are counted in the notes.
    - ``talr`` weighs each token max(p^(1/tau), ``floor``), with p under the model as it is at that step, without
      gradient (token-adaptive loss reweighting, Lin et al. 2025, arXiv 2509.20758). So a token weighs more as it is
      learned. Not normalised. The paper takes tau anew in each batch, the median over rows of the mean loss; here it is
      the same median over all training rows under the base, taken once, so that a gradient does not depend on how an
      update is cut into passes.
    - ``flow`` weighs whole rows exp(-loss / tau), with the row's mean loss under the base, and tau the median over rows
      (FLOW, Sanyal et al. 2025, arXiv 2502.02797). Not normalised, as in the authors' code: the median row weighs 1/e.

    The base's probability of each training token is asked once before training, in training's precision, and kept.
    Rows mixed in by ``rehearsal`` are weighed like the task's.

    The loss of a mixture-of-experts model's routers stays what the trainer makes of it, unweighted, as a mean over an
    update's passes.

    Requirements: the loss is cross-entropy: other losses and label smoothing are refused. Rows are not packed, but for
    ``training.method: pretrain``, where a row is a document or a piece of a long one.

    Relations: it needs no general text. But what the base finds unlikely may be just what is to be learned: ``stm``
    blocks really new facts and labels (the first token of a short answer above all), ``talr`` slows them; then use
    ``kl_to_base``.
    """

    not_for_rerankers: ClassVar[str] = (
        "a reranker learns no tokens that could be weighted; use score_to_base or strength"
    )

    not_for_preferences: ClassVar[str] = (
        "it weighs tokens of a cross-entropy, and the loss of pairs compares whole answers; use kl_to_base, or "
        "training.preference.tail_weight"
    )

    kind: Literal["token_weighting"] = "token_weighting"
    rule: Literal["stm", "talr", "flow"] = "stm"
    """How weights follow from probabilities."""
    threshold: float | None = Field(None, gt=1)
    """``stm``: highest perplexity of a token that is trained; 2.5 when empty."""
    tau: float | None = Field(None, gt=0)
    """``talr``, ``flow``: temperature in nats; the median over rows of the mean loss under the base when empty."""
    floor: float | None = Field(None, ge=0, le=1)
    """``talr``: smallest weight; 0.01 when empty."""

    def conflicts(self, recipe: Any) -> list[str]:
        """Knobs that this rule does not read, packed rows, and keys that ask for another loss."""
        extra = recipe.training.extra
        packed = ["rows cannot be packed where tokens are weighted; set training.packing to false"]
        unread = [
            f"{knob} has no effect with rule: {self.rule} (it is for {' and '.join(rules)}); leave it out"
            for knob, rules in READ.items()
            if getattr(self, knob) is not None and self.rule not in rules
        ]
        replaced = [
            f"it weighs the tokens' cross-entropy, and training.extra.{key}: {extra[key]} would have no effect; leave "
            "one of the two out"
            for key, plain in PLAIN_LOSS.items()
            if key in extra and extra[key] not in plain
        ]
        return unread + packed * bool(recipe.training.packing) + replaced

    def weigh_tokens(self, model: TransformersModel, setup: Setup) -> Weights | None:
        """Asks the base for the probabilities of the training tokens, then weighs each step's.

        Raises:
            UserError: ``stm`` drops every token there is, or there is none.
        """
        if self.rule == "talr" and self.tau is not None:
            return self._by_probability(self.tau)
        logprobs = target_logprobs(as_language_model(model), setup, setup.rows)
        if not any(map(len, logprobs)):
            raise UserError("mitigations.token_weighting: no training row has a labelled token, so there is no loss")
        if self.rule == "talr":
            return self._by_probability(median_loss(logprobs))
        weights = self._of_kept(logprobs, setup) if self.rule == "stm" else self._of_rows(logprobs)
        return _by_row(weights, setup)

    def _of_kept(self, logprobs: list[torch.Tensor], setup: Setup) -> list[torch.Tensor]:
        import torch

        threshold = self.threshold or THRESHOLD
        kept = [(row >= -math.log(threshold)).float() for row in logprobs]
        total, left = sum(map(len, kept)), int(torch.cat(kept).sum())
        if not left:
            raise UserError(
                f"mitigations.token_weighting.threshold: every training token has a perplexity above {threshold:g} "
                "under the base, so that nothing is left to train. Raise it, or use rule: talr."
            )
        empty = sum(not row.any() for row in kept if len(row))
        setup.note(
            f"token_weighting (stm) dropped {total - left} of {total} labelled tokens, whose perplexity under the base "
            f"is above {threshold:g}; {empty} of {len(kept)} rows lost all of theirs and taught nothing"
        )
        return [row * (total / left) for row in kept]

    def _of_rows(self, logprobs: list[torch.Tensor]) -> list[torch.Tensor]:
        tau = self.tau or median_loss(logprobs)
        return [(row.mean() / tau).exp().expand(len(row)) for row in logprobs]

    def _by_probability(self, tau: float) -> Weights:
        floor = FLOOR if self.floor is None else self.floor

        def weigh(step: Step) -> torch.Tensor:
            logits = step.task_logits.detach()
            logprobs = logits.log_softmax(-1).gather(-1, targets(step.task)[:, None])[:, 0]
            return (logprobs / tau).exp().clamp(min=floor)

        return weigh


def median_loss(logprobs: list[torch.Tensor]) -> float:
    """The median over rows of the mean loss of a row's labelled tokens, in nats; rows without any are left out.

    Raises:
        UserError: it is zero: the base knows the rows by heart.
    """
    import torch

    found = float(torch.stack([-row.mean() for row in logprobs if len(row)]).median())
    if found <= 0:
        raise UserError(
            "mitigations.token_weighting.tau: the base gives the training rows probability 1, so that their median "
            "loss is no temperature. Set tau, or drop this mitigation."
        )
    return found


def _by_row(weights: list[torch.Tensor], setup: Setup) -> Weights:
    """Weights that are fixed for each row, found again in each batch."""
    import torch

    index = RowIndex(setup.rows)

    def weigh(step: Step) -> torch.Tensor:
        found = torch.cat([weights[row] for row in index.of(step.task)])
        return found.to(step.task["input_ids"].device)

    return weigh
