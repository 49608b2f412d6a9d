"""Reads .gguf files into ordinary, trainable weights."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retain.errors import UserError
from retain.folder import disk_errors
from retain.models.complete import check_complete

PART = re.compile(r"-\d{5}-of-\d{5}")
"""What the name of a part of a split model ends with."""


def load_gguf(path: Path) -> tuple[Any, Any]:
    """The fp32 model and the tokenizer of a GGUF file, whatever else lies in its folder.

    ``dequantize=True`` matters: transformers otherwise keeps the packed weights, which neither train nor save.

    Raises:
        UserError: the file is missing, not a GGUF file that transformers can read, or not a whole model.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    _check(path)
    with _alone(path) as folder:
        place: dict[str, Any] = {"pretrained_model_name_or_path": str(folder), "gguf_file": path.name}
        try:
            tokenizer = AutoTokenizer.from_pretrained(**place, trust_remote_code=False)
            module, found = AutoModelForCausalLM.from_pretrained(
                **place,
                quantization_config=GgufConfig(dequantize=True),
                dtype=torch.float32,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except Exception as error:  # a damaged file can make transformers raise anything
            _refuse_part(path)
            raise UserError(f"model: {path} could not be read, it may be damaged: {error}") from error
    if found["missing_keys"]:
        _refuse_part(path)
    check_complete(str(path), found, "its own header")
    module.config._name_or_path = tokenizer.name_or_path = str(path.parent)
    module.config.quantization_config = None
    del module.config.quantization_config
    return module, tokenizer


def _check(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"model: there is no file {path}")
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError as error:
        raise UserError(f"model: {path} could not be read: {error.strerror}. Name a readable file.") from None
    if begins != b"GGUF":
        raise UserError(f"model: {path} is not a GGUF file (its first four bytes are not 'GGUF')")
    if PART.search(path.stem):
        _refuse_part(path)


def _refuse_part(path: Path) -> None:
    """Refuse one of the files that a model was split into.

    Raises:
        UserError: the file says that it is one of several.
    """
    import gguf

    try:
        count = gguf.GGUFReader(path).fields.get("split.count")
    except (OSError, ValueError, IndexError, KeyError, TypeError):  # damaged, which loading says
        return
    if count is not None and count.contents() > 1:
        raise UserError(
            f"model: {path} is one of {count.contents()} parts of a split GGUF file (split.count), and a model is read "
            "from one file.\n  Join the parts first: llama-gguf-split --merge FIRST_PART WHOLE.gguf"
        )


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """A folder that holds a link to the file and nothing else, while it is needed.

    transformers prefers a tokenizer or configuration that lies beside the file to the file's own.
    """
    with tempfile.TemporaryDirectory(prefix="retain-gguf-", ignore_cleanup_errors=True) as folder:
        with disk_errors(Path(folder)):
            _link(path.resolve(), Path(folder) / path.name)
        yield Path(folder)


def _link(path: Path, place: Path) -> None:
    """A link, or a copy where the system makes none (Windows without the right to)."""
    for link in (os.symlink, os.link):
        try:
            link(path, place)
        except OSError:
            continue
        return
    shutil.copyfile(path, place)
