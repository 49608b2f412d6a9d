"""How long a run will still take, told once, after three updates."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

TIMED = 3
"""Updates after which it is told; the first is not counted, as it is slower than the others."""


class TimeLeft(TrainerCallback):
    """Says after three updates how long training and measuring will still take.

    Seconds an update are the mean of the second and third: rows come in an order of chance, so that these are like the
    others.

    Args:
        say: where it is told.
        after: from the seconds of an update to those of what follows training (choosing, measuring), asked once; None
            where that is not known.
    """

    def __init__(self, say: Callable[[str], None], after: Callable[[float], float | None]) -> None:
        self._say = say
        self._after = after
        self._times: list[float] = []
        self.training: float | None = None
        """Seconds of training that were left when it was told."""
        self.measuring: float | None = None
        """Seconds of what follows training, as they were told."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Count an update; tell after the third one of this go."""
        if len(self._times) >= TIMED:
            return
        self._times.append(time.monotonic())
        if len(self._times) < TIMED:
            return
        self.training = seconds_left(self._times, state.max_steps - state.global_step)
        self.measuring = self._after(seconds_left(self._times, 1))
        self._say(told(self.training, self.measuring))


def seconds_left(ends: list[float], steps: int) -> float:
    """Seconds that ``steps`` more updates take.

    Args:
        ends: when each of the first updates ended; the first one itself is not timed.
        steps: that are left.
    """
    return (ends[-1] - ends[0]) / (len(ends) - 1) * steps


def told(training: float, measuring: float | None) -> str:
    """The sentence for a person."""
    if measuring is None:
        return f"  about {spoken(training)} of training left, then measuring (not timed yet for this base)"
    both = f"{spoken(training)} of training, {spoken(measuring)} of choosing and measuring"
    return f"  about {spoken(training + measuring)} left: {both}"


def spoken(seconds: float) -> str:
    """``40 s``, ``12 min`` or ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
