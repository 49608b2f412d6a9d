"""Tensors in safetensors files that are read through the system's page cache and not into memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from retain import processes
from retain.folder import whole_file

if TYPE_CHECKING:
    import torch


def mapped(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, memory-mapped: the system reads what is used and may drop it again."""
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def write_mapped(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write such a file, wholly or not at all; of processes that work together the first one does, the others wait.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    processes.from_first(lambda: _write(tensors, path))


def _write(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    with whole_file(path) as making:
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, str(making))
