"""Keep the next-token distribution near the base's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from retain.errors import UserError
from retain.mitigations.asked_base import base_distributions, training_precision
from retain.mitigations.base import Mitigation, Penalty, Setup, Step
from retain.mitigations.distributions import (
    ByPlace,
    Stored,
    as_batch,
    divergence,
    divergence_of_logits,
    encoded_rows,
    gather_stored,
    store_base,
    targets,
)
from retain.mitigations.known_rows import RowIndex
from retain.models.causal import TransformersCausal, as_language_model
from retain.models.logits import labelled_logits
from retain.models.transformers_model import TransformersModel

if TYPE_CHECKING:
    import torch

    Batch = Mapping[str, torch.Tensor]
    Compare = Callable[[torch.Tensor, Batch, Sequence[int], torch.Tensor | None], torch.Tensor]
    """Of (logits, batch, its rows' places, deleted tokens): the divergence at each position."""

__all__ = ["KlToBase", "Stored", "as_batch", "divergence", "encoded_rows", "gather_stored", "store_base"]


class KlToBase(Mitigation):
    """Add weight * mean_t KL(base(.|x<t) || tuned(.|x<t)) on general text (Marek et al. 2026, arXiv 2605.26097).

    The forward direction (the base's distribution weighs), summed over the vocabulary at each labelled token of
    given text, in fp32 nats: nothing is sampled. Means are over tokens, and do not depend on how an update is cut
    into passes. With ``on: both`` the two means are added.

    On task tokens the divergence opposes learning. Therefore the labelled token is deleted from both distributions
    first and the others are renormalised (TMKL, arXiv 2605.29498): what the base would rather say than the rest is
    kept, and the task is free to raise its token. Rows mixed in by ``rehearsal`` count as task rows.

    The base's distributions are stored once before training, in training's precision, so that neither a second model
    nor a second forward pass is needed: its ``top_k`` most likely tokens and the rest as one bucket. Merging the rest
    makes the value a lower bound: the divergence over the whole vocabulary is larger by the base's probability of the
    rest times the divergence within the rest. ``top_k: null`` stores the whole vocabulary and is exact. They take 8
    bytes for each token stored, in memory too: 1 MB for each 500 labelled tokens at 256. Of general text only rows
    that training will draw are stored, however large the set.

    Requirements: ``base: adapter_off`` needs an adapter; it is exact, stores nothing and costs a forward pass of the
    base in each step. Rows cannot be packed with ``on: task``, but for ``training.method: pretrain``, which tells
    them apart.

    What forgets goes wrong at the first tokens of an answer, and ``share`` counts tokens: many short rows show more
    beginnings than few long ones. In one measurement answers of 24 tokens lost 1.5 points where answers of 96 lost 8.1
    (docs/LOG.md); for self-written text that is ``count: 1200, max_tokens: 24`` in ``data.general``.

    Relations: on text the base wrote itself it keeps more than ``rehearsal`` of the same text. Use ``rehearsal``
    when general text stands for abilities that the base should also gain. ``on: task`` is for when there is no general
    text; ``token_weighting`` then is cheaper.
    """

    not_for_rerankers: ClassVar[str] = (
        "a reranker has no next token, and so no distribution to keep; use score_to_base, which keeps its scores"
    )

    kind: Literal["kl_to_base"] = "kl_to_base"
    weight: float = Field(1.0, gt=0)
    """Factor on the divergence; 1 to 10."""
    share: float = Field(0.25, gt=0, le=10)
    """General tokens per task token in each step, prompts included."""
    general: str | None = None
    """Name of the general set; the first one when empty."""
    top_k: int | None = Field(256, ge=1)
    """How many of the base's most likely tokens are stored for each position; all of them when null."""
    on: Literal["general", "task", "both"] = "general"
    """On general text, on the task's labelled tokens, or on both."""
    mask_target: bool = True
    """On task tokens: delete the labelled token from both distributions first (TMKL)."""
    base: Literal["stored", "adapter_off"] = "stored"
    """Where the base's distributions come from: stored before training, or asked in each step, the adapter off."""

    def conflicts(self, recipe: Any) -> list[str]:
        """Knobs that the others leave without effect, an adapter that is missing, and packed rows."""
        knobs = type(self).model_fields
        unread = {
            "share": self.on == "task" and f"on: {self.on} uses no general text",
            "general": self.on == "task" and f"on: {self.on} uses no general text",
            "mask_target": self.on == "general" and "it is for task tokens, and on: general has none",
            "top_k": self.base == "adapter_off" and "base: adapter_off stores nothing",
        }
        problems = [
            f"{knob} has no effect, since {why}; leave it out"
            for knob, why in unread.items()
            if why and getattr(self, knob) != knobs[knob].default
        ]
        if self.base == "adapter_off" and "lora" not in [getattr(one, "kind", "") for one in recipe.mitigations]:
            problems.append("base: adapter_off needs an adapter; add {kind: lora}, or use base: stored")
        if self.on != "general" and recipe.training.packing:
            problems.append(f"on: {self.on} tells rows apart, so they cannot be packed; set training.packing to false")
        return problems

    def not_dealt(self, adapter: bool) -> str:
        """The base's own pass in each step."""
        if self.base == "stored":
            return ""
        return (
            "base: adapter_off asks the base where a process has general rows, and processes that share weights must "
            "all do as many forward passes; use base: stored"
        )

    def wants_general(self) -> bool:
        """Whether general text is needed."""
        return self.on != "task"

    def general_share(self, setup: Setup) -> tuple[str, float] | None:
        """The set and how much of it each step needs."""
        return (setup.general_set(self.general).name, self.share) if self.wants_general() else None

    def penalty(self, model: TransformersModel, setup: Setup) -> Penalty | None:
        """Stores the base's distributions, then compares each step's rows with them.

        Raises:
            UserError: ``base: adapter_off`` without an adapter.
        """
        if self.base == "adapter_off" and not hasattr(model.module, "peft_config"):
            raise UserError(
                "mitigations.kl_to_base.base: adapter_off needs an adapter: add {kind: lora} before it, or use stored"
            )
        terms = []
        if self.on != "task":
            terms.append(self._on_general(as_language_model(model), setup))
        if self.on != "general":
            terms.append(self._on_task(as_language_model(model), setup))

        def kl(step: Step) -> torch.Tensor | None:
            found = [value for term in terms if (value := term(step)) is not None]
            return self.weight * sum(found[1:], found[0]) if found else None

        return kl

    def _on_general(self, model: TransformersCausal, setup: Setup) -> Penalty:
        name = setup.general_set(self.general).name

        def drawn() -> ByPlace:
            rows = encoded_rows(setup, name)
            places = setup.drawn.get(name, range(len(rows)))
            found = base_distributions(model, setup, [rows[place] for place in places], self.top_k)
            return dict(zip(places, found, strict=True))

        compare = self._compare(model, drawn)

        def kl(step: Step) -> torch.Tensor | None:
            batch = step.general(name)
            if batch is None:
                return None
            return compare(step.general_logits(name), batch.tensors, batch.rows, None).sum() / batch.usual

        return kl

    def _on_task(self, model: TransformersCausal, setup: Setup) -> Penalty:
        index = RowIndex(setup.rows)
        compare = self._compare(
            model, lambda: base_distributions(model, setup, setup.rows, self.top_k, self.mask_target)
        )

        def kl(step: Step) -> torch.Tensor | None:
            if not len(targets(step.task)):
                return None
            target = targets(step.task) if self.mask_target else None
            rows = index.of(step.task) if self.base == "stored" else []
            return compare(step.task_logits, step.task, rows, target).mean() * step.task_share

        return kl

    def _compare(self, model: TransformersCausal, store: Callable[[], Stored | ByPlace]) -> Compare:
        """Where the base's distributions come from, as a function that compares logits with them by position."""
        if self.base == "adapter_off":
            return lambda logits, batch, rows, target: divergence_of_logits(logits, base_logits(model, batch), target)
        stored = store()

        def from_store(
            logits: torch.Tensor, batch: Batch, rows: Sequence[int], target: torch.Tensor | None
        ) -> torch.Tensor:
            return divergence(logits, *gather_stored(stored, rows, logits.device), target)

        return from_store


def base_logits(model: TransformersCausal, batch: Batch) -> torch.Tensor:
    """The base's logits at a batch's labelled positions, without gradient and dropout, in training's precision."""
    import torch

    training = model.module.training
    model.module.eval()
    try:
        with torch.no_grad(), model.as_base(), training_precision(model):
            return labelled_logits(model.module, batch)
    finally:
        model.module.train(training)
