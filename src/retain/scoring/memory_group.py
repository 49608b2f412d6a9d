"""What a container's or a batch job's memory limit leaves to this process (Linux control groups, both versions)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

GROUPS = Path("/sys/fs/cgroup")
"""Where Linux shows its control groups."""
OWN = Path("/proc/self/cgroup")
"""In which of them this process is, a line for each hierarchy: ``number:controllers:/path``."""
FIRST = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
SECOND = ("", "memory.max", "memory.current", "inactive_file")
"""Of each version: the folder of the hierarchy, the files of the limit and of what is taken, and the line of
``memory.stat`` that counts files held in memory and used no more: the system gives them up at need."""


def left_in_group() -> int:
    """Bytes that the tightest limit leaves, of this process's group and of those around it.

    A container sees its own group as the root; a job of Slurm or systemd is in a group further down, whose path
    ``/proc/self/cgroup`` tells. Where no limit is set, or nothing can be read, ``sys.maxsize``.
    """
    return min((_left(*group) for group in _groups()), default=sys.maxsize)


def _groups() -> Iterator[tuple[Path, str, str, str]]:
    """Folder, limit file, usage file and name of the reclaimable part, of each group that this process is in."""
    try:
        lines = OWN.read_text().splitlines()
    except OSError:
        lines = []
    for version in (FIRST, SECOND):
        hierarchy, *names = version
        root = GROUPS / hierarchy
        for path in {_path(lines, hierarchy), PurePosixPath("/")}:
            for group in (path, *path.parents):
                yield root / group.relative_to("/"), names[0], names[1], names[2]


def _path(lines: list[str], hierarchy: str) -> PurePosixPath:
    """This process's group in one hierarchy; the root where it is not told, or outside of what is shown here."""
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if hierarchy in controllers.split(",") and path.startswith("/") and ".." not in path.split("/"):
            return PurePosixPath(path)
    return PurePosixPath("/")


def _left(folder: Path, limit: str, usage: str, reclaimable: str) -> int:
    try:
        most, used = (int((folder / name).read_text()) for name in (limit, usage))
    except (OSError, ValueError):  # no such group, or "max"
        return sys.maxsize
    return max(0, most - used + _given_back(folder, reclaimable))


def _given_back(folder: Path, name: str) -> int:
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))
    except (OSError, ValueError, IndexError, StopIteration):
        return 0
