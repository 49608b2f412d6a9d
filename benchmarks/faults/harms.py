"""What is done to a process and its files: killed, its calls refused, its power cut, its files spoiled."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir": 0, "os.rename": 1, "os.remove": 0, "os.rmdir": 0}
"""Event of Python that changes a folder -> which argument says where."""
WRITE_ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)
READ_ERRORS = (errno.EIO, errno.EACCES)

_state: dict[str, Any] = {"see": None, "places": (), "hooked": False, "synced": set()}
_fsync = os.fsync


def off() -> None:
    """Nothing is seen, refused or limited any more in this process."""
    _state["see"] = None
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def watch(folder: Path, cache: Path, see: Callable[[str, str], None]) -> None:
    """Call ``see(kind, path)`` before each call on a file of these folders: read, write, sync, rename, remove, mkdir.

    Calls of Python are seen; those of libraries that write by themselves (weights) are harmed by file size limits, cut
    power and kills at any moment.
    """
    _state.update(see=see, places=(str(folder), str(cache)), synced=set())
    if not _state["hooked"]:
        sys.addaudithook(_hook)
        os.fsync = _seen_fsync
        _state["hooked"] = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _state["see"] is None:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, str | bytes | os.PathLike) and isinstance(flags, int):
            _tell("write" if flags & WRITES else "read", path)
    elif event in CHANGES:
        _tell(event.removeprefix("os."), arguments[CHANGES[event]])


def _seen_fsync(handle: Any) -> None:
    number = handle if isinstance(handle, int) else handle.fileno()
    _tell("sync", os.readlink(f"/proc/self/fd/{number}"))
    _fsync(number)
    _state["synced"].add(os.fstat(number).st_ino)


def _tell(kind: str, path: Any) -> None:
    place = os.fsdecode(path) if not isinstance(path, int) else ""
    if place.startswith(_state["places"]):
        _state["see"](kind, place)


def count_calls(report: Path) -> Callable[[Path, Path], None]:
    """A harm that harms nothing: it counts calls of each kind into a file."""

    def harm(folder: Path, cache: Path) -> None:
        counts: dict[str, int] = {}

        def see(kind: str, path: str) -> None:
            counts[kind] = counts.get(kind, 0) + 1
            handle = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.write(handle, repr(counts).encode())
            os.close(handle)

        watch(folder, cache, see)

    return harm


def kill_at(call: int, cut_power: random.Random | None = None) -> Callable[[Path, Path], None]:
    """A harm that kills the process before its n-th call that changes a file.

    Args:
        call: which one, from 0.
        cut_power: where given, files that were written and not forced onto the disk are torn first.
    """

    def harm(folder: Path, cache: Path) -> None:
        earlier = _written(folder, cache)
        left = [call]

        def see(kind: str, path: str) -> None:
            if kind == "read":
                return
            left[0] -= 1
            if left[0] < 0:
                off()
                if cut_power is not None:
                    _tear(folder, cache, earlier, cut_power)
                os.kill(os.getpid(), signal.SIGKILL)

        watch(folder, cache, see)

    return harm


Written = tuple[int, int, int]
"""What tells a file from the one that was there before: its number, its size and when it was written last."""


def _written(folder: Path, cache: Path) -> dict[Path, Written]:
    found = {}
    for path in sorted([*folder.rglob("*"), *cache.rglob("*")]):
        if path.is_file() and not path.is_symlink():
            state = path.stat()
            found[path] = (state.st_ino, state.st_size, state.st_mtime_ns)
    return found


def _tear(folder: Path, cache: Path, earlier: dict[Path, Written], rng: random.Random) -> None:
    """What a cut of the power can leave: files of this go that nobody forced onto the disk, empty or short.

    Those of earlier goes have been through their own cut.
    """
    unmoved = set(earlier.values())  # a file may have got another name
    for path, written in _written(folder, cache).items():
        number, size, _ = written
        new = written not in unmoved and number not in _state["synced"]
        if new and size and rng.random() < 0.7:
            os.truncate(path, rng.choice((0, rng.randrange(size))))


def refuse_at(kind: str, call: int, code: int, lasting: bool) -> Callable[[Path, Path], None]:
    """A harm that lets the n-th call of a kind fail, and where it lasts all later ones of that kind too."""

    def harm(folder: Path, cache: Path) -> None:
        left = [call]

        def see(seen: str, path: str) -> None:
            if seen != kind:
                return
            left[0] -= 1
            if left[0] == -1 or (lasting and left[0] < 0):
                raise OSError(code, os.strerror(code), path)

        watch(folder, cache, see)

    return harm


def limit_size(size: int) -> Callable[[Path, Path], None]:
    """A harm that lets the system refuse every write beyond a size, in libraries' own code too; files end there."""

    def harm(folder: Path, cache: Path) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return harm


def spoil(path: Path, how: str, rng: random.Random) -> None:
    """Damage a file: cut it short, write zeros over a part, or turn one bit."""
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    if how == "cut":
        content = content[:at]
    elif how == "zeros":
        length = rng.choice((1, 16, 512, 4096))
        content[at : at + length] = bytes(len(content[at : at + length]))
    else:
        content[at] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
