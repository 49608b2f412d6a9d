"""What a symptom's class is: a rule that reads it off the material."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from retain.comparison.symptoms.judging import Shift
from retain.comparison.symptoms.side_by_side import Material
from retain.records import ExamplePair, Symptom


class SymptomRule(ABC):
    """Reads one symptom off a comparison, against the base and with an interval; changes nothing."""

    @abstractmethod
    def read(self, material: Material) -> list[Symptom]:
        """One entry for each place where it was looked for; where it cannot be told, an entry that says why."""

    @classmethod
    def name(cls) -> str:
        """The file's name."""
        return cls.__module__.rsplit(".", 1)[-1]

    def judged(
        self,
        where: str,
        shift: Shift,
        found: bool | None,
        statement: str,
        example: ExamplePair | None = None,
        evidence: Sequence[str] = (),
    ) -> Symptom:
        """An entry; what is not found needs no example."""
        return Symptom(
            name=self.name(),
            capability=where,
            found=found,
            statement=statement,
            before=shift.before,
            after=shift.after,
            low=shift.low,
            high=shift.high,
            example=example if found else None,
            evidence=list(evidence) if found else [],
        )

    def untold(self, where: str, why: str) -> Symptom:
        """An entry that says why it cannot be told."""
        return Symptom(name=self.name(), capability=where, found=None, statement=why)


def threshold_in_words(found: bool | None, threshold: float, what: str = "points") -> str:
    """What the verdict rests on, as the last sentence of a statement."""
    reach = f"{abs(threshold):g} {what} {'less' if threshold < 0 else 'more'}"
    if found is None:
        return f"These items cannot tell whether it is {reach} than the base, from which on it counts."
    return f"It counts from {reach} than the base."
