"""Retain fine-tunes a language model, keeps what it already knew, and proves both.

Each command is a function of the same name: ``retain.run``, ``retain.check``, ``retain.measure`` and so on. They are
imported when they are first used, so that ``import retain`` is quick. :func:`with_mitigations` and
:class:`RetentionCallback` are for scripts with a TRL or transformers trainer of their own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retain.commands.advise import advise
    from retain.commands.check import check
    from retain.commands.compare import compare
    from retain.commands.compare_several import compare_several
    from retain.commands.doctor import doctor
    from retain.commands.export import export
    from retain.commands.frontier import frontier
    from retain.commands.gate import gate
    from retain.commands.init import init
    from retain.commands.lint import lint
    from retain.commands.list_units import list_units
    from retain.commands.measure import measure
    from retain.commands.noise import noise
    from retain.commands.report import report
    from retain.commands.run import run
    from retain.commands.schema import schema
    from retain.own_trainer.retention_callback import RetentionCallback
    from retain.own_trainer.with_mitigations import with_mitigations

__version__ = "0.1.0"
COMMANDS = (
    "advise",
    "check",
    "compare",
    "compare_several",
    "doctor",
    "export",
    "frontier",
    "gate",
    "init",
    "lint",
    "list_units",
    "measure",
    "noise",
    "report",
    "run",
    "schema",
)
OTHERS = {
    "RetentionCallback": "retain.own_trainer.retention_callback",
    "with_mitigations": "retain.own_trainer.with_mitigations",
}
__all__ = [
    "RetentionCallback",
    "advise",
    "check",
    "compare",
    "compare_several",
    "doctor",
    "export",
    "frontier",
    "gate",
    "init",
    "lint",
    "list_units",
    "measure",
    "noise",
    "report",
    "run",
    "schema",
    "with_mitigations",
]


def __getattr__(name: str) -> Any:
    module = OTHERS.get(name, f"retain.commands.{name}" if name in COMMANDS else None)
    if module is not None:
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'retain' has no attribute {name!r}")
