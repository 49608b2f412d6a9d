"""The tables of the symptoms."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from cells import head, interval, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"
SYMPTOM_COLUMNS = {
    "mode collapse, %": ("mode_collapse", "open prompts"),
    "length, % of base's": ("verbosity_collapse", "lengths of answers"),
    "without an end, %": ("verbosity_collapse", "ends of answers"),
    "broken, %": ("syntactic_noise", "open prompts"),
    "benign declined, %": ("refusal_drift", "benign requests"),
}
FOUND = {True: "**found**", False: "not found", None: "cannot be told"}


def symptom_rates_table() -> str:
    """In how many seeds each planted symptom is found, by items of a capability."""
    found = read_json(RESULTS / "rates.json")
    sizes, seeds = list(found["found"]), found["seeds"]
    lines = head("planted", "symptom", *(f"found of {seeds} at {size} items" for size in sizes))
    for kind, one in found["planted"].items():
        cells = [str(found["found"][size][kind]) for size in sizes]
        lines.append(line([one["about"], f"{one['symptom']}, {one['where']}", *cells]))
    return "\n".join(lines)


def symptom_alarms_table() -> str:
    """False alarms of each symptom in clean worlds, over all numbers of items."""
    found = read_json(RESULTS / "rates.json")
    kinds, sizes = found["clean"], found["false alarms"]
    worlds = found["seeds"] * len(sizes)
    lines = head(f"false alarms of {worlds}", *kinds.values())
    for name in next(iter(sizes.values()))["healthy"]:
        cells = [str(sum(size[kind][name] for size in sizes.values())) for kind in kinds]
        lines.append(line([name, *cells]))
    return "\n".join(lines)


def symptom_runs_table(task: str) -> str:
    """One row for each run of a task: what the tuned model shows; found ones are bold, open ones have a ?."""
    runs = read_json(RESULTS / "runs.json")
    lines = head("run", "mean of points", *SYMPTOM_COLUMNS, "capability cliff")
    for run, told in runs.items():
        if not run.startswith(f"{task}/"):
            continue
        shown = {(one["name"], one["capability"]): one for one in told["symptoms"]}
        cells = [_symptom_cell(shown[place]) for place in SYMPTOM_COLUMNS.values()]
        cliffs = [where for (name, where), one in shown.items() if name == "capability_cliff" and one["found"]]
        unsure = any(name == "capability_cliff" and one["found"] is None for (name, _), one in shown.items())
        cells.append(", ".join(f"**{where}**" for where in cliffs) or ("?" if unsure else "none"))
        lines.append(line([run.partition("/")[2].replace("_", " "), f"{told['mean']:+.1f}", *cells]))
    return "\n".join(lines)


def _symptom_cell(one: dict[str, Any]) -> str:
    value = f"{one['after']:.1f}"
    return {True: f"**{value}**", False: value, None: f"{value} ?"}[one["found"]]


def recitation_table() -> str:
    """One row for each run in which recitation was tried."""
    runs = read_json(RESULTS / "runs.json")
    lines = head("run", "base, % of the rest", "tuned", "change, 95% interval", "recitation")
    for run, told in runs.items():
        for one in told["symptoms"]:
            if one["name"] == "recitation" and "before" in one:
                change = {"delta": one["after"] - one["before"], "low": one["low"], "high": one["high"]}
                cells = [f"{one['before']:.1f}", f"{one['after']:.1f}", interval(change), FOUND[one["found"]]]
                lines.append(line([run.replace("_", " "), *cells]))
    return "\n".join(lines)


TABLES = {
    "symptom rates table": symptom_rates_table,
    "symptom alarms table": symptom_alarms_table,
    **{f"symptoms {task} table": partial(symptom_runs_table, task) for task in ("banking77", "restaurant8k")},
    "recitation table": recitation_table,
}
