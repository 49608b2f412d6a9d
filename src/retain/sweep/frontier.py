"""All arms of a recipe's frontier, one after the other: what ``retain frontier`` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import yaml

from retain.at_work import working_in
from retain.errors import UserError
from retain.folder import write_text
from retain.frontier_records import ArmResult, FrontierRecord, Recommendation
from retain.frontier_settings import FrontierSettings
from retain.progress import Progress
from retain.recipe import Recipe, portable
from retain.record_files import write_record
from retain.reporting.text import one_line
from retain.reporting.write import write_frontier
from retain.stages.prepare import prepare
from retain.stages.run_folder import RunFolder
from retain.sweep.arm_run import run_arm, try_arm
from retain.sweep.arms import Arm, arms_of, settings_of
from retain.sweep.halving import survivors
from retain.sweep.ray_arms import Work, cluster, in_parallel
from retain.sweep.selection import advice, pareto, points, reached, recommend
from retain.sweep.sharing import prepare_arms

RECORD, RECOMMENDED = "frontier.json", "recommended.yaml"


def run_frontier(recipe: Recipe, folder: Path, progress: Progress, address: str | None = None) -> FrontierRecord:
    """Train the arms, measure each at all strengths on dev items and at the chosen one on test items, and choose.

    What arms have in common (the base's measurements, the text it wrote, its stored log-probabilities) is made by the
    first that needs it and found by the others. Each arm is a run of its own in the folder: a frontier that was
    interrupted goes on in the arm, and the stage, it was in.

    Args:
        recipe: with the key ``frontier``.
        folder: the frontier's.
        progress: where stages are shown.
        address: of a Ray cluster that runs arms in parallel (``local`` begins one here); one after the other when None.

    Raises:
        UserError: the recipe has no frontier, arms are wrong, or the folder holds something else.
        FaultError: another process works in the folder, or a file could not be read or written.
    """
    settings = settings_of(recipe)
    if address is not None and settings.target is not None:
        raise UserError("--ray: the ladder climbs one rung after the other; leave --ray out")
    with working_in(folder):
        return _run(RunFolder(folder, recipe, progress, unread=("advise",)), settings, address)


def _run(run: RunFolder, settings: FrontierSettings, address: str | None) -> FrontierRecord:
    folder, recipe, progress = run.path, run.recipe, run.progress
    arms = arms_of(recipe, prepare(run).splits.train)
    if address is None:
        return _with(run, arms, settings, partial(_in_turn, folder=folder, progress=progress, settings=settings))
    with cluster(address) as ray:
        progress.say("Preparing what the arms have in common")
        prepare_arms(partial(in_parallel, ray, folder=folder, progress=Progress(quiet=True)), arms)
        return _with(run, arms, settings, partial(in_parallel, ray, folder=folder, progress=progress))


def _with(
    run: RunFolder, arms: list[Arm], settings: FrontierSettings, do: Callable[[Work, list[Arm]], list[ArmResult]]
) -> FrontierRecord:
    """The frontier with a way to do some work for each arm: short runs if wanted, then whole ones."""
    left: list[ArmResult] = []
    if settings.halving is not None and len({arm.variant for arm in arms}) > 1:
        tried = do(partial(try_arm, share=settings.halving), arms)
        kept = survivors(tried)
        left = [one for one in tried if one.variant not in kept]
        arms = [arm for arm in arms if arm.variant in kept]
    return _finish(run, arms, do(run_arm, arms), left)


def _in_turn(
    work: Work, arms: list[Arm], folder: Path, progress: Progress, settings: FrontierSettings
) -> list[ArmResult]:
    """The results of arms one after the other; of the ladder up to the rung that is enough."""
    results: list[ArmResult] = []
    for number, arm in enumerate(arms, 1):
        if _reached(results, settings):
            break
        progress.say(f"Arm {number} of {len(arms)}: {arm.name}")
        results.append(work(arm, folder, progress))
        if results[-1].failed:
            progress.say(f"{arm.name} failed: {results[-1].failed}")
    return results


def _reached(results: Sequence[ArmResult], settings: FrontierSettings) -> bool:
    """Whether the ladder's last rung, with every seed, gains what is wanted within the margins on dev items."""
    if settings.target is None or not results:
        return False
    rung = [arm for arm in results if arm.variant == results[-1].variant]
    whole = len(rung) >= max(1, len(settings.seeds)) and not any(arm.failed for arm in rung)
    return whole and reached(rung, settings.target)


def _finish(run: RunFolder, arms: Sequence[Arm], results: list[ArmResult], left: list[ArmResult]) -> FrontierRecord:
    """The record and its reports: of arms that were trained in full, and of those left after their short runs."""
    taken = recommend(results, settings_of(run.recipe).target)
    plain = portable(run.recipe)
    record = FrontierRecord(
        title=f"{plain['model']['base']}: {run.path.name}",
        recipe=plain,
        provenance=run.provenance(),
        arms=results + [_failed_short(one) for one in left if one.failed],
        dropped=[one.name for one in left if not one.failed],
        not_run=[arm.name for arm in arms[len(results) :]],
        pareto=[point.label for point in pareto(points(results))],
        recommended=taken,
        advice=advice(results, taken),
    )
    if taken is not None:
        arm = next(one for one in arms if (one.variant, one.share) == taken.key)
        write_text(run.path / RECOMMENDED, recommended_recipe(arm.recipe, taken, run.path))
    write_record(run.path / RECORD, record)
    write_frontier(record, run.path)
    return record


def _failed_short(result: ArmResult) -> ArmResult:
    return result.model_copy(update={"failed": f"in its short run: {result.failed}"})


def recommended_recipe(recipe: Recipe, taken: Recommendation, folder: Path) -> str:
    """The arm's recipe as a file that can be run from ``folder``, with the reason above it."""
    values = portable(recipe.model_copy(update={"origin": str(folder.resolve())}))
    values.pop("frontier", None)
    said = [f"{taken.variant}, the arm that a frontier recommends.", taken.reason]
    head = "".join(f"# {one_line(text, most=2000)}\n" for text in said)
    return head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
