"""Reads a data set from the Hub. Code that a data set brings along is never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from retain.data.rows import Row
from retain.errors import UserError

_BARE_NAME = re.compile(r"\w[\w.-]*/[\w.-]+")
_SPLIT_NAME = re.compile(r"(train|test|validation|valid|dev)(\[.*\])?")
_COLON = re.compile(r":(?![^\[]*\])")  # not the colon of a slice such as train[:100]


@dataclass(frozen=True, slots=True)
class HubName:
    """A data set on the Hub. The split is ``train`` unless it is named."""

    name: str
    config: str | None
    split: str


def parse_hub_name(text: str) -> HubName:
    """Read ``owner/name[:config][:split]``, with or without the ``hub:`` prefix.

    A single part after the name is a split when it is called train, test, validation, valid or dev (with or
    without a slice: ``train[:100]``), else a config. The part in ``owner/name::part`` is always a split.

    Raises:
        UserError: the name is not of that form.
    """
    parts = _COLON.split(text.removeprefix("hub:"))
    if not parts[0] or len(parts) > 3 or parts[0].count("/") > 1:
        raise UserError(f'"{text}" is not a Hub data set; expected hub:owner/name[:config][:split]')
    if len(parts) == 2 and _SPLIT_NAME.fullmatch(parts[1]):
        parts.insert(1, "")
    config, split = (*parts[1:], "", "")[:2]
    return HubName(parts[0], config or None, split or "train")


def is_hub_name(text: str) -> bool:
    """True for ``hub:...`` and for anything of the form ``owner/name``."""
    return text.startswith("hub:") or _BARE_NAME.fullmatch(_COLON.split(text)[0]) is not None


def read_hub(name: HubName) -> Iterator[Row]:
    """The rows of one split.

    Raises:
        UserError: the Hub cannot be reached, or has no such data set, config or split.
    """
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        data = datasets.load_dataset(name.name, name.config, split=name.split)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        config = f", config {name.config}" if name.config else ""
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{name.name} ({name.split} split{config}) is no file here and could not be read from the Hub.\n"
            f"  {reason}\n"
            "  Check the name, config and split (hub:owner/name[:config][:split]), the network, and your Hub "
            "login where the data set is gated; or give a file."
        ) from error
    for number, value in enumerate(data, 1):
        yield Row(number, dict(value))
