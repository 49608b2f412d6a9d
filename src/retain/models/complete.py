"""Whether a model's files hold all of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retain.errors import UserError


def check_complete(spec: str, found: Mapping[str, Any], shape: str) -> None:
    """Refuse a model of which weights are missing: transformers would fill them with random numbers.

    Args:
        spec: the model's name.
        found: transformers' ``output_loading_info``, which leaves out tied weights and what is computed anew.
        shape: what says which weights the model has.

    Raises:
        UserError: there are such weights.
    """
    missing = sorted(found["missing_keys"])
    if missing:
        raise UserError(
            f"model: the weights of {spec!r} do not fit {shape}: {len(missing)} tensors are missing, such as "
            f"{missing[0]}.\n  Check that {shape} belongs to the weights and that all their files are there."
        )
