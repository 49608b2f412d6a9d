"""Keeps the libraries' own bars and notices from tearing the progress display."""

from __future__ import annotations

import logging
import warnings

NOISY = ("trl", "transformers", "accelerate", "peft", "bitsandbytes", "huggingface_hub", "datasets", "httpx")


def quiet_libraries() -> None:
    """Errors only, and no bars. Called by the command line; the Python API leaves a caller's logging alone."""
    import datasets
    import transformers

    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|transformers|peft|trl|bitsandbytes)")
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
