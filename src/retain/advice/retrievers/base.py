"""What a search over some texts can do, whatever it rests on."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Retriever(Protocol):
    """Finds the texts that are most like a question."""

    @property
    def name(self) -> str:
        """What it is, for reports."""
        ...

    @property
    def fingerprint(self) -> str:
        """Beside the texts, all that decides what it finds."""
        ...

    @property
    def storage_bytes(self) -> int:
        """Size of the index in memory, without the texts."""
        ...

    def top(self, question: str, count: int) -> list[int]:
        """Places of the ``count`` texts most like the question, the best first; the earlier text of two equals."""
        ...


def best(scores: NDArray[Any], count: int) -> list[int]:
    """Places of the greatest scores, the greatest first; the earlier place of two equals.

    Args:
        scores: (texts,) numbers.
        count: how many; all where there are fewer.
    """
    return [int(place) for place in np.argsort(-scores, kind="stable")[:count]]
