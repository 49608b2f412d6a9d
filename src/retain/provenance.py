"""Where a result comes from: versions, seeds, hardware, time."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from retain.paths import portable_path

PACKAGES = (
    "retain",
    "torch",
    "transformers",
    "tokenizers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "safetensors",
    "gguf",
    "bitsandbytes",
    "bm25s",
    "sentence-transformers",
    "lm-eval",
    "ir-measures",
    "numpy",
    "scipy",
)


def versions() -> dict[str, str]:
    """Installed versions of what results depend on; absent packages are left out."""
    return installed(PACKAGES)


def installed(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    found = {package: _version(package) for package in packages}
    return {package: version for package, version in found.items() if version is not None}


@cache
def _version(package: str) -> str | None:
    """The installed version; read once, as every lookup parses the package's metadata anew."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def called(arguments: Sequence[str]) -> str | None:
    """The command as one types it in a shell; None where it was not the command line of this package.

    Absolute paths become relative to the working folder, as records leave this machine. Of a launcher that started
    several processes nothing is known here: it is each process's own command.
    """
    words = program(arguments[0]) if arguments else []
    return shlex.join([*words, *map(_portable, arguments[1:])]) if words else None


def program(path: str) -> list[str]:
    """How this package was started, from what Python says of the program that runs; empty for another one."""
    place = Path(path)
    if place.stem == "retain":
        return ["retain"]
    if place.name != "__main__.py":
        return []
    modules = {("retain",): "retain", ("retain", "cli"): "retain.cli"}
    found = (modules.get(place.parts[-1 - deep : -1]) for deep in (1, 2))
    return next((["python", "-m", module] for module in found if module is not None), [])


def _portable(argument: str) -> str:
    """``/here/a.yaml`` or ``--set data.train=/here/a.jsonl`` as seen from the working folder."""
    name, equals, path = argument.rpartition("=")
    return f"{name}{equals}{portable_path(path, str(Path.cwd()))}"


def provenance(seed: int) -> dict[str, Any]:
    """Versions, seed, hardware and the time, as plain values."""
    import torch

    from retain.models.load import device

    place = device()
    name = torch.cuda.get_device_name() if place.startswith("cuda") else platform.processor() or platform.machine()
    command = called(sys.argv)
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        **({"command": command} if command else {}),
        "seed": seed,
        "versions": versions(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": place,
        "processor": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
