"""How many weights a model has, without loading it."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

from retain.models.builtin import BUILTINS, PREFIX, builtin_place

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
    files = sorted(place.glob("*.safetensors")) if place.is_dir() else []
    try:
        return sum(map(_counted, files)) or _named(spec)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _named(spec)  # loading will say what is wrong with them


def _counted(path: Path) -> int:
    """Entries of all tensors of a safetensors file: its first 8 bytes say how long the JSON that lists them is."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(math.prod(one["shape"]) for name, one in header.items() if name != "__metadata__")


def _named(spec: str) -> int | None:
    found = IN_A_NAME.findall(Path(spec).name)
    return round(float(found[-1][0]) * UNITS[found[-1][1].lower()]) if found else None
