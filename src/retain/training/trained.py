"""What training leaves behind: an adapter or trained weights, and how a model is put together from them."""

from __future__ import annotations

from pathlib import Path

from retain import processes
from retain.folder import whole_folder
from retain.models.transformers_model import TransformersModel
from retain.models.update import BASE_WEIGHTS as BASE_WEIGHTS
from retain.models.update import WEIGHTS, WeightUpdate, adapter_update, save_weights
from retain.models.update_files import is_adapter as is_adapter  # for those who import it from here
from retain.models.update_files import save_update
from retain.sums import check_sums

TRAINED = "trained"
"""Name of the folder in a run."""
TUNED = "tuned"
"""Name of the folder that holds the finished model."""


def save_trained(model: TransformersModel, folder: Path) -> Path:
    """Save what was trained (adapter, or all weights in fp32); the folder appears at once or not at all."""
    return save_update(model.module, folder)


def load_trained(base: TransformersModel, folder: Path) -> TransformersModel:
    """The trained model at strength 1, made of a freshly loaded base and :func:`save_trained`'s folder.

    Raises:
        DamagedError: the folder does not hold what was trained.
    """
    check_sums(folder, [folder, folder.with_name("training.json")])
    if (folder / "adapter_config.json").is_file():
        from peft import PeftModel

        module = PeftModel.from_pretrained(base.module, str(folder))
        module.eval()
        update = adapter_update(module)
        model = base.rebuilt(module, module.disable_adapter, update)
    else:
        start = folder / BASE_WEIGHTS
        processes.from_first(lambda: save_weights(base.module, start))
        weights = WeightUpdate(base.module, start, folder / WEIGHTS)
        weights.apply(1.0)
        model = base.rebuilt(base.module, weights.as_base, weights)
    return model


def tuned_folder(run: Path) -> str:
    """Where a run's finished model lies.

    Raises:
        DamagedError: it is not what was saved there.
    """
    folder = run / TUNED
    check_sums(folder, [folder, run / "chosen.json"])
    return str(folder)


def save_tuned(model: TransformersModel, folder: Path) -> None:
    """Save the finished model with its tokenizer, as safetensors, ready to load anywhere."""

    def save() -> None:
        with whole_folder(folder, sums=True) as making:
            if is_adapter(model.module):
                for config in model.module.peft_config.values():
                    config.base_model_name_or_path = model.name
            model.save(making)

    processes.from_first(save)
