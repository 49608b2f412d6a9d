"""llama.cpp, where it is installed: quantises a GGUF file, and answers with it as a server would.

It is C++ that ends its process where it finds a fault, and so runs in one of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retain.errors import BrokenError, MissingExtraError
from retain.models.load import first_line

PACKAGE = "llama_cpp_py_sync"
PROGRAM = "llama-quantize"
CHILD = Path(__file__).with_name("llama_cpp_child.py")


def here() -> bool:
    """True where the package of llama.cpp is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def check_here(what: str) -> None:
    """Refuse what takes llama.cpp where it is not installed.

    Raises:
        MissingExtraError: neither its package nor its program is there.
    """
    if not here() and shutil.which(PROGRAM) is None:
        raise MissingExtraError(
            f"{what} is made by llama.cpp, whose package (or {PROGRAM} on the path)", 'pip install "retain[gguf]"'
        )


def quantise(source: Path, target: Path, kind: str) -> None:
    """Write a GGUF file of fp32 weights anew in another type, as ``llama-quantize`` does.

    Args:
        source: a file that holds fp32, f16 or bf16.
        target: the new file.
        kind: the type's name, such as ``q4_k_m``.

    Raises:
        BrokenError: llama.cpp could not.
    """
    if here():
        _child("quantise", str(source), str(target), kind.upper())
    else:
        _run([str(shutil.which(PROGRAM)), str(source), str(target), kind.upper()])
    if not target.is_file():
        raise BrokenError(f"llama.cpp wrote no {kind} file")


def logits(file: Path, texts: Sequence[str], ids: Sequence[Sequence[int]], output: Path) -> list[list[int]]:
    """llama.cpp's own logits of the next token after each token, and its own tokens of the texts.

    Args:
        file: a GGUF file.
        texts: cut into tokens as llama.cpp does, special tokens as text.
        ids: sequences of tokens that are answered.
        output: where the logits are written, as a .npy file of (tokens of all sequences, vocabulary) in fp32.

    Returns:
        The tokens of each text.

    Raises:
        BrokenError: llama.cpp could not read the file.
    """
    asked = json.dumps({"texts": list(texts), "ids": [list(one) for one in ids]})
    found: dict[str, Any] = json.loads(_child("logits", str(file), str(output), given=asked))
    return [[int(token) for token in one] for one in found["tokens"]]


def _child(*words: str, given: str = "") -> str:
    return _run([sys.executable, str(CHILD), *words], given)


def _run(command: Sequence[str], given: str = "") -> str:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, errors="replace", check=False, env={**os.environ}
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        told = first_line(RuntimeError("\n".join(said[-1:]))) if said else f"exit code {done.returncode}"
        raise BrokenError(f"llama.cpp failed: {told}")
    return done.stdout
