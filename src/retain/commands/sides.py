"""What BEFORE and AFTER of ``retain compare`` can be, and the measurements that each of them stands for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from retain.commands.gate import load_finished, load_run
from retain.commands.measure import measure
from retain.data.example import answers_of
from retain.errors import UserError
from retain.folder import read_text
from retain.importing.lm_eval import read_lm_eval
from retain.importing.lm_eval_files import is_lm_eval
from retain.models.address import is_endpoint, parse_address
from retain.progress import Progress
from retain.record_files import read_record
from retain.records import Measurement
from retain.stages.measuring import Measurements
from retain.stages.prepare import Prepared

Kind = Literal["model", "file", "run", "lm-eval"]
_LOGS_ALONE = (
    "Logs of lm-eval can be compared with logs of lm-eval only: Retain asks and computes in its own way, so that the "
    "difference would not be the model's alone.\n  Run lm_eval with --log_samples --output_path on both models, or "
    "measure both with 'retain measure --suite lm-eval:TASK'."
)


@dataclass(frozen=True)
class Side:
    """One of the two things that are compared."""

    name: str
    """For people."""
    measurements: list[Measurement]
    notes: Sequence[str] = ()
    tasks: frozenset[str] = frozenset()
    """Probes that are known to measure what was learned."""
    targets: Sequence[str] = ()
    """Answers of the rows that it was trained on, where they are known."""


def kind_of(given: str) -> Kind:
    """What a person named; whatever is no file or folder of a known kind is a model, and loading it will tell.

    Raises:
        UserError: it is a file or folder that cannot stand for one model.
    """
    path = Path(given)
    if path.is_dir():
        return _kind_of_folder(path)
    if path.suffix == ".jsonl" and path.is_file():
        raise UserError(f"{given} holds one task's samples: name its folder, where lm-eval's results lie too")
    if path.suffix != ".json":
        return "model"
    if not path.is_file():
        raise UserError(f"There is no file {given}")
    if is_lm_eval(path):
        return "lm-eval"
    if _keys(path) >= {"comparison", "verdict"}:
        raise UserError(_two_models(path))
    return "file"


def _kind_of_folder(path: Path) -> Kind:
    if (path / "config.json").is_file() or (path / "adapter_config.json").is_file():
        return "model"
    if (path / "recipe.yaml").is_file():
        return "run"
    if (path / "record.json").is_file():
        load_finished(path)  # a damaged one is no comparison
        raise UserError(_two_models(path))
    return "lm-eval" if is_lm_eval(path) else "model"


def _two_models(path: Path) -> str:
    return (
        f"{path} holds a finished comparison, and so two models. Judge it again with 'retain gate {path}', or name the "
        "model, the file of measurements or the run folder that you mean."
    )


def _keys(path: Path) -> set[str]:
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return set()
    return set(content) if isinstance(content, dict) else set()


def check_pair(before: str, after: str, metric: str | None) -> tuple[Kind, Kind]:
    """The kinds of both sides.

    Raises:
        UserError: the two cannot be compared, whatever they hold.
    """
    kinds = kind_of(before), kind_of(after)
    if "lm-eval" in kinds and set(kinds) != {"lm-eval"}:
        raise UserError(f"{_LOGS_ALONE}\n  Found: {before} ({kinds[0]}) and {after} ({kinds[1]}).")
    if kinds[0] != "model" and Path(before).resolve() == Path(after).resolve():
        raise UserError(f"BEFORE and AFTER are the same: {before}")
    if metric and "lm-eval" not in kinds:
        raise UserError("--metric chooses among the metrics in logs of lm-eval; here there are none.")
    return kinds


def check_models(*given: str) -> None:
    """Refuse models that are plainly not there, before hours are spent on measuring the others.

    Raises:
        UserError: a path leads to no model, or a server's address is none.
    """
    from retain.models.load import check_place

    for one in given:
        if kind_of(one) == "model":
            parse_address(one) if is_endpoint(one) else check_place(one)


def read_side(given: str, kind: Kind, metric: str | None = None) -> Side:
    """The measurements that lie in a file or folder.

    A run folder stands for the model that it made; its base's measurements are in its ``before.json``.

    Raises:
        UserError: they cannot be read.
    """
    path = Path(given)
    if kind == "lm-eval":
        logs = read_lm_eval(path, metric)
        return Side(logs.name, logs.measurements, logs.notes)
    if kind == "run":
        record = load_run(path)
        tasks = frozenset(change.probe for change in record.comparison.gains)
        note = (
            f"{given} is a run: the model that it made is compared (its base's scores are in {path / 'before.json'})."
        )
        return Side(f"{path.resolve().name} (tuned)", record.after, [note], tasks, _targets(path))
    found = read_record(path, Measurements)
    return Side(found.name or given, found.measurements, found.remarks())


def _targets(run: Path) -> list[str]:
    """The answers that a run trained on; none where its rows are no longer there, or are texts."""
    path = run / "data.json"
    return answers_of(read_record(path, Prepared).splits.train) if path.is_file() else []


def measured_side(given: str, suite: str, load_in: str, limit: int | None, progress: Progress) -> Side:
    """A model's measurements on test items."""
    found = measure(given, suite, load_in, "test", limit, None, progress)
    return Side(found.name or given, found.measurements, found.remarks())


def base_of(adapter: str) -> str:
    """The base that an adapter folder names.

    Raises:
        UserError: it is no adapter folder, or names no base.
    """
    path = Path(adapter) / "adapter_config.json"
    if not path.is_file():
        raise UserError(f"{adapter} is no adapter, which could name its base: give both BEFORE and AFTER.")
    base = _adapter_config(path).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise UserError(f"{path} does not name its base: give both BEFORE and AFTER.")
    return base


def adapter_notes(before: str, after: str) -> list[str]:
    """That an adapter is compared with another base than its own."""
    path = Path(after) / "adapter_config.json"
    base = _adapter_config(path).get("base_model_name_or_path") if path.is_file() else None
    if not isinstance(base, str) or base == before or Path(base).resolve() == Path(before).resolve():
        return []
    return [f"The adapter {after} names {base} as its base. If {before} has other weights, they are compared as well."]


def _adapter_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}") from None
    return content if isinstance(content, dict) else {}
