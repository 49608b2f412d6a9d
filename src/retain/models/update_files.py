"""A learned update as files: an adapter, or all weights in fp32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retain import processes
from retain.folder import whole_folder
from retain.models.low_rank import read_adapter, save_adapter
from retain.models.update import WEIGHTS, read_weights, save_weights


def is_adapter(module: Any) -> bool:
    """True for a PEFT model."""
    return hasattr(module, "peft_config")


def save_update(module: Any, folder: Path) -> Path:
    """Save what was trained, for :func:`retain.training.trained.load_trained`; the folder appears at once."""

    def save() -> None:
        with whole_folder(folder, sums=True) as making:
            if is_adapter(module):
                save_adapter(module, making)
            else:
                save_weights(module, making / WEIGHTS)

    processes.from_first(save)
    return folder


def read_update(module: Any, folder: Path) -> None:
    """Put what :func:`save_update` saved back into the module it was saved from, in the module's precision."""
    if is_adapter(module):
        read_adapter(module, folder)
    else:
        read_weights(module, folder / WEIGHTS)
