"""What the machine does to a run, in words: full and failing disks, too little memory."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retain.errors import BrokenError, FaultError, RetainError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says of a disk, or of a user's share of it, that is full."""
UNWRITABLE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG}
    | {errno.EBUSY, errno.ELOOP}
)
"""What the system says of a place where no file can be written, whatever is free."""
FAILING = frozenset({errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ENOLCK})
"""What the system says of a disk or a network drive that does not work."""
TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE})
KEPT = "What was finished is kept: run the same command again to go on."
_NUMBER = re.compile(r"(?:\[Errno |\(os error )(\d+)")
_TORCH = ("PytorchStreamWriter", "inline_container", "file write failed", "iostream error")
"""How torch says that a file could not be written; it does not say why."""
_NO_MEMORY = ("not enough memory", "out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")


def system_error(error: BaseException) -> int | None:
    """The system's number for a failed call on a file; None where it was none.

    Libraries that write by themselves (safetensors, torch, pyarrow) name it in their message, or not at all.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _NUMBER.search(str(error))
    if found and (isinstance(error, OSError) or type(error).__name__ == "SafetensorError"):
        return int(found[1])
    if isinstance(error, RuntimeError) and any(word in str(error) for word in _TORCH):
        return errno.ENOSPC
    return None


def disk_words(error: BaseException, path: Path | str, done: str = "written") -> str | None:
    """What happened to a file or folder and what to do; None for an error that is not of a disk.

    Args:
        error: of a call on a file.
        path: what was worked on.
        done: what could not be done with it, where no file can be made there.
    """
    number = system_error(error)
    said = getattr(error, "strerror", None) or (os.strerror(number) if number else "")
    if number in FULL:
        return (
            f"The disk is full: {path} could not be written.\n"
            "  Free some space, or choose another place with --folder (runs) or RETAIN_CACHE (cache).\n"
            f"  {KEPT}"
        )
    if number == errno.EFBIG:
        return (
            f"{path} could not be written: it is larger than its disk, or a limit (ulimit -f), allows.\n"
            f"  Raise the limit or choose another place. {KEPT}"
        )
    if number in UNWRITABLE:
        return f"{path} could not be {done}: {said}. Choose another place."
    if number in FAILING:
        return (
            f"{path} could not be read or written: {said}. The disk or the network drive fails: mend it "
            f"or choose another place.\n  {KEPT}"
        )
    if number in TOO_MANY:
        return f"{path} could not be opened: {said}. Raise the limit (ulimit -n). {KEPT}"
    return None


def refused_path(error: Exception) -> str | None:
    """What the system says of a path that it refuses; None for all other errors."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    if error.errno == errno.ENAMETOOLONG:
        return f"A path is longer than the system allows: {str(error.filename)[:60]}..."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EIO, errno.ELOOP):
        return f"{error.filename} cannot be used: {error.strerror}. Check the path and its permissions."
    return None


def memory_words(error: BaseException) -> str | None:
    """What to change where memory ran out, on a device or in the machine; None for any other error."""
    text = str(error)
    told = any(word in text.lower() for word in _NO_MEMORY)
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if not (named or system_error(error) == errno.ENOMEM or (isinstance(error, RuntimeError) and told)):
        return None
    said = " ".join(text.split("\n")[0].split())[:200]
    return (
        f"There is not enough memory{f': {said}' if said else ''}.\n"
        "  Close what else uses it, or change the recipe: a smaller training.batch_size with a larger "
        "gradient_accumulation,\n"
        "  a smaller training.max_length, gradient_checkpointing: true, load_in: bf16 or 4bit, or an adapter (lora).\n"
        "  A changed recipe needs another --folder; what the base was measured with is found again.\n"
        f"  {KEPT}"
    )


@contextmanager
def faults_in_words(place: Path) -> Iterator[None]:
    """Turn what a disk or the memory did into a message that says where and what to do.

    Args:
        place: the folder that is worked in, named where an error names no file.

    Raises:
        FaultError: a file could not be read or written.
        BrokenError: memory ran out.
    """
    try:
        yield
    except RetainError:
        raise
    except (OSError, RuntimeError, MemoryError, ValueError) as error:
        raise_in_words(error, place)
        raise
    except Exception as error:
        if type(error).__name__ == "SafetensorError":  # not to be imported where nothing else needs it
            raise_in_words(error, place)
        raise


def raise_in_words(error: Exception, place: Path | str) -> None:
    """Raise what :func:`faults_in_words` raises, or nothing."""
    if words := memory_words(error):
        raise BrokenError(words) from error
    named = getattr(error, "filename", None)
    if words := disk_words(error, named if isinstance(named, str | Path) else place, "used"):
        raise FaultError(words) from error
