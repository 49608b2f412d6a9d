"""The adapter as any PEFT tool loads it, with the strength in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from retain.errors import UserError
from retain.exporting.source import Source
from retain.folder import disk_errors
from retain.models.load import first_line
from retain.record_files import write_json

SKIPPED = ("README.md", "adapter_config.json")


def save_adapter_of(source: Source, folder: Path) -> None:
    """Copy the tuned adapter; its configuration says nothing of how it was begun, which loading would compute again.

    The strength is in ``lora_alpha`` (``alpha_pattern`` where layers differ), in DoRA's factors, and in parts that were
    trained as a whole.

    Raises:
        UserError: all weights were trained, or the configuration is damaged.
    """
    if not source.adapter:
        raise UserError(
            f"{source.name} is no adapter: all of its weights were trained. Use --to merged, which writes them."
        )
    path = source.folder / "adapter_config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {first_line(error)}") from None
    if "init_lora_weights" in config:
        config["init_lora_weights"] = True
    config["inference_mode"] = True
    with disk_errors(folder):
        for file in sorted(source.folder.iterdir()):
            if file.is_file() and file.name not in SKIPPED:
                shutil.copyfile(file, folder / file.name)
    write_json(folder / path.name, config)
