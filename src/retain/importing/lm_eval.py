"""Measurements from the logs of lm-evaluation-harness. Decisions: docs/decisions/lm-eval-logs.md."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retain.errors import UserError, listed
from retain.importing.lm_eval_files import AGAIN, LogFiles, find_logs, read_results
from retain.importing.lm_eval_metrics import check_asked, choose_metric
from retain.importing.lm_eval_samples import BITS, Samples, Score, read_samples
from retain.importing.lm_eval_settings import mapping, model_name, settings_of
from retain.records import Measurement, Response, content_hash


@dataclass(frozen=True)
class LmEvalLogs:
    """What a folder of logs says about one model."""

    name: str
    """What lm-eval calls the model."""
    measurements: list[Measurement]
    notes: list[str]
    """Older logs that were passed over, tasks that cannot be paired by item."""


@dataclass(frozen=True)
class _Task:
    name: str
    files: LogFiles
    samples: Samples
    score: Score
    results: Mapping[str, Any]

    @property
    def output_type(self) -> str:
        return str(self.results["configs"][self.name].get("output_type"))

    @property
    def higher_is_better(self) -> bool:
        directions = mapping(mapping(self.results.get("higher_is_better")).get(self.name))
        return self.score.metric != BITS and directions.get(self.score.metric) is not False

    @property
    def alike(self) -> tuple[object, ...]:
        """What tasks of one group must share to be one capability."""
        return self.score, self.output_type, self.higher_is_better


def read_lm_eval(place: Path, metric: str | None = None) -> LmEvalLogs:
    """One measurement for each task that lm_eval logged with ``--log_samples --output_path``.

    Items are documents (their content hash), so that two models' logs pair whatever their order or limit. A group
    such as ``mmlu`` is one measurement over all its tasks' documents where lm-eval itself gives it a number and
    its tasks share a metric. The metric of a task is ``metric`` where it has it, else by kind: ``acc_norm``,
    then ``acc``; ``exact_match`` (filter ``flexible-extract``), ``prompt_level_strict_acc``, ``pass@1``; rolling
    likelihoods as bits per byte, its value weighted by bytes. Every item counts as test.

    Args:
        place: the output path, the model's folder in it, or one results file.
        metric: ``acc``, or ``exact_match,strict-match`` with its filter.

    Raises:
        UserError: there are no samples, a file is damaged or cut off, or no task can be paired by item.
    """
    try:
        return _read_lm_eval(place, metric)
    except (RecursionError, OverflowError) as error:
        raise UserError(f"{place}: a log holds what lm-eval does not write ({error}). {AGAIN}") from None


def _read_lm_eval(place: Path, metric: str | None) -> LmEvalLogs:
    logs, notes = find_logs(place)
    by_date: dict[Path, list[str]] = {}
    for log in logs:
        by_date.setdefault(log.results, []).append(log.task)
    results = {path: read_results(path, tasks) for path, tasks in by_date.items()}
    read = [(log, _read(log, results[log.results])) for log in logs]
    if metric:
        check_asked(metric, (samples for _, samples in read))
    tasks = []
    for log, samples in read:
        output_type = str(results[log.results]["configs"][log.task].get("output_type"))
        score = choose_metric(samples, output_type, metric)
        if score is None:
            names = ", ".join(sorted({key.metric for key in samples.unusable})) or "none"
            notes.append(f"{log.task}: no metric is a number between 0 and 1 for each item (found: {names}); left out.")
            continue
        tasks.append(_Task(log.task, log, samples, score, results[log.results]))
    if not tasks:
        raise UserError(f"{place}: no task can be compared item by item:\n{listed(notes)}")
    newest = max(logs, key=lambda log: log.date)
    measured = [_measurement(name, members) for name, members in _capabilities(tasks)]
    return LmEvalLogs(model_name(results[newest.results]) or str(place), measured, notes)


def _read(log: LogFiles, results: Mapping[str, Any]) -> Samples:
    samples = read_samples(log.samples, str(results["configs"][log.task].get("output_type")))
    expected = mapping(results.get("task_hashes")).get(log.task)
    if expected and samples.digest and samples.digest != expected:
        raise UserError(
            f"{log.samples} is not what {log.results.name} was made from (its hash differs; {samples.lines} lines were "
            f"found): it was cut off or changed. Copy it again, or run lm_eval again with --log_samples."
        )
    return samples


def _capabilities(tasks: Sequence[_Task]) -> Iterator[tuple[str, list[_Task]]]:
    """Groups that are one capability, the widest first, then what is left as single tasks; in order of name."""
    left = {task.name: task for task in tasks}
    found: dict[str, list[_Task]] = {}
    for name, members in sorted(_groups(tasks), key=lambda group: (-len(group[1]), group[0])):
        inside = [left[member] for member in members if member in left]
        if len(inside) == len(members) and len({task.alike for task in inside}) == 1:
            found[name] = inside
            for task in inside:
                del left[task.name]
    found |= {task.name: [task] for task in left.values()}
    yield from sorted(found.items())


def _groups(tasks: Sequence[_Task]) -> Iterator[tuple[str, set[str]]]:
    """Groups to which lm-eval gives a number, with those of their tasks that were logged."""
    for results in {id(task.results): task.results for task in tasks}.values():
        mine = {task.name for task in tasks if task.results is results}
        tree = mapping(results.get("group_subtasks"))
        for name in mapping(results.get("groups")):
            members = set(_leaves(tree, name, set())) & mine
            if members:
                yield name, members


def _leaves(tree: Mapping[str, Iterable[str]], name: str, seen: set[str]) -> Iterator[str]:
    if name in seen:
        return
    seen.add(name)
    below = tree.get(name) or ()
    if not below:
        yield name
    for one in below:
        yield from _leaves(tree, one, seen)


def _measurement(name: str, tasks: Sequence[_Task]) -> Measurement:
    """One measurement over the documents of one or several tasks; a document that occurs twice counts once."""
    first = tasks[0]
    values: dict[str, list[float]] = {}
    asked: dict[str, list[str]] = {}
    left_out: dict[str, str] = {}
    for task in tasks:
        left_out |= task.samples.left_out.get(task.score, {})
        for item, numbers in task.samples.scores[task.score].items():
            values.setdefault(item, []).extend(numbers)
        for item, hashes in task.samples.asked.items():
            asked.setdefault(item, []).extend(hashes)
    scores = {item: math.fsum(numbers) / len(numbers) for item, numbers in values.items()}
    weights = {item: weight for task in tasks for item, weight in task.samples.weights.items()}
    total = math.fsum(weights.get(item, 1.0) for item in scores)
    generates = first.output_type == "generate_until"
    return Measurement(
        probe=name,
        capability=name,
        metric=first.score.metric,
        value=math.fsum(scores[item] * weights.get(item, 1.0) for item in scores) / total,
        higher_is_better=first.higher_is_better,
        unit="bits per byte" if first.score.metric == BITS else "share",
        split="test",
        scores=scores,
        generates=generates,
        chance=_chance(tasks, scores),
        responses={item: _response(text) for task in tasks for item, text in task.samples.answers.items()},
        prompts={item: text for task in tasks for item, text in task.samples.prompts.items()},
        references={item: text for task in tasks for item, text in task.samples.targets.items()},
        inputs={item: content_hash(sorted(set(hashes)), length=8) for item, hashes in asked.items() if item in scores},
        left_out={item: reason for item, reason in left_out.items() if item not in scores},
        settings=_settings(tasks),
        model=content_hash("lm-eval", sorted({(task.files.date, model_name(task.results)) for task in tasks})),
    )


def _response(text: str) -> Response:
    """lm-eval logs neither tokens nor why an answer ended."""
    return Response(text=text, tokens=None, stopped=True)


def _chance(tasks: Sequence[_Task], scores: Mapping[str, float]) -> float | None:
    """The mean of 1/choices for accuracies of 0 and 1; None for other scores, where guessing is not known."""
    metric = tasks[0].score.metric
    if tasks[0].output_type != "multiple_choice" or not metric.startswith("acc") or metric == "acc_mutual_info":
        return None
    if any(score not in (0, 1) for score in scores.values()):
        return None
    choices = {item: count for task in tasks for item, count in task.samples.choices.items()}
    return math.fsum(1 / choices[item] for item in scores) / len(scores)


def _settings(tasks: Sequence[_Task]) -> dict[str, Any]:
    """Settings that all tasks share as one value, others by task."""
    each = {task.name: {**settings_of(task.results, task.name), "filter": task.score.filter} for task in tasks}
    keys = dict.fromkeys(key for settings in each.values() for key in settings)
    merged: dict[str, Any] = {}
    for key in keys:
        values = {name: settings.get(key) for name, settings in each.items()}
        same = len({content_hash([value]) for value in values.values()}) == 1
        merged[key] = next(iter(values.values())) if same else values
    return merged
