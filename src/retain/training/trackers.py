"""Trackers that a training and a run report to: transformers' own callbacks, with Retain's numbers beside the loss."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from retain.errors import MissingExtraError, install_extra
from retain.mitigations.dev_guard import RECORD, Guarded
from retain.record_files import read_json, read_record, write_json
from retain.training.settings import TRACKERS

log = logging.getLogger(__name__)
FILE = "trackers.json"
"""In the run's folder: by which id each tracker knows the run."""
TENSORBOARD = "tensorboard"
_MODULES = {"comet_ml": "comet_ml", "azure_ml": "azureml", "neptune": "neptune", "dagshub": "dagshub"}
_HELD_OUT = "held_out_loss"
_NOT_IN_MLFLOW = re.compile(r"[^\w\-. :/]")
"""What MLflow refuses in a metric's name."""


def check_trackers(names: Sequence[str]) -> None:
    """Refuse a tracker that is not installed before hours of work could be lost to it.

    Raises:
        MissingExtraError: with the line that installs it.
    """
    for name in names:
        if importlib.util.find_spec(_MODULES.get(name, name)) is None:
            install = install_extra(name) if name in TRACKERS[:4] else f"pip install {name.replace('_', '-')}"
            raise MissingExtraError(f"training.report_to: {name}", install)


class Trackers(TrainerCallback):
    """Hands every event of a training on to the trackers' callbacks, and adds what a log entry does not hold.

    That is what a guard measured on dev items (``guard/mean_loss``, ``guard/worst_loss``, ``guard/gain``; points),
    its readings of the KL meter (``guard/kl``; nats a token), and the loss of dev rows. Penalties and the task's own
    loss stand in the log by themselves.

    Args:
        names: transformers' names of trackers.
        folder: the run's; TensorBoard writes into its ``tensorboard``.
        kept: where a guard writes down what it found.
    """

    def __init__(self, names: Sequence[str], folder: Path, kept: Path) -> None:
        from transformers.integrations.integration_utils import get_reporting_integration_callbacks

        self.folder = folder
        self._guard = kept / RECORD
        self._seen: set[tuple[str, float]] = set()
        if TENSORBOARD in names:
            os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / TENSORBOARD)
        if "wandb" in names:
            os.environ.setdefault("WANDB_DIR", str(folder))
        self.names = tuple(names)
        self.inner = [kind() for kind in get_reporting_integration_callbacks(list(names))]

    def _each(self, event: str, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for one in self.inner:
            getattr(one, event)(args, state, control, **kwargs)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin, or go on: what a guard found before is not sent again."""
        self._each("on_train_begin", args, state, control, **kwargs)
        if state.global_step:
            self._news(state)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """A log entry of the trainer."""
        self._each("on_log", args, state, control, logs=logs, **kwargs)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Send what was found since."""
        self._send(args, state, control, **kwargs)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A checkpoint was written."""
        self._each("on_save", args, state, control, **kwargs)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Send the rest, remember by which ids the run is known, and let the trackers close."""
        self._send(args, state, control, **kwargs)
        if state.is_world_process_zero:
            write_json(self.folder / FILE, {name: _id_of(name) for name in self.names})
        self._each("on_train_end", args, state, control, **kwargs)

    def _send(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if news := self._news(state):
            self._each("on_log", args, state, control, logs=news, **kwargs)

    def _news(self, state: Any) -> dict[str, float]:
        """Numbers that were not sent yet."""
        found: dict[str, float] = {}
        for entry in state.log_history[-3:]:
            if _HELD_OUT in entry and self._is_new(_HELD_OUT, entry["step"]):
                found[_HELD_OUT] = entry[_HELD_OUT]
        if not self._guard.is_file():
            return found
        guarded = read_record(self._guard, Guarded)
        for reading in guarded.readings:
            if self._is_new("kl", reading.step):
                found["guard/kl"] = reading.kl
        for one in guarded.candidates:
            if self._is_new("candidate", one.value):
                values = {"gain": one.gain, "mean_loss": one.mean_loss}
                values |= {"worst_loss": one.worst_loss} if one.worst_unit == "points" else {}
                found |= {f"guard/{name}": value for name, value in values.items() if value is not None}
                found["guard/passing"] = float(one.passing)
        return found

    def _is_new(self, kind: str, step: float) -> bool:
        new = (kind, step) not in self._seen
        self._seen.add((kind, step))
        return new


def send_results(names: Sequence[str], folder: Path, numbers: Mapping[str, float], text: str, step: int) -> None:
    """Tell the trackers how a run ended, in the run that the training began with them.

    TensorBoard, wandb, MLflow and trackio are told; others know the training alone. One that fails is passed over
    with a warning: the run is finished, and its record says the same.

    Args:
        names: transformers' names of trackers.
        folder: the run's.
        numbers: name -> value.
        text: the verdict and its reasons.
        step: the training's last update.
    """
    known = read_json(folder / FILE) if (folder / FILE).is_file() else {}
    for name in names:
        if name not in _SENDERS:
            continue
        try:
            _SENDERS[name](folder, known.get(name), dict(numbers), text, step)
        except Exception as error:  # noqa: BLE001 - a tracker's own, of its server or its disk
            log.warning("%s was not told how the run ended: %s", name, error)


def _id_of(name: str) -> Any:
    """By which id a tracker knows the run that is open; None where it needs none."""
    if name == "wandb":
        import wandb

        return None if wandb.run is None else {"id": wandb.run.id, "project": wandb.run.project}
    if name == "mlflow":
        import mlflow

        run = mlflow.active_run()
        return None if run is None else run.info.run_id
    if name == "trackio":
        import trackio

        run = trackio.context_vars.current_run.get()
        return None if run is None else {"name": run.name, "project": run.project}
    return None


def _to_tensorboard(folder: Path, known: Any, numbers: dict[str, float], text: str, step: int) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(log_dir=str(folder / TENSORBOARD)) as writer:
        for name, value in numbers.items():
            writer.add_scalar(name, value, step)
        writer.add_text("retain/verdict", text.replace("\n", "  \n"), step)


def _to_wandb(folder: Path, known: Any, numbers: dict[str, float], text: str, step: int) -> None:
    import wandb

    if known is None:
        return
    run = wandb.run or wandb.init(id=known["id"], project=known["project"], resume="allow", dir=str(folder))
    run.summary.update({**numbers, "retain/verdict_text": text})
    run.finish()


def _to_mlflow(folder: Path, known: Any, numbers: dict[str, float], text: str, step: int) -> None:
    import mlflow

    if known is None:
        return
    with mlflow.start_run(run_id=known):
        mlflow.log_metrics({_NOT_IN_MLFLOW.sub("_", key): value for key, value in numbers.items()}, step=step)
        mlflow.set_tag("retain.verdict", text[:5000])


def _to_trackio(folder: Path, known: Any, numbers: dict[str, float], text: str, step: int) -> None:
    import trackio

    if known is None:
        return
    trackio.init(project=known["project"], name=known["name"], resume="allow")
    trackio.log({**numbers, "retain/verdict_text": text})
    trackio.finish()


_SENDERS = {TENSORBOARD: _to_tensorboard, "wandb": _to_wandb, "mlflow": _to_mlflow, "trackio": _to_trackio}
