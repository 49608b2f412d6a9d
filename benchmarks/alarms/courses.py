"""Simulated training histories with a known truth: rows differ in difficulty, and what is known of them is planted.

Each row's loss is the level of a row that is new, which falls with training, times the row's difficulty, times what is
left of it after having been seen. A log entry is the mean over a batch; held-out rows are always new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retain.data.encoding import Encoded
from retain.training.alarms.history import Course, Point, Start
from retain.training.alarms.levels import RowLosses
from retain.training.held_out import reading_steps, rows_to_read
from retain.training.settings import WARMUP

BATCH = 16
"""Rows of an update."""
NO_ROW = Encoded(input_ids=[], labels=[])


@dataclass(frozen=True)
class Task:
    """What answers of a kind of task are like."""

    start: float
    """Loss of the base, nats a token."""
    floor: float
    """Loss that is left when all is learned."""
    spread: float
    """Rows' difficulties are lognormal with this sigma."""
    pace: float
    """Epochs (of 38 updates) in which half of the way is gone."""
    tokens: tuple[int, int]
    """Of an answer: at least, and fewer than."""


TASKS = {
    "texts": Task(start=2.6, floor=1.2, spread=0.3, pace=0.3, tokens=(10, 60)),
    "labels": Task(start=8.0, floor=0.03, spread=1.5, pace=0.1, tokens=(2, 8)),
    "labels that stay hard": Task(start=8.0, floor=0.4, spread=1.5, pace=0.1, tokens=(2, 8)),
    "JSON": Task(start=3.5, floor=0.08, spread=0.8, pace=0.06, tokens=(8, 30)),
}


@dataclass(frozen=True)
class World:
    """A kind of training."""

    task: str
    epochs: float
    updates: int
    """Of an epoch."""
    left: Callable[[float], float] = lambda epoch: 1.0
    """Share of a new row's loss that a training row still has, at so many epochs done."""
    harder: float = 1.0
    """How much harder held-out rows are, a factor."""
    above: float = 0.0
    """How much harder held-out rows are, nats a token, at every moment of the training."""

    @property
    def alike(self) -> bool:
        """Held-out rows are as hard as training rows."""
        return self.harder == 1 and not self.above


def stair(depth: float) -> Callable[[float], float]:
    """A share that falls by ``depth`` where an epoch begins, and stays until the next."""
    return lambda epoch: (1 - depth) ** int(epoch)


def slide(fall: float) -> Callable[[float], float]:
    """A share that falls evenly after the first epoch, by ``fall`` of what is left an epoch."""
    return lambda epoch: (1 - fall) ** max(0.0, epoch - 1)


def repeats(left: float) -> Callable[[float], float]:
    """A share that falls evenly to ``left`` within the first epoch: later rows repeat earlier ones."""
    return lambda epoch: 1 - (1 - left) * min(epoch, 1.0)


PLANTED: dict[str, dict[str, World]] = {
    "low_loss": {
        "texts to 4% in 3 epochs": World("texts", 3, 38, stair(0.8)),
        "texts to 0.4% in 5 epochs": World("texts", 5, 38, slide(0.75)),
        "hard labels to a fifth in 2 epochs": World("labels that stay hard", 2, 200, stair(0.8)),
    },
    "fast_fall": {
        "texts, half of the loss gone": World("texts", 1, 38, repeats(0.5)),
        "texts, half of the loss gone, harder held-out rows": World("texts", 1, 38, repeats(0.5), harder=1.15),
        "texts, a third of the loss gone": World("texts", 1, 200, repeats(0.67)),
        "texts, a tenth of the loss gone": World("texts", 1, 200, repeats(0.9)),
        "hard labels, four fifths of the loss gone": World("labels that stay hard", 1, 200, repeats(0.2)),
    },
    "growing_gap": {
        "texts, a quarter an epoch": World("texts", 3, 38, slide(0.25)),
        "texts, a tenth an epoch": World("texts", 3, 200, slide(0.1)),
        "texts, a quarter an epoch, harder held-out rows": World("texts", 3, 38, slide(0.25), harder=1.3),
        "hard labels, three quarters an epoch": World("labels that stay hard", 3, 200, slide(0.75)),
    },
    "stairs": {
        "texts, steps of a third": World("texts", 2, 38, stair(0.33)),
        "texts, steps of a sixth": World("texts", 2, 38, stair(0.17)),
        "texts, steps of a sixth, longer epochs": World("texts", 3, 200, stair(0.17)),
        "hard labels, steps of a half": World("labels that stay hard", 3, 200, stair(0.5)),
    },
}
"""Alarm -> case -> a training that it should be raised in."""

CLEAN: dict[str, World] = {
    f"{task}, {epochs:g} epochs of {updates} updates{', harder held-out rows' if harder > 1 else ''}": World(
        task, epochs, updates, harder=harder
    )
    for task in TASKS
    for epochs, updates, harder in ((1, 38, 1.0), (2, 38, 1.0), (3, 200, 1.0), (5, 38, 1.0), (3, 38, 1.15))
    if harder == 1 or task == "texts"
} | {
    "texts, 1 epochs of 200 updates, much harder held-out rows": World("texts", 1, 200, harder=1.3),
    "texts, 1 epochs of 200 updates, held-out rows 0.4 nats above": World("texts", 1, 200, above=0.4),
    "texts, 3 epochs of 38 updates, held-out rows 0.4 nats above": World("texts", 3, 38, above=0.4),
}
"""Trainings in which no row is remembered."""


def course(world: World, seed: int, watched: bool = True) -> Course:
    """One history.

    Args:
        world: its kind.
        seed: of everything that is drawn.
        watched: held-out rows are read four times.
    """
    rng = np.random.default_rng(seed)
    task = TASKS[world.task]
    total = round(world.epochs * world.updates)
    every = max(1, min(total // 50, world.updates // 20))
    reads = reading_steps(total, world.updates, 4) if watched else frozenset()
    count = len(rows_to_read([NO_ROW] * 1000, BATCH * total, 4))
    levels = _levels(task, total)
    held_out = _difficulties(rng, task, count) * world.harder
    tokens = rng.integers(*task.tokens, count)
    points: list[Point] = []
    losses: list[float] = []
    begun = 0
    for step in range(1, total + 1):
        rows = _difficulties(rng, task, BATCH)
        losses.append(levels[step - 1] * world.left((step - 1) / world.updates) * float(rows.mean()))
        if step % every and step not in reads:
            continue
        read = None
        if step in reads:
            read = _row_losses(levels[step] * held_out * _wobble(rng, count) + world.above, tokens)
        mean = float(np.mean(losses))
        points.append(Point(step, step / world.updates, begun / world.updates, step - begun, mean, read))
        losses, begun = [], step
    before = np.random.default_rng((seed, 1))
    start = Start(
        trained=_row_losses(levels[0] * _difficulties(before, task, count), before.integers(*task.tokens, count)),
        new=_row_losses(levels[0] * held_out * _wobble(before, count) + world.above, tokens),
    )
    return Course(tuple(points), world.epochs, watched, start if watched else None)


def _row_losses(losses: np.ndarray, tokens: np.ndarray) -> RowLosses:
    """From each row's loss a token and its tokens."""
    return RowLosses(tuple((losses * tokens).tolist()), tuple(tokens.tolist()))


def _levels(task: Task, total: int) -> np.ndarray:
    """The loss of a row of usual difficulty that is new, after 0 to ``total`` updates.

    It falls slowly at first, while the rate rises, and ever more slowly as the rate falls.
    """
    steps = np.arange(total)
    rates = np.minimum((steps + 1) / max(1.0, WARMUP * total), (total - steps) / (total * (1 - WARMUP)))
    learned = np.concatenate([[0.0], np.cumsum(np.clip(rates, 0, 1))])
    return task.floor + (task.start - task.floor) / (1 + learned / (task.pace * 38)) ** 1.5


def _difficulties(rng: np.random.Generator, task: Task, rows: int) -> np.ndarray:
    """Factors with mean 1."""
    return np.exp(rng.normal(-(task.spread**2) / 2, task.spread, rows))


def _wobble(rng: np.random.Generator, rows: int) -> np.ndarray:
    """How a row's loss moves from update to update for no reason of its own."""
    return np.exp(rng.normal(-0.005, 0.1, rows))
