"""What a base model's own files say of its name and licence."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from retain.models.builtin import BUILTINS, PREFIX
from retain.models.hub_cache import cached_folder
from retain.yaml_text import parse_yaml

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""A Hub id: owner/name."""
TEXTS = re.compile(r"(licen[cs]e|notice|copying|use_policy)([-_.].*)?", re.IGNORECASE)
"""Names of files that must go with the weights."""


@dataclass(frozen=True)
class AboutBase:
    """A base's name and licence, as far as they are known."""

    name: str
    """For people."""
    hub: str = ""
    """Its Hub id; empty for what is on no hub, or not known to be."""
    licence: str = ""
    """The licence's name as its card gives it; empty where none is known."""
    files: list[Path] = field(default_factory=list)
    """Licence texts that lie beside the weights."""


def about_base(spec: str) -> AboutBase:
    """What is known of a base without loading or downloading anything.

    Args:
        spec: ``builtin:NAME``, a folder, a .gguf file or a Hub id.
    """
    if spec.startswith(PREFIX):
        builtin = BUILTINS.get(spec.removeprefix(PREFIX))
        return AboutBase(spec, builtin.hub, builtin.licence) if builtin is not None else AboutBase(spec)
    path = Path(os.path.expanduser(spec))
    if path.is_dir():
        return AboutBase(path.resolve().name, "", _card(path / "README.md"), _texts(path))
    if path.is_file():
        return AboutBase(path.name, "", _of_gguf(path))
    hub, cached = spec if HUB_NAME.fullmatch(spec) else "", cached_folder(spec)
    return AboutBase(spec, hub) if cached is None else AboutBase(spec, hub, _card(cached / "README.md"), _texts(cached))


def _texts(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_file() and TEXTS.fullmatch(one.name))


def _card(path: Path) -> str:
    """The licence in a model card's front matter."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.match(r"---\s*\n(.*?)\n---", text, flags=re.DOTALL)
    try:
        values = parse_yaml(found[1]) if found else None
    except yaml.YAMLError:
        return ""
    named = values.get("license") if isinstance(values, dict) else None
    return named if isinstance(named, str) else ""


def _of_gguf(path: Path) -> str:
    import gguf

    try:
        field = gguf.GGUFReader(path).fields.get("general.license")
    except (OSError, ValueError):
        return ""
    return str(field.contents()) if field is not None else ""
