"""What arms have in common is made once, before those that need it run at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retain.frontier_records import ArmResult
from retain.records import content_hash
from retain.stages.prepare import OWN
from retain.sweep.arm_run import prepare_arm
from retain.sweep.arms import Arm
from retain.sweep.ray_arms import Work


def prepare_arms(do: Callable[[Work, list[Arm]], list[ArmResult]], arms: Sequence[Arm]) -> None:
    """Let the first arm that needs something make it: the base's measurements, and each text that the base writes.

    An arm that fails at it is passed over for the next one that needs the same. It fails again, and says why, when it
    is run.

    Args:
        do: does some work for arms at once.
        arms: in the order in which they are run.
    """
    ready: set[str] = set()
    left = list(arms)
    while first := _apart(left, ready):
        for arm, result in zip(first, do(prepare_arm, first), strict=True):
            ready |= set() if result.failed else shared(arm)
        left = [arm for arm in left if arm not in first]


def _apart(arms: Sequence[Arm], ready: set[str]) -> list[Arm]:
    """Arms that need something, of which no two need the same."""
    found, taken = [], set[str]()
    for arm in arms:
        needed = shared(arm) - ready
        if needed and not needed & taken:
            found.append(arm)
            taken |= needed
    return found


def shared(arm: Arm) -> set[str]:
    """Keys of what other arms can find where this one made it."""
    recipe = arm.recipe
    base = recipe.model.model_dump_json()
    task = recipe.data.model_dump_json(include={"train", "held_out"})
    measured = content_hash(base, task, recipe.measure.model_dump_json(), recipe.training.method)
    texts = [one.model_dump_json(exclude={"name"}) for one in recipe.data.general if one.source == OWN]
    return {measured, *(content_hash(base, text, arm.seed) for text in texts)}
