"""Whether the libraries that train know a recipe's optimizer and ``extra``: judged before anything is measured."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retain.errors import MissingExtraError, UserError, install_extra, listed, nearest
from retain.training.arguments import Asked
from retain.training.settings import TrainingSettings

BITSANDBYTES = ("bnb", "8bit", "paged", "lion", "ademamix")
"""Parts of the names of its optimizers."""
PACKAGES = {
    "adamw_torch_4bit": ("torchao", "torchao"),
    "adamw_torch_8bit": ("torchao", "torchao"),
    "adamw_torch_xla": ("torch_xla", "torch_xla"),
    "adamw_torch_npu_fused": ("torch_npu", "torch-npu"),
    "adamw_anyprecision": ("torchdistx", "torchdistx"),
    "galore": ("galore_torch", "galore-torch"),
    "apollo": ("apollo_torch", "apollo-torch"),
    "lomo": ("lomo_optim", "lomo-optim"),
    "adalomo": ("lomo_optim", "lomo-optim"),
    "grokadamw": ("grokadamw", "grokadamw"),
    "schedule_free": ("schedulefree", "schedulefree"),
    "stable_adamw": ("optimi", "torch-optimi"),
}
"""How an optimizer's name begins -> the module that it needs, and the package that brings it."""


@dataclass(frozen=True)
class _Unloaded:
    """What arguments depend on of a model that nobody has loaded."""

    load_in: str

    def within(self, length: int) -> int:
        return length


def check_settings(settings: TrainingSettings, load_in: str) -> None:
    """Refuse an optimizer or a key of ``extra`` before hours are spent on what comes before the training.

    Values of ``extra`` are the library's to refuse, when the training begins: some depend on the machine.

    Args:
        settings: the recipe's.
        load_in: the precision of the base's weights.

    Raises:
        UserError: transformers knows no such optimizer, or the trainer no such key.
        MissingExtraError: a package that the optimizer needs is not installed.
    """
    if problems := [*_optimizer_problems(settings.optimizer), *_extra_problems(settings, load_in)]:
        raise UserError(f"The recipe asks for a training that its libraries do not know:\n{listed(problems)}")
    _check_package(settings.optimizer)


def _optimizer_problems(name: str) -> list[str]:
    from transformers.training_args import OptimizerNames

    known = [one.value for one in OptimizerNames]
    return [] if name in known else [f'training.optimizer: there is no optimizer "{name}"; {nearest(name, known)}']


def _extra_problems(settings: TrainingSettings, load_in: str) -> list[str]:
    if not settings.extra:
        return []
    from retain.training.preference import preference_asked
    from retain.training.reranker import ranking_asked
    from retain.training.sft import sft_asked

    own: dict[str, Callable[..., Asked]] = {"dpo": preference_asked, "rank": ranking_asked}
    return own.get(settings.method, sft_asked)(settings, _Unloaded(load_in), Path(), 0).problems(settings.extra)


def _check_package(name: str) -> None:
    own = any(one in name for one in BITSANDBYTES)
    module, package = next(
        (found for start, found in PACKAGES.items() if name.startswith(start)), ("bitsandbytes" if own else "", "")
    )
    if module and importlib.util.find_spec(module) is None:
        install = f"pip install {package}" if package else install_extra("quantized")
        raise MissingExtraError(f"training.optimizer: {name} needs {module}, which", install)
