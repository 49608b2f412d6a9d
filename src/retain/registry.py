"""Finds a unit by its file name: ``kind: ewc`` is class ``Ewc`` in ``mitigations/ewc.py``. No list to edit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

from retain.errors import UserError, nearest


def class_name(kind: str) -> str:
    """``kl_to_base`` -> ``KlToBase``."""
    return "".join(part.capitalize() for part in kind.split("_"))


@cache
def units(folder: str) -> dict[str, type[Any]]:
    """All units of a folder of the package (``mitigations``, ``probes``, ...): kind -> class.

    A unit is a module that defines the class its file name announces; other modules are helpers.
    """
    package = importlib.import_module(f"retain.{folder}")
    found: dict[str, type[Any]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"retain.{folder}.{info.name}")
        unit = getattr(module, class_name(info.name), None)
        if inspect.isclass(unit) and unit.__module__ == module.__name__:
            found[info.name] = unit
    return found


def find(folder: str, kind: str) -> type[Any]:
    """The class of one unit.

    Raises:
        UserError: there is no such unit; the nearest name is offered.
    """
    known = units(folder)
    if kind not in known:
        raise UserError(f'{folder}: there is no kind "{kind}"; {nearest(kind, known)}')
    return known[kind]


def summary(unit: type[Any]) -> str:
    """The first sentence of a unit's docstring, for tables and ``retain list``."""
    return (inspect.getdoc(unit) or "").split("\n\n")[0].replace("\n", " ").strip()
