"""The headline: the composite against the best tuned plain fine-tune, over tasks and seeds.

    python benchmarks/headline/run.py                      # everything; goes on where it stopped
    python benchmarks/headline/run.py --tasks banking77 --seeds 0

With the first seed every candidate of arms.yaml is run, and one of each family is chosen on dev items: of `composite`
as a frontier does, of the others by gain alone, for which the task is measured and next to nothing besides
(choosing_suite.yaml). The chosen one, or the only one, is run with all seeds, at the strength that was chosen with the
first; the composite's parts with the first seed only.
results/TASK.json holds what was tried, what was chosen, and each run's test numbers; results/scores the test scores of
every item, and results/pooled.json what they say together. What these files hold is not run again; a seed whose items'
scores are missing is.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from retain.commands.run import run
from retain.errors import BrokenError, FaultError, UserError
from retain.frontier_records import ArmResult
from retain.provenance import provenance
from retain.record_files import read_json, write_json
from retain.records import Candidate, Change, RunRecord
from retain.sweep.selection import recommend
from retain.yaml_text import parse_yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from pooling import pool  # noqa: E402
from scores import scores_path, write_scores  # noqa: E402

COMPOSITE = "composite"
PARTS = ("kl", "strength")
"""Families that say what the composite's parts do alone."""


def main() -> None:
    """Run what is not there yet, and write down what it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks, families = (parse_yaml((HERE / f"{name}.yaml").read_text("utf-8")) for name in ("tasks", "arms"))
    parser.add_argument("--tasks", nargs="+", default=list(tasks), choices=list(tasks))
    parser.add_argument("--families", nargs="+", default=list(families), choices=list(families))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="the first one chooses")
    parser.add_argument("--folder", type=Path, default=Path("runs/headline"))
    options = parser.parse_args()
    for task in options.tasks:
        for family in options.families:
            one_family(task, family, tasks[task], families[family], options.seeds, options.folder)
    write_json(HERE / "results" / "pooled.json", pool(list(tasks), list(families)))


def one_family(
    task: str, family: str, task_settings: list[str], candidates: dict[str, list[str]], seeds: list[int], folder: Path
) -> None:
    """Choose a family's candidate on a task with the first seed, and run the chosen one with every seed."""
    path = HERE / "results" / f"{task}.json"
    known = read_json(path) if path.is_file() else {"task": task, "families": {}}

    def once(name: str, changes: list[str], seed: int, choosing: bool = False) -> RunRecord:
        place = run_folder(folder, task, family, name, seed)
        settings = [*task_settings, f"seed={seed}", *changes]
        if choosing:
            narrow = [*_measured_on_dev(settings), "measure.suite=choosing_suite.yaml"]
            return run(HERE / "base.yaml", place.with_name(f"{place.name}-choosing"), narrow)
        return run(HERE / "base.yaml", place, settings)

    def keep(found: dict[str, Any], seed: int) -> None:
        known["families"][family] = found
        write_json(path, {**known, "provenance": provenance(seed)})

    found = known["families"].get(family)
    if not _stands(found, candidates):
        found = _tried(family, candidates, found, partial(once, seed=seeds[0], choosing=family != COMPOSITE))
        keep(found, seeds[0])
        print(task, family, found["tried"], found["failed"], flush=True)
    if found["chosen"] is None:
        return
    for seed in seeds[:1] if family in PARTS else seeds:
        if str(seed) in found["seeds"] and scores_path(task, family, seed).is_file():
            continue
        strengths = [one["strength"] for key, one in found["seeds"].items() if key != str(seed)]  # the first seed's
        changes = found["settings"]
        record = once(found["chosen"], _at_strength(changes, strengths[0]) if strengths else changes, seed)
        write_scores(record, task, family, seed)
        found["seeds"][str(seed)] = test(record)
        keep(found, seed)
        print(task, family, found["chosen"], f"seed {seed}", found["seeds"][str(seed)]["gain"], flush=True)


def _stands(found: dict[str, Any] | None, candidates: dict[str, list[str]]) -> bool:
    """Whether a choice among just these candidates was written down."""
    if not found or found["chosen"] not in {*candidates, None}:
        return False
    everything = len(candidates) == 1 or {*found["tried"], *found["failed"]} == {*candidates}
    return everything and (found["chosen"] is None or found["settings"] == candidates[found["chosen"]])


def _tried(
    family: str, candidates: dict[str, list[str]], before: dict[str, Any] | None, once: Callable[..., RunRecord]
) -> dict[str, Any]:
    """Every candidate run with the first seed, and the one that was chosen; earlier seeds of the same one stay."""
    tried: dict[str, RunRecord] = {}
    failed: dict[str, str] = {}
    alone = next(iter(candidates)) if len(candidates) == 1 and family != COMPOSITE else None  # nothing to choose from
    for name, changes in candidates.items() if alone is None else ():
        try:
            tried[name] = once(name, changes)
        except FaultError:  # a full disk says nothing of a candidate
            raise
        except (UserError, BrokenError) as error:
            failed[name] = str(error)
    chosen = choose(family, tried) if tried else alone
    settings = candidates[chosen] if chosen else []
    same = before is not None and before["chosen"] == chosen and before["settings"] == settings
    return {
        "tried": {one: dev(record, family) for one, record in tried.items()},
        "failed": failed,
        "chosen": chosen,
        "settings": settings,
        "seeds": before["seeds"] if before is not None and same else {},
    }


def run_folder(folder: Path, task: str, family: str, name: str, seed: int) -> Path:
    """Where a run lies."""
    plain = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)
    return folder / task / family / plain / f"seed{seed}"


def _measured_on_dev(settings: list[str]) -> list[str]:
    """With ``strength`` at full strength only, where the settings have none: it measures dev items."""
    if any("strength" in one for one in settings):
        return settings
    kinds = [one for one in settings if one.startswith("mitigations=")]
    inner = kinds[0].removeprefix("mitigations=[").removesuffix("]") if kinds else ""
    strength = "{kind: strength, values: [1.0]}"
    rest = [one for one in settings if not one.startswith("mitigations=")]
    return [*rest, f"mitigations=[{inner}{', ' if inner else ''}{strength}]"]


def _at_strength(settings: list[str], value: float) -> list[str]:
    """With one strength to take in the place of several."""
    return [re.sub(r"values: \[[^]]*\]", f"values: [{value}]", one) for one in settings]


def choose(family: str, tried: dict[str, RunRecord]) -> str:
    """The candidate to take, on dev items: by gain alone, the composite's as a frontier does."""
    if family != COMPOSITE:
        return max(tried, key=lambda name: taken(tried[name]).gain or 0.0)
    arms = [
        ArmResult(name=name, variant=name, changes={}, share=1.0, seed=0, folder="", curve=_curve(record),
                  strength=taken(record).value)
        for name, record in tried.items()
    ]  # fmt: skip
    found = recommend(arms)
    assert found is not None
    return found.variant


def _curve(record: RunRecord) -> list[Candidate]:
    return next(choice for choice in record.choices if choice.what == "strength").candidates


def taken(record: RunRecord) -> Candidate:
    """The strength that a run took, as dev items saw it."""
    choice = next(choice for choice in record.choices if choice.what == "strength")
    return next(one for one in choice.candidates if one.value == choice.chosen)


def strength_of(record: RunRecord) -> float:
    """The strength that a run took; all of it where none was chosen."""
    return taken(record).value if record.choices else 1.0


def dev(record: RunRecord, family: str) -> dict[str, Any]:
    """What dev items say of a candidate; where gain alone chooses, nothing else."""
    one = taken(record)
    losses = ("mean_loss", "worst", "worst_loss", "passing") if family == COMPOSITE else ()
    keys = ("value", "gain", "gain_error", *losses)
    return {key: _rounded(getattr(one, key)) for key in keys}


def test(record: RunRecord) -> dict[str, Any]:
    """What test items say of a run."""
    compared = record.comparison
    training = record.training
    assert training is not None
    return {
        "strength": strength_of(record),
        "verdict": record.verdict.outcome,
        "gain": change(compared.gains[0]),
        "mean": change(compared.pooled) if compared.pooled else None,
        "losses": {one.probe: change(one) for one in compared.losses},
        "task_tokens": training.task_tokens,
        "general_tokens": training.general_tokens,
        "training_seconds": round(training.seconds),
    }


def change(one: Change) -> dict[str, Any]:
    """A change in points of 100 (bits per byte: percent of the base's) with its 95% interval."""
    return {key: _rounded(getattr(one, key)) for key in ("delta", "low", "high", "before", "items")}


def _rounded(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
