"""Keeps the memory of freed tensors for the next ones, on a CPU under glibc."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""glibc's names of the two settings (malloc.h)."""
_ONE_THREAD = "HF_DEACTIVATE_ASYNC_LOAD"
"""transformers' variable for reading weights in one thread."""


@cache
def keep_freed_memory() -> bool:
    """Have freed memory stay with the process, for as long as it lives; gives whether it does.

    glibc returns the memory of a large tensor to the system when it is freed, and takes fresh pages for the next one,
    which the kernel must first fill with zeros. Between two operations on a CPU that costs as much as the operations:
    scoring and training take a sixth less time without it (docs/LOG.md). The price: what a process once used it holds
    until it ends. What one thread freed no other thread gets, so that weights are read by one thread
    from then on: a whole run of a model of 135 M weights took a gigabyte less at its peak. Environment variables of
    glibc's allocator (``MALLOC_...``) are respected: where one is set, nothing is changed. Elsewhere than under glibc
    there is nothing to do.
    """
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    kept = bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1)) and bool(mallopt(_MMAP_MAX, 0))
    if kept:
        os.environ.setdefault(_ONE_THREAD, "1")
    return kept
