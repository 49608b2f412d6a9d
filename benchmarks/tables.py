"""Writes the tables of the docs from committed records, between the markers that name them.

    python benchmarks/tables.py

A marker is ``<!-- name -->``; its table reaches to ``<!-- end -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from retain.advice_records import AdviceRecord
from retain.commands.list_units import markdown_tables
from retain.folder import read_json, read_record, write_text
from retain.frontier_records import FrontierRecord
from retain.records import Change, RunRecord
from retain.reporting.advice_rows import rung_rows
from retain.reporting.frontier import arms_of_frontier

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
RERANKER = BENCHMARKS / "reranker" / "results"
ADVISED_TASKS = ("banking77", "facts", "relations")
HEADLINE_TASKS = {
    "banking77": "banking77: 77 labels",
    "restaurant8k": "restaurant8k: JSON",
    "geoquery": "geoquery: SQL",
}
HEADLINE_FAMILIES = {"plain": "best plain fine-tune", "lora": "best LoRA", "composite": "**Retain's default**"}


def records(folder: str) -> dict[str, RunRecord]:
    """The committed records of one benchmark by name."""
    paths = sorted((BENCHMARKS / folder / "results").glob("*.json"))
    return {path.stem: read_record(path, RunRecord) for path in paths}


def arms_table(folder: str, order: list[str]) -> str:
    """One column for each arm: the gain, then each capability's change with its interval, then the verdict."""
    found = {name: record for name, record in records(folder).items() if name in order}
    arms = [name for name in order if name in found]
    lines = ["| | base | " + " | ".join(arms) + " |", "|---|---|" + "---|" * len(arms)]
    first = found[arms[0]].comparison
    for change in [*first.gains, *first.losses]:
        cells = [_cell(_named(found[arm], change.probe)) for arm in arms]
        kind = "writes" if change.generates else "likelihood"
        label = "**the task**" if change in first.gains else f"{change.capability} ({change.probe}, {kind})"
        lines.append(f"| {label} | {change.before:.3g} | " + " | ".join(cells) + " |")
    pooled = [found[arm].comparison.pooled for arm in arms]
    lines.append("| **mean of points** | | " + " | ".join(f"**{_cell(one)}**" if one else "" for one in pooled) + " |")
    lines.append("| verdict | | " + " | ".join(found[arm].verdict.outcome for arm in arms) + " |")
    return "\n".join(lines)


def ablation_table(task: str) -> str:
    """One row for each arm: gain, mean loss, the worst capability, the verdict and the time."""
    path = BENCHMARKS / "ablation" / "results" / f"{task}.json"
    if not path.is_file():
        return "Not run yet."
    arms = read_json(path)["arms"]
    lines = [
        "| arm | the task | mean of points | worst capability | verdict | seconds of training |",
        "|---|---|---|---|---|---|",
    ]
    for arm, one in arms.items():
        if "failed" in one:
            lines.append(f"| {arm} | {one['failed']} | | | | |")
            continue
        points = {probe: change for probe, change in one["losses"].items() if probe != "language"}
        worst = min(points, key=lambda probe: points[probe]["delta"])
        cells = [_interval(one["gain"]), _interval(one["mean"]), f"{worst} {_interval(points[worst])}"]
        lines.append(f"| {arm} | " + " | ".join(cells) + f" | {one['verdict']} | {one['training_seconds']} |")
    return "\n".join(lines)


def advise_table() -> str:
    """One row for each task and rung; the rung to stop at is bold."""
    lines = [
        "| task | rung | score | 95% interval | against the rung below | tokens a request | training | storage |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task in ADVISED_TASKS:
        path = BENCHMARKS / "advise" / "results" / f"{task}.json"
        if not path.is_file():
            lines.append(f"| {task} | not run yet | | | | | | |")
            continue
        for row in rung_rows(read_record(path, AdviceRecord)):
            against = f"{row.against} ({row.against_interval})" if row.against else ""
            cells = [task, f"**{row.word}**" if row.advised else row.word, row.score, row.interval, against]
            lines.append("| " + " | ".join([*cells, row.tokens, row.training, row.storage]) + " |")
    return "\n".join(lines)


def advise_reasons() -> str:
    """For each task where to stop and why, and what it lacks."""
    lines = []
    for task in ADVISED_TASKS:
        path = BENCHMARKS / "advise" / "results" / f"{task}.json"
        if path.is_file():
            record = read_record(path, AdviceRecord)
            lines.append(f"- **{task}**: {record.advised.reason}. {record.nature.statement}")
    return "\n".join(lines) or "Not run yet."


def null_space_table(task: str) -> str:
    """One row for each adapter and text: its change of the outputs over that of free updates of equal norm."""
    path = BENCHMARKS / "null_space" / "results" / f"{task}.json"
    if not path.is_file():
        return "Not run yet."
    lines = [
        "| adapter | text | over | median layer | mean | most | layers within .15 |",
        "|---|---|---|---|---|---|---|",
    ]
    for adapter, texts in read_json(path)["changes"].items():
        for text, others in texts.items():
            for other, one in others.items():
                cells = [f"{one[name]:.3f}" for name in ("median", "mean", "most")]
                cells = [
                    adapter.replace("_", " "),
                    text,
                    other.removeprefix("over "),
                    *cells,
                    f"{one['within 0.15']:.0%}",
                ]
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cost_table(run: str) -> str:
    """One row for each side: task tokens a second, time and memory over the plain fine-tune's."""
    sides = read_json(BENCHMARKS / "training" / "results" / f"{run}.json")["sides"]
    lines = [
        "| side | task tokens a second | time over TRL's | time over plain | memory over plain |",
        "|---|---|---|---|---|",
    ]
    for side, one in sides.items():
        cells = [one["tokens_per_second"], *(one.get(f"{what}_over_{of}", "") for what, of in OVER)]
        lines.append(f"| {side} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def headline_task_table(task: str) -> str:
    """One row for each candidate: what dev items say, and of the chosen one each seed's test items."""
    path = BENCHMARKS / "headline" / "results" / f"{task}.json"
    if not path.is_file():
        return "Not run yet."
    lines = [
        "| family | candidate | dev: gain | dev: mean loss | seed | test: gain | test: mean of points | test: worst |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for family, one in read_json(path)["families"].items():
        for name, tried in one["tried"].items():
            chosen = name == one["chosen"]
            strength = "" if tried["value"] == 1 else f" at strength {tried['value']:g}"
            loss = f"{tried['mean_loss']:.1f}" if "mean_loss" in tried else ""
            cells = [family, f"**{name}**{strength}" if chosen else name + strength, f"{tried['gain']:+.1f}", loss]
            rows = [[seed, *_headline_cells(found)] for seed, found in one["seeds"].items()] if chosen else []
            for row in rows or [[""] * 4]:
                lines.append("| " + " | ".join([*cells, *row]) + " |")
                cells = [""] * 4
        lines += [f"| {family} | {name} | {reason} | | | | | |" for name, reason in one["failed"].items()]
    return "\n".join(lines)


def headline_summary() -> str:
    """One row for each task and family that has test numbers of the first seed; the task counts as plain forgets."""
    lines = ["| task | | the task | mean of 13 abilities | worst of them |", "|---|---|---|---|---|"]
    for task, about in HEADLINE_TASKS.items():
        path = BENCHMARKS / "headline" / "results" / f"{task}.json"
        families = read_json(path)["families"] if path.is_file() else {}
        for family, word in HEADLINE_FAMILIES.items():
            if seeds := families.get(family, {}).get("seeds"):
                lines.append(f"| {about} | {word} | " + " | ".join(_headline_cells(seeds[min(seeds)])) + " |")
    return "\n".join(lines)


def _headline_cells(found: dict[str, Any]) -> list[str]:
    """Gain, mean and worst of one run on test items; bits per byte are no points and left out."""
    points = {probe: one for probe, one in found["losses"].items() if probe != "language"}
    worst = min(points, key=lambda probe: points[probe]["delta"])
    return [_interval(found["gain"]), _interval(found["mean"]), f"{worst} {_interval(points[worst])}"]


def headline_table() -> str:
    """One row for each family and task, then all tasks: gain kept, mean loss, worst capability, with bounds."""
    path = BENCHMARKS / "headline" / "results" / "pooled.json"
    if not path.is_file():
        return "Not run yet."
    lines = [
        "| family | tasks | gain | of the plain gain (at least) | mean loss (at most) | worst capability (at most) |",
        "|---|---|---|---|---|---|",
    ]
    for family, found in read_json(path).items():
        for task in [*found["tasks"], "all"]:
            one = found[task]
            kept, mean, worst = one.get("gain_kept"), one["mean_loss"], one["losses"][one["worst"]]
            cells = [family, task, f"{one['gain']:.1f}" if "gain" in one else ""]
            cells += [f"{kept['share']:.0%} ({kept['at_least']:.0%})" if kept else ""]
            cells += [f"{mean['loss']:.1f} ({mean['at_most']:.1f})"]
            cells += [f"{one['worst']} {worst['loss']:.1f} ({worst['at_most']:.1f})"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def frontier_table() -> str:
    """The arms of the quickstart's frontier."""
    record = read_record(BENCHMARKS / "frontier" / "results" / "quickstart.json", FrontierRecord)
    return arms_of_frontier(record)


def lint_rates_table() -> str:
    """One row for each check: in how many seeds a planted fault is found, how many rows of it, and false alarms."""
    path = BENCHMARKS / "lint" / "results" / "rates.json"
    if not path.is_file():
        return "Not run yet."
    found = read_json(path)
    seeds = found["seeds"]
    lines = ["| check | planted | found in | rows named | false alarms on clean sets |", "|---|---|---|---|---|"]
    for name, one in found["checks"].items():
        named, planted = one["rows"]
        false = one["false alarms"]
        cells = [f"`{name}`", one["about"], f"{one['found']} of {seeds}", f"{named} of {planted}" if planted else ""]
        lines.append("| " + " | ".join([*cells, f"{sum(false.values())} of {seeds * len(false)}"]) + " |")
    return "\n".join(lines)


def lint_cost_table() -> str:
    """What all checks cost on one large set: the whole, then the dearest checks."""
    path = BENCHMARKS / "lint" / "results" / "cost.json"
    if not path.is_file():
        return "Not run yet."
    one = read_json(path)
    lines = ["| | |", "|---|---|"]
    rows = f"{one['rows']:,} and {one['held_out']:,} held out, {one['characters_per_row']} characters each"
    lines.append(f"| rows | {rows} |")
    lines.append(f"| processor time | {one['seconds_processor']} s |")
    lines.append(f"| peak memory, rows included | {one['peak_memory_mb']:,} MB |")
    dear = list(one["seconds_processor_by_check"].items())[:8]
    lines += [f"| `{name}` | {seconds} s |" for name, seconds in dear]
    return "\n".join(lines)


def symptom_rates_table() -> str:
    """In how many seeds each planted symptom is found, by items of a capability."""
    found = read_json(BENCHMARKS / "symptoms" / "results" / "rates.json")
    sizes, seeds = list(found["found"]), found["seeds"]
    head = " | ".join(f"found of {seeds} at {size} items" for size in sizes)
    lines = [f"| planted | symptom | {head} |", "|---|---|" + "---|" * len(sizes)]
    for kind, one in found["planted"].items():
        cells = " | ".join(str(found["found"][size][kind]) for size in sizes)
        lines.append(f"| {one['about']} | {one['symptom']}, {one['where']} | {cells} |")
    return "\n".join(lines)


def symptom_alarms_table() -> str:
    """False alarms of each symptom in clean worlds, over all numbers of items."""
    found = read_json(BENCHMARKS / "symptoms" / "results" / "rates.json")
    kinds, sizes = found["clean"], found["false alarms"]
    worlds = found["seeds"] * len(sizes)
    lines = [f"| false alarms of {worlds} | " + " | ".join(kinds.values()) + " |", "|---|" + "---|" * len(kinds)]
    for name in next(iter(sizes.values()))["healthy"]:
        cells = [str(sum(size[kind][name] for size in sizes.values())) for kind in kinds]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


SYMPTOM_COLUMNS = {
    "mode collapse, %": ("mode_collapse", "open prompts"),
    "length, % of base's": ("verbosity_collapse", "lengths of answers"),
    "without an end, %": ("verbosity_collapse", "ends of answers"),
    "broken, %": ("syntactic_noise", "open prompts"),
    "benign declined, %": ("refusal_drift", "benign requests"),
}


def symptom_runs_table(task: str) -> str:
    """One row for each run of a task: what the tuned model shows; found ones are bold, open ones have a ?."""
    runs = read_json(BENCHMARKS / "symptoms" / "results" / "runs.json")
    lines = ["| run | mean of points | " + " | ".join([*SYMPTOM_COLUMNS, "capability cliff"]) + " |"]
    lines += ["|---|---|" + "---|" * (len(SYMPTOM_COLUMNS) + 1)]
    for run, told in runs.items():
        if not run.startswith(f"{task}/"):
            continue
        shown = {(one["name"], one["capability"]): one for one in told["symptoms"]}
        cells = [_symptom_cell(shown[place]) for place in SYMPTOM_COLUMNS.values()]
        cliffs = [where for (name, where), one in shown.items() if name == "capability_cliff" and one["found"]]
        unsure = any(name == "capability_cliff" and one["found"] is None for (name, _), one in shown.items())
        cells.append(", ".join(f"**{where}**" for where in cliffs) or ("?" if unsure else "none"))
        lines.append(f"| {run.partition('/')[2].replace('_', ' ')} | {told['mean']:+.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def recitation_table() -> str:
    """One row for each run in which recitation was tried."""
    runs = read_json(BENCHMARKS / "symptoms" / "results" / "runs.json")
    lines = ["| run | base, % of the rest | tuned | change, 95% interval | recitation |", "|---|---|---|---|---|"]
    for run, told in runs.items():
        for one in told["symptoms"]:
            if one["name"] == "recitation" and "before" in one:
                change = {"delta": one["after"] - one["before"], "low": one["low"], "high": one["high"]}
                cells = [f"{one['before']:.1f}", f"{one['after']:.1f}", _interval(change), FOUND[one["found"]]]
                lines.append(f"| {run.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def reranker_base_table() -> str:
    """One row for each set: BM25 and the base on the same documents, paired by query."""
    path = RERANKER / "base.json"
    if not path.is_file():
        return "Not run yet."
    lines = ["| set | test queries | BM25 | base | difference |", "|---|---|---|---|---|"]
    for name, one in read_json(path)["sets"].items():
        change = {"delta": one["difference"], **one}
        lines.append(f"| {name} | {one['queries']} | {one['bm25']:.1f} | {one['reranker']:.1f} | {_interval(change)} |")
    return "\n".join(lines)


def reranker_tried_table() -> str:
    """One row for each candidate: what dev items say, and of the chosen one each seed's test queries."""
    path = RERANKER / "scifact.json"
    if not path.is_file():
        return "Not run yet."
    lines = [
        "| family | candidate | dev: gain | mean loss | seed | SciFact | mean out of domain | each set | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for family, one in read_json(path)["families"].items():
        for name, tried in one["tried"].items():
            strength = "" if tried["value"] == 1 else f" at strength {tried['value']:g}"
            cells = [family, f"**{name}**{strength}" if name == one["chosen"] else name + strength]
            cells += [f"{tried['gain']:+.1f}", f"{tried['mean_loss']:.1f}"]
            for seed, found in one["seeds"].items() if name == one["chosen"] else ():
                sets = "; ".join(f"{probe} {_interval(change)}" for probe, change in found["sets"].items())
                tested = [seed, _interval(found["gain"]), _interval(found["mean"]), sets, found["verdict"]]
                lines.append("| " + " | ".join([*cells, *tested]) + " |")
                cells = ["", "", "", ""]
            if name != one["chosen"]:
                lines.append("| " + " | ".join([*cells, "", "", "", "", ""]) + " |")
    return "\n".join(lines)


def reranker_table() -> str:
    """One row for each family over all seeds: the gain, the mean loss and that of each set, with bounds."""
    path = RERANKER / "scifact.json"
    pooled = read_json(path).get("pooled") if path.is_file() else None
    if pooled is None:
        return "Not run with several seeds yet."
    lines = ["| family | gain | mean loss (at most) | loss of each set |", "|---|---|---|---|"]
    for family in ("plain", "ours"):
        one = pooled[family]
        sets = "; ".join(
            f"{name} {found['loss']:.1f} ({found['low']:.1f} to {found['high']:.1f})"
            for name, found in one["sets"].items()
        )
        mean = one["mean_loss"]
        lines.append(f"| {family} | {_interval(one['gain'])} | {mean['loss']:.1f} ({mean['at_most']:.1f}) | {sets} |")
    kept = pooled["gain_kept"]
    return "\n".join([*lines, "", f"Gain kept: {kept['share']:.0%} of plain's (at least {kept['at_least']:.0%})."])


def reranker_speed_table() -> str:
    """One row for each way: pairs a second in each round."""
    path = RERANKER / "speed.json"
    if not path.is_file():
        return "Not run yet."
    one = read_json(path)
    lines = ["| | pairs a second, in turns |", "|---|---|"]
    lines += [f"| {way} | {', '.join(f'{rate:g}' for rate in rates)} |" for way, rates in one["pairs a second"].items()]
    away = one["largest difference of a score"]
    return "\n".join([*lines, "", f"{one['times as fast']:g} times as fast; scores differ by at most {away:.1g}."])


FOUND = {True: "**found**", False: "not found", None: "cannot be told"}


def _symptom_cell(one: dict[str, Any]) -> str:
    value = f"{one['after']:.1f}"
    return {True: f"**{value}**", False: value, None: f"{value} ?"}[one["found"]]


ALARMS = ("low_loss", "fast_fall", "growing_gap", "stairs")


def alarm_trainings_table() -> str:
    """One row for each kind of training of a tiny model: how often each alarm was raised and recitation found."""
    path = BENCHMARKS / "alarms" / "results" / "trainings.json"
    if not path.is_file():
        return "Not run yet."
    told = read_json(path)
    columns = [*ALARMS, "any alarm", "recitation"]
    head = " | ".join(name.replace("_", " ") for name in columns)
    lines = [f"| training | {head} |", "|---|" + "---|" * len(columns)]
    for name, one in {**told["planted"], **told["clean"]}.items():
        cells = [f"**{one[key]:.0f}**" if one.get("alarm") == key else f"{one[key]:.0f}" for key in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def alarms_simulated_table(part: str) -> str:
    """One row for each simulated case: how often each alarm was raised; what was planted is bold."""
    told = read_json(BENCHMARKS / "alarms" / "results" / "simulated.json")[part]
    cases = told.items() if part == "clean" else [case for cases in told.values() for case in cases.items()]
    meant = {} if part == "clean" else {case: alarm for alarm, cases in told.items() for case in cases}
    lines = [f"| case | {' | '.join(name.replace('_', ' ') for name in ALARMS)} |", "|---|" + "---|" * len(ALARMS)]
    for name, rates in cases:
        cells = [f"**{rates[key]:g}**" if meant.get(name) == key else f"{rates[key]:g}" for key in ALARMS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


OVER = (("time", "trl"), ("time", "plain"), ("memory", "plain"))


def _interval(change: dict[str, float]) -> str:
    return f"{change['delta']:+.1f} ({change['low']:+.1f} to {change['high']:+.1f})"


def _named(record: RunRecord, probe: str) -> Change | None:
    return next((c for c in [*record.comparison.gains, *record.comparison.losses] if c.probe == probe), None)


def _cell(change: Change | None) -> str:
    if change is None:
        return ""
    unit = "%" if change.unit == "percent" else ""
    return f"{change.delta:+.1f}{unit} ({change.low:+.1f} to {change.high:+.1f})"


TABLES: dict[str, Callable[[], str]] = {
    "quickstart table": lambda: arms_table("quickstart", ["plain", "kl"]),
    "banking77 table": lambda: arms_table("banking77", ["plain", "kl", "kl_strength"]),
    "ablation banking77 table": lambda: ablation_table("banking77"),
    "ablation restaurant8k table": lambda: ablation_table("restaurant8k"),
    "advise table": advise_table,
    "advise reasons": advise_reasons,
    "headline table": headline_table,
    "headline summary": headline_summary,
    "quickstart frontier table": frontier_table,
    **{f"headline {task} table": partial(headline_task_table, task) for task in HEADLINE_TASKS},
    "null space table": lambda: null_space_table("banking77"),
    "cost table": lambda: cost_table("cost"),
    "second cost table": lambda: cost_table("second"),
    "lint rates table": lint_rates_table,
    "lint cost table": lint_cost_table,
    "reranker base table": reranker_base_table,
    "reranker tried table": reranker_tried_table,
    "reranker table": reranker_table,
    "reranker speed table": reranker_speed_table,
    "checks table": lambda: markdown_tables("checks").split("\n\n", 1)[-1],
    "mitigations table": lambda: markdown_tables("mitigations").split("\n\n", 1)[-1],
    "recitation table": recitation_table,
    "symptom rates table": symptom_rates_table,
    "symptom alarms table": symptom_alarms_table,
    **{f"symptoms {task} table": partial(symptom_runs_table, task) for task in ("banking77", "restaurant8k")},
    "alarm trainings table": alarm_trainings_table,
    **{f"alarms {part} table": partial(alarms_simulated_table, part) for part in ("planted", "clean")},
    "alarms table": lambda: markdown_tables("alarms").split("\n\n", 1)[-1],
    "symptoms table": lambda: markdown_tables("symptoms").split("\n\n", 1)[-1],
}


def main() -> None:
    """Fill every marker of every Markdown file that has one."""
    for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *BENCHMARKS.rglob("*.md")]:
        text = path.read_text("utf-8")
        for name, make in TABLES.items():
            marker = f"<!-- {name} -->"
            if marker in text:
                pattern = re.escape(marker) + r".*?<!-- end -->"
                table = f"{marker}\n{make().strip()}\n<!-- end -->"
                text = re.sub(pattern, lambda match, table=table: table, text, flags=re.S)
        if text != path.read_text("utf-8"):
            write_text(path, text)


if __name__ == "__main__":
    main()
