"""`retain init --from`: what other trainers' configurations say, in a recipe's words, and what has no counterpart."""

import json
import os
import sys

import pytest
import yaml

from retain import cli
from retain.commands.check import check
from retain.commands.init_from import init_from
from retain.errors import UserError
from retain.recipe import load_recipe

AXOLOTL = {
    "base_model": "owner/model-1b",
    "load_in_8bit": False,
    "load_in_4bit": True,
    "adapter": "qlora",
    "lora_r": 32,
    "lora_alpha": 16,
    "lora_dropout": 0.05,
    "lora_target_linear": True,
    "datasets": [{"path": "owner/rows", "type": "alpaca", "split": "train", "name": "en"}],
    "val_set_size": 0.1,
    "sequence_len": 2048,
    "sample_packing": True,
    "micro_batch_size": 2,
    "gradient_accumulation_steps": 4,
    "num_epochs": 3,
    "optimizer": "adamw_torch",
    "lr_scheduler": "cosine",
    "learning_rate": "2e-4",
    "warmup_ratio": 0.1,
    "weight_decay": 0.01,
    "bf16": "auto",
    "gradient_checkpointing": True,
    "wandb_project": None,
    "seed": 7,
}
FACTORY = {
    "model_name_or_path": "owner/model-8b",
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_rank": 8,
    "lora_target": "q_proj,v_proj",
    "dataset": "identity,others",
    "template": "llama3",
    "cutoff_len": 1024,
    "max_samples": 500,
    "output_dir": "saves/out",
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 8,
    "learning_rate": 1.0e-4,
    "num_train_epochs": 3.0,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.1,
    "bf16": True,
    "report_to": "none",
}


@pytest.fixture
def made(tmp_path):
    """The recipe of a configuration with some keys changed, and what was left out: key -> reason."""

    def make(base, **changed):
        values = {key: value for key, value in {**base, **changed}.items() if value != "gone"}
        (tmp_path / "config.yml").write_text(yaml.safe_dump(values))
        imported = init_from(tmp_path / "config.yml", tmp_path / "recipe.yaml", force=True)
        return load_recipe(tmp_path / "recipe.yaml"), {one.key: one.why for one in imported.left}

    return make


def lora_of(recipe):
    return next((one for one in recipe.mitigations if one.kind == "lora"), None)


def test_axolotl_is_taken_over(made, tmp_path):
    recipe, left = made(AXOLOTL)
    assert (recipe.model.base, recipe.model.load_in) == ("owner/model-1b", "4bit")
    assert (recipe.data.train, recipe.data.held_out, recipe.data.loss_on) == ("owner/rows:en:train", 0.1, "completion")
    training = recipe.training
    assert (training.method, training.epochs, training.learning_rate) == ("sft", 3, 2e-4)
    assert (training.batch_size, training.gradient_accumulation, training.max_length) == (2, 4, 2048)
    assert (training.schedule, training.warmup, training.weight_decay) == ("cosine", 0.1, 0.01)
    assert (training.optimizer, training.packing, training.gradient_checkpointing) == ("adamw_torch", True, True)
    lora = lora_of(recipe)
    assert (lora.rank, lora.alpha, lora.dropout, lora.target_modules) == (32, 16, 0.05, "all-linear")
    assert [one.kind for one in recipe.mitigations] == ["lora", "kl_to_base", "strength"]
    assert recipe.seed == 7
    assert left == {}
    assert "batch_size: 2                # micro_batch_size" in (tmp_path / "recipe.yaml").read_text()


def test_llama_factory_is_taken_over(made):
    recipe, left = made(FACTORY)
    assert (recipe.model.base, recipe.model.load_in) == ("owner/model-8b", "bf16")
    assert recipe.data.train.endswith(os.path.join("data", "identity.json"))
    assert recipe.data.limit == 500
    training = recipe.training
    assert (training.batch_size, training.gradient_accumulation, training.max_length) == (1, 8, 1024)
    assert (training.epochs, training.schedule, training.warmup) == (3, "cosine", 0.1)
    assert training.gradient_checkpointing, "it is on unless it is switched off"
    lora = lora_of(recipe)
    assert (lora.rank, lora.target_modules) == (8, ["q_proj", "v_proj"])
    assert set(left) == {"dataset", "dataset_info.json", "template", "output_dir", "do_*"} - {"do_*"} | {"do_train"}
    assert "join the files" in left["dataset"]


@pytest.mark.parametrize("changed, weight, share", [({}, 3.0, 0.75), ({"rl": "dpo"}, 1.0, 0.25)], ids=["sft", "dpo"])
def test_what_holds_the_model_is_what_init_writes_without_a_configuration(made, changed, weight, share):
    near = next(one for one in made(AXOLOTL, **changed)[0].mitigations if one.kind == "kl_to_base")
    assert (near.weight, near.share) == (weight, share)


def test_the_trainers_own_defaults_are_written_where_retains_differ(made):
    bare, _ = made({"base_model": "o/m", "datasets": [{"path": "o/d"}], "learning_rate": 1e-5})
    assert (bare.training.schedule, bare.training.batch_size, bare.training.max_length) == ("cosine", 1, 512)
    assert (bare.seed, lora_of(bare)) == (42, None)
    bare, _ = made({"model_name_or_path": "o/m", "dataset": "rows"})
    assert (bare.training.schedule, bare.training.batch_size, bare.training.epochs) == ("linear", 8, 3)
    assert (bare.training.max_length, bare.training.learning_rate, lora_of(bare).rank) == (2048, 5e-5, 8)


@pytest.mark.parametrize(
    "base, changed, read",
    [
        (AXOLOTL, {"adapter": "lora", "load_in_4bit": False}, lambda r: r.model.load_in == "bf16"),
        (AXOLOTL, {"adapter": "gone", "load_in_4bit": "gone", "bf16": False}, lambda r: r.model.load_in == "fp32"),
        (AXOLOTL, {"peft_use_dora": True}, lambda r: lora_of(r).variant == "dora"),
        (AXOLOTL, {"lora_target_linear": "gone", "lora_target_modules": ["q_proj"]},
         lambda r: lora_of(r).target_modules == ["q_proj"]),
        (AXOLOTL, {"rl": "dpo", "dpo_beta": 0.2, "rpo_alpha": 0.5},
         lambda r: (r.training.method, r.training.pairs.beta, r.training.pairs.nll, r.training.packing)
         == ("dpo", 0.2, 0.5, False)),
        (AXOLOTL, {"rl": "ipo"}, lambda r: r.training.pairs.loss == "ipo"),
        (AXOLOTL, {"datasets": "gone", "pretraining_dataset": [{"path": "o/text", "name": "en", "type": "pretrain"}]},
         lambda r: (r.training.method, r.data.train) == ("pretrain", "o/text:en")),
        (AXOLOTL, {"datasets": [{"path": "o/text", "type": "completion"}]}, lambda r: r.training.method == "pretrain"),
        (AXOLOTL, {"datasets": [{"path": "json", "data_files": ["rows.jsonl"], "ds_type": "json"}]},
         lambda r: r.data.train.endswith("rows.jsonl")),
        (AXOLOTL, {"train_on_inputs": True}, lambda r: r.data.loss_on == "all"),
        (AXOLOTL, {"test_datasets": [{"path": "test.jsonl"}]},
         lambda r: str(getattr(r.data.held_out, "test", "")).endswith("test.jsonl")),
        (AXOLOTL, {"gradient_accumulation_steps": "gone", "batch_size": 16},
         lambda r: r.training.gradient_accumulation == 8),
        (AXOLOTL, {"cosine_min_lr_ratio": 0.2},
         lambda r: (r.training.schedule, r.training.lowest_rate) == ("cosine_with_min_lr", 0.2)),
        (AXOLOTL, {"max_steps": 200, "warmup_ratio": "gone", "warmup_steps": 20},
         lambda r: (r.training.extra, r.training.warmup) == ({"max_steps": 200}, 0.1)),
        (AXOLOTL, {"wandb_project": "mine"}, lambda r: r.training.report_to == ["wandb"]),
        (AXOLOTL, {"adam_beta2": 0.95}, lambda r: r.training.extra == {"adam_beta2": 0.95}),
        (AXOLOTL, {"lora_target_linear": "gone", "lora_target_modules": r"model\.layers\.(1|2)\.mlp\.up_proj"},
         lambda r: lora_of(r).target_modules == r"model\.layers\.(1|2)\.mlp\.up_proj"),
        (AXOLOTL, {"lora_target_linear": "gone", "lora_target_modules": [r"layers\.[0-3]{1,2}\..*"]},
         lambda r: lora_of(r).target_modules == r"layers\.[0-3]{1,2}\..*"),
        (AXOLOTL, {"lora_target_linear": "gone", "lora_target_modules": ["q_proj", r".*\.up_.*"]},
         lambda r: lora_of(r).target_modules == r"(?:.*\.)?q_proj|(?:.*\.up_.*)"),
        (AXOLOTL, {"lr_scheduler": "constant"}, lambda r: (r.training.scheduler, r.training.warmup_share)
         == ("constant", 0)),
        (AXOLOTL, {"warmup_ratio": "gone"}, lambda r: r.training.warmup == 0.03),
        (AXOLOTL, {"optimizer": "ao_adamw_8bit"}, lambda r: r.training.optimizer == "adamw_torch_8bit"),
        (AXOLOTL, {"optimizer": "muon"}, lambda r: r.training.optimizer == "adamw_torch_fused"),
        (FACTORY, {"optim": "adamw_bnb_8bit"}, lambda r: r.training.optimizer == "adamw_bnb_8bit"),
        (FACTORY, {"optim": "adamw_hf"}, lambda r: r.training.optimizer == "adamw_torch"),
        (FACTORY, {"warmup_ratio": "gone"}, lambda r: r.training.warmup == 0),
        (FACTORY, {"lora_target": ".*_proj"}, lambda r: lora_of(r).target_modules == ".*_proj"),
        (FACTORY, {"quantization_bit": 4}, lambda r: r.model.load_in == "4bit"),
        (FACTORY, {"finetuning_type": "full"}, lambda r: lora_of(r) is None),
        (FACTORY, {"stage": "pt"}, lambda r: r.training.method == "pretrain"),
        (FACTORY, {"stage": "dpo", "pref_beta": 0.3, "pref_loss": "hinge", "pref_ftx": 0.1},
         lambda r: (r.training.pairs.beta, r.training.pairs.loss, r.training.pairs.nll) == (0.3, "hinge", 0.1)),
        (FACTORY, {"pissa_init": True}, lambda r: lora_of(r).variant == "pissa"),
        (FACTORY, {"disable_gradient_checkpointing": True}, lambda r: not r.training.gradient_checkpointing),
        (FACTORY, {"train_on_prompt": True, "packing": True},
         lambda r: (r.data.loss_on, r.training.packing) == ("all", True)),
        (FACTORY, {"val_size": 0.2}, lambda r: r.data.held_out == 0.2),
        (FACTORY, {"report_to": ["tensorboard"]}, lambda r: r.training.report_to == ["tensorboard"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) and len(value) < 6 else "",
)  # fmt: skip
def test_each_key_has_its_effect(made, base, changed, read):
    assert not read(made(base)[0]), "the key changes something"
    assert read(made(base, **changed)[0])


@pytest.mark.parametrize(
    "base, changed, key, why",
    [
        (AXOLOTL, {"lerning_rate": 1}, "lerning_rate", 'did you mean "learning_rate"'),
        (AXOLOTL, {"load_in_8bit": True}, "load_in_8bit", "bf16 is written"),
        (AXOLOTL, {"warmup_ratio": "gone", "warmup_steps": 10}, "warmup_steps", "share of all updates"),
        (AXOLOTL, {"lr_scheduler": "rex"}, "lr_scheduler", "cosine is written"),
        (AXOLOTL, {"val_set_size": 200}, "val_set_size", "0.15"),
        (AXOLOTL, {"val_set_size": 0}, "val_set_size", "0.15 is written"),
        (AXOLOTL, {"val_set_size": 0, "test_datasets": [{"path": "t.jsonl"}]}, "val_set_size", "0.1 is written"),
        (FACTORY, {"val_size": 0.0}, "val_size", "0.15 is written"),
        (AXOLOTL, {"lr_scheduler": "constant"}, "warmup_ratio", "constant_with_warmup"),
        (FACTORY, {"lr_scheduler_type": "constant", "warmup_ratio": "gone", "warmup_steps": 5}, "warmup_steps",
         "constant_with_warmup"),
        (AXOLOTL, {"optimizer": "muon"}, "optimizer", "adamw_torch_fused is written"),
        (FACTORY, {"optim": "adamw_bnb_8bits"}, "optim", 'did you mean "adamw_bnb_8bit"'),
        (AXOLOTL, {"is_qwen_derived_model": True}, "is_qwen_derived_model", "base's config"),
        (AXOLOTL, {"dataset_num_proc": 4}, "dataset_num_proc", "speed or memory"),
        (AXOLOTL, {"warmup_step": 4}, "warmup_step", 'did you mean "warmup_steps"'),
        (AXOLOTL, {"num_epochs": "many"}, "num_epochs", "cannot be read"),
        (AXOLOTL, {"plugins": ["a.b"]}, "plugins", "never run"),
        (AXOLOTL, {"datasets": [{"path": "o/d", "field_messages": "talk"}]}, "datasets.0.field_messages", "rename"),
        (AXOLOTL, {"datasets": [{"path": "o/d"}, {"path": "o/e"}]}, "datasets.1", "rehearsal"),
        (AXOLOTL, {"deepspeed": "zero3.json"}, "deepspeed", "accelerate launch"),
        (FACTORY, {"finetuning_type": "freeze"}, "finetuning_type", "freeze"),
        (FACTORY, {"mix_strategy": "interleave_under"}, "mix_strategy", "join the files"),
        (FACTORY, {"quantization_bit": 8}, "quantization_bit", "4bit"),
        (FACTORY, {"stage": "dpo", "dpo_label_smoothing": 0.1}, "dpo_label_smoothing", "robust"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_has_no_counterpart_is_said_with_its_reason(made, tmp_path, base, changed, key, why):
    _, left = made(base, **changed)
    assert why in left[key]
    text = (tmp_path / "recipe.yaml").read_text()
    assert any(line.startswith(f"#   {key}: ") and why in line for line in text.splitlines())


def test_a_key_that_is_like_no_other_gets_no_hint(made):
    assert made(AXOLOTL, model_family=2)[1]["model_family"] == "unknown here"


def test_a_recipe_says_what_it_counts_otherwise(made, tmp_path):
    for base, key in ((AXOLOTL, "micro_batch_size"), (FACTORY, "per_device_train_batch_size")):
        made(base)
        assert f"# {key}, of each device" in (tmp_path / "recipe.yaml").read_text()
    made(FACTORY)
    assert "val_size names none" in (tmp_path / "recipe.yaml").read_text()


def test_what_is_switched_off_needs_no_word(made):
    _, left = made(AXOLOTL, flash_attention=False, deepspeed=None, hub_model_id="", fsdp=[])
    assert left == {}


@pytest.mark.parametrize(
    "base, changed",
    [(AXOLOTL, {"rl": "grpo"}), (AXOLOTL, {"reward_model": True}), (FACTORY, {"stage": "kto"}),
     (FACTORY, {"stage": "dpo", "pref_loss": "orpo"})],
    ids=["grpo", "reward_model", "kto", "orpo"],
)  # fmt: skip
def test_methods_that_retain_does_not_train_are_refused(made, base, changed):
    with pytest.raises(UserError, match="retain compare BASE TUNED"):
        made(base, **changed)


def test_dataset_info_names_the_file_and_check_accepts_the_recipe(tmp_path, toy_folder, colour_rows):
    data = tmp_path / "factory" / "data"
    data.mkdir(parents=True)
    (data / "colours.json").write_text(json.dumps(colour_rows))
    hub = {"hf_hub_url": "o/d", "subset": "en", "split": "x", "columns": {"prompt": "question"}, "num_samples": 9}
    info = {"mine": {"file_name": "colours.json"}, "hub": hub}
    (data / "dataset_info.json").write_text(json.dumps(info))
    config = tmp_path / "factory" / "train.yaml"
    values = {**FACTORY, "model_name_or_path": str(toy_folder), "dataset": "mine", "max_samples": 40, "cutoff_len": 64}
    config.write_text(yaml.safe_dump(values))
    (tmp_path / "recipes").mkdir()
    imported = init_from(config, tmp_path / "recipes" / "mine.yaml")
    recipe = load_recipe(imported.recipe)
    assert os.path.samefile(recipe.data.train, data / "colours.json")
    assert check(imported.recipe).data["shape"] == "chat"
    config.write_text(yaml.safe_dump({**values, "dataset": "hub"}))
    imported = init_from(config, tmp_path / "hub.yaml")
    assert load_recipe(imported.recipe).data.train == "o/d:en:x"
    left = {one.key: one.why for one in imported.left}
    assert "rename" in left["dataset_info.json: hub.columns"]
    assert "data.limit" in left["dataset_info.json: hub.num_samples"]


def test_nothing_in_a_configuration_is_run(tmp_path):
    (tmp_path / "evil.yml").write_text(
        f"base_model: !!python/object/apply:os.mkdir ['{tmp_path}/made']\ndatasets: []\n"
    )
    with pytest.raises(UserError, match="cannot be read as YAML"):
        init_from(tmp_path / "evil.yml", tmp_path / "recipe.yaml")
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "recipe.yaml").exists()


@pytest.mark.parametrize("base", [AXOLOTL, FACTORY], ids=["axolotl", "llama_factory"])
@pytest.mark.parametrize("odd", [[], {"a": [1]}, -1, "x: y\n# z", True, 1e400, ["\x1b[31m"]], ids=str)
def test_odd_values_are_said_or_refused_and_never_break(made, tmp_path, base, odd):
    for key in base:
        (tmp_path / "recipe.yaml").unlink(missing_ok=True)
        try:
            made(base, **{key: odd})
        except UserError:
            assert not (tmp_path / "recipe.yaml").exists()
        else:
            assert "\x1b" not in (tmp_path / "recipe.yaml").read_text()


def test_files_that_are_not_here_yet_are_named_from_the_recipes_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    values = {**AXOLOTL, "base_model": "../model", "datasets": [{"path": "rows.jsonl"}]}
    values["test_datasets"] = [{"path": "/data/test.jsonl"}]
    (tmp_path / "conf" / "a.yml").write_text(yaml.safe_dump(values))
    for recipe in ("conf/recipe.yaml", "recipe.yaml", "deep/er/recipe.yaml"):
        init_from("conf/a.yml", recipe)
        data = yaml.safe_load((tmp_path / recipe).read_text())
        folder = (tmp_path / recipe).parent
        assert os.path.normpath(folder / data["data"]["train"]) == str(tmp_path / "conf" / "rows.jsonl")
        assert os.path.normpath(folder / data["model"]["base"]) == str(tmp_path / "model")
        assert data["data"]["held_out"]["test"] == "/data/test.jsonl"


def test_one_odd_value_does_not_spoil_the_rest(made):
    recipe, left = made(FACTORY, report_to=["tensorboard", "nonsense"], learning_rate="1e400", zebra=1)
    assert recipe.training.report_to == ["tensorboard"]
    assert "tensorboard, wandb" in left["report_to"] and "cannot be read" in left["learning_rate"]
    assert left["zebra"] == "unknown here"


def test_what_is_wrong_is_said_of_the_configuration_and_not_of_a_file_that_was_not_written(made, tmp_path):
    with pytest.raises(UserError, match=r"config\.yml, as a recipe, has 1 error:\n.*max_length"):
        made(AXOLOTL, sequence_len=1)


def test_files_that_are_no_configuration(tmp_path):
    for name, text in {"list.yml": "- 1\n", "other.yml": "model_name_or_path: a\ndataset_name: b\n"}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError, match="Axolotl"):
            init_from(tmp_path / name, tmp_path / "recipe.yaml")
    with pytest.raises(UserError, match="There is no file"):
        init_from(tmp_path / "none.yml", tmp_path / "recipe.yaml")


def test_the_command_shows_what_was_left_out_and_takes_a_model_and_rows(tmp_path, monkeypatch, capsys, toy_folder):
    (tmp_path / "c.yml").write_text(yaml.safe_dump({**AXOLOTL, "hub_model_id": "me/it"}))
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["retain", "init", str(toy_folder), "rows.jsonl", "--from", "c.yml"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    out = capsys.readouterr().out
    assert not end.value.code
    assert 'hub_model_id: "me/it" -- nothing is uploaded' in out and "retain check recipe.yaml" in out
    recipe = load_recipe("recipe.yaml")
    assert os.path.samefile(recipe.model.base, toy_folder) and os.path.samefile(recipe.data.train, "rows.jsonl")
    monkeypatch.setattr(sys, "argv", ["retain", "init", "a"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2 and "--from FILE" in capsys.readouterr().err
