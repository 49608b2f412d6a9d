"""All symptoms of a comparison."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from retain import registry
from retain.comparison.symptoms.side_by_side import material_of
from retain.records import Comparison, Measurement, Recitation

FOLDER = "comparison.symptoms"


def read_symptoms(
    comparison: Comparison,
    before: Sequence[Measurement],
    after: Sequence[Measurement],
    targets: Sequence[str] = (),
    recitation: Recitation | None = None,
    tasks: Collection[str] = (),
) -> Comparison:
    """The comparison with every symptom that there is a rule for, found or not; nothing else of it changes.

    Args:
        comparison: what ``compare`` made of the measurements.
        before: the base's measurements, with the answers that they hold.
        after: the tuned model's.
        targets: the answers of the training rows, where they are known.
        recitation: what a run tried on its training rows.
        tasks: probes that measure a task besides those of the comparison's gains.
    """
    material = material_of(before, after, comparison, targets, recitation, tasks)
    found = [one for _, rule in sorted(registry.units(FOLDER).items()) for one in rule().read(material)]
    return comparison.model_copy(update={"symptoms": found})
