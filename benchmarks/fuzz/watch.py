"""Watches what Python does while an input is read: what it writes, and whether it starts programs or connections."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATHS = {"os.mkdir": 0, "os.rename": 1, "os.remove": 0, "os.rmdir": 0, "os.symlink": 1, "os.link": 1, "os.truncate": 0}
"""Event that changes a file or folder -> which of its arguments says where."""
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "ctypes.dlopen")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

platform.processor()  # runs a program, once

_state: dict[str, Any] = {"allowed": None, "seen": [], "there": False}


@contextmanager
def watched(*allowed: Path) -> Iterator[list[str]]:
    """A list that fills with all that happens outside of the allowed folders.

    Reading is free. Audit hooks see what Python itself does; a library's own C code is not seen, so that the folders
    beside the allowed ones are compared as well (`run.py`).
    """
    if not _state["there"]:
        sys.addaudithook(_hook)
        _state["there"] = True
    _state["seen"] = found = []
    _state["allowed"] = [os.path.realpath(one) for one in allowed]
    try:
        yield found
    finally:
        _state["allowed"] = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _state["allowed"] is None:
        return
    if event in FORBIDDEN:
        _state["seen"].append(f"{event} {arguments[:1]!r:.200}")
    elif event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & WRITES:
            _note(event, path)
    elif event in PATHS:
        _note(event, arguments[PATHS[event]])


def _note(event: str, path: Any) -> None:
    if isinstance(path, int) or path is None:
        return
    place = os.path.realpath(os.fsdecode(path))
    inside = any(place == one or place.startswith(one + os.sep) for one in _state["allowed"])
    if not inside and place != os.devnull:
        _state["seen"].append(f"{event} {place}")
