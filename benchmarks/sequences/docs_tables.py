"""The tables of the sequences."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from cells import NOT_RUN, head, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"
UPPER_BOUND = "together"


def order_table(order: int) -> str:
    """One row for each arm: its numbers with their intervals, and each task at the end."""
    path = RESULTS / f"order{order}.json"
    arms = read_json(path)["arms"] if path.is_file() else {}
    done = {arm: one for arm, one in arms.items() if "failed" not in one}
    if not done:
        return NOT_RUN
    bound = (done.get(UPPER_BOUND) or {}).get("accuracy")
    tasks = next(iter(done.values()))["tasks"]
    heads = ["arm", "ACC", "of together", "BWT", "FWT", "capabilities", *tasks, "verdict"]
    return "\n".join([*head(*heads), *(line(_row(arm, one, bound)) for arm, one in done.items())])


def _row(arm: str, one: dict[str, Any], bound: dict[str, Any] | None) -> list[str]:
    share = f"{100 * one['accuracy']['value'] / bound['value']:.0f}%" if bound and bound["value"] else ""
    last = [f"{value:.0f}" for value in one["matrix"][-1]]
    numbers = [_cell(one[name], name != "accuracy") for name in ("accuracy", "backward", "forward")]
    return [arm, numbers[0], share, *numbers[1:], _cell(one["general"][-1], True), *last, one["verdict"]]


def _cell(one: dict[str, Any] | None, signed: bool) -> str:
    if one is None:
        return ""
    form = "{:+.1f}" if signed else "{:.1f}"
    return "{} ({} to {})".format(*(form.format(one[key]) for key in ("value", "low", "high")))


TABLES = {f"sequences order{order} table": partial(order_table, order) for order in (1, 2)}
