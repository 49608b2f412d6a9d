"""Whether the models that a recipe names beside its base are there, told without loading one."""

from __future__ import annotations

import os
from pathlib import Path

from retain.errors import UserError, naming
from retain.models.builtin import PREFIX
from retain.models.load import check_place, hub_reachable
from retain.training.ranking_settings import ROWS, RankingSettings

CONFIGS = ("config.json", "modules.json", "adapter_config.json")
"""A model's folder holds one of these."""


def check_named_models(settings: RankingSettings) -> None:
    """Refuse a teacher or an embedder that is not there, before anything is measured.

    Raises:
        UserError: names the key, and what it names.
    """
    teacher = settings.teacher if settings.teacher != ROWS else None
    named = {"teacher": teacher, "negatives.embedder": settings.negatives.embedder}
    for key, spec in named.items():
        if spec is not None:
            with naming(f"training.ranking.{key}"):
                _check(spec)


def _check(spec: str) -> None:
    place = Path(os.path.expanduser(spec))
    if place.is_dir():
        if not any((place / name).is_file() for name in CONFIGS):
            raise UserError(f"model: {spec} holds none of {', '.join(CONFIGS)}: it is not a model folder")
        return
    check_place(spec)
    if not spec.startswith(PREFIX) and not _on_hub(spec):
        raise UserError(
            f"model: there is no folder {spec}, it was not downloaded before, and the Hub has or shows no such model. "
            "Name a model's folder or a Hub id, owner/name."
        )


def _on_hub(spec: str) -> bool:
    """Whether a Hub id was downloaded before, or can be."""
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        if any(isinstance(try_to_load_from_cache(spec, name), str) for name in CONFIGS):
            return True
        return hub_reachable() and any(HfApi().file_exists(spec, name) for name in CONFIGS)
    except HFValidationError:
        return False
    except Exception:  # noqa: BLE001 - the Hub does not answer now; loading the model says so
        return True
