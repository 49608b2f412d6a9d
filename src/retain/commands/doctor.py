"""``retain doctor``: versions, devices, and known incompatibilities with what to do about each."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from retain.commands.known_problems import MINIMUMS, Problem, find_problems, release
from retain.errors import UserError
from retain.folder import cache_folder
from retain.models.builtin import BUILTINS, PREFIX
from retain.provenance import installed
from retain.records import Record
from retain.reporting.numbers import number_of
from retain.store import store_size

OPTIONAL = (
    "bitsandbytes",
    "evaluate",
    "huggingface-hub",
    "lm-eval",
    "sentence-transformers",
    "torchao",
    "torchvision",
)
"""Packages that Retain does without, but that break the others in some versions."""

ENOUGH_DISK_GB = 5.0


class Device(Record):
    """Something that torch can compute on."""

    kind: Literal["cuda", "mps", "cpu"]
    name: str
    memory_gb: float | None = None
    bf16: bool | None = None
    """Computes in bf16; None where torch does not say."""


class Doctor(Record):
    """What there is, and what is wrong with it."""

    python: str
    system: str
    versions: dict[str, str]
    """Package -> version; packages that are not installed are absent."""
    missing: list[str]
    """Packages that Retain needs and that are not installed."""
    devices: list[Device]
    embedded: dict[str, bool]
    """Embedded model -> its package is installed."""
    cache: str
    store_mb: float = 0.0
    """Measurements and other results that are kept between runs; ``store`` in the cache folder, may be deleted."""
    disk_free_gb: float | None
    """Free space where the cache folder lies, or would lie."""
    hub_reachable: bool | None
    """None where it was not asked."""
    problems: list[Problem]

    @property
    def exit_code(self) -> int:
        """4 when something is broken, 0 when there are warnings at most."""
        return 4 if any(problem.level == "error" for problem in self.problems) else 0


def doctor(adapter: str | Path | None = None, four_bit: bool = False, hub: bool = False) -> Doctor:
    """Look at this environment. Nothing is loaded and, without ``hub``, nothing is asked of the network.

    Args:
        adapter: a PEFT adapter folder; whether this PEFT can load it is checked as well.
        four_bit: models will be loaded in 4 bits (QLoRA).
        hub: also ask whether the Hugging Face Hub can be reached.

    Raises:
        UserError: the adapter folder holds no readable ``adapter_config.json``.
    """
    versions = installed([*MINIMUMS, *OPTIONAL])
    seen, broken = _torch(versions)
    found = find_problems(
        versions,
        sys.version_info[:3],
        cuda_build=seen.cuda_build,
        cuda_available=seen.cuda_available,
        nvidia_driver=shutil.which("nvidia-smi") is not None,
        macos=platform.mac_ver()[0] or None,
        four_bit=four_bit,
        adapter=read_adapter(Path(adapter)) if adapter is not None else None,
    )
    cache = cache_folder()
    free = disk_free_gb(cache)
    embedded = {name: _is_installed(builtin.package) for name, builtin in BUILTINS.items()}
    reachable = _hub_reachable() if hub else None
    return Doctor(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}".strip(),
        versions=versions,
        missing=[name for name in MINIMUMS if name not in versions],
        devices=seen.devices,
        embedded=embedded,
        cache=str(cache),
        store_mb=store_size()[1] / 1e6,
        disk_free_gb=free,
        hub_reachable=reachable,
        problems=[*broken, *found, *_surroundings(free, embedded, reachable, seen.devices)],
    )


def render_doctor(found: Doctor) -> str:
    """The findings as plain text for a terminal."""
    lines = [f"Python {found.python} on {found.system}", "", "Packages"]
    lines += [f"  {name:<22} {version}" for name, version in sorted(found.versions.items())]
    lines += [f"  {name:<22} not installed" for name in found.missing]
    lines += ["", "Devices", *(f"  {_device(device)}" for device in found.devices)]
    lines += ["", "Embedded models"]
    lines += [f"  {PREFIX}{name:<14} {'there' if there else 'absent'}" for name, there in found.embedded.items()]
    free = "unknown" if found.disk_free_gb is None else f"{found.disk_free_gb:.1f} GB free"
    lines += ["", f"Cache  {found.cache} ({free}; kept measurements take {found.store_mb:.1f} MB)"]
    if found.hub_reachable is not None:
        lines.append(f"Hub    {'reachable' if found.hub_reachable else 'not reachable'}")
    return "\n".join([*lines, "", *_problems(found.problems)]) + "\n"


def read_adapter(folder: Path) -> dict[str, Any]:
    """The ``adapter_config.json`` of a PEFT adapter.

    Raises:
        UserError: there is none, or it is not a JSON object.
    """
    path = folder / "adapter_config.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}\n  Give the folder of a PEFT adapter.") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} is not a JSON object: it holds a {type(found).__name__}")
    return found


def disk_free_gb(folder: Path) -> float | None:
    """Free space on the disk of a folder that need not exist yet."""
    existing = next((place for place in [folder, *folder.parents] if place.exists()), None)
    try:
        return shutil.disk_usage(existing).free / 1e9 if existing else None
    except OSError:
        return None


@dataclass(frozen=True)
class _Seen:
    """What torch says about the computer."""

    devices: list[Device]
    cuda_build: str | None = None
    cuda_available: bool = False


def _torch(versions: Mapping[str, str]) -> tuple[_Seen, list[Problem]]:
    """Devices, and the problem that torch cannot be imported."""
    if "torch" not in versions:
        return _Seen([]), []
    try:
        import torch
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        problem = Problem(
            level="error",
            what=f"torch {versions['torch']} cannot be imported",
            why=str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__,
            fix="Install it again from https://pytorch.org/get-started/locally/ in a new environment.",
            about=("torch",),
        )
        return _Seen([]), [problem]
    return _Seen(_devices(torch), torch.version.cuda, torch.cuda.is_available()), []


def _devices(torch: Any) -> list[Device]:
    found: list[Device] = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            with torch.cuda.device(index):
                bf16 = torch.cuda.is_bf16_supported()
            found.append(Device(kind="cuda", name=about.name, memory_gb=about.total_memory / 1e9, bf16=bf16))
    if torch.backends.mps.is_available():
        found.append(Device(kind="mps", name="Apple GPU", bf16=release(platform.mac_ver()[0]) >= (14,)))
    cpu = platform.processor() or platform.machine()
    return [
        *found,
        Device(
            kind="cpu", name=f"{cpu}, {os.cpu_count()} cores, {number_of(torch.get_num_threads(), 'thread')}", bf16=True
        ),
    ]


def _surroundings(
    free: float | None, embedded: Mapping[str, bool], reachable: bool | None, devices: Sequence[Device]
) -> list[Problem]:
    """Problems of this computer rather than of its packages: all of them warnings."""
    problems = []
    if free is not None and free < ENOUGH_DISK_GB:
        problems.append(
            Problem(
                level="warning",
                what=f"{free:.1f} GB free in the cache folder",
                why="Models and their dequantised copies take several gigabytes.",
                fix="Free some space, or set RETAIN_CACHE to a folder on another disk.",
            )
        )
    for name, there in embedded.items():
        if not there:
            why = "Examples and the demonstration use it; other models work without it."
            what = f"The embedded model {PREFIX}{name} is not installed"
            problems.append(Problem(level="warning", what=what, why=why, fix=BUILTINS[name].install))
    if reachable is False:
        why = "Models and data sets from the Hub load only where they are cached; local folders and files work."
        fix = "Check the network, HF_ENDPOINT and HF_HUB_OFFLINE."
        problems.append(Problem(level="warning", what="The Hugging Face Hub is not reachable", why=why, fix=fix))
    problems += [
        Problem(
            level="warning",
            what=f"{device.name} does not compute in bf16",
            why="Models load in bf16 unless the recipe says otherwise.",
            fix="Use load_in: fp32.",
        )
        for device in devices
        if device.kind == "cuda" and device.bf16 is False
    ]
    return problems


def _hub_reachable() -> bool:
    from retain.models.load import hub_reachable

    return hub_reachable()


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _device(device: Device) -> str:
    memory = f", {device.memory_gb:.0f} GB" if device.memory_gb is not None else ""
    bf16 = {True: ", bf16", False: ", no bf16", None: ""}[device.bf16]
    return f"{device.kind:<5} {device.name}{memory}{bf16}"


def _problems(problems: Sequence[Problem]) -> list[str]:
    if not problems:
        return ["No known problems."]
    lines = []
    for problem in problems:
        lines += [
            f"{problem.level.upper()}: {problem.what}",
            f"  {problem.why}",
            f"  What to do: {problem.fix}",
        ]
        lines += [f"  See {problem.source}"] if problem.source else []
    return lines
