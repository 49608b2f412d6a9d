"""A learned update as files: an adapter, or all weights in fp32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retain.folder import whole_folder
from retain.models.low_rank import save_adapter
from retain.models.update import WEIGHTS, save_weights


def is_adapter(module: Any) -> bool:
    """True for a PEFT model."""
    return hasattr(module, "peft_config")


def save_update(module: Any, folder: Path) -> Path:
    """Save what was trained, for :func:`retain.training.trained.load_trained`; the folder appears at once."""
    with whole_folder(folder) as making:
        if is_adapter(module):
            save_adapter(module, making)
        else:
            save_weights(module, making / WEIGHTS)
    return folder
