"""What mitigations know of a training on preference pairs."""

from __future__ import annotations

from dataclasses import dataclass

from retain.mitigations.base import Setup


@dataclass(frozen=True)
class PreferenceSetup(Setup):
    """What a mitigation may look at where a model learns from pairs of answers.

    A step's task rows are the chosen answers alone; ``rows`` are these, and ``encode`` gives that of a pair.
    """
