"""Known incompatibilities among versions: why each goes wrong, what to do, where it is described."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from retain.errors import install_extra
from retain.records import Record

MINIMUMS: dict[str, str] = {
    "accelerate": "1.15",
    "datasets": "5.0",
    "bm25s": "0.3",
    "datasketch": "2.0",
    "filelock": "4.2",
    "ftfy": "6.3",
    "gguf": "0.19",
    "jinja2": "3.1",
    "numpy": "2.0",
    "peft": "0.21",
    "pydantic": "2.12",
    "pyyaml": "6.0",
    "regex": "2024.11",
    "rich": "14.0",
    "safetensors": "0.7",
    "scikit-learn": "1.7",
    "scipy": "1.15",
    "torch": "2.8",
    "transformers": "5.15",
    "trl": "1.16",
    "typer": "0.20",
}
"""What Retain needs at least; a test compares this with the package's own dependencies."""

TESTED_MAJORS: dict[str, int] = {
    "torch": 2,
    "transformers": 5,
    "trl": 1,
    "accelerate": 1,
    "datasets": 5,
    "numpy": 2,
}
PYTHON = (3, 11)


class Problem(Record):
    """Something that is known to go wrong, why, and what to do."""

    level: Literal["error", "warning"]
    what: str
    why: str
    fix: str
    about: tuple[str, ...] = ()
    """The packages concerned."""
    source: str = ""
    """Where this is known from."""


@dataclass(frozen=True)
class Situation:
    """Everything that the rules look at. A package that is absent from ``versions`` is not installed."""

    versions: Mapping[str, str]
    python: Sequence[int]
    cuda_build: str | None = None
    """CUDA version that torch was built for; None for a build without CUDA."""
    cuda_available: bool = False
    nvidia_driver: bool = False
    macos: str | None = None
    four_bit: bool = False
    """The user wants to load models in 4 bits."""
    adapter: Mapping[str, Any] = field(default_factory=dict)
    """``adapter_config.json`` of an adapter that the user wants to load."""

    def has(self, package: str, low: str = "0", below: str | None = None) -> bool:
        """The package is installed, at ``low`` or above and, where given, below ``below``."""
        version = self.versions.get(package)
        if version is None or release(version) < release(low):
            return False
        return below is None or release(version) < release(below)


def find_problems(
    versions: Mapping[str, str],
    python: Sequence[int],
    *,
    cuda_build: str | None = None,
    cuda_available: bool = False,
    nvidia_driver: bool = False,
    macos: str | None = None,
    four_bit: bool = False,
    adapter: Mapping[str, Any] | None = None,
) -> list[Problem]:
    """Known incompatibilities among these versions: errors first. A pure function of its arguments."""
    situation = Situation(
        versions=versions,
        python=python,
        cuda_build=cuda_build,
        cuda_available=cuda_available,
        nvidia_driver=nvidia_driver,
        macos=macos,
        four_bit=four_bit,
        adapter=adapter or {},
    )
    single = [problem for rule in RULES if (problem := rule(situation)) is not None]
    special = [*_clashes(situation), *single]
    explained = {package for problem in special if problem.level == "error" for package in problem.about}
    general = [problem for problem in _versions(situation) if explained.isdisjoint(problem.about)]
    return sorted([*special, *general], key=lambda problem: problem.level != "error")


def release(version: str) -> tuple[int, ...]:
    """``2.13.0+cpu`` -> ``(2, 13)``: without trailing zeros; ``()`` where nothing can be read."""
    matched = re.match(r"\s*v?(\d+(?:\.\d+)*)", version)
    numbers = [int(part) for part in matched[1].split(".")] if matched else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


@dataclass(frozen=True)
class Clash:
    """Two packages that do not work together: ``present`` from a version on, ``broken`` below another."""

    present: str
    since: str
    broken: str
    below: str
    why: str
    source: str
    low: str = "0"
    """Only from this version of ``broken`` on."""


CLASHES = (
    Clash(
        "transformers",
        "5",
        "peft",
        "0.18",
        "This PEFT imports HybridCache, which transformers 5 no longer has: importing PEFT fails.",
        "https://github.com/huggingface/transformers/issues/45278",
    ),
    Clash(
        "transformers",
        "5",
        "trl",
        "0.29",
        "This TRL takes optional packages for installed that are not, and its trainers fail to import.",
        "https://github.com/MakazhanAlpamys/Soup/issues/503",
    ),
    Clash(
        "transformers",
        "5",
        "lm-eval",
        "0.4.10",
        "This lm-eval imports AutoModelForVision2Seq, which transformers 5 removed: its probes fail.",
        "https://github.com/vllm-project/vllm/pull/33994",
    ),
    Clash(
        "transformers",
        "4.52",
        "accelerate",
        "1.3",
        "unwrap_model() got an unexpected keyword argument 'keep_torch_compile': no training starts.",
        "https://github.com/huggingface/transformers/pull/38339",
    ),
    Clash(
        "transformers",
        "4.52",
        "torch",
        "2.6",
        "torch.load is unsafe before 2.6 and refused: training cannot go on from a checkpoint.",
        "https://github.com/huggingface/transformers/pull/37785",
        low="2.3",
    ),
    Clash(
        "numpy",
        "2",
        "torch",
        "2.3",
        "torch 2.3 is the first that works with NumPy 2; before, tensors cannot become arrays.",
        "https://github.com/pytorch/pytorch/issues/132179",
    ),
    Clash(
        "peft",
        "0.19",
        "torchao",
        "0.16",
        "PEFT refuses to add a LoRA while a torchao below 0.16 is installed, even if nothing uses it.",
        "https://github.com/oumi-ai/oumi/pull/2408",
    ),
    Clash(
        "huggingface-hub",
        "1",
        "evaluate",
        "0.4.6",
        "This evaluate imports HfFolder, which the hub's client no longer has: lm-eval does not load.",
        "https://github.com/huggingface/evaluate/pull/791",
    ),
)
"""Known clashes, each with where it is described."""


def _clashes(at: Situation) -> list[Problem]:
    return [
        Problem(
            level="error",
            what=f"{_named(at, clash.present)} with {_named(at, clash.broken)}",
            why=clash.why,
            fix=f"pip install -U '{clash.broken}>={MINIMUMS.get(clash.broken, clash.below)}'",
            about=(clash.broken,),
            source=clash.source,
        )
        for clash in CLASHES
        if at.has(clash.present, clash.since) and at.has(clash.broken, clash.low, clash.below)
    ]


def _python_for_peft(at: Situation) -> Problem | None:
    """PEFT 0.18 dropped Python 3.9."""
    if not (at.has("peft", "0.18") and tuple(at.python) < (3, 10)):
        return None
    return Problem(
        level="error",
        what=f"PEFT {at.versions['peft']} on Python {_dotted(at.python)}",
        why="PEFT 0.18 and later need Python 3.10, Retain needs 3.11.",
        fix="Make a new environment with Python 3.11 or later.",
        about=("peft", "python"),
        source="https://github.com/huggingface/peft/pull/2790",
    )


def _old_python(at: Situation) -> Problem | None:
    """Transformers and TRL need Python 3.11, and so does Retain."""
    if tuple(at.python) >= PYTHON or (at.has("peft", "0.18") and tuple(at.python) < (3, 10)):
        return None
    return Problem(
        level="error",
        what=f"Python {_dotted(at.python)}",
        why=f"Retain needs Python {_dotted(PYTHON)}, as transformers and TRL do.",
        fix=f"Make a new environment with Python {_dotted(PYTHON)} or later.",
        about=("python",),
        source="https://pypi.org/project/trl/",
    )


def _torchvision(at: Situation) -> Problem | None:
    """Each torchvision 0.(n + 15) is compiled for torch 2.n; with another, transformers fails to import."""
    if not (at.has("torch", "2", below="3") and at.has("torchvision", "0.15", below="1")):
        return None
    minor, vision = _minor(at.versions["torch"]), _minor(at.versions["torchvision"])
    if vision == minor + 15:
        return None
    return Problem(
        level="error",
        what=f"torchvision {at.versions['torchvision']} with torch {at.versions['torch']}",
        why='It is compiled for another torch: "operator torchvision::nms does not exist" at import.',
        fix=f"pip install 'torchvision==0.{minor + 15}.*' from torch's index, or pip uninstall torchvision",
        about=("torchvision",),
        source="https://github.com/pytorch/pytorch/issues/157648",
    )


def _bitsandbytes(at: Situation) -> Problem | None:
    """4-bit models need bitsandbytes, with transformers 5 at least 0.46.1."""
    if "bitsandbytes" not in at.versions and at.four_bit:
        return Problem(
            level="error",
            what="load_in: 4bit without bitsandbytes",
            why="4-bit models are computed by bitsandbytes, which is not installed.",
            fix=install_extra("quantized"),
            about=("bitsandbytes",),
            source="https://huggingface.co/docs/transformers/quantization/bitsandbytes",
        )
    if not (at.has("transformers", "5") and at.has("bitsandbytes", below="0.46.1")):
        return None
    return Problem(
        level="error" if at.four_bit else "warning",
        what=f"transformers {at.versions['transformers']} with bitsandbytes {at.versions['bitsandbytes']}",
        why="transformers 5 takes bitsandbytes below 0.46.1 for missing: 4-bit models do not load.",
        fix="pip install -U 'bitsandbytes>=0.49'",
        about=("bitsandbytes",),
        source="https://github.com/huggingface/transformers/pull/41283",
    )


def _cuda_without_gpu(at: Situation) -> Problem | None:
    """A CUDA build of torch that sees no GPU computes on the CPU and says so only in a warning."""
    if at.cuda_build is None or at.cuda_available:
        return None
    fix = (
        f"Update the NVIDIA driver to one for CUDA {at.cuda_build}, or install a torch for the older CUDA."
        if at.nvidia_driver
        else "Nothing, if there is no NVIDIA GPU (torch's CPU build is smaller); else install its driver."
    )
    return Problem(
        level="warning",
        what=f"torch is built for CUDA {at.cuda_build} but finds no usable GPU",
        why="Everything runs on the CPU, which is many times slower.",
        fix=fix,
        about=("torch",),
        source="https://github.com/pytorch/pytorch/issues/74733",
    )


def _gpu_without_cuda(at: Situation) -> Problem | None:
    """A CPU build of torch leaves an NVIDIA GPU unused."""
    if at.cuda_build is not None or not at.nvidia_driver or not at.has("torch"):
        return None
    return Problem(
        level="warning",
        what=f"There is an NVIDIA driver, but torch {at.versions['torch']} is built without CUDA",
        why="The GPU stays unused, which is many times slower.",
        fix="Install torch with CUDA: https://pytorch.org/get-started/locally/",
        about=("torch",),
        source="https://pytorch.org/get-started/locally/",
    )


def _bf16_on_mac(at: Situation) -> Problem | None:
    """Apple's GPUs compute in bf16 from macOS 14 on."""
    if at.macos is None or release(at.macos) >= (14,):
        return None
    return Problem(
        level="warning",
        what=f"macOS {at.macos}",
        why="bf16 on Apple's GPU needs macOS 14.",
        fix="Use load_in: fp32, or update macOS.",
        source="https://github.com/pytorch/torchchat/issues/616",
    )


def _oft(at: Situation) -> Problem | None:
    """OFT's parametrisation changed in PEFT 0.14, 0.16 and 0.18.

    Adapters without ``oft_block_size`` are from before 0.14 (PEFT refuses them), those without
    ``use_cayley_neumann`` from before 0.16 (https://github.com/huggingface/peft/pull/2575). In 0.18 the
    Cayley-Neumann form changed slightly; from then on the version is written into the file, so that a missing
    one means an older PEFT.
    """
    if str(at.adapter.get("peft_type", "")).upper() != "OFT" or not at.has("peft", "0.16"):
        return None
    saved_by = str(at.adapter.get("peft_version") or "")
    known = f"PEFT {saved_by}" if saved_by else "a PEFT below 0.18"
    if "oft_block_size" not in at.adapter or "use_cayley_neumann" not in at.adapter or _is_below(saved_by, "0.16"):
        return Problem(
            level="error",
            what=f"an OFT adapter written by {known if saved_by else 'a PEFT below 0.16'}",
            why=f"PEFT {at.versions['peft']} reads its weights as something else: the model would be wrong.",
            fix="Train the adapter again, or merge it with the PEFT that wrote it and use the merged model.",
            about=("adapter",),
            source="https://github.com/huggingface/peft/pull/2575",
        )
    changed = at.has("peft", "0.18") and (not saved_by or _is_below(saved_by, "0.18"))
    if not (changed and at.adapter.get("use_cayley_neumann")):
        return None
    return Problem(
        level="warning",
        what=f"an OFT adapter with use_cayley_neumann, written by {known}",
        why="PEFT 0.18 computes this form slightly differently: scores may move.",
        fix="Train the adapter again, or merge it with the PEFT that wrote it and use the merged model.",
        about=("adapter",),
        source="https://github.com/huggingface/peft/blob/main/src/peft/tuners/oft/config.py",
    )


def _newer_adapter(at: Situation) -> Problem | None:
    """An adapter from a newer PEFT may have settings that this PEFT does not know and would ignore."""
    saved_by = str(at.adapter.get("peft_version") or "")
    if not saved_by or not at.has("peft") or at.has("peft", saved_by):
        return None
    return Problem(
        level="warning",
        what=f"an adapter written by PEFT {saved_by}, read by PEFT {at.versions['peft']}",
        why="Settings that the older PEFT does not know are ignored with no more than a warning.",
        fix=f"pip install -U 'peft>={saved_by.partition('@')[0]}'",
        about=("adapter",),
        source="https://github.com/huggingface/peft/pull/2038",
    )


RULES: tuple[Callable[[Situation], Problem | None], ...] = (
    _old_python,
    _python_for_peft,
    _torchvision,
    _bitsandbytes,
    _cuda_without_gpu,
    _gpu_without_cuda,
    _bf16_on_mac,
    _oft,
    _newer_adapter,
)


def _versions(at: Situation) -> list[Problem]:
    """Packages that are missing, too old, or of a major version that nobody has tried."""
    problems = []
    for package, minimum in MINIMUMS.items():
        version = at.versions.get(package)
        if version is None or not at.has(package, minimum):
            found = "is not installed" if version is None else f"{version} is too old"
            what = f"{package} {found}"
            fix = f"pip install -U '{package}>={minimum}'"
            why = f"Retain needs {package} {minimum} or later."
            problems.append(Problem(level="error", what=what, why=why, fix=fix, about=(package,)))
        elif package in TESTED_MAJORS and release(version)[0] > TESTED_MAJORS[package]:
            problems.append(_untested(package, version))
    return problems


def _untested(package: str, version: str) -> Problem:
    major = TESTED_MAJORS[package]
    return Problem(
        level="warning",
        what=f"{package} {version} has not been tried",
        why=f"Retain is tested with {package} {major}; a new major version may change what a call means.",
        fix=f"pip install '{package}>={MINIMUMS[package]},<{major + 1}' if something breaks",
        about=(package,),
    )


def _is_below(version: str, limit: str) -> bool:
    return bool(version) and release(version) < release(limit)


def _minor(version: str) -> int:
    numbers = release(version)
    return numbers[1] if len(numbers) > 1 else 0


def _dotted(version: Sequence[int]) -> str:
    return ".".join(str(part) for part in version)


def _named(at: Situation, package: str) -> str:
    return f"{package} {at.versions[package]}"
