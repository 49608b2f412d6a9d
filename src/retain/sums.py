"""Whether a file still holds what was written into it: hashes inside records and beside weights, and files that last.

A power failure can leave a file that was renamed into its place empty or cut short, and a disk can give back other bits
than it was given. So what is written is forced onto the disk before and after its renaming, each JSON record carries
the sha256 of its text as its last key, and a folder of weights has a file ``SHA256SUMS`` (``sha256sum -c`` reads it).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from retain.errors import DamagedError

SUMS = "SHA256SUMS"
CARD = "README.md"
"""Of a model: has no hash, since people write into it."""
_SEAL = re.compile(r',?\n "sha256": "([0-9a-f]{64})"\n}\n?\Z')
_READERS = 4
"""Files that are hashed at once."""
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR})
"""What file systems say that cannot force a folder onto the disk."""
_sound: dict[str, tuple[object, ...]] = {}
"""Folder -> the state in which this process found it sound: one that did not change is not read again."""


def sync_file(path: Path) -> None:
    """Force a file's content onto the disk."""
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Force the names in a folder onto the disk, where the file system can."""
    if os.name == "nt":  # there folders cannot be opened
        return
    try:
        sync_file(path)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(text: str) -> str:
    """The text of a JSON object, written with an indent of 1, with the sha256 of that text as its last key."""
    seal = f'\n "sha256": "{hashlib.sha256(text.encode()).hexdigest()}"\n}}'
    return "{" + seal if text == "{}" else f"{text[:-2]},{seal}"


def unsealed(text: str) -> str:
    """What :func:`sealed` was given; a text without such a key is taken as it is.

    Raises:
        ValueError: the text is not the one that was sealed.
    """
    found = _SEAL.search(text)
    if found is None:
        return text
    head = text[: found.start()]
    body = "{}" if head == "{" else f"{head}\n}}"
    if hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest() != found[1]:
        raise ValueError(
            "it is damaged, or was changed by hand: its content has not the sha256 that its last key says (take that "
            "key out if you meant to change it)"
        )
    return body


def write_sums(folder: Path) -> None:
    """Write the sha256 of each file of a folder into its ``SHA256SUMS``, and force all of them onto the disk."""
    names = _files(folder)
    lines = [f"{digest}  {name}\n" for name, digest in zip(names, _hashes(folder, names), strict=True)]
    for name in names:
        sync_file(folder / name)
    making = folder / f".{SUMS}.{os.getpid()}.tmp"
    with making.open("w", encoding="utf-8") as file:
        file.write("".join(lines))
        file.flush()
        os.fsync(file.fileno())
    os.replace(making, folder / SUMS)
    sync_folder(folder)


def problem_of(folder: Path) -> str:
    """What is wrong with a folder that :func:`write_sums` was called on; nothing where it is as it was then.

    Files that were added since are no matter. A folder without ``SHA256SUMS`` is not whole.
    """
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return f"it has no {SUMS}"
    except UnicodeDecodeError:
        return f"its {SUMS} is damaged"
    told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if not told or len(told) != len(lines) or any(len(digest) != 64 for digest in told.values()):
        return f"its {SUMS} is damaged"
    missing = [name for name in told if not (folder / name).is_file()]
    if missing:
        return f"{missing[0]} is missing"
    state = _state(folder, list(told))
    if _sound.get(str(folder)) == state:
        return ""
    found = dict(zip(told, _hashes(folder, list(told)), strict=True))
    other = [name for name in told if found[name] != told[name]]
    if other:
        return f"{other[0]} is not what was written"
    _sound[str(folder)] = state
    return ""


def check_sums(folder: Path, remove: Sequence[Path]) -> None:
    """Refuse a folder whose files are not what was written; one without ``SHA256SUMS`` is older, and taken as it is.

    Args:
        folder: of weights.
        remove: what is made anew once it is gone.

    Raises:
        DamagedError: a file is another, or missing.
    """
    if not folder.is_dir():
        raise DamagedError(f"{folder} is missing.", remove)
    if not (folder / SUMS).exists():
        return
    if problem := problem_of(folder):
        raise DamagedError(f"{folder} is damaged: {problem} (if you changed it yourself, remove its {SUMS}).", remove)


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in (SUMS, CARD))
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _hashes(folder: Path, names: Sequence[str]) -> list[str]:
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(file_hash, [folder / name for name in names]))


def _state(folder: Path, names: Sequence[str]) -> tuple[object, ...]:
    stats = [(folder / name).stat() for name in (*names, SUMS)]
    return tuple((one.st_size, one.st_ino, one.st_mtime_ns, one.st_ctime_ns) for one in stats)
