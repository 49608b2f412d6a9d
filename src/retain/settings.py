"""The base of everything a recipe can say: frozen, no unknown keys, attribute docstrings become help."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Values a user may set. Frozen; unknown keys, NaN and infinity are refused; docstrings become descriptions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )
