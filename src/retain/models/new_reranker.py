"""A reranker that knows nothing yet: an encoder with a new head."""

from __future__ import annotations

from pathlib import Path

from retain.errors import UserError
from retain.models.load import check_folder, first_line


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
