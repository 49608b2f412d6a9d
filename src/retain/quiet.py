"""Keeps the libraries' own bars and notices from tearing the progress display. For the command line only."""

from __future__ import annotations

import logging
import os
import sys
import warnings

NOISY = ("trl", "transformers", "accelerate", "peft", "bitsandbytes", "huggingface_hub", "datasets", "httpx")
SWITCHES = {
    "DATASETS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",  # transformers' bar of unpacking a GGUF file listens to nothing else
    "TRANSFORMERS_VERBOSITY": "error",
}


def quiet_loggers() -> None:
    """Errors only. Before the libraries are imported, since some of them speak while they are."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|transformers|peft|trl|bitsandbytes)")


def quiet_libraries() -> None:
    """No bars, and the verbosity that the libraries keep beside their loggers.

    By their own variables, since importing them takes seconds that some commands can do without. A variable that a
    person has set stays. transformers reads them once, when it is imported: where that has happened it is told.
    """
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    known = sys.modules.get("transformers.utils.logging")
    if known is not None and os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] == SWITCHES["HF_HUB_DISABLE_PROGRESS_BARS"]:
        known.disable_progress_bar()
