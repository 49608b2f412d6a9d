"""Items, and what every probe that is made of items has in common: choosing, splitting, recording."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retain.data.splits import hash_order, probe_split
from retain.errors import UserError, listed
from retain.models.base import CausalModel, Message, Prompt
from retain.probes.base import Probe, as_settings
from retain.records import Calibration, Measurement, PairLikelihood, Response, Split, content_hash

IGNORED_KEYS = frozenset({"id", "source", "note", "key"})
"""Keys that any item may carry and that no probe reads."""


class Item(BaseModel):
    """One thing that a probe asks. Unknown keys are refused; id, source, note and key are not read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: str | None = None
    """Items that share a passage, a template or a document share this; their errors are not independent."""
    split: Split | None = None
    """``dev`` or ``test`` where a file already says so; otherwise a hash of the input decides."""

    @model_validator(mode="before")
    @classmethod
    def _drop_ignored(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        return {name: row[name] for name in row if name not in IGNORED_KEYS or name in cls.model_fields}

    @property
    @abstractmethod
    def input(self) -> str:
        """What the model is given. Splits hash this."""

    @property
    def id(self) -> str:
        """Hash of the input's content; two items with the same id are the same item."""
        return content_hash(self.input)

    @property
    def overlap_text(self) -> str:
        """What training data must not contain."""
        return self.input

    @property
    def group(self) -> str | None:
        """The cluster, given or derived."""
        return self.cluster


def conversation(item_prompt: str, messages: Sequence[Message], system: str) -> tuple[Message, ...]:
    """The turns that a prompt or a list of messages stands for."""
    turns = tuple(messages) or (Message(role="user", content=item_prompt),)
    return (Message(role="system", content=system), *turns) if system else turns


def as_prompt(turns: tuple[Message, ...], chat: bool) -> Prompt:
    """Turns for the chat template; without one, raw text: a turn a line, as training has them."""
    return turns if chat else "".join(f"{turn.content}\n" for turn in turns)


def readable(turns: Sequence[Message]) -> str:
    """Turns as a person reads them."""
    return "\n".join(turn.content for turn in turns)


class Scored(BaseModel):
    """What scoring the items of a split gave. Ids without a score are named in ``left_out``."""

    scores: dict[str, float] = {}
    left_out: dict[str, str] = {}
    responses: dict[str, Response] = {}
    prompts: dict[str, str] = {}
    references: dict[str, str] = {}
    chance: float | None = None
    value: float | None = None
    """The main number where it is not the plain mean of the scores."""
    also: dict[str, dict[str, float]] = {}
    """Other measures of the same answers: measure -> item id -> share."""
    calibration: Calibration | None = None
    pairs: dict[str, PairLikelihood] = {}
    settings: dict[str, Any] = {}
    """What the probe's settings do not say and yet changes a score."""


class ItemProbe(Probe):
    """A probe made of items. A subclass says what its items are and how it scores them."""

    items: tuple[Item, ...] = Field(default=(), exclude=True, repr=False)
    """The items; a suite file names a JSON-lines file or a Hub data set."""

    item_type: ClassVar[type[Item]]
    measures: ClassVar[str]
    higher_is_better: ClassVar[bool] = True
    unit: ClassVar[Literal["share", "bits per byte"]] = "share"
    rule: ClassVar[int] = 1
    """Version of the scoring rule; raised whenever the same answer would score differently."""

    @model_validator(mode="after")
    def _count_duplicates_once(self) -> Self:
        kept = tuple({item.id: item for item in reversed(self.items)}.values())[::-1]
        if len(kept) < len(self.items):
            object.__setattr__(self, "items", kept)
        return self

    def problems(self) -> list[str]:
        """What is wrong with the items under these settings; empty when all is well."""
        return [] if self.items else ["it has no items"]

    def score_items(self, model: CausalModel, items: Sequence[Any]) -> Scored:
        """Score the items."""
        raise NotImplementedError

    @property
    def metric_name(self) -> str:
        """The metric under these settings."""
        return self.measures

    def fingerprint(self) -> str:
        """Hash of the items and of every setting that changes a score."""
        items = sorted(content_hash(item.model_dump(mode="json")) for item in self.items)
        return content_hash(type(self).__name__, self.rule, as_settings(self), items)

    def texts(self) -> Iterable[tuple[str, str]]:
        """(item id, text) of every item of both splits."""
        return ((item.id, item.overlap_text) for item in self.items)

    def pool(self, split: Split) -> list[Item]:
        """All items of a split, in hash order."""
        found = [item for item in self.items if (item.split or probe_split(item.input)) == split]
        return sorted(found, key=lambda item: (hash_order(item.input), item.id))

    def select(self, split: Split) -> list[Item]:
        """The items of a split that are measured: the first ``limit`` in hash order (dev: 3/7 as many)."""
        found = self.pool(split)
        if self.limit is None:
            return found
        return found[: self.limit if split == "test" else round(self.limit * 3 / 7)]

    def measure(self, model: CausalModel, split: Split) -> Measurement:
        """Score every item of a split.

        Raises:
            UserError: the split has no items, no item could be scored, or the items do not fit the settings.
        """
        if problems := self.problems():
            raise UserError(f'probe "{self.name}":\n{listed(problems)}')
        items = self.select(split)
        if not items:
            raise UserError(
                f'probe "{self.name}": the {split} split has no items ({len(self.items)} in all, '
                f"limit {self.limit}). Give it more items or a higher limit."
            )
        scored = self.score_items(model, items)
        return self._record(model, split, items, scored)

    def _record(self, model: CausalModel, split: Split, items: Sequence[Item], scored: Scored) -> Measurement:
        scores = dict(scored.scores)
        left_out = dict(scored.left_out)
        for key in [key for key, score in scores.items() if not math.isfinite(score)]:
            left_out[key] = f"the score is {scores.pop(key)}"
        if not scores:
            reason = next(iter(left_out.values()), "no reason given")
            raise UserError(f'probe "{self.name}": none of {len(items)} items could be scored: {reason}')
        value = scored.value if scored.value is not None else sum(scores.values()) / len(scores)
        return Measurement(
            probe=self.name,
            capability=self.capability,
            metric=self.metric_name,
            value=value,
            higher_is_better=self.higher_is_better,
            unit=self.unit,
            split=split,
            scores=scores,
            generates=self.generates,
            chance=scored.chance,
            responses=scored.responses,
            prompts=scored.prompts,
            references=scored.references,
            clusters={item.id: item.group for item in items if item.id in scores and item.group},
            left_out=left_out,
            also={
                name: {key: value for key, value in one.items() if key in scores} for name, one in scored.also.items()
            },
            calibration=scored.calibration,
            pairs=scored.pairs,
            settings={
                "kind": _kind(self),
                "rule": self.rule,
                "fingerprint": self.fingerprint(),
                "unlimited_fingerprint": self.unlimited_fingerprint(),
                **as_settings(self),
                **scored.settings,
            },
            model=model.fingerprint,
        )


def _kind(probe: Probe) -> str:
    return type(probe).__module__.rsplit(".", 1)[-1]
