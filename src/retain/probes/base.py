"""What a probe is: something that gives one score per item for one capability."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from pydantic import Field

from retain.errors import UserError
from retain.models.base import CausalModel
from retain.records import Measurement, Split
from retain.settings import Settings


class Probe(Settings):
    """Measures one capability: one score per item, greedy, with identical settings before and after.

    Items are split into dev (30%) and test by a hash of their input. ``limit`` keeps the first items of each
    split in hash order, so that a smaller limit measures a subset of a larger one.
    """

    name: str
    """Unique within a suite."""
    capability: str
    """What the base could do and should keep, in a word or two."""
    limit: int | None = Field(None, ge=1)
    """At most this many test items (and 3/7 as many dev items); all when empty."""

    generates: ClassVar[bool] = False
    """True when the score comes from text that the model writes."""
    ranks: ClassVar[bool] = False
    """True when it measures rerankers; the others measure language models."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of the items and of every setting that changes a score (not of ``name``)."""

    def unlimited_fingerprint(self) -> str:
        """The fingerprint without ``limit``: two measurements that differ in nothing else ask the same of an item."""
        return self.model_copy(update={"limit": None}).fingerprint()

    @abstractmethod
    def texts(self) -> Iterable[tuple[str, str]]:
        """(item id, text) of every item of both splits: training data containing one can be refused."""

    def notes(self) -> list[str]:
        """What a reader of its results must know of its items."""
        return []

    @abstractmethod
    def measure(self, model: CausalModel, split: Split) -> Measurement:
        """Score every item of a split.

        Raises:
            UserError: the split has no items, or the model cannot do what the probe needs.
        """


def of_rerankers(probes: Sequence[Probe]) -> bool:
    """Whether probes measure rerankers, and not language models.

    Raises:
        UserError: some measure the one and some the other.
    """
    ranking = [probe.name for probe in probes if probe.ranks]
    others = [probe.name for probe in probes if not probe.ranks]
    if ranking and others:
        raise UserError(
            f'the probe "{ranking[0]}" measures rerankers and "{others[0]}" language models; no model is measured with '
            "both. Make two suites of them."
        )
    return bool(ranking)


def as_settings(probe: Probe) -> dict[str, Any]:
    """The probe's own settings as plain values, without name and capability, for a measurement's record."""
    return probe.model_dump(mode="json", exclude={"name", "capability"})
