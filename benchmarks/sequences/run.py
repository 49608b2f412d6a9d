"""Five tasks learned one after another: what is left of each at the end, and of what the base could do.

    python benchmarks/sequences/run.py                     # everything; goes on where it stopped
    python benchmarks/sequences/run.py --arms plain lora rehearsal_1 rehearsal_10 ssr default together --orders 1 2
    python benchmarks/sequences/run.py --tiny --arms lora together --folder runs/tiny --results runs/tiny-results

Arms are those of arms.yaml. Order 1 is that of base.yaml, order 2 the reverse, in which only `plain` and `default` are
learned. results/order1.json holds the matrices and numbers with their intervals, of which benchmarks/tables.py makes
the README's tables; the run folders hold everything but the models, of which the last alone is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from retain.commands.run import run
from retain.errors import BrokenError, UserError
from retain.provenance import provenance
from retain.record_files import read_json, read_record, write_json
from retain.sequence_records import Estimate, SequenceRecord
from retain.yaml_text import parse_yaml

HERE = Path(__file__).parent
SECOND_ORDER = ("plain", "default")
TINY = ["data.limit=16", "measure.limit=4", "measure.task.limit=8", "training.epochs=1"]
"""Enough to see that it works, and nothing else; of two tasks only."""
SHOWN = {"name", "strength", "memory", "memory_tokens", "task_tokens", "general_tokens"}
"""What a result says of a stage."""


def main() -> None:
    """Run what is not there yet, and write down what it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arms = parse_yaml((HERE / "arms.yaml").read_text("utf-8"))
    parser.add_argument("--arms", nargs="+", default=list(arms), choices=list(arms))
    parser.add_argument("--orders", nargs="+", type=int, default=[1, 2], choices=[1, 2])
    parser.add_argument("--folder", type=Path, default=Path("runs/sequences"))
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--tiny", action="store_true", help="a trial of minutes, whose numbers mean nothing")
    options = parser.parse_args()
    for order in options.orders:
        for arm in options.arms:
            if order == 1 or arm in SECOND_ORDER:
                one_arm(arm, order, arms[arm], options)


def one_arm(arm: str, order: int, settings: list[str], options: argparse.Namespace) -> None:
    """Learn the tasks as an arm does, and put its numbers into the order's result file and the table."""
    path = options.results / f"order{order}.json"
    known = read_json(path) if path.is_file() else {"order": order, "arms": {}}
    place = options.folder / f"order{order}" / arm
    try:
        if (place / "record.json").is_file():
            record = read_record(place / "record.json", SequenceRecord)
        else:
            found = run(HERE / "base.yaml", place, [_stages(order, options.tiny), *settings, *_tiny(arm, options.tiny)])
            assert isinstance(found, SequenceRecord)
            record = found
    except (UserError, BrokenError) as error:
        known["arms"][arm] = {"settings": settings, "failed": str(error)}
    else:
        known["arms"][arm] = {"settings": settings, **summary(record)}
        make_room(place, record)
    write_json(path, {**known, "provenance": provenance(0)})
    shown = {key: known["arms"][arm].get(key) for key in ("verdict", "accuracy", "backward", "failed")}
    print(f"order {order}", arm, shown, flush=True)


def _stages(order: int, tiny: bool) -> str:
    """The stages in an order, as a setting."""
    stages = parse_yaml((HERE / "base.yaml").read_text("utf-8"))["stages"]
    stages = stages[:2] if tiny else stages
    return f"stages={json.dumps(stages if order == 1 else stages[::-1])}"


def _tiny(arm: str, tiny: bool) -> list[str]:
    if not tiny:
        return []
    general = ["data.general=[{name: own, source: base_model, count: 8, max_tokens: 8}]"] if arm == "default" else []
    return [*TINY, *general]


def make_room(place: Path, record: SequenceRecord) -> None:
    """Remove the models of a finished sequence but for the last one."""
    keep = (place / record.output).resolve()
    for folder in (path for stage in record.stages for path in (place / stage.folder).iterdir() if path.is_dir()):
        if folder.name in ("trained", "tuned", "merged") and folder.resolve() != keep:
            shutil.rmtree(folder)


def summary(record: SequenceRecord) -> dict[str, Any]:
    """The numbers that a table needs, and the matrix."""
    return {
        "verdict": record.verdict.outcome,
        "tasks": [task.name for task in record.tasks],
        "items": [task.items for task in record.tasks],
        "rows": record.rows,
        "matrix": [[_rounded(value) for value in row] for row in record.matrix],
        **{name: _estimate(getattr(record, name)) for name in ("accuracy", "backward", "forward", "learned")},
        "forgetting": {one.task: _rounded([one.value, one.low, one.high]) for one in record.forgetting},
        "general": [_estimate(one) for one in record.general],
        "capabilities": {one.probe: _rounded(one.values) for one in record.capabilities},
        "judged": {one.probe: one.outcome for one in record.verdict.probes},
        "stages": [
            {
                **one.model_dump(include=SHOWN),
                "training_seconds": round(one.seconds),
                "seconds": record.seconds.get(one.name),
            }
            for one in record.stages
        ],
        "models": record.provenance["models"],
    }


def _estimate(one: Estimate | None) -> dict[str, Any] | None:
    return None if one is None else {key: _rounded(value) for key, value in one.model_dump().items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 2) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
