"""Somebody's own trainer with mitigations does what a recipe's run does, and refuses what it cannot do."""

import json

import pytest
import torch
from datasets import Dataset, IterableDataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer

import retain
from retain.errors import BrokenError, UserError
from retain.mitigations.l2_to_base import L2ToBase

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
        config = SFTConfig(**arguments, **{"max_length": 64, "loss_type": "nll", "eos_token": None, **extra})
        return trainer_class(
            model=model or AutoModelForCausalLM.from_pretrained(toy_folder),
            args=config,
            train_dataset=rows if rows is not None else Dataset.from_list(colour_rows),
            processing_class=AutoTokenizer.from_pretrained(toy_folder),
            **named,
        )

    return build


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


def test_null_space_needs_an_adapter_of_with_mitigations(make):
    trainer = make(["lora", {"kind": "null_space", "energy": 0.5}], GENERAL)
    trainer.train()
    assert any("null_space left the adapter" in note for note in trainer.retention_notes)


def test_the_plain_transformers_trainer(make, toy_folder, tmp_path):
    rows = [{"input_ids": [4 + (i * 7 + j) % 30 for j in range(6)], "attention_mask": [1] * 6} for i in range(12)]
    for row in rows:
        row["labels"] = list(row["input_ids"])
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
    trainer = make(["lora", {"kind": "early_stop", "every": 3}, {"kind": "strength", "values": [0.5, 1.0]}], **suite)
    trainer.train()
    assert [choice.what for choice in trainer.retention_choices] == ["checkpoint", "strength"]


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
        (["null_space"], {"general": GENERAL}, "put {kind: lora} before it"),
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
