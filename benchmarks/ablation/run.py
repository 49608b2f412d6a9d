"""Every mitigation against plain fine-tuning on the same rows: what each gains and what it loses.

    python benchmarks/ablation/run.py --task banking77 --folder runs/ablation

Arms (arms.yaml) run one after another; what is finished is not run again, so that it can be continued at any time.
results/TASK.json holds each arm's changes with their intervals; the run folders hold everything.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from retain.commands.run import run
from retain.errors import BrokenError, UserError
from retain.provenance import provenance
from retain.record_files import read_json, write_json
from retain.records import Change, RunRecord
from retain.yaml_text import parse_yaml

HERE = Path(__file__).parent


def main() -> None:
    """Run the arms and write down what each did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arms = parse_yaml((HERE / "arms.yaml").read_text("utf-8"))
    parser.add_argument("--task", default="banking77", help="a folder of ../shared/data/tasks with train.jsonl")
    parser.add_argument("--folder", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--arms", nargs="+", default=list(arms), choices=list(arms))
    options = parser.parse_args()
    path = HERE / "results" / f"{options.task}.json"
    known = read_json(path) if path.is_file() else {}
    found: dict[str, Any] = known.get("arms", {})
    for arm in options.arms:
        place = options.folder / options.task / arm.replace(" ", "_")
        train = f"../../../shared/data/tasks/{options.task}/train.jsonl"
        try:
            record = run(HERE / "base.yaml", place, [f"data.train={train}", *arms[arm]])
        except (UserError, BrokenError) as error:
            found[arm] = {"settings": arms[arm], "failed": str(error)}
        else:
            found[arm] = {"settings": arms[arm], **summary(record)}
        write_json(path, {"task": options.task, "provenance": provenance(0), "arms": found})
        print(arm, {key: found[arm].get(key) for key in ("verdict", "gain", "mean", "failed")}, flush=True)


def summary(record: RunRecord) -> dict[str, Any]:
    """The numbers that a table needs."""
    compared = record.comparison
    training = record.training
    return {
        "verdict": record.verdict.outcome,
        "gain": change(compared.gains[0]) if compared.gains else None,
        "mean": change(compared.pooled) if compared.pooled else None,
        "losses": {one.probe: change(one) for one in compared.losses},
        "choices": [{"what": one.what, "chosen": one.chosen, "reason": one.reason} for one in record.choices],
        "steps": training.steps,
        "task_tokens": training.task_tokens,
        "general_tokens": training.general_tokens,
        "training_seconds": round(training.seconds),
        "notes": list(training.notes),
    }


def change(one: Change) -> dict[str, Any]:
    """A change in points of 100 (bits per byte: in percent of the base's) with its 95% interval."""
    kept = {"delta": one.delta, "low": one.low, "high": one.high, "before": one.before, "items": one.items}
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in kept.items()}


if __name__ == "__main__":
    main()
