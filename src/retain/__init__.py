"""Retain fine-tunes a language model, keeps what it already knew, and proves both.

Each command is a function of the same name: ``retain.run``, ``retain.check``, ``retain.measure`` and so on. They are
imported when they are first used, so that ``import retain`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retain.commands.check import check
    from retain.commands.compare import compare
    from retain.commands.doctor import doctor
    from retain.commands.gate import gate
    from retain.commands.init import init
    from retain.commands.list_units import list_units
    from retain.commands.measure import measure
    from retain.commands.noise import noise
    from retain.commands.report import report
    from retain.commands.run import run
    from retain.commands.schema import schema

__version__ = "0.1.0"
__all__ = ["check", "compare", "doctor", "gate", "init", "list_units", "measure", "noise", "report", "run", "schema"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(f"retain.commands.{name}"), name)
    raise AttributeError(f"module 'retain' has no attribute {name!r}")
