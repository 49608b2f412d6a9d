"""An optimizer or a key of ``extra`` that no library knows is refused before anything is measured."""

import pytest
import yaml

from retain.commands.check import check
from retain.errors import MissingExtraError, UserError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.check_settings import check_settings
from retain.training.settings import TrainingSettings

WRONG = {"optimizer": "adamm", "extra": {"adam_beta": 1, "learning_rate": 2, "nonsense": True}}
SAID = (
    r'training.optimizer: there is no optimizer "adamm"; did you mean "(.|\n)*'
    r"training.extra: learning_rate is set by Retain's own keys(.|\n)*"
    r'training.extra: adam_beta is no key of SFTConfig, did you mean "adam_beta(.|\n)*'
    r"training.extra: nonsense is no key of SFTConfig"
)
MODULES = {
    "_get_bitsandbytes_optimizer": "bitsandbytes",
    "_get_galore_optimizer": "galore_torch",
    "_get_apollo_optimizer": "apollo_torch",
    "_get_lomo_optimizer": "lomo_optim",
    "_get_grokadamw": "grokadamw",
    "_get_torchao_optimizer": "torchao",
    "_get_schedule_free_optimizer": "schedulefree",
    "_get_stable_adamw": "optimi",
}
"""transformers' makers of optimizers -> the module that they import."""


def test_check_and_run_refuse_them_before_anything_is_measured(toy_recipe, tmp_path, monkeypatch):
    values = toy_recipe(training=WRONG)
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=SAID):
        check(path)
    monkeypatch.setattr("retain.pipeline.measure_before", None)
    with pytest.raises(UserError, match=SAID):
        run_recipe(parse_recipe(values), tmp_path / "run", Progress(quiet=True))


@pytest.mark.parametrize(
    ("method", "key", "kind"),
    [
        ("dpo", "beta", "Retain's own"),
        ("rank", "max_length", "CrossEncoderTrainingArguments"),
        ("pretrain", "x", "SFT"),
    ],
)
def test_each_method_has_keys_of_its_own(method, key, kind):
    check_settings(TrainingSettings(method=method, extra={"adam_beta2": 0.95}), "bf16")
    with pytest.raises(UserError, match=rf"training.extra: {key} is .*{kind}"):
        check_settings(TrainingSettings(method=method, extra={key: 1}), "bf16")


def test_every_optimizer_says_which_package_it_needs(monkeypatch):
    from transformers import trainer_optimizer

    monkeypatch.setattr("retain.training.check_settings.importlib.util.find_spec", lambda name: None)
    makers = {name: maker.__name__ for name, maker in trainer_optimizer._OPTIMIZER_HANDLERS.items()}
    needing = {name.value: MODULES[maker] for name, maker in makers.items() if maker in MODULES}
    assert set(needing.values()) == set(MODULES.values())
    for name, module in needing.items():
        with pytest.raises(MissingExtraError, match=rf"training.optimizer: {name} needs {module}, which is not inst"):
            check_settings(TrainingSettings(optimizer=name), "bf16")
    for name in ("adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adagrad", "rmsprop"):
        check_settings(TrainingSettings(optimizer=name), "bf16")
