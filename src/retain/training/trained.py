"""What training leaves behind: an adapter or trained weights, and how a model is put together from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retain.folder import whole_folder
from retain.models.causal import TransformersCausal
from retain.models.update import AdapterUpdate, WeightUpdate, save_weights

TRAINED = "trained"
"""Name of the folder in a run."""
TUNED = "tuned"
"""Name of the folder that holds the finished model."""
WEIGHTS = "trained.safetensors"
BASE_WEIGHTS = "base.safetensors"


def is_adapter(module: Any) -> bool:
    """True for a PEFT model."""
    return hasattr(module, "peft_config")


def save_trained(model: TransformersCausal, folder: Path) -> Path:
    """Save what was trained (adapter, or all weights in fp32); the folder appears at once or not at all."""
    with whole_folder(folder) as making:
        if is_adapter(model.module):
            model.module.save_pretrained(making)
        else:
            save_weights(model.module, making / WEIGHTS)
    return folder


def load_trained(base: TransformersCausal, folder: Path) -> TransformersCausal:
    """The trained model at strength 1, made of a freshly loaded base and :func:`save_trained`'s folder."""
    if (folder / "adapter_config.json").is_file():
        from peft import PeftModel

        module = PeftModel.from_pretrained(base.module, str(folder))
        module.eval()
        update = AdapterUpdate(module)
        model = TransformersCausal(
            module, base.tokenizer, base.name, base.load_in, base=module.disable_adapter, update=update
        )
    else:
        start = folder / BASE_WEIGHTS
        if not start.is_file():
            save_weights(base.module, start)
        weights = WeightUpdate(base.module, start, folder / WEIGHTS)
        weights.apply(1.0)
        model = TransformersCausal(
            base.module, base.tokenizer, base.name, base.load_in, base=weights.as_base, update=weights
        )
    model.progress = base.progress
    return model


def save_tuned(model: TransformersCausal, folder: Path) -> None:
    """Save the finished model with its tokenizer, as safetensors, ready to load anywhere."""
    with whole_folder(folder) as making:
        if is_adapter(model.module):
            for config in model.module.peft_config.values():
                config.base_model_name_or_path = model.name
        model.module.save_pretrained(making)
        model.tokenizer.save_pretrained(making)
