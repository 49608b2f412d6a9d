"""How many weights a model has, without loading it."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

from retain.models.builtin import BUILTINS, PREFIX, builtin_place
from retain.models.hub_cache import cached_folder

IN_A_NAME = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)(m|b)(?![a-z])", re.IGNORECASE)
"""``135m``, ``1.5B``: the size that most models carry in their name."""
UNITS = {"m": 1_000_000, "b": 1_000_000_000}


def weights_of(spec: str) -> int | None:
    """The number of weights of a model: counted in its files' headers, or read off its name; None where neither says.

    Args:
        spec: what ``load_causal`` takes.
    """
    name = spec.removeprefix(PREFIX)
    place = builtin_place(name) if spec.startswith(PREFIX) and name in BUILTINS else Path(os.path.expanduser(spec))
    folder = place if place.exists() or spec.startswith(PREFIX) else cached_folder(spec)
    files = sorted(folder.glob("*.safetensors")) if folder is not None and folder.is_dir() else []
    try:
        if place.suffix == ".gguf" and place.is_file():
            return _named(spec) or _in_gguf(place)
        return sum(map(_counted, files)) or _named(spec)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _named(spec)  # loading will say what is wrong with them


def _counted(path: Path) -> int:
    """Entries of all tensors of a safetensors file: its first 8 bytes say how long the JSON that lists them is."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(math.prod(one["shape"]) for name, one in header.items() if name != "__metadata__")


def _in_gguf(path: Path) -> int:
    """Entries of all tensors of a GGUF file."""
    import gguf

    return sum(int(one.n_elements) for one in gguf.GGUFReader(path).tensors)


def _named(spec: str) -> int | None:
    found = IN_A_NAME.findall(Path(spec).name)
    return round(float(found[-1][0]) * UNITS[found[-1][1].lower()]) if found else None
