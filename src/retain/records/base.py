"""What every record is: frozen, typed, written as JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


def content_hash(*parts: Any, length: int = 16) -> str:
    """A short, stable hash of content (strings or JSON-serialisable values); strings may hold lone surrogates."""
    text = "\x1f".join(part if isinstance(part, str) else json.dumps(part, sort_keys=True) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


class Record(BaseModel):
    """A frozen record. NaN and infinity are written as such, so that reading gives back what was written."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Versioned(Record):
    """A record that is written and printed as a whole, for programs to read; ``retain schema`` describes it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: Literal[1] = 1
    """Of this record's format; 1 where a file says none. It rises when a field is renamed, removed or means something
    else; new fields do not raise it."""
