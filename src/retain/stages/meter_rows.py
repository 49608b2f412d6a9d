"""Which rows the KL meter reads: held-out task rows, and general text that nothing was trained on."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from retain.data.example import Example
from retain.mitigations.base import GeneralSet
from retain.probes.base import Probe
from retain.probes.bits_per_byte import BitsPerByte
from retain.records import content_hash


def general_rows(general: Mapping[str, GeneralSet], probes: Sequence[Probe]) -> dict[str, list[Example]]:
    """Name -> rows: what each general set kept back, or, where there is no set, texts of the suite.

    The suite's texts are the test items of its probes of bits per byte, since those are general text; in a suite
    without such a probe, the inputs of all its probes' test items, the probes taking turns.
    """
    if general:
        return {name: list(one.kept_back) for name, one in general.items()}
    texts = [probe for probe in probes if isinstance(probe, BitsPerByte)]
    name = "texts of the suite" if texts else "inputs of the suite"
    return {name: input_rows(texts or probes)}


def input_rows(probes: Iterable[Probe]) -> list[Example]:
    """The inputs of the probes' test items as plain text, the probes taking turns."""
    parts = [[item.input for item in probe.select("test")] for probe in probes if hasattr(probe, "select")]
    turns = (text for turn in itertools.zip_longest(*parts) for text in turn if text)
    return [Example(id=content_hash(text), shape="text", text=text, ended=False) for text in turns]
