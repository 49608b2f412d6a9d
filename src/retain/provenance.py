"""Where a result comes from: versions, seeds, hardware, time."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

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
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def provenance(seed: int) -> dict[str, Any]:
    """Versions, seed, hardware and the time, as plain values."""
    import torch

    from retain.models.load import device

    place = device()
    name = torch.cuda.get_device_name() if place.startswith("cuda") else platform.processor() or platform.machine()
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "versions": versions(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": place,
        "processor": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
