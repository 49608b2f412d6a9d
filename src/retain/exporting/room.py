"""Whether there is room for an export before it is begun."""

from __future__ import annotations

import shutil
from pathlib import Path

from retain.errors import UserError


def check_place(folder: Path) -> None:
    """Refuse a place that is taken.

    Raises:
        UserError: it is a file, or a folder with something in it.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output: {folder} is a file. Name a folder that is not there yet.")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"--output: {folder} is not empty, and an export is never written over something else. Name another place "
            "with --output, or remove that folder."
        )


def check_room(folder: Path, needed: int) -> None:
    """Refuse an export that does not fit.

    Args:
        folder: where it will be; neither it nor its parents need to be there.
        needed: bytes.

    Raises:
        UserError: the disk has less.
    """
    place = next(one for one in (folder, *folder.resolve().parents) if one.is_dir())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise UserError(
            f"The export needs about {needed / 1e9:.1f} GB, and the disk of {place} has {free / 1e9:.1f} GB left.\n"
            "  Free some space, or name a place on another disk with --output."
        )
