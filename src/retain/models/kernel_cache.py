"""Bounds how many compiled kernels oneDNN, which multiplies matrices for torch on a CPU, keeps in memory."""

from __future__ import annotations

import os

CAPACITY = 64
"""Kernels: those of the last few batch shapes, each of which needs less than ten."""
SETTINGS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY")
"""oneDNN's variable, and its older name."""


def keep_few_kernels() -> None:
    """Have oneDNN keep ``CAPACITY`` kernels instead of 1,024; acts before the process's first multiplication only.

    A kernel is compiled for each shape of matrices and takes about a third of a megabyte. Scoring meets a new shape
    with almost every batch, which filled 170 MB that nothing used again; making a kernel anew takes 0.3 ms
    (docs/LOG.md). What a user has set stays as it is.

    Source: oneDNN's developer guide, "Primitive Cache".
    """
    if not any(name in os.environ for name in SETTINGS):
        os.environ[SETTINGS[0]] = str(CAPACITY)
