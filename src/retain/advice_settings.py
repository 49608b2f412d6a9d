"""What ``retain advise`` tries before and beside training: the recipe's key ``advise``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from retain.settings import Settings

RungName = Literal["zero_shot", "instructions", "few_shot", "retrieval", "lora"]
LADDER: tuple[RungName, ...] = ("zero_shot", "instructions", "few_shot", "retrieval", "lora")
"""From the cheapest to the most expensive."""
Pick = Literal["similar", "fixed"]
Count = Annotated[int, Field(ge=1)]


class ProbeTraining(Settings):
    """The short training of the rung ``lora``; all else is as the recipe's ``training`` says."""

    rows: int = Field(400, ge=8)
    """Train on at most this many rows, drawn by the seed."""
    epochs: float = Field(2.0, gt=0)
    """Passes over them."""
    rank: int | None = Field(None, ge=1)
    """Of the adapter; the recipe's own ``lora`` when empty, or 16."""
    learning_rate: float | None = Field(None, gt=0)
    """When empty the recipe's, where it trains LoRA at a fixed rate; else 1e-3 under a billion weights, 2e-4 above."""


class AdviseSettings(Settings):
    """The rungs of ``retain advise``, and what is tried on each.

    Every rung's choices are made on dev items; test items are asked once, of what was chosen.
    """

    rungs: list[Literal["instructions", "few_shot", "retrieval", "lora"]] = Field(
        ["instructions", "few_shot", "retrieval", "lora"], min_length=1
    )
    """Which rungs are climbed above the question as it is (``zero_shot``), in this order whatever order they have."""
    margin: float = Field(3.0, ge=0, le=100)
    """A rung is enough when it scores at most so many points of 100 less than the best of the rungs above it."""
    rewrites: int = Field(2, ge=0)
    """``instructions``: how many the base writes itself, beside those read off the training answers."""
    shots: list[Count] = Field([1, 4, 8], min_length=1)
    """``few_shot``: numbers of solved examples to try, all from the training rows."""
    picks: list[Pick] = Field(["similar", "fixed"], min_length=1)
    """``few_shot``: examples like the question, or the same for every question (drawn by the seed)."""
    documents: str | None = None
    """``retrieval``: a .txt, .md or .jsonl file (``text``, perhaps ``title``), or a folder of such files; the training
    rows when empty."""
    passages: list[Count] = Field([1, 3], min_length=1)
    """``retrieval``: numbers of passages to try."""
    passage_words: int = Field(120, ge=10)
    """``retrieval``: documents are cut into passages of at most so many words, between paragraphs or sentences."""
    retriever: Literal["bm25", "embeddings"] = "bm25"
    """What finds similar examples and passages; ``embeddings`` needs the extra ``embeddings``."""
    embedding_model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """``retriever: embeddings``: a sentence-transformers model, a Hub id or a folder."""
    max_prompt: int | None = Field(None, ge=16)
    """Longest prompt in tokens: examples, then passages are left out until it fits. When empty, what the model's
    context leaves beside the answer."""
    training: ProbeTraining = ProbeTraining()
    """``lora``: the short training."""

    @model_validator(mode="after")
    def _each_once(self) -> AdviseSettings:
        for key in ("rungs", "shots", "picks", "passages"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key} names something twice: {values}")
        return self

    @property
    def ladder(self) -> list[RungName]:
        """The rungs that are climbed, from the bottom."""
        return [rung for rung in LADDER if rung == "zero_shot" or rung in self.rungs]
