"""One arm of a frontier, trained and measured; also as work for another process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from retain.at_work import working_in
from retain.data.splits import sample
from retain.errors import BrokenError, FaultError, UserError
from retain.frontier_records import ArmResult
from retain.mitigations.strength import Strength
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.records import Choice, RunRecord, content_hash
from retain.stages.choosing import choose
from retain.stages.general import general_text
from retain.stages.measuring import measure_before
from retain.stages.negatives import find_negatives
from retain.stages.prepare import prepare
from retain.stages.run_folder import RunFolder
from retain.stages.scanning import find_rate
from retain.stages.setting_up import Workbench
from retain.stages.training import train
from retain.sweep.arms import Arm

ARMS, SHORT = "arms", "short"
"""Folders of whole runs, and of short ones."""


def run_arm(arm: Arm, folder: Path, progress: Progress) -> ArmResult:
    """Run an arm's recipe; what is finished is read. A failure is a result: the other arms go on.

    Args:
        arm: what is run.
        folder: the frontier's.
        progress: where stages are shown.

    Raises:
        FaultError: the machine failed, and not the arm.
    """
    result = unfinished(arm)
    return _or_failed(result, lambda: _measured(run_recipe(arm.recipe, folder / result.folder, progress)))


def try_arm(arm: Arm, folder: Path, progress: Progress, share: float) -> ArmResult:
    """Train an arm on a share of its rows, and measure its strengths on dev items only.

    Args:
        arm: what is tried.
        folder: the frontier's.
        progress: where stages are shown.
        share: of the arm's training rows.

    Raises:
        FaultError: as :func:`run_arm`.
    """
    result = unfinished(arm, SHORT)

    def tried() -> dict[str, object]:
        with working_in(folder / result.folder):
            run = _folder(arm, result, folder, progress)
            bench = Workbench(run, prepare(run))
            bench.train_rows = tuple(sample(bench.train_rows, max(1, round(share * len(bench.train_rows))), arm.seed))
            measure_before(run, bench)
            general = general_text(run, bench)
            find_negatives(run, bench)
            train(run, bench, general, find_rate(run, bench, general))
            return _chosen(choose(run, bench, general).choices)

    return _or_failed(result, tried)


def prepare_arm(arm: Arm, folder: Path, progress: Progress) -> ArmResult:
    """Do of an arm what others can find: measure the base, and let it write the general text.

    Args:
        arm: whose run this begins.
        folder: the frontier's.
        progress: where stages are shown.

    Raises:
        FaultError: as :func:`run_arm`.
    """
    result = unfinished(arm)

    def prepared() -> dict[str, object]:
        with working_in(folder / result.folder):
            run = _folder(arm, result, folder, progress)
            bench = Workbench(run, prepare(run))
            measure_before(run, bench)
            general_text(run, bench)
        return {}

    return _or_failed(result, prepared)


def _folder(arm: Arm, result: ArmResult, folder: Path, progress: Progress) -> RunFolder:
    return RunFolder(folder / result.folder, arm.recipe, progress, unread=("advise", "frontier"))


def _or_failed(result: ArmResult, work: Callable[[], dict[str, object]]) -> ArmResult:
    """A result with what some work found, or with why it failed. A fault of the machine says nothing of the arm."""
    try:
        return result.model_copy(update=work())
    except FaultError:
        raise
    except (UserError, BrokenError) as error:
        return result.model_copy(update={"failed": str(error)})


def unfinished(arm: Arm, kind: str = ARMS) -> ArmResult:
    """An arm's result before anything is known."""
    return ArmResult(
        name=arm.name,
        variant=arm.variant,
        changes=dict(arm.changes),
        share=arm.share,
        seed=arm.seed,
        folder=f"{kind}/{arm_folder(arm)}",
        factor=arm.factor,
        level=arm.level,
        plain=arm.plain,
    )


def arm_folder(arm: Arm) -> str:
    """A folder's name that tells arms apart, whatever they are called."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in arm.name)[:60]
    return f"{plain}-{content_hash(arm.name, length=6)}"


def _measured(record: RunRecord) -> dict[str, object]:
    compared, training = record.comparison, record.training
    assert training is not None
    return {
        **_chosen(record.choices),
        "gain": compared.gains[0] if compared.gains else None,
        "mean": compared.pooled,
        "outcome": record.verdict.outcome,
        "task_tokens": training.task_tokens,
        "seconds": training.seconds,
    }


def _chosen(choices: list[Choice]) -> dict[str, object]:
    kind = Strength.model_fields["kind"].default
    choice = next(one for one in choices if one.what == kind)
    return {"curve": choice.candidates, "strength": choice.chosen}
