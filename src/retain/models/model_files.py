"""The files beside a model's weights: in its folder, or in the hub's cache."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from retain.models.builtin import PREFIX
from retain.models.load import hub_reachable

MODULES = "modules.json"
"""Where sentence-transformers lists what a model is made of."""


def model_file(spec: str, name: str) -> Path | None:
    """A file of a model; None where the model has none of this name.

    Args:
        spec: a folder or a Hub id.
        name: of the file, with its folder inside the model's.
    """
    place = Path(os.path.expanduser(spec))
    if place.exists() or spec.startswith(PREFIX):
        return place / name if (place / name).is_file() else None
    from transformers.utils import cached_file

    try:
        found = cached_file(
            spec,
            name,
            local_files_only=not hub_reachable(),
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
    except (OSError, ValueError):  # loading the model itself says what is wrong with its name
        return None
    return Path(found) if found else None


def model_json(spec: str, name: str) -> Any:
    """What a JSON file of a model says; None where there is no such file or it is damaged."""
    path = model_file(spec, name)
    try:
        return json.loads(path.read_text("utf-8")) if path else None
    except (OSError, ValueError, RecursionError):
        return None


def weight_files(spec: str) -> list[Path]:
    """The safetensors files of a model that was loaded.

    The hub's cache keeps those that the hub itself converted beside the model's own, as another version of it.
    """
    place = Path(os.path.expanduser(spec))
    if place.is_dir():
        return sorted(place.glob("*.safetensors"))
    config = model_file(spec, "config.json")
    if config is None:
        return []
    return sorted(config.parent.glob("*.safetensors")) or sorted(config.parent.parent.glob("*/*.safetensors"))


def module_folders(spec: str) -> dict[str, str]:
    """What sentence-transformers builds a model of: each module's class and the folder of its settings."""
    listed = model_json(spec, MODULES)
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return {str(row.get("type")).rpartition(".")[2]: str(row.get("path") or "") for row in rows}
