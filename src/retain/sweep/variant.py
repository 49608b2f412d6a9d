"""What tells the arms of a frontier apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Overrides = Mapping[str, Any]
"""Path of a setting -> the value that takes its place."""


class Variant(NamedTuple):
    """An arm without its seed and its share of the rows.

    Attributes:
        name: what a person calls it.
        changes: what it replaces in the recipe.
        factor: the one thing in which it differs from the others; empty where that is not one thing.
        level: of the factor.
    """

    name: str
    changes: Overrides
    factor: str = ""
    level: float | str | None = None
