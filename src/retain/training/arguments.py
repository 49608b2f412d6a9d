"""A recipe's words for training as a library's arguments: what all trainers share, and what is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from retain import processes
from retain.errors import UserError, nearest
from retain.training.schedules import schedule_arguments
from retain.training.settings import TrainingSettings


class Shaped(Protocol):
    """What arguments depend on of a model."""

    load_in: str

    def within(self, length: int) -> int:
        """The length, or what the model can read where that is less."""


def shared_arguments(settings: TrainingSettings, model: Shaped, checkpoints: Path, seed: int) -> dict[str, Any]:
    """What every trainer on transformers' takes alike; how often it logs and saves is set when the steps are known."""
    import torch

    schedule = schedule_arguments(settings.schedule, settings.lowest_rate, settings.decay)
    return {
        **({"lr_scheduler_kwargs": schedule} if schedule else {}),
        "output_dir": str(checkpoints),
        "learning_rate": settings.learning_rate,
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": each(settings.batch_size),
        **({"ddp_broadcast_buffers": False} if processes.size() > 1 else {}),  # processes differ in forward passes
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "lr_scheduler_type": settings.scheduler,
        "warmup_steps": settings.warmup_share,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "optim": settings.optimizer,
        "report_to": "none",  # stages/training.py adds the trackers
        "save_strategy": "steps" if settings.checkpoints else "no",
        "save_steps": 1,
        "save_total_limit": None,  # the trainer goes by the times of files; ``Seal`` counts updates
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "bf16": model.load_in != "fp32",
        "use_cpu": not torch.accelerator.is_available(),
        "seed": seed,
        "data_seed": seed,
        "disable_tqdm": True,
    }


def each(rows: int) -> int:
    """A process's part of a forward pass's rows.

    Raises:
        UserError: they cannot be dealt evenly.
    """
    count = processes.size()
    if rows % count:
        raise UserError(
            f"training.batch_size: {count} processes share the rows of a forward pass, {rows}, and each must get as "
            f"many; use {rows // count * count or count} or {(rows // count + 1) * count}, or other processes"
        )
    return rows // count


@dataclass(frozen=True)
class Asked:
    """What a recipe asks of a library's trainer.

    Args:
        kind: the library's dataclass of arguments.
        library: what a person calls it.
        own: Retain's keys.
        taken: more keys that are Retain's, although they are not handed on.
    """

    kind: Any
    library: str
    own: dict[str, Any]
    taken: Collection[str] = ()

    def problems(self, extra: Mapping[str, Any]) -> list[str]:
        """Keys of ``training.extra`` that are Retain's own or that the library does not know."""
        known, name = set(self.kind.__dataclass_fields__), self.kind.__name__
        found = []
        if clash := sorted(set(extra) & {*self.own, *self.taken}):
            found.append(f"{', '.join(clash)} is set by Retain's own keys; use those")
        found += [f"{key} is no key of {name}, {nearest(key, known)}" for key in extra if key not in known]
        return [f"training.extra: {one}" for one in found]

    def arguments(self, extra: Mapping[str, Any]) -> Any:
        """The library's arguments.

        Raises:
            UserError: a key of ``training.extra`` is one of Retain's own or unknown, or a value is refused.
        """
        if problems := self.problems(extra):
            raise UserError("\n".join(problems))
        try:
            return self.kind(**self.own, **extra)
        except (ValueError, TypeError, ImportError, RuntimeError) as error:
            raise UserError(f"training: {self.library} refuses these settings: {error}") from error
