"""How often each symptom is found where it was planted and where it was not, and what finished runs show.

    python benchmarks/symptoms/run.py                                 # results/rates.json, a few minutes on one core
    python benchmarks/symptoms/run.py --runs runs/ablation/banking77  # results/runs.json, from answers that are stored
    python benchmarks/symptoms/run.py --runs runs/ablation/restaurant8k/plain --recite

Rates: made-up answers (worlds.py), 20 seeds for each planted symptom and each clean kind. Runs: every run below the
folder is read again with the rules as they are now; nothing is trained or measured. With ``--recite`` runs that did not
try recitation are tried now, with the models that they made. What an earlier call wrote down of other runs stays.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from transformers import AutoTokenizer  # noqa: E402
from worlds import CLEAN, PLANTED, material  # noqa: E402

from retain.comparison.compare import compare  # noqa: E402
from retain.comparison.read_symptoms import FOLDER, read_symptoms  # noqa: E402
from retain.data.encoding import encode  # noqa: E402
from retain.data.recital_rows import rows_to_recite  # noqa: E402
from retain.data.splits import Splits  # noqa: E402
from retain.models.load import load_causal  # noqa: E402
from retain.provenance import versions  # noqa: E402
from retain.record_files import read_json, read_record, write_json  # noqa: E402
from retain.records import Comparison, Measurement, Recitation, RunRecord, Symptom  # noqa: E402
from retain.registry import find, units  # noqa: E402
from retain.stages.prepare import Prepared  # noqa: E402
from retain.stages.reciting import continued, recitation_of  # noqa: E402
from retain.training.trained import TUNED  # noqa: E402

ITEMS = (20, 80, 300)
"""Items of a capability."""
ITSELF = "the base itself"
NUMBERS = ("name", "capability", "before", "after", "low", "high")


def main() -> None:
    """Write down rates, or what runs show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, help="a folder with finished runs somewhere below it")
    parser.add_argument("--recite", action="store_true", help="try recitation with the models of these runs")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    if options.runs is None:
        found = {"versions": versions(), "seeds": options.seeds, **rates(options.seeds)}
        write_json(HERE / "results" / "rates.json", found)
        return
    path = HERE / "results" / "runs.json"
    known = read_json(path) if path.is_file() else {}
    write_json(path, {**known, **shown_by(options.runs, options.recite)})


def rates(seeds: int) -> dict[str, Any]:
    """For each number of items: in how many seeds what was planted is found, and what clean worlds raise."""
    return {
        "planted": {kind: asdict(one) for kind, one in PLANTED.items()},
        "clean": CLEAN,
        "found": {str(items): {kind: hits(kind, seeds, items) for kind in PLANTED} for items in ITEMS},
        "false alarms": {str(items): {kind: alarms(kind, seeds, items) for kind in CLEAN} for items in ITEMS},
    }


def hits(kind: str, seeds: int, items: int) -> int:
    """In how many worlds a planted symptom is found where it was planted."""
    one = PLANTED[kind]
    rule = find(FOLDER, one.symptom)()
    count = 0
    for seed in range(seeds):
        given = material(kind, seed, items, changes=one.symptom == "capability_cliff")
        count += any(symptom.found and symptom.capability == one.where for symptom in rule.read(given))
    return count


def alarms(kind: str, seeds: int, items: int) -> dict[str, int]:
    """Symptom -> in how many worlds it is found though nothing was planted; ``any`` of them."""
    counts = Counter({name: 0 for name in (*units(FOLDER), "any")})
    for seed in range(1000, 1000 + seeds):
        given = material(kind, seed, items, changes=True)
        raised = {name for name, rule in units(FOLDER).items() if any(one.found for one in rule().read(given))}
        counts.update({*raised, *(["any"] if raised else [])})
    return dict(counts)


def shown_by(folder: Path, recite: bool) -> dict[str, Any]:
    """``task/arm`` -> its symptoms, for every finished run below the folder, and for the base against itself."""
    shown: dict[str, Any] = {}
    for path in sorted(folder.rglob("record.json")):
        run = path.parent
        if not (run / "data.json").is_file():
            continue
        record = read_record(path, RunRecord)
        task = Path(record.recipe["data"]["train"]).parent.name
        splits = read_record(run / "data.json", Prepared).splits
        targets = [row.target for row in splits.train]
        tried = recited(run, record, splits) if recite and record.recitation is None else record.recitation
        shown[f"{task}/{ITSELF}"] = itself(record.before, targets)
        told = read_symptoms(record.comparison, record.before, record.after, targets, tried)
        blind = read_symptoms(record.comparison, *open_only(record))
        shown[f"{task}/{run.name}"] = {
            "verdict": record.verdict.outcome,
            "mean": round(record.comparison.pooled.delta, 1) if record.comparison.pooled else None,
            "symptoms": entries(told),
            "found without the task's answers": sorted({one.name for one in blind.symptoms if one.found}),
        }
        print(task, run.name, sorted({one.name for one in told.symptoms if one.found}), flush=True)
    return shown


def recited(run: Path, record: RunRecord, splits: Splits) -> Recitation:
    """What the run's model and its base write of the rows; 64 of each kind."""
    recipe, tuned = record.recipe, run / TUNED
    tokenizer = AutoTokenizer.from_pretrained(str(tuned), local_files_only=True)
    training, load_in = recipe["training"], recipe["model"]["load_in"]
    encoded = partial(encode, tokenizer=tokenizer, max_length=training["max_length"], on=recipe["data"]["loss_on"])
    rows = rows_to_recite(splits.train, [*splits.test, *splits.dev], tokenizer, encoded, seed=recipe["seed"])
    return recitation_of(
        rows,
        tokenizer,
        tuned=lambda asked: continued(load_causal(str(tuned), load_in), asked),
        base=lambda asked: continued(load_causal(recipe["model"]["base"], load_in), asked),
    )


def itself(before: Sequence[Measurement], targets: Sequence[str]) -> dict[str, Any]:
    """The symptoms of a base that is compared with itself."""
    same = compare(before, before, ["task"])
    return {"verdict": "", "mean": 0.0, "symptoms": entries(read_symptoms(same, before, before, targets))}


def open_only(record: RunRecord) -> tuple[list[Measurement], list[Measurement]]:
    """What a person measures who does not know the task: everything but its own probe."""
    tasks = {change.probe for change in record.comparison.gains}
    before, after = ([one for one in side if one.probe not in tasks] for side in (record.before, record.after))
    return before, after


def entries(comparison: Comparison) -> list[dict[str, Any]]:
    """Symptoms with rounded numbers."""
    return [entry(one) for one in comparison.symptoms]


def entry(one: Symptom) -> dict[str, Any]:
    """One symptom as it is committed: its numbers, and what was found in words."""
    told = one.model_dump(include=None if one.found else set(NUMBERS), exclude_defaults=True)
    plain = {key: round(value, 2) if isinstance(value, float) else value for key, value in told.items()}
    return {**plain, "found": one.found}


if __name__ == "__main__":
    main()
