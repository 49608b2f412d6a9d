"""The headline: the composite against the best tuned plain fine-tune, over tasks and seeds.

    python benchmarks/headline/run.py                      # everything; goes on where it stopped
    python benchmarks/headline/run.py --tasks banking77 --seeds 0

With the first seed every candidate of arms.yaml is run, and one of each family is chosen on dev items: of `composite`
as a frontier does, of the others by gain alone, for which the task is measured and next to nothing besides
(choosing_suite.yaml). The chosen one is run with all seeds, at the strength that was chosen with the first.
results/TASK.json holds what was tried, what was chosen, and each run's test numbers; results/pooled.json what all runs
say together. The run folders hold everything.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from retain.commands.run import run
from retain.comparison.claims import gain_kept, mean_loss
from retain.comparison.seeds import over_seeds
from retain.errors import BrokenError, UserError
from retain.folder import parse_yaml, read_json, write_json
from retain.frontier_records import ArmResult
from retain.provenance import provenance
from retain.records import Candidate, Change, Measurement, RunRecord
from retain.sweep.selection import recommend

HERE = Path(__file__).parent
PLAIN, COMPOSITE = "plain", "composite"
COUNTED_LOSS = 10.0
"""A task counts where the plain fine-tune loses this many points on two capabilities or more."""
Runs = dict[int, RunRecord]


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
    pool(options.folder, list(tasks), list(families))


def one_family(
    task: str, family: str, task_settings: list[str], candidates: dict[str, list[str]], seeds: list[int], folder: Path
) -> None:
    """Run a family's candidates on a task with the first seed, choose, and run the chosen one with the others."""
    path = HERE / "results" / f"{task}.json"
    known = read_json(path) if path.is_file() else {"task": task, "families": {}}

    def once(name: str, seed: int, choosing: bool = False) -> RunRecord:
        place = run_folder(folder, task, family, name, seed)
        settings = [*task_settings, f"seed={seed}", *candidates[name]]
        if choosing:
            narrow = [*_measured_on_dev(settings), "measure.suite=choosing_suite.yaml"]
            return run(HERE / "base.yaml", place.with_name(f"{place.name}-choosing"), narrow)
        return run(HERE / "base.yaml", place, settings)

    before = known["families"].get(family, {})
    tried: dict[str, RunRecord] = {}
    failed: dict[str, str] = {}
    for name in candidates:
        try:
            tried[name] = once(name, seeds[0], choosing=family != COMPOSITE)
        except (UserError, BrokenError) as error:
            failed[name] = str(error)
        chosen = choose(family, tried) if tried else None
        known["families"][family] = {
            "tried": {one: dev(record, family) for one, record in tried.items()},
            "failed": failed,
            "chosen": chosen,
            "settings": candidates[chosen] if chosen else [],
            "seeds": before["seeds"] if before and before["chosen"] == chosen else {},
        }
        write_json(path, {**known, "provenance": provenance(seeds[0])})
        print(task, family, name, known["families"][family]["tried"].get(name, failed.get(name)), flush=True)
    if chosen is None:
        return
    first = once(chosen, seeds[0])
    candidates = {chosen: _at_strength(candidates[chosen], strength_of(first))}
    for seed in seeds:
        known["families"][family]["seeds"][str(seed)] = test(first if seed == seeds[0] else once(chosen, seed))
        write_json(path, {**known, "provenance": provenance(seed)})
        print(task, family, chosen, f"seed {seed}", known["families"][family]["seeds"][str(seed)]["gain"], flush=True)


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


def pool(folder: Path, tasks: list[str], families: list[str]) -> None:
    """Write what all tasks and seeds say together, for the families that have at least two seeds of a task."""
    found: dict[str, Any] = {}
    runs = {(task, family): _runs(folder, task, family) for task in tasks for family in families}
    for family in families:
        counted = [task for task in tasks if _counts(runs[task, PLAIN]) and len(runs[task, family]) > 1]
        if not counted:
            continue
        every = [record for task in counted for record in runs[task, family].values()]
        by_task = {task: list(runs[task, family].values()) for task in counted}
        found[family] = {
            "tasks": counted,
            "runs": len(every),
            "all": _losses(every) | _kept(runs, counted, family),
            **{task: _losses(records) | _kept(runs, [task], family) for task, records in by_task.items()},
        }
    write_json(HERE / "results" / "pooled.json", found)


def _runs(folder: Path, task: str, family: str) -> Runs:
    """Seed -> record of the chosen candidate, as far as they are done."""
    path = HERE / "results" / f"{task}.json"
    known = read_json(path)["families"].get(family) if path.is_file() else None
    if not known or known["chosen"] is None:
        return {}
    places = {int(seed): run_folder(folder, task, family, known["chosen"], int(seed)) for seed in known["seeds"]}
    done = {seed: place / "record.json" for seed, place in places.items() if (place / "record.json").is_file()}
    return {seed: RunRecord.model_validate(read_json(path)) for seed, path in done.items()}


def _counts(plain: Runs) -> bool:
    """Whether a task shows forgetting: the plain fine-tune loses much on at least two capabilities."""
    losses = [sum(-one.delta >= COUNTED_LOSS for one in record.comparison.losses) for record in plain.values()]
    return bool(losses) and min(losses) >= 2


def _both(record: RunRecord, kind: str) -> list[tuple[Measurement, Measurement]]:
    """(base, tuned) of each probe, of the task or of capabilities, those that are shares."""
    tasks = {one.probe for one in record.comparison.gains}
    after = {one.probe: one for one in record.after}
    pairs = [(one, after[one.probe]) for one in record.before if one.probe in after]
    return [both for both in pairs if (both[0].probe in tasks) == (kind == "task") and both[0].unit == "share"]


def _losses(records: list[RunRecord]) -> dict[str, Any]:
    losses = [_both(record, "capabilities") for record in records]
    mean = mean_loss(losses)
    probes = {}
    for place, (before, _) in enumerate(losses[0]):
        one = over_seeds([run[place] for run in losses])
        probes[before.probe] = {"loss": -one.delta, "low": -one.high, "high": -one.low, "at_most": one.loss_high}
    worst = max(probes, key=lambda probe: probes[probe]["loss"])
    return _plain(
        {
            "mean_loss": {"loss": mean.loss, "low": mean.low, "high": mean.high, "at_most": mean.at_most},
            "worst": worst,
            "losses": probes,
        }
    )


def _kept(runs: dict[tuple[str, str], Runs], tasks: list[str], family: str) -> dict[str, Any]:
    """The share of the plain gain that a family keeps, over seeds that both have."""
    threes = []
    for task in tasks:
        plain, ours = runs[task, PLAIN], runs[task, family]
        seeds = sorted(plain.keys() & ours.keys())
        pairs = [(_both(plain[seed], "task")[0], _both(ours[seed], "task")[0]) for seed in seeds]
        threes.append([(base, one, other) for (base, one), (_, other) in pairs])
    if any(len(one) < 2 for one in threes):
        return {}
    found = gain_kept(threes)
    gains = [_both(record, "task")[0] for task in tasks for record in runs[task, family].values()]
    gain = sum(100 * (after.value - before.value) for before, after in gains) / len(gains)
    kept = {"share": found.share, "low": found.low, "high": found.high, "at_least": found.at_least}
    return _plain({"gain": gain, "gain_kept": kept})


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _plain(value) if isinstance(value, dict) else round(value, 3) if isinstance(value, float) else value
        for key, value in values.items()
    }


if __name__ == "__main__":
    main()
