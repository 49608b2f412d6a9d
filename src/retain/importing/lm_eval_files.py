"""Where lm-eval's logs lie: ``samples_<task>_<date>.jsonl`` with ``results_<date>.json`` beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retain.errors import UserError, listed
from retain.folder import read_text

_DATE = r"(?P<date>\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}(?:\.\d+)?)"
_SAMPLES = re.compile(rf"samples_(?P<task>.+)_{_DATE}\.jsonl")
_RESULTS = re.compile(rf".+_{_DATE}\.json")
AGAIN = "Run lm_eval again with --log_samples and --output_path."


@dataclass(frozen=True)
class LogFiles:
    """The two files of one task's newest run."""

    task: str
    date: str
    samples: Path
    results: Path


def is_lm_eval(place: Path) -> bool:
    """True for a folder that holds lm-eval's output (itself or one folder below) and for one of its results files."""
    if place.is_file():
        return bool(_RESULTS.fullmatch(place.name)) and _is_results(place)
    return place.is_dir() and bool(_folders(place))


def _is_results(path: Path) -> bool:
    """Whether a JSON file is lm-eval's results; a damaged one with lm-eval's own name counts, and is refused later."""
    try:
        return _has_results(json.loads(read_text(path)))
    except (OSError, ValueError, RecursionError):
        return path.name.startswith("results_")


def _has_results(content: Any) -> bool:
    return isinstance(content, dict) and {"results", "configs"} <= content.keys()


def find_logs(place: Path) -> tuple[list[LogFiles], list[str]]:
    """The newest log of every task, and notes on older ones that were passed over.

    Args:
        place: what was given to lm_eval as ``--output_path``, the model's folder in it, or one results file
            (then the logs of its date alone).

    Raises:
        UserError: there are no samples, several models' folders, or samples without their results.
    """
    wanted = None
    if place.is_file():
        found = _RESULTS.fullmatch(place.name)
        wanted, folder = found["date"] if found else None, place.parent
    else:
        folder = _one_folder(place)
    by_task: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        named = _SAMPLES.fullmatch(path.name)
        if named and wanted in (None, named["date"]):
            by_task.setdefault(named["task"], {})[named["date"]] = path
    if not by_task:
        raise UserError(f"{place} holds lm-eval results but no samples_*.jsonl, so no score per item. {AGAIN}")
    results = _results_by_date(folder)
    notes, logs, problems = [], [], []
    for task, dates in by_task.items():
        newest = max(dates)
        if len(dates) > 1:
            notes.append(f"{place}: {len(dates)} logs of {task}; the newest was taken, of {newest}.")
        if newest in results:
            logs.append(LogFiles(task, newest, dates[newest], results[newest]))
        else:
            problems.append(f"{dates[newest]}: there is no results_{newest}.json beside it")
    if problems:
        raise UserError(f"lm-eval's results tell the settings and are missing:\n{listed(problems)}\n  Copy them too.")
    return logs, notes


def _results_by_date(folder: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(folder.iterdir()):
        if named := _RESULTS.fullmatch(path.name):
            found[named["date"]] = path
    return found


def _folders(place: Path) -> list[Path]:
    """The folder itself where it holds logs, else those of its folders that do."""

    def logs(folder: Path) -> bool:
        names = [path.name for path in folder.iterdir() if path.is_file()]
        return any(_SAMPLES.fullmatch(name) or re.fullmatch(rf"results_{_DATE}\.json", name) for name in names)

    return [place] if logs(place) else sorted(one for one in place.iterdir() if one.is_dir() and logs(one))


def _one_folder(place: Path) -> Path:
    folders = _folders(place)
    if not folders:
        raise UserError(f"{place} holds no output of lm-eval. {AGAIN}")
    if len(folders) > 1:
        names = listed([str(folder) for folder in folders])
        raise UserError(f"{place} holds lm-eval logs of {len(folders)} models; name one of them:\n{names}")
    return folders[0]


def read_results(path: Path, tasks: Iterable[str]) -> Mapping[str, Any]:
    """What lm-eval wrote beside the samples: settings of the run and of each task.

    Raises:
        UserError: the file is damaged or knows nothing of a task.
    """
    try:
        content = _whole(json.loads(read_text(path)))
    except UserError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}. {AGAIN}") from None
    if not _has_results(content):
        raise UserError(f'{path} is not a results file of lm-eval: it has no "results" and "configs"')
    configs = content["configs"]
    missing = [task for task in tasks if not (isinstance(configs, dict) and isinstance(configs.get(task), dict))]
    if missing:
        raise UserError(f"{path} has no configuration of the task {missing[0]}, whose samples lie beside it. {AGAIN}")
    _check_groups(path, content.get("group_subtasks") or {})
    return dict(content)


def _whole(content: Any) -> Any:
    """The same with a question mark for each half of a character (a lone surrogate), which no record can hold."""
    return json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


def _check_groups(path: Path, groups: Any) -> None:
    """Refuse groups that are no lists of names."""
    if not isinstance(groups, dict):
        raise UserError(f'{path}: "group_subtasks" is {groups!r:.80}, not groups with their tasks. {AGAIN}')
    for name, tasks in groups.items():
        if not isinstance(tasks, list) or not all(isinstance(task, str) for task in tasks):
            raise UserError(f'{path}: "group_subtasks" of {name} is {tasks!r:.80}, not a list of tasks. {AGAIN}')
