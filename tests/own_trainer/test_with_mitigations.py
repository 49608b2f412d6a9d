"""Somebody's own trainer with mitigations does what a recipe's run does, and refuses what it cannot do."""

import json

import pytest
import torch
from datasets import Dataset, IterableDataset
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer

import retain
from retain.errors import BrokenError, UserError
from retain.mitigations.l2_to_base import L2ToBase
from retain.mitigations.lora import Variant

GENERAL = [f"tell me about {x} {y} . it is {y} {x} ." for x in "a b c d".split() for y in "red blue green".split()]


@pytest.fixture
def make(toy_folder, tmp_path, colour_rows):
    """A trainer on the toy model with what ``with_mitigations`` is given."""

    def build(mitigations, general=None, base=SFTTrainer, model=None, named=None, rows=None, seed=0, **given):
        plain = base is SFTTrainer and mitigations is None
        trainer_class = base if plain else retain.with_mitigations(base, mitigations, general, **given)
        arguments = dict(
            output_dir=str(tmp_path / "out"), use_cpu=True, bf16=False, report_to="none", disable_tqdm=True,
            learning_rate=1e-2, num_train_epochs=2, seed=seed, save_strategy="no", logging_steps=1,
        )  # fmt: skip
        named = dict(named or {})
        extra = named.pop("args", {})
        config = SFTConfig(**{**arguments, "max_length": 64, "loss_type": "nll", "eos_token": None, **extra})
        return trainer_class(
            model=model or AutoModelForCausalLM.from_pretrained(toy_folder),
            args=config,
            train_dataset=rows if rows is not None else Dataset.from_list(colour_rows),
            processing_class=AutoTokenizer.from_pretrained(toy_folder),
            **named,
        )

    return build


def token_rows():
    """Twelve rows of six tokens."""
    rows = [{"input_ids": [4 + (i * 7 + j) % 30 for j in range(6)], "attention_mask": [1] * 6} for i in range(12)]
    return [{**row, "labels": list(row["input_ids"])} for row in rows]


def logits(module):
    with torch.no_grad():
        return module.eval()(torch.tensor([[5, 6, 7, 8, 9, 10]])).logits


def weights(trainer):
    return {name: one.detach().clone() for name, one in trainer.model.named_parameters()}


def moved(trainer, toy_folder):
    """How far a trained model went from the base."""
    base = dict(AutoModelForCausalLM.from_pretrained(toy_folder).named_parameters())
    return sum(float((one - base[name]).square().sum()) for name, one in weights(trainer).items()) ** 0.5


def test_without_mitigations_it_is_the_plain_trainer(make):
    ours, theirs = make([]), make(None)
    ours.train()
    theirs.train()
    for name, one in weights(theirs).items():
        assert torch.allclose(weights(ours)[name], one, atol=1e-5), name


@pytest.mark.parametrize(
    ("mitigations", "general"),
    [
        (["kl_to_base"], GENERAL),
        ([{"kind": "kl_to_base", "on": "task"}], None),
        ([L2ToBase(weight=1.0)], None),
        ([{"kind": "ewc", "rows": 4}], GENERAL),
        ([{"kind": "token_weighting", "rule": "talr"}], None),
        ([{"kind": "freeze", "parts": ["attention"]}], None),
        (["rehearsal", {"kind": "l2_to_base"}], GENERAL),
    ],
)
def test_each_mitigation_changes_the_training(make, mitigations, general):
    plain, ours = make([]), make(mitigations, general)
    plain.train()
    ours.train()
    assert any(not torch.equal(one, weights(plain)[name]) for name, one in weights(ours).items())


def test_a_strong_pull_keeps_the_model_at_the_base(make, toy_folder):
    free, held = make([]), make([{"kind": "l2_to_base", "weight": 1e4}])
    free.train()
    held.train()
    assert moved(held, toy_folder) < 0.2 * moved(free, toy_folder)
    assert "l2_to_base" in held.state.log_history[0]


def test_the_mean_of_the_penalty_is_what_a_run_would_compute(make, toy_folder, tmp_path, colour_rows):
    """The first logged penalty at the base is zero."""
    trainer = make([{"kind": "kl_to_base", "top_k": None, "share": 1.0}], GENERAL)
    trainer.train()
    assert trainer.state.log_history[0]["kl_to_base"] == pytest.approx(0, abs=1e-5)
    assert trainer.state.log_history[-2]["kl_to_base"] > 1e-3


def test_rehearsed_rows_are_among_the_rows(make):
    trainer = make([{"kind": "rehearsal", "share": 0.1}], GENERAL)
    before = len(trainer.train_dataset)
    plain = sum(len(row["input_ids"]) for row in trainer.train_dataset)
    trainer.train()
    tokens = [len(row["input_ids"]) for row in trainer.train_dataset]
    assert before < len(tokens) <= before + len(GENERAL)
    assert 1.1 * plain <= sum(tokens) <= 1.1 * plain + max(tokens)


def test_lora_and_a_peft_config(make, toy_folder):
    for trainer in (
        make(["lora", "kl_to_base"], GENERAL),
        make(["lora"], model=str(toy_folder)),
        make(
            ["kl_to_base", {"kind": "l2_to_base"}],
            GENERAL,
            named={"peft_config": LoraConfig(r=4, target_modules="all-linear")},
        ),
    ):
        trainer.train()
        trained = [name for name, one in trainer.model.named_parameters() if one.requires_grad]
        assert trained and all("lora_" in name for name in trained)
        assert all(bool(one.any()) for name, one in weights(trainer).items() if "lora_B" in name), "it learned"
        base = dict(AutoModelForCausalLM.from_pretrained(toy_folder).named_parameters())
        own = {
            name.replace("base_model.model.", "").replace(".base_layer", ""): one
            for name, one in weights(trainer).items()
        }
        assert all(torch.equal(own[name], one) for name, one in base.items())


ALL_LINEAR = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}


@pytest.mark.parametrize("variant", Variant.__args__)
def test_what_the_trainer_saves_is_what_was_trained(variant, make, toy_folder, tmp_path):
    trainer = make(
        [{"kind": "lora", "rank": 4, "variant": variant}],
        GENERAL if variant == "corda" else None,
        named={"args": {"save_strategy": "steps", "save_steps": 5, "max_steps": 5, "save_only_model": True}},
    )
    trainer.train()
    now = logits(trainer.model)
    base = AutoModelForCausalLM.from_pretrained(toy_folder)
    assert not torch.allclose(now, logits(base), atol=0.1)
    trainer.save_model(str(tmp_path / "saved"))
    for folder in ("saved", "out/checkpoint-5"):
        again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(toy_folder), str(tmp_path / folder))
        assert torch.allclose(logits(again), now, atol=1e-4), folder
    assert torch.allclose(logits(trainer.model.merge_and_unload()), now, atol=1e-4)


@pytest.mark.parametrize("variant", ["lora", "pissa"])
def test_an_adapters_training_goes_on(variant, make, tmp_path):
    lora = [{"kind": "lora", "rank": 4, "variant": variant}, {"kind": "kl_to_base"}]
    whole = make(lora, GENERAL, named={"args": {"save_strategy": "steps", "save_steps": 4}})
    whole.train()
    again = make(lora, GENERAL)
    again.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-4"))
    for name, one in weights(whole).items():
        assert torch.equal(weights(again)[name], one), name


def test_null_space_takes_the_adapter_of_a_peft_config_too(make):
    bounded = {"kind": "null_space", "energy": 0.5}
    for mitigations, named in ((["lora", bounded], {}), ([bounded], {"peft_config": LoraConfig(**ALL_LINEAR)})):
        trainer = make(mitigations, GENERAL, named=named)
        trainer.train()
        assert any("null_space left the adapter" in note for note in trainer.retention_notes)
    with pytest.raises(UserError, match=r"put {kind: lora} before it"):
        make([bounded], GENERAL)
    with pytest.raises(UserError, match=r"counted as mitigations.0.*\n.*dora scales whole rows"):
        make([bounded], GENERAL, named={"peft_config": LoraConfig(use_dora=True, **ALL_LINEAR)})


def test_kl_asks_the_model_with_the_adapter_of_a_peft_config_off(make, toy_folder):
    given = [{"kind": "kl_to_base", "base": "adapter_off", "share": 1.0}]
    carrying = get_peft_model(AutoModelForCausalLM.from_pretrained(toy_folder), LoraConfig(**ALL_LINEAR))
    for more in ({"named": {"peft_config": LoraConfig(**ALL_LINEAR)}}, {"model": carrying}):
        trainer = make(given, GENERAL, **more)
        trainer.train()
        assert trainer.state.log_history[0]["kl_to_base"] == pytest.approx(0, abs=1e-5)
        assert trainer.state.log_history[-2]["kl_to_base"] > 1e-3
    with pytest.raises(UserError, match="adapter_off needs an adapter"):
        make(given, GENERAL)


def test_warnings_know_the_adapter_of_a_peft_config(make):
    named = {"peft_config": LoraConfig(**ALL_LINEAR), "args": {"learning_rate": 1e-3, "max_steps": 1}}
    trainer = make(["l2_to_base"], named=named)
    trainer.train()
    assert [note.split(":")[0] for note in trainer.retention_notes] == ["mitigations.lora.rank"]
    full = make(["l2_to_base"], named={"args": {"learning_rate": 1e-3, "max_steps": 1}})
    full.train()
    assert not any("mitigations.lora.rank" in note for note in full.retention_notes)
    assert any("trained on the task alone" in note for note in full.retention_notes)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"max_steps": 16, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}, "draw 128 rows of 40"),
        ({"max_steps": 16, "per_device_train_batch_size": 4}, None),
        ({"max_steps": 2, "num_train_epochs": 9}, None),
        ({"num_train_epochs": 4}, "epochs: 4 is more than 3"),
        ({"num_train_epochs": 3}, None),
    ],
    ids=str,
)
def test_passes_are_counted_from_max_steps_where_it_is_set(args, said, make):
    trainer = make(["l2_to_base"], named={"args": args})
    trainer.train()
    found = [note for note in trainer.retention_notes if "Later passes mostly learn rows by heart" in note]
    assert [said in note for note in found] == [True] * (said is not None)


def test_rehearsed_and_packed_rows_count_as_the_rows_of_a_pass(make):
    named = {"args": {"max_steps": 4, "per_device_train_batch_size": 32}}
    fewer, more = make(["l2_to_base"], named=named), make([{"kind": "rehearsal", "share": 0.15}], GENERAL, named=named)
    packed = make(["l2_to_base"], named={"args": {"packing": True, "max_steps": 10, "per_device_train_batch_size": 8}})
    for trainer in (fewer, more, packed):
        trainer.train()
    assert any("128 rows of 40" in note for note in fewer.retention_notes)
    assert not any("rows of" in note for note in more.retention_notes)
    assert any(f"80 rows of {len(packed.train_dataset)}" in note for note in packed.retention_notes)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("pissa", "init_lora_weights: 'pissa'.*is not the base.*\n.*\n.*{kind: lora, variant: pissa}"),
        ("pissa_niter_4", "{kind: lora, variant: pissa}"),
        ("olora", "{kind: lora, variant: olora}"),
        (False, "changes the model before the first step.*merge_and_unload"),
        ("orthogonal", None),
        ("gaussian", None),
        ("mica", None),
    ],
)
def test_an_adapter_that_does_not_begin_at_the_base_is_refused(start, message, make):
    peft_config = LoraConfig(init_lora_weights=start, **ALL_LINEAR)
    given = {"peft_config": peft_config, "args": {"max_steps": 1}}
    trainer = make([{"kind": "kl_to_base", "share": 1.0}], GENERAL, named=given)
    if message is None:
        trainer.train()
        assert trainer.state.log_history[0]["kl_to_base"] == pytest.approx(0, abs=1e-4)
    else:
        with pytest.raises(UserError, match=f"(?s){message}"):
            trainer.train()


def test_adapters_that_cannot_be_put_back_or_scaled_are_refused(make, toy_folder, toy_suite):
    def base():
        return AutoModelForCausalLM.from_pretrained(toy_folder)

    beside = LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["norm"])
    with pytest.raises(UserError, match=r"norm.* is trained too"):
        make([{"kind": "strength"}], suite=str(toy_suite), named={"peft_config": beside}).train()
    scaled = IA3Config(target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"])
    with pytest.raises(UserError, match=r"early_stop works with LoRA adapters.*found IA3"):
        make(["early_stop"], suite=str(toy_suite), named={"peft_config": scaled}).train()
    named = get_peft_model(base(), LoraConfig(**ALL_LINEAR), adapter_name="mine")
    with pytest.raises(UserError, match="default; found mine"):
        make(["l2_to_base"], model=named).train()


def test_the_plain_transformers_trainer(make, toy_folder, tmp_path):
    rows = token_rows()
    ours = retain.with_mitigations(Trainer, [L2ToBase(weight=1e4), {"kind": "kl_to_base", "share": 1}], GENERAL)
    arguments = TrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, report_to="none", max_steps=3, logging_steps=1
    )
    trainer = ours(
        model=AutoModelForCausalLM.from_pretrained(toy_folder),
        args=arguments,
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(toy_folder),
    )
    trainer.train()
    assert {"l2_to_base", "kl_to_base"} <= set(trainer.state.log_history[0])


def test_a_class_with_its_own_loss_keeps_it(make):
    class Own(SFTTrainer):
        asked = 0

        def compute_loss(self, *args, **kwargs):
            Own.asked += 1
            return super().compute_loss(*args, **kwargs)

    trainer = make([{"kind": "l2_to_base"}], base=Own)
    trainer.train()
    assert Own.asked == trainer.state.global_step
    with pytest.raises(UserError, match="token_weighting replaces the loss, and Own computes its own"):
        retain.with_mitigations(Own, ["token_weighting"])


def test_strength_and_early_stop_choose_after_training(make, mastered_suite, toy_folder):
    suite = {"suite": str(mastered_suite), "gate": {"mean_margin": 0.0, "margin": 0.0}}
    trainer = make([{"kind": "strength", "values": [0.0, 1.0]}], **suite)
    trainer.train()
    (choice,) = trainer.retention_choices
    assert choice.what == "strength" and choice.chosen == 0.0
    assert moved(trainer, toy_folder) < 1e-6
    trainer = make(
        [{"kind": "strength", "values": [0.5, 1.0]}], **{**suite, "gate": {"mean_margin": 100, "margin": 100}}
    )
    trainer.train()
    assert trainer.retention_choices[0].chosen == 1.0  # no gain is measured: the largest that passes
    with pytest.raises(UserError, match="make another trainer"):
        trainer.train()


@pytest.mark.parametrize("variant", [None, "lora", "pissa"], ids=["full", "lora", "pissa"])
def test_early_stop_goes_back_to_the_update_it_chose(variant, make, mastered_suite):
    adapter = [{"kind": "lora", "rank": 4, "variant": variant}] if variant else []
    constant = {"lr_scheduler_type": "constant", "learning_rate": 0.1, "num_train_epochs": 1}
    stop = {"kind": "early_stop", "every": 1, "patience": 9}
    margins = {"mean_margin": 1.0, "margin": 1.0}
    trainer = make([*adapter, stop], named={"args": constant}, suite=str(mastered_suite), gate=margins)
    trainer.train()
    (choice,) = trainer.retention_choices
    assert choice.chosen < choice.candidates[-1].value
    short = make(adapter, named={"args": {**constant, "max_steps": int(choice.chosen)}})
    short.train()
    for name, one in weights(short).items():
        assert torch.equal(weights(trainer)[name], one), name


def test_early_stop_comes_before_strength(make, mastered_suite, toy_folder):
    margins = {"mean_margin": 0.0, "margin": 0.0}
    finishing = [{"kind": "strength", "values": [0.0, 0.5]}, {"kind": "early_stop", "every": 3}]
    trainer = make(
        [{"kind": "lora", "variant": "pissa"}, *finishing],
        named={"args": {"learning_rate": 0.1}},
        suite=str(mastered_suite),
        gate=margins,
    )
    trainer.train()
    assert [choice.what for choice in trainer.retention_choices] == ["checkpoint", "strength"]
    assert trainer.retention_choices[1].chosen == 0.0
    base = AutoModelForCausalLM.from_pretrained(toy_folder)
    assert torch.equal(logits(trainer.model), logits(base)), "strength 0 is the base"


@pytest.mark.parametrize("variant", [None, "lora", "pissa"], ids=["full", "lora", "pissa"])
def test_the_base_is_measured_as_its_candidates_are(variant, make, mastered_suite, monkeypatch):
    """In mixed precision: the weights are fp32, and the forward passes of training cast."""
    seen = []
    from retain.own_trainer import setup

    measure = setup.measure_probes

    def note(model, *rest):
        cast = "forward" in model.module.__dict__
        seen.append((model.fingerprint, cast, {str(one.dtype) for one in model.module.parameters()}))
        return measure(model, *rest)

    monkeypatch.setattr(setup, "measure_probes", note)
    adapter = [{"kind": "lora", "rank": 4, "variant": variant}] if variant else []
    trainer = make(
        [*adapter, {"kind": "strength", "values": [0.0, 1.0]}],
        suite=str(mastered_suite),
        named={"args": {"bf16": True, "max_steps": 2}},
    )
    trainer.train()
    base, nothing, whole = seen
    assert not any(cast for _, cast, _ in seen)
    assert base[2] == nothing[2] == whole[2]
    if variant is None:
        assert base[0] == nothing[0] != whole[0]
    assert trainer.retention_choices[0].candidates[0].mean_loss == 0


def test_files_as_large_as_the_model_do_not_stay(make, tmp_path, mastered_suite):
    make([{"kind": "l2_to_base"}], named={"args": {"max_steps": 2}}).train()
    given = {"suite": str(mastered_suite), "named": {"args": {"max_steps": 2}}}
    make([{"kind": "l2_to_base"}, {"kind": "strength", "values": [1.0]}], **given).train()
    assert not list((tmp_path / "out" / "retain").rglob("*.safetensors"))


def test_an_optimizer_that_would_not_train_the_adapter_is_refused(make, toy_folder):
    module = AutoModelForCausalLM.from_pretrained(toy_folder)
    given = {"model": module, "named": {"optimizers": (torch.optim.AdamW(module.parameters(), lr=1e-2), None)}}
    with pytest.raises(UserError, match=r"does not hold .*lora_A"):
        make(["lora"], **given).train()
    module = AutoModelForCausalLM.from_pretrained(toy_folder)
    given = {"model": module, "named": {"optimizers": (torch.optim.AdamW(module.parameters(), lr=1e-2), None)}}
    trainer = make(["l2_to_base", {"kind": "freeze", "parts": ["attention"]}], **given)
    trainer.train()
    assert moved(trainer, toy_folder) > 0


def test_a_collator_that_cannot_take_rehearsed_rows_is_refused(make, toy_folder):
    tokenizer = AutoTokenizer.from_pretrained(toy_folder)
    given = {"general": GENERAL, "base": Trainer, "rows": Dataset.from_list(token_rows())}
    for collator in (None, DataCollatorForLanguageModeling(tokenizer, mlm=False)):
        with pytest.raises(UserError, match=r"data_collator cannot make a batch.*\n.*DataCollatorForSeq2Seq"):
            make(["rehearsal"], named={"data_collator": collator}, **given).train()
    make(["rehearsal"], named={"data_collator": DataCollatorForSeq2Seq(tokenizer)}, **given).train()


def test_long_general_rows_are_cut(make):
    words = "a b c d e red blue green".split()
    long = [" ".join([words[i % 8], words[i // 8], *["tell me about it ."] * 60]) for i in range(20)]
    plain = make([{"kind": "kl_to_base"}], long, base=Trainer, rows=token_rows(), named={"args": {"max_steps": 1}})
    plain.args.max_length = None
    plain.train()
    assert {len(row.input_ids) for row in plain.streams["general"].rows} == {128}, "the model's context"
    shorter = make([{"kind": "kl_to_base"}], long, named={"args": {"max_steps": 1}})
    shorter.train()
    assert {len(row.input_ids) for row in shorter.streams["general"].rows} == {64}, "max_length"


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"args": {"label_smoothing_factor": 0.1}}, "label_smoothing_factor"),
        ({"args": {"loss_type": "dft"}}, "loss_type"),
        ({"compute_loss_func": lambda outputs, labels, num_items_in_batch=None: outputs.logits.sum()}, "compute_loss"),
    ],
)
def test_token_weighting_replaces_no_other_loss(named, message, make):
    with pytest.raises(UserError, match=message):
        make([{"kind": "token_weighting", "rule": "talr"}], named=named)


@pytest.mark.parametrize(
    ("mitigations", "given", "message"),
    [
        (["kl_to_bas"], {}, "kl_to_base"),
        ([{"kind": "ewc", "wieght": 3}], {"general": GENERAL}, "wieght"),
        (["kl_to_base"], {}, "needs general text"),
        (["strength"], {}, "say what it measures"),
        (["l2_to_base", "l2_to_base"], {}, "is given 2 times"),
        (["kl_to_base"], {"general": {"source": "base_model", "count": 1}}, "data.general.0.count"),
        (["strength"], {"suite": "quick", "gate": {"margni": 3}}, "margni"),
        (["null_space", "lora"], {"general": GENERAL}, "put {kind: lora} before it"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(mitigations, given, message):
    with pytest.raises(UserError, match=message):
        retain.with_mitigations(SFTTrainer, mitigations, **given)


def test_what_only_the_trainer_shows_is_said_too(make, tmp_path, colour_rows):
    with pytest.raises(UserError, match="peft_config another"):
        make(["lora"], named={"peft_config": LoraConfig()})
    with pytest.raises(UserError, match="packed"):
        make([{"kind": "kl_to_base", "on": "task"}], named={"args": {"packing": True}})
    with pytest.raises(UserError, match="general holds no rows"):
        make(["kl_to_base"], []).train()
    with pytest.raises(UserError, match="known row shape"):
        make(["kl_to_base"], [{"colour": "red"}, {"colour": "blue"}]).train()
    streamed = IterableDataset.from_generator(lambda: iter(colour_rows))
    with pytest.raises(UserError, match="a streamed one does not"):
        make(["l2_to_base"], rows=streamed, named={"args": {"max_steps": 2}}).train()


def test_general_text_that_holds_a_probes_item_is_refused(make, toy_suite):
    items = [json.loads(line) for line in (toy_suite.parent / "say.jsonl").open()]
    rows = [
        {"prompt": items[0]["prompt"] + " " + items[1]["prompt"] + " " + items[2]["prompt"], "completion": "one"}
    ] * 2
    rows[1] = {"prompt": items[3]["prompt"], "completion": "two"}
    with pytest.raises(UserError, match="say"):
        make([{"kind": "strength"}, "kl_to_base"], rows, suite=str(toy_suite)).train()


def test_a_broken_loss_ends_the_training(make):
    trainer = make([{"kind": "l2_to_base"}])
    with torch.no_grad():
        next(iter(trainer.model.parameters())).fill_(float("nan"))
    with pytest.raises(BrokenError, match="The loss became nan in step 1"):
        trainer.train()
