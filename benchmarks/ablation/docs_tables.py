"""The tables of the ablation."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cells import NOT_RUN, head, interval, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"


def ablation_table(task: str) -> str:
    """One row for each arm: gain, mean loss, the worst capability and the verdict."""
    path = RESULTS / f"{task}.json"
    if not path.is_file():
        return NOT_RUN
    arms = read_json(path)["arms"]
    lines = head("arm", "the task", "mean of points", "worst capability", "verdict")
    for arm, one in arms.items():
        if "failed" in one:
            lines.append(f"| {arm} | {one['failed']} | | | |")
            continue
        points = {probe: change for probe, change in one["losses"].items() if probe != "language"}
        worst = min(points, key=lambda probe: points[probe]["delta"])
        cells = [interval(one["gain"]), interval(one["mean"]), f"{worst} {interval(points[worst])}"]
        lines.append(line([arm, *cells, one["verdict"]]))
    return "\n".join(lines)


TABLES = {
    **{f"ablation {task} table": partial(ablation_table, task) for task in ("banking77", "restaurant8k")},
}
