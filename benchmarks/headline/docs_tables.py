"""The tables of the headline."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from cells import NOT_RUN, head, interval, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"
HEADLINE_TASKS = {
    "banking77": "banking77: 77 labels",
    "restaurant8k": "restaurant8k: JSON",
    "geoquery": "geoquery: SQL",
}
HEADLINE_FAMILIES = {"plain": "best plain fine-tune", "lora": "best LoRA", "composite": "**Retain's default**"}


def headline_task_table(task: str) -> str:
    """One row for each candidate: what dev items say, and of the chosen one each seed's test items."""
    path = RESULTS / f"{task}.json"
    if not path.is_file():
        return NOT_RUN
    lines = head(
        "family",
        "candidate",
        "dev: gain",
        "dev: mean loss",
        "seed",
        "test: gain",
        "test: mean of points",
        "test: worst",
    )
    for family, one in read_json(path)["families"].items():
        for name in one["tried"] or [one["chosen"]]:
            chosen = name == one["chosen"]
            cells = [family, *_tried_cells(f"**{name}**" if chosen else name, one["tried"].get(name))]
            rows = [[seed, *_headline_cells(found)] for seed, found in one["seeds"].items()] if chosen else []
            for row in rows or [[""] * 4]:
                lines.append(line([*cells, *row]))
                cells = [""] * 4
        lines += [f"| {family} | {name} | {reason} | | | | | |" for name, reason in one["failed"].items()]
    return "\n".join(lines)


def _tried_cells(name: str, tried: dict[str, Any] | None) -> list[str]:
    """A candidate with its strength, and what dev items say of it; nothing where there was no choice."""
    if tried is None:
        return [name, "", ""]
    strength = "" if tried["value"] == 1 else f" at strength {tried['value']:g}"
    loss = f"{tried['mean_loss']:.1f}" if "mean_loss" in tried else ""
    return [name + strength, f"{tried['gain']:+.1f}", loss]


def headline_summary() -> str:
    """One row for each task and family that has test numbers of the first seed; the task counts as plain forgets."""
    lines = head("task", "", "the task", "mean of the abilities", "worst of them", "verdict", "training")
    for task, about in HEADLINE_TASKS.items():
        path = RESULTS / f"{task}.json"
        families = read_json(path)["families"] if path.is_file() else {}
        for family, word in HEADLINE_FAMILIES.items():
            if seeds := families.get(family, {}).get("seeds"):
                found = seeds[min(seeds)]
                minutes = f"{found['training_seconds'] / 60:.0f} min"
                lines.append(line([about, word, *_headline_cells(found), found["verdict"], minutes]))
    return "\n".join(lines)


def _headline_cells(found: dict[str, Any]) -> list[str]:
    """Gain, mean and worst of one run on test items; bits per byte are no points and left out."""
    points = {probe: one for probe, one in found["losses"].items() if probe != "language"}
    worst = min(points, key=lambda probe: points[probe]["delta"])
    return [interval(found["gain"]), interval(found["mean"]), f"{worst} {interval(points[worst])}"]


def headline_table() -> str:
    """One row for each family and task, then all tasks: gain kept, mean loss, worst capability, with bounds."""
    path = RESULTS / "pooled.json"
    if not path.is_file():
        return NOT_RUN
    lines = head(
        "family",
        "task",
        "seeds",
        "gain",
        "of the plain gain (at least)",
        "mean loss (at most)",
        "worst capability",
        "any capability at most",
    )
    for family, found in read_json(path).items():
        for task in [*found["tasks"], "all"]:
            one = found[task]
            kept, mean, worst = one.get("gain_kept"), one["mean_loss"], one["losses"][one["worst"]]
            seeds = found["seeds"].get(task) or [seed for seeds in found["seeds"].values() for seed in seeds]
            cells = [family, task, str(len(seeds)), f"{one['gain']:.1f}" if "gain" in one else ""]
            cells += [f"{kept['share']:.0%} ({kept['at_least']:.0%})" if kept else ""]
            cells += [f"{mean['loss']:.1f} ({mean['at_most']:.1f})"]
            cells += [f"{one['worst']} {worst['loss']:.1f}", f"{one['any_at_most']:.1f}"]
            lines.append(line(cells))
    return "\n".join(lines)


TABLES = {
    "headline table": headline_table,
    "headline summary": headline_summary,
    **{f"headline {task} table": partial(headline_task_table, task) for task in HEADLINE_TASKS},
}
