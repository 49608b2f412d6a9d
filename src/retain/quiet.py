"""Keeps the libraries' own bars and notices from tearing the progress display. For the command line only."""

from __future__ import annotations

import logging
import warnings

NOISY = ("trl", "transformers", "accelerate", "peft", "bitsandbytes", "huggingface_hub", "datasets", "httpx")


def quiet_loggers() -> None:
    """Errors only. Before the libraries are imported, since some of them speak while they are."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|transformers|peft|trl|bitsandbytes)")


def quiet_libraries() -> None:
    """No bars, and the verbosity that the libraries keep beside their loggers."""
    import datasets
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
