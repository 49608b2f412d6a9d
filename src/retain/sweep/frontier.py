"""All arms of a recipe's frontier, one after the other: what ``retain frontier`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from retain.folder import write_record, write_text
from retain.progress import Progress
from retain.recipe import Recipe, portable
from retain.records import ArmResult, FrontierRecord, Recommendation
from retain.reporting.frontier import write_frontier
from retain.stages.prepare import prepare
from retain.stages.run_folder import RunFolder
from retain.sweep.arm_run import run_arm, try_arm
from retain.sweep.arms import Arm, arms_of
from retain.sweep.halving import survivors
from retain.sweep.selection import advice, pareto, points, recommend

RECORD, RECOMMENDED = "frontier.json", "recommended.yaml"


def run_frontier(recipe: Recipe, folder: Path, progress: Progress) -> FrontierRecord:
    """Train the arms, measure each at all strengths on dev items and at the chosen one on test items, and choose.

    What arms have in common (the base's measurements, the text it wrote, its stored log-probabilities) is made by the
    first and found by the others. Each arm is a run of its own in the folder: a frontier that was interrupted goes on
    in the arm, and the stage, it was in.

    Raises:
        UserError: the recipe has no frontier, arms are wrong, or the folder holds something else.
    """
    run = RunFolder(folder, recipe, progress)
    arms = arms_of(recipe, len(prepare(run).splits.train))
    arms, dropped = _after_short_runs(arms, recipe, folder, progress)
    results: list[ArmResult] = []
    for number, arm in enumerate(arms, 1):
        if _reached(results, recipe):
            break
        progress.say(f"Arm {number} of {len(arms)}: {arm.name}")
        results.append(run_arm(arm, folder, progress))
        if results[-1].failed:
            progress.say(f"{arm.name} failed: {results[-1].failed}")
    return _finish(run, arms, results, dropped)


def _after_short_runs(arms: list[Arm], recipe: Recipe, folder: Path, progress: Progress) -> tuple[list[Arm], list[str]]:
    """The arms that go on, and the names of those that do not."""
    settings = recipe.frontier
    if settings is None or settings.halving is None or len({arm.variant for arm in arms}) < 2:
        return arms, []
    tried = []
    for number, arm in enumerate(arms, 1):
        progress.say(f"Short run {number} of {len(arms)}: {arm.name}")
        tried.append(try_arm(arm, folder, settings.halving, progress))
    kept = survivors(tried)
    return [arm for arm in arms if arm.variant in kept], [arm.name for arm in arms if arm.variant not in kept]


def _reached(results: Sequence[ArmResult], recipe: Recipe) -> bool:
    """Whether the ladder's last rung, with every seed, gains what is wanted within the margins on dev items."""
    settings = recipe.frontier
    if settings is None or settings.target is None or not results:
        return False
    rung = [arm for arm in results if arm.variant == results[-1].variant]
    if len(rung) < max(1, len(settings.seeds)):
        return False
    taken = recommend(rung)
    return taken is not None and taken.passing and _gain(rung) >= settings.target


def _gain(rung: Sequence[ArmResult]) -> float:
    return min(next(one for one in arm.curve if one.value == arm.strength).gain or 0.0 for arm in rung)


def _finish(run: RunFolder, arms: Sequence[Arm], results: list[ArmResult], dropped: list[str]) -> FrontierRecord:
    taken = recommend(results)
    plain = portable(run.recipe)
    record = FrontierRecord(
        title=f"{plain['model']['base']}: {run.path.name}",
        recipe=plain,
        provenance=run.provenance(),
        arms=results,
        dropped=dropped,
        not_run=[arm.name for arm in arms[len(results) :]],
        pareto=[point.label for point in pareto(points(results))],
        recommended=taken,
        advice=advice(results, taken),
    )
    if taken is not None:
        arm = next(one for one in arms if (one.variant, one.share) == (taken.variant, taken.share))
        write_text(run.path / RECOMMENDED, recommended_recipe(arm.recipe, taken, run.path))
    write_record(run.path / RECORD, record)
    write_frontier(record, run.path)
    return record


def recommended_recipe(recipe: Recipe, taken: Recommendation, folder: Path) -> str:
    """The arm's recipe as a file that can be run from ``folder``, with the reason above it."""
    values = portable(recipe.model_copy(update={"origin": str(folder.resolve())}))
    values.pop("frontier", None)
    head = f"# {taken.variant}, the arm that a frontier recommends.\n# {' '.join(taken.reason.split())}\n"
    return head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
