"""How often each overfitting alarm is raised where it should be and where it should not, and what finished runs show.

    python benchmarks/alarms/run.py                              # results/simulated.json, a minute on one core
    python benchmarks/alarms/run.py --trainings                  # results/trainings.json, ten minutes on one core
    python benchmarks/alarms/run.py --runs runs/ablation         # results/runs.json, from training logs that are there

Simulated: made-up losses (courses.py), 200 seeds for each planted and each clean case. Trainings: a tiny Llama
(trainings.py), 20 seeds; what its losses raise, and what the recitation test finds. Runs: the logs of all runs below
the folder are read again with the alarms as they are now; nothing is trained.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import courses  # noqa: E402
from courses import CLEAN, PLANTED  # noqa: E402

from retain.provenance import versions  # noqa: E402
from retain.record_files import read_json, read_record, write_json  # noqa: E402
from retain.records import Alarm, Training  # noqa: E402
from retain.registry import units  # noqa: E402
from retain.training.alarms.history import (  # noqa: E402
    HELD_OUT,
    ROW_LOSSES,
    ROW_TOKENS,
    TASK_LOSS,
    TRAINED_LOSSES,
    TRAINED_TOKENS,
    course_of,
)
from retain.training.alarms.low_loss import THRESHOLD  # noqa: E402
from retain.training.read_alarms import FOLDER, read_alarms  # noqa: E402

PENALTIES = {"kl_to_base", "ewc", "l2_to_base"}
"""What older logs add to the loss without the task's own loss beside it."""


def main() -> None:
    """Write down rates, or what runs show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", action="store_true", help="train a tiny model")
    parser.add_argument("--runs", type=Path, help="a folder with finished runs somewhere below it")
    parser.add_argument("--seeds", type=int, help="of each case; 200, and 20 trainings")
    options = parser.parse_args()
    if options.runs is not None:
        write_json(HERE / "results" / "runs.json", dict(sorted(_runs(options.runs))))
    elif options.trainings:
        _trainings(options.seeds or 20)
    else:
        write_json(HERE / "results" / "simulated.json", simulated(options.seeds or 200))


def simulated(seeds: int) -> dict[str, Any]:
    """Case -> alarm -> share of seeds in which it was raised, in percent."""

    def rates(world: Any) -> dict[str, float]:
        return shares(read_alarms(courses.course(world, seed)) for seed in range(seeds))

    planted = {alarm: {name: rates(world) for name, world in cases.items()} for alarm, cases in PLANTED.items()}
    return {
        "versions": versions(),
        "seeds": seeds,
        "planted": planted,
        "clean": {name: rates(world) for name, world in CLEAN.items()},
    }


def shares(found: Iterable[list[Alarm]]) -> dict[str, float]:
    """Alarm -> share of trainings in which it was raised, in percent."""
    raised: Counter[str] = Counter()
    trainings = 0
    for alarms in found:
        trainings += 1
        raised.update(one.name for one in alarms if one.raised)
    return {name: round(100 * raised[name] / trainings, 1) for name in sorted(units(FOLDER))}


def _trainings(seeds: int) -> None:
    """Train seed by seed, and go on where an earlier call stopped."""
    import trainings

    path = HERE / "results" / "trainings.json"
    known = read_json(path) if path.is_file() else {}
    kinds = {**{name: kind for name, (_, kind) in trainings.PLANTED.items()}, **trainings.CLEAN}
    found: dict[str, dict[str, Any]] = known.get("found", {})
    for seed in range(seeds):
        for name, kind in kinds.items():
            if str(seed) in found.setdefault(name, {}):
                continue
            with tempfile.TemporaryDirectory() as folder:
                found[name][str(seed)] = trainings.outcome(kind, seed, Path(folder))
            write_json(path, {"versions": versions(), **_summed(found, trainings.PLANTED), "found": found})


def _summed(found: dict[str, dict[str, Any]], planted: dict[str, Any]) -> dict[str, Any]:
    def rates(seeds: dict[str, Any]) -> dict[str, Any]:
        names = [*sorted(units(FOLDER)), "any alarm", "recitation"]
        return {"seeds": len(seeds), **{name: _percent(name, seeds.values()) for name in names}}

    summed = {name: rates(seeds) for name, seeds in found.items()}
    return {
        "planted": {name: {"alarm": planted[name][0], **one} for name, one in summed.items() if name in planted},
        "clean": {name: one for name, one in summed.items() if name not in planted},
    }


def _percent(name: str, outcomes: Iterable[dict[str, Any]]) -> float:
    values = [bool(one[name]) for one in outcomes]
    return round(100 * sum(values) / len(values), 1)


def _runs(folder: Path) -> Iterable[tuple[str, Any]]:
    """Run -> what each alarm says of its log, and where its loss first was under 0.2, whatever new rows' was."""
    for path in folder.rglob("training.json"):
        training, epochs = read_record(path, Training), _epochs(path.parent)
        read = {one.step: {ROW_LOSSES: one.losses, ROW_TOKENS: one.tokens} for one in training.held_out}
        entries = [{**_without_penalties(entry), **read.get(int(entry["step"]), {})} for entry in training.history]
        course = course_of([*_at_start(training), *entries], epochs, any(HELD_OUT in entry for entry in entries))
        levels = [(point.epoch, course.until(count).now()) for count, point in enumerate(course.points, 1)]
        low = [epoch for epoch, level in levels if level is not None and level.value < THRESHOLD]
        said = {one.name: {"raised": one.raised, "said": one.statement} for one in read_alarms(course)}
        yield path.parent.relative_to(folder).as_posix(), {**said, "under 0.2 at epoch": low[0] if low else None}


def _epochs(run: Path) -> float:
    import yaml

    recipe: dict[str, Any] = yaml.safe_load((run / "recipe.yaml").read_text("utf-8"))
    return float(recipe["training"]["epochs"])


def _at_start(training: Training) -> list[dict[str, Any]]:
    rows = training.rows_at_start
    if rows is None:
        return []
    new = {ROW_LOSSES: rows.held_out, ROW_TOKENS: rows.held_out_tokens}
    return [{**new, TRAINED_LOSSES: rows.trained, TRAINED_TOKENS: rows.trained_tokens}]


def _without_penalties(entry: dict[str, float]) -> dict[str, float]:
    penalties = [value for name, value in entry.items() if name in PENALTIES]
    return entry if TASK_LOSS in entry or not penalties else {**entry, TASK_LOSS: entry["loss"] - sum(penalties)}


if __name__ == "__main__":
    main()
