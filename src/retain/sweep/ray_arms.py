"""Arms on several machines or processors at once, through Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retain.errors import BrokenError, FaultError, MissingExtraError, UserError, install_extra
from retain.frontier_records import ArmResult
from retain.progress import Progress
from retain.sweep.arms import Arm

Work = Callable[[Arm, Path, Progress], ArmResult]


@contextmanager
def cluster(address: str) -> Iterator[Any]:
    """A connection to a Ray cluster, closed at the end.

    Args:
        address: of its head, ``auto`` for one that runs on this machine already, or ``local`` to begin one here.

    Raises:
        MissingExtraError: Ray is not installed.
        UserError: there is no cluster at the address.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtraError("frontier: Ray, which runs arms in parallel,", install_extra("ray")) from None
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(
            f"--ray {address}: there is no Ray cluster ({str(error).splitlines()[0]}). Name the address of its head, "
            "auto for one that runs on this machine, or local to begin one"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def in_parallel(ray: Any, work: Work, arms: Sequence[Arm], folder: Path, progress: Progress) -> list[ArmResult]:
    """Every arm's result, in the order of the arms; as many run at once as the cluster has room for.

    An arm takes one GPU where the cluster has any, else one processor. All machines must see the folder and what the
    recipe names at the same paths. A worker that dies is tried once more, and goes on in the stage it was in.

    Args:
        ray: the package, connected.
        work: what is done for an arm; a function of a module, as other processes import it.
        arms: what to run.
        folder: the frontier's.
        progress: where finished arms are said.

    Raises:
        FaultError: a worker's machine failed, and not its arm.
    """
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=1, scheduling_strategy="SPREAD")(_quietly)
    waiting = {remote.remote(work, arm, folder.resolve()): number for number, arm in enumerate(arms)}
    found: dict[int, ArmResult] = {}
    while waiting:
        done, _ = ray.wait(list(waiting))
        number = waiting.pop(done[0])
        try:
            found[number] = ray.get(done[0])
        except ray.exceptions.RayError as error:
            if isinstance(cause := getattr(error, "cause", None), FaultError):
                raise cause from error
            found[number] = _failed(arms[number], error)
        progress.say(f"{arms[number].name}: {found[number].failed or 'done'} ({len(found)} of {len(arms)})")
    return [found[number] for number in range(len(arms))]


def _quietly(work: Work, arm: Arm, folder: Path) -> ArmResult:
    return work(arm, folder, Progress(quiet=True))


def _failed(arm: Arm, error: Exception) -> ArmResult:
    from retain.sweep.arm_run import unfinished

    lines = str(error).strip().splitlines() or [type(error).__name__]
    return unfinished(arm).model_copy(update={"failed": str(BrokenError(f"the worker broke: {lines[-1]}"))})
