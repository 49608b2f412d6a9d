"""The tables of the overfitting alarms."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cells import NOT_RUN, head, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"
ALARMS = ("low_loss", "fast_fall", "growing_gap", "stairs")


def alarm_trainings_table() -> str:
    """One row for each kind of training of a tiny model: how often each alarm was raised and recitation found."""
    path = RESULTS / "trainings.json"
    if not path.is_file():
        return NOT_RUN
    told = read_json(path)
    columns = [*ALARMS, "any alarm", "recitation"]
    lines = head("training", *(name.replace("_", " ") for name in columns))
    for name, one in {**told["planted"], **told["clean"]}.items():
        cells = [f"**{one[key]:.0f}**" if one.get("alarm") == key else f"{one[key]:.0f}" for key in columns]
        lines.append(line([name, *cells]))
    return "\n".join(lines)


def alarms_simulated_table(part: str) -> str:
    """One row for each simulated case: how often each alarm was raised; what was planted is bold."""
    told = read_json(RESULTS / "simulated.json")[part]
    cases = told.items() if part == "clean" else [case for cases in told.values() for case in cases.items()]
    meant = {} if part == "clean" else {case: alarm for alarm, cases in told.items() for case in cases}
    lines = head("case", *(name.replace("_", " ") for name in ALARMS))
    for name, rates in cases:
        cells = [f"**{rates[key]:g}**" if meant.get(name) == key else f"{rates[key]:g}" for key in ALARMS]
        lines.append(line([name, *cells]))
    return "\n".join(lines)


TABLES = {
    "alarm trainings table": alarm_trainings_table,
    **{f"alarms {part} table": partial(alarms_simulated_table, part) for part in ("planted", "clean")},
}
