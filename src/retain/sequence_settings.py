"""What a recipe can say of several tasks that are learned one after another: its keys ``stages`` and ``sequence``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from retain.settings import Settings

Adapters = Literal["one_a_stage", "one", "merged"]
SHARE = 0.10
"""``memory.share`` where neither it nor ``rows`` is given."""


class StageSettings(Settings):
    """One task of a sequence. What it says takes the place of what the recipe says for all stages, key by key."""

    name: str = Field(min_length=1, max_length=60)
    """What the task is called: its column in the matrix."""
    data: dict[str, Any]
    """``train`` and whatever differs from the recipe's ``data``."""
    training: dict[str, Any] = {}
    """Whatever differs from the recipe's ``training``."""
    mitigations: list[Any] | None = None
    """In the place of the recipe's; the recipe's when empty."""
    measure: dict[str, Any] = {}
    """``task``, where it differs from the recipe's. The suite is the same for all stages."""


class MemorySettings(Settings):
    """Rows of earlier stages that are trained on again in later ones. Earlier tasks have equal parts of it.

    Rows are never repeated within a stage: a task that has too few gives all, and the record says so.
    """

    share: float | None = Field(None, gt=0, le=10)
    """Tokens of earlier tasks per token of the stage's own rows, prompts included; 0.1 where ``rows`` is not given."""
    rows: int | None = Field(None, ge=1)
    """Rows of earlier tasks in all, in the place of a share."""
    select: Literal["random", "diverse", "surprise"] = "random"
    """``random``: drawn by the seed. ``diverse``: one of each kind, the rows nearest to the centres of k-means clusters
    over TF-IDF vectors of their words. ``surprise``: those whose answers the latest model finds least likely (nats per
    token)."""
    outputs: Literal["given", "regenerated"] = "given"
    """``given``: the rows' own answers. ``regenerated``: the latest model answers anew, before the stage (SSR)."""
    temperature: float = Field(0.0, ge=0)
    """``outputs: regenerated``: 0 is greedy, above it answers are sampled."""

    @model_validator(mode="after")
    def _one_measure(self) -> MemorySettings:
        if self.share is not None and self.rows is not None:
            raise ValueError("share and rows both say how much is remembered; leave one out")
        if self.temperature and self.outputs == "given":
            raise ValueError("temperature has no effect, since outputs: given writes nothing; leave it out")
        return self

    @property
    def tokens(self) -> float | None:
        """The share that counts; None where rows are counted."""
        return None if self.rows is not None else self.share or SHARE


class SequenceSettings(Settings):
    """How the stages are learned."""

    plan: Literal["in_turn", "together"] = "in_turn"
    """``in_turn``: one after another. ``together``: all tasks' rows in one training, the upper bound."""
    memory: MemorySettings | None = None
    """Rehearsal of earlier stages; none when empty."""
    adapters: Adapters = "one_a_stage"
    """With ``lora``. ``one_a_stage``: a fresh adapter for each stage, merged into the weights after it. ``one``: one
    adapter that every stage trains on. ``merged``: the running merge of SLAO (arXiv 2512.23017)."""


class SequenceKeys(Settings):
    """The keys that make a recipe one of a sequence."""

    stages: list[StageSettings] = Field(min_length=1)
    """The tasks, in the order in which they are learned."""
    sequence: SequenceSettings = SequenceSettings()
    """How they are learned."""
