"""What training shows, writes down and says when it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from transformers import TrainerCallback

from retain.errors import BrokenError
from retain.models.transformers_model import TransformersModel
from retain.progress import Progress
from retain.training.alarms.history import ROW_LOSSES, ROW_TOKENS


class ShowProgress(TrainerCallback):
    """Shows each finished update, and beside it the numbers of the moment.

    Args:
        progress: where it is shown.
        penalties: names whose last values in the log are shown.
        watching: callbacks; what those with a method ``note`` say is shown too.
    """

    def __init__(self, progress: Progress, penalties: Iterable[str] = (), watching: Iterable[object] = ()) -> None:
        self.progress = progress
        self.penalties = tuple(penalties)
        self.notes: list[Callable[[], str]] = [one.note for one in watching if isinstance(one, HasNote)]

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Report the step."""
        logged: Mapping[str, Any] = next((entry for entry in reversed(state.log_history) if "loss" in entry), {})
        values = [f"{name} {logged[name]:.2g}" for name in self.penalties if name in logged]
        told = [note for note in (ask() for ask in self.notes) if note]
        if logged and not any(note.startswith("loss ") for note in told):
            told.insert(0, f"loss {logged['loss']:.2f}")
        self.progress.update("training", state.global_step, state.max_steps, ", ".join([*told[:1], *values, *told[1:]]))


@runtime_checkable
class HasNote(Protocol):
    """Something that has a number to show while training goes on."""

    def note(self) -> str:
        """A few words; empty where there is nothing to say yet."""


def drop_printers(trainer: Any) -> None:
    """Take off the callbacks that print."""
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    for printer in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(printer)


def log_entry(entry: Mapping[str, Any]) -> dict[str, float]:
    """One entry of the trainer's log as a record keeps it."""
    dropped = ("total_flos", "train_runtime", "num_tokens", ROW_LOSSES, ROW_TOKENS)
    return {key: float(value) for key, value in entry.items() if key not in dropped}


def broken(error: BrokenError, model: TransformersModel, folder: Path) -> str:
    """What a person must know of a training that broke; the weights of the last good step are saved."""
    from retain.training.trained import save_trained

    kept = save_trained(model, folder / "last_good")
    return (
        f"{error}\n  The weights before it are kept in {kept}.\n"
        "  Usual reasons: a learning rate that is too high, or rows that hold no text. Lower training.learning_rate "
        "(try a tenth) and use another run folder."
    )
