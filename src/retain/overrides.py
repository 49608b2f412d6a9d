"""Settings of a recipe that are replaced one at a time, by their paths."""

from __future__ import annotations

from typing import Any

import yaml

from retain.errors import UserError
from retain.yaml_text import parse_yaml


def override(values: dict[str, Any], text: str) -> None:
    """Replace one setting, as ``--set training.epochs=1`` says; ``text`` is what stands after ``--set``.

    Raises:
        UserError: it is no ``path=value``, or the path leads nowhere.
    """
    key, sign, written = text.partition("=")
    if not sign or not key:
        raise UserError(f"--set {text}: write it as path=value, for example training.epochs=1")
    try:
        value = parse_yaml(written)
    except yaml.YAMLError:
        raise UserError(f"--set {text}: {written!r} is not a YAML value") from None
    set_value(values, key, value, f"--set {text}")


def set_value(values: dict[str, Any], path: str, value: Any, where: str) -> None:
    """Put a value at a path such as ``training.epochs`` or ``mitigations.0.rank``; missing keys are made.

    Raises:
        UserError: the path leads through a value or beyond a list; ``where`` says what asked for it.
    """
    parts = path.split(".")
    place: Any = values
    for index, part in enumerate(parts[:-1]):
        step = _step(place, part, where)
        if isinstance(place, dict) and place.get(step) is None:
            place[step] = {}
        place = place[step]
        if not isinstance(place, dict | list):
            raise UserError(f"{where}: {'.'.join(parts[: index + 1])} holds a value, not keys")
    place[_step(place, parts[-1], where)] = value


def _step(place: Any, part: str, where: str) -> Any:
    if isinstance(place, dict):
        return part
    if not part.isdecimal() or int(part) >= len(place):
        raise UserError(f"{where}: {part!r} is not an index of a list of {len(place)}")
    return int(part)
