"""Paths as records hold them: relative to the recipe that named them, wherever links lead."""

from __future__ import annotations

import os
from pathlib import Path


def portable_path(path: str, origin: str) -> str:
    """An absolute path as one relative to ``origin``; anything else as it is.

    Of the way that the path itself spells, through links too, and the way between the places that the links mean the
    shorter one that leads there.
    """
    if not origin or not os.path.isabs(path):
        return path
    meant = os.path.realpath(path)
    ways = (os.path.relpath(path, origin), os.path.relpath(meant, os.path.realpath(origin)))
    return min((way for way in ways if os.path.realpath(os.path.join(origin, way)) == meant), key=len)


def absolute(path: str | Path) -> str:
    """An absolute path without ``..``; links are followed only where leaving out ``..`` would lead elsewhere."""
    spelt = os.path.abspath(path)
    meant = os.path.realpath(path)
    return spelt if os.path.realpath(spelt) == meant else meant
