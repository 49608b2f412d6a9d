"""Where comparisons are written: a folder for each set of models that are compared, and in it one for each model."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from retain.records import content_hash

COMPARISONS = Path("runs") / "comparison"
"""Where comparisons lie when no folder is named."""
LETTERS = 8
"""Of a hash, at a folder's end."""
LONGEST = 40
"""Letters of a model's name in it."""


def default_folder(given: Sequence[str]) -> Path:
    """A folder for what is compared, when none is named.

    Comparing the same again writes there again; another pair gets a folder of its own, also where its names are the
    same and only the folders above them differ.

    Args:
        given: what was named, the base first.
    """
    meant = [os.path.realpath(one) if os.path.exists(one) else one for one in given]
    ends = [_name(one, 1)[:LONGEST] for one in (given[0], given[-1])][: len(given)]
    return COMPARISONS / "-".join([*ends, content_hash(*meant)[:LETTERS]])


def folder_names(given: Sequence[str]) -> list[str]:
    """A short name for each model that can be a folder's: the end of its path or id; equal ones get what is before."""
    short = [_name(one, 1) for one in given]
    short = [_name(one, 2) if short.count(name) > 1 else name for one, name in zip(given, short, strict=True)]
    found: list[str] = []
    for name in short:
        number, unlike = 1, name
        while unlike.lower() in {one.lower() for one in found}:
            number += 1
            unlike = f"{name}-{number}"
        found.append(unlike)
    return found


def _name(given: str, parts: int) -> str:
    ends = [part for part in re.split(r"[/\\#:]+", given) if part not in ("", ".", "..")]
    name = "-".join(ends[-parts:]).removesuffix(".json")
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:80] or "model"
