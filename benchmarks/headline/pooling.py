"""What the runs of the headline say together: over tasks, seeds and items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scores import Both, Scores, read_scores

from retain.comparison.chance import near_chance
from retain.comparison.claims import gain_kept, mean_loss
from retain.record_files import read_json
from retain.records import Measurement

RESULTS = Path(__file__).parent / "results"
PLAIN = "plain"
COUNTED_LOSS = 10.0
"""A task counts where the plain fine-tune loses this many points on two capabilities or more."""
Runs = dict[int, Scores]


def pool(tasks: list[str], families: list[str]) -> dict[str, Any]:
    """What all tasks and seeds say together, for the families that have at least two seeds of a task."""
    found: dict[str, Any] = {}
    runs = {(task, family): _runs(task, family) for task in tasks for family in families}
    for family in families:
        counted = [task for task in tasks if _counts(runs[task, PLAIN]) and len(runs[task, family]) > 1]
        if not counted:
            continue
        by_task = [list(runs[task, family].values()) for task in counted]
        found[family] = {
            "tasks": counted,
            "seeds": {task: sorted(runs[task, family]) for task in counted},
            "all": _losses(by_task) | _kept(runs, counted, family),
            **{task: _losses([one]) | _kept(runs, [task], family) for task, one in zip(counted, by_task, strict=True)},
        }
    return found


def _runs(task: str, family: str) -> Runs:
    """Seed -> scores of the chosen candidate, as far as they are there."""
    path = RESULTS / f"{task}.json"
    known = read_json(path)["families"].get(family) if path.is_file() else None
    found = {int(seed): read_scores(task, family, int(seed)) for seed in (known or {}).get("seeds", {})}
    return {seed: scores for seed, scores in found.items() if scores is not None}


def _counts(plain: Runs) -> bool:
    """Whether a task shows forgetting: the plain fine-tune loses much on at least two capabilities."""
    losses = [
        sum(100 * (before.value - after.value) >= COUNTED_LOSS for before, after in run.capabilities)
        for run in plain.values()
    ]
    return bool(losses) and min(losses) >= 2


def _losses(tasks: list[list[Scores]]) -> dict[str, Any]:
    """The mean loss and that of each capability; those that the base cannot do are in no number."""
    first = tasks[0][0].capabilities
    able = [place for place, (before, _) in enumerate(first) if not near_chance(before.value, *_chance(before))]
    losses = {
        first[place][0].probe: _loss([[[run.capabilities[place]] for run in runs] for runs in tasks]) for place in able
    }
    return _plain(
        {
            "mean_loss": _loss([[[run.capabilities[place] for place in able] for run in runs] for runs in tasks]),
            "worst": max(losses, key=lambda probe: losses[probe]["loss"]),
            "any_at_most": max(one["at_most"] for one in losses.values()),
            "losses": losses,
        }
    )


def _chance(before: Measurement) -> tuple[int, float | None]:
    return len(before.scores), before.chance


def _loss(tasks: list[list[list[Both]]]) -> dict[str, float]:
    found = mean_loss(tasks)
    return {"loss": found.loss, "low": found.low, "high": found.high, "at_most": found.at_most}


def _kept(runs: dict[tuple[str, str], Runs], tasks: list[str], family: str) -> dict[str, Any]:
    """The share of the plain gain that a family keeps, over seeds that both have."""
    threes = []
    for task in tasks:
        plain, ours = runs[task, PLAIN], runs[task, family]
        seeds = sorted(plain.keys() & ours.keys())
        pairs = [(plain[seed].task, ours[seed].task) for seed in seeds]
        threes.append([(base, one, other) for (base, one), (_, other) in pairs])
    if any(len(one) < 2 for one in threes):
        return {}
    found = gain_kept(threes)
    gains = [run.task for task in tasks for run in runs[task, family].values()]
    gain = sum(100 * (after.value - before.value) for before, after in gains) / len(gains)
    kept = {"share": found.share, "low": found.low, "high": found.high, "at_least": found.at_least}
    return _plain({"gain": gain, "gain_kept": kept})


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _plain(value) if isinstance(value, dict) else round(value, 3) if isinstance(value, float) else value
        for key, value in values.items()
    }
