"""What a file is that was given as a recipe and is none, and what to do about it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from yaml.reader import ReaderError

from retain.data.readers import READERS
from retain.data.sources import extension_of
from retain.errors import UserError

DATA = frozenset(READERS) | {".md"}
"""Endings of files that hold training rows or text."""


def is_data_file(path: Path, values: Any = None) -> bool:
    """Whether a file is called like training data, and does not hold a recipe all the same."""
    return extension_of(path) in DATA and not (isinstance(values, dict) and ("model" in values or "stages" in values))


def no_recipe(path: Path, why: str, error: Exception | None = None) -> UserError:
    """The error about a file that is no recipe.

    Args:
        path: the file.
        why: what is wrong with it, after its name; left out where it is no text, or is called like a data file.
        error: what came of reading it.
    """
    if is_data_file(path):
        init = f"retain init MODEL {shlex.quote(str(path))}"
        return UserError(f"{path} is not a recipe; it looks like a data file. Make a recipe for it: {init}")
    if isinstance(error, UnicodeDecodeError) or (isinstance(error, ReaderError) and error.character == 0):
        return UserError(
            f"{path} is not a recipe: it is no text in UTF-8, and a recipe is YAML text. Name a recipe, or make one: "
            "retain init MODEL DATA"
        )
    return UserError(f"{path} {why}")
