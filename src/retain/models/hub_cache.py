"""Models of a hub that were downloaded before: their files, without asking the hub."""

from __future__ import annotations

from pathlib import Path

NEEDED = ("config.json", "README.md")
"""Files of which a model's folder in the cache has one at least."""


def cached_folder(spec: str) -> Path | None:
    """The folder of a Hub id in the hub's cache, as it was last downloaded; None where it is not here."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for name in NEEDED:
        try:
            found = try_to_load_from_cache(spec, name)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return Path(found).parent
    return None
