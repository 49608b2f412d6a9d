"""Fingerprints of models whose files have been loaded before: what has not changed need not be loaded to be known.

A model's fingerprint is a hash of what was loaded, and loading takes seconds to minutes. The state of its files (names,
sizes, times of last change) takes milliseconds, and as long as that is the same, so is the fingerprint. Anything else,
a touched file too, means loading again.
"""

from __future__ import annotations

import glob
import json
import os
import platform
import time
from pathlib import Path

from retain.models.builtin import BUILTINS, PREFIX, builtin_place
from retain.provenance import versions
from retain.records import Record, content_hash
from retain.store import Store
from retain.sums import file_hash

SETTLED_SECONDS = 2.0
"""Files that changed less than this ago may change again without their times showing it."""
MOST_FILES = 1000
"""A folder with more is no model's own."""
LIBRARIES = ("retain", "torch", "transformers", "tokenizers", "peft", "bitsandbytes", "safetensors", "gguf")
"""Packages whose version can change what is loaded from the same files."""
CODE = ("fingerprint.py", "gguf.py")
"""Our own files that decide what is loaded and how it is hashed."""
VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
"""Variables that decide which accelerators torch finds."""


class KnownModel(Record):
    """A model that was loaded from the same files before."""

    fingerprint: str
    device: str
    """Where it ran: the device that torch offers on this machine."""


def files_state(spec: str, load_in: str) -> str | None:
    """A hash of what decides a model's fingerprint, from the state of its files; weights are not read.

    Args:
        spec: what ``load_causal`` takes.
        load_in: the precision.

    Returns:
        None for a model that is not made of files here (a Hub id), or whose files changed just now.
    """
    files = _files(spec)
    if not files:
        return None
    try:
        states = [(str(path), *_state(path)) for path in files]
    except OSError:
        return None
    if max(state[-1] for state in states) > time.time_ns() - SETTLED_SECONDS * 1e9:
        return None
    installed = versions()
    libraries = {name: installed.get(name) for name in LIBRARIES}
    code = [file_hash(Path(__file__).parents[1] / "models" / name) for name in CODE]
    return content_hash(spec, load_in, states, libraries, code, _hardware(), length=32)


def known_model(state: str | None) -> KnownModel | None:
    """The model that was loaded when its files were in this state."""
    return Store("fingerprints").read(state, KnownModel) if state else None


def remember_model(state: str | None, spec: str, load_in: str, model: KnownModel) -> None:
    """Keep a model's fingerprint, if its files are as they were before it was loaded."""
    if state and files_state(spec, load_in) == state:
        Store("fingerprints").write(state, model)


def _files(spec: str) -> list[Path]:
    """All files that a model is loaded from, an adapter's base included; empty where they cannot be named."""
    name = spec.removeprefix(PREFIX)
    if spec.startswith(PREFIX):
        place = builtin_place(name) if name in BUILTINS else Path(name)
    else:
        place = Path(os.path.expanduser(spec))
    if place.is_file():
        return [place.resolve()]
    found = sorted(path for path in place.resolve().rglob("*") if path.is_file()) if place.is_dir() else []
    if not found or len(found) > MOST_FILES:
        return []
    config = place / "adapter_config.json"
    if not config.is_file():
        return found
    named = _base(config)
    base = _files(named) if named else []
    return [*found, *base] if base else []


def _base(config: Path) -> str:
    try:
        named = json.loads(config.read_text("utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return named if isinstance(named, str) and Path(named).resolve() != config.parent.resolve() else ""


def _state(path: Path) -> tuple[int, int, int, int]:
    """Size, place on the disk, last change of the content, and the latest change of any kind, in nanoseconds."""
    found = path.stat()
    return found.st_size, found.st_ino, found.st_mtime_ns, max(found.st_mtime_ns, found.st_ctime_ns)


def _hardware() -> list[str]:
    """What decides where torch runs a model, seen without torch."""
    nodes = [*glob.glob("/dev/nvidia[0-9]*"), *glob.glob("/dev/kfd"), *glob.glob("/dev/dri/render*")]
    return [platform.system(), platform.machine(), *sorted(nodes), *(os.environ.get(name, "") for name in VISIBLE)]
