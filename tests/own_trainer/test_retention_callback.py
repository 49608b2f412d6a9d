"""A callback for any trainer: it measures, it ends a training that forgets, and it disturbs nothing."""

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

import retain
from retain.errors import UserError


@pytest.fixture
def train(toy_folder, tmp_path, colour_rows):
    """Train the toy model at a rate, with callbacks; the trainer."""

    def run(callbacks, rate=0.1, out="out", resume=None, base=SFTTrainer, **given):
        arguments = SFTConfig(
            output_dir=str(tmp_path / out), use_cpu=True, bf16=False, report_to="none", disable_tqdm=True,
            learning_rate=rate, max_length=64, eos_token=None, save_strategy=given.pop("save", "no"), **given,
        )  # fmt: skip
        trainer = base(
            model=AutoModelForCausalLM.from_pretrained(toy_folder),
            args=arguments,
            train_dataset=Dataset.from_list(colour_rows),
            processing_class=AutoTokenizer.from_pretrained(toy_folder),
            callbacks=callbacks,
        )
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    return run


def weights(module):
    return {name: one.detach().clone() for name, one in module.named_parameters()}


def test_a_training_that_forgets_is_ended_and_the_best_put_back(train, mastered_suite):
    watch = retain.RetentionCallback(str(mastered_suite), every=2, gate={"mean_margin": 1.0, "margin": 1.0})
    trainer = train([watch], max_steps=40)
    assert trainer.state.global_step < 40
    assert [one.passing for one in watch.candidates][-1] is False
    assert watch.chosen in watch.candidates
    losses = [entry["retain_mean_loss"] for entry in trainer.state.log_history if "retain_mean_loss" in entry]
    assert losses == [one.mean_loss for one in watch.candidates]


def test_it_disturbs_nothing(train, toy_suite):
    plain = train([], rate=1e-3, max_steps=6)
    watch = retain.RetentionCallback(str(toy_suite), every=2, patience=None, restore=False, limit=10)
    watched = train([watch], rate=1e-3, max_steps=6)
    assert len(watch.candidates) == 3
    for name, one in weights(plain.model).items():
        assert torch.equal(one, weights(watched.model)[name]), name


@pytest.mark.parametrize("variant", [None, "lora", "pissa"], ids=["full", "lora", "pissa"])
def test_what_is_put_back_is_what_passed(variant, train, mastered_suite):
    adapter = [{"kind": "lora", "rank": 4, "variant": variant}] if variant else []
    given = {"base": retain.with_mitigations(SFTTrainer, adapter), "lr_scheduler_type": "constant"}
    margins = {"mean_margin": 1.0, "margin": 1.0}
    watch = retain.RetentionCallback(str(mastered_suite), every=1, patience=None, gate=margins)
    trainer = train([watch], max_steps=6, **given)
    chosen = int(watch.chosen.value)
    assert watch.chosen is not watch.candidates[-1]
    short = train([], max_steps=chosen, out="short", **given)
    for name, one in weights(short.model).items():
        assert torch.equal(weights(trainer.model)[name], one), name


def test_it_goes_with_mitigations_that_choose_too(train, mastered_suite, toy_suite, tmp_path):
    def go(**more):
        watch = retain.RetentionCallback(str(toy_suite), every=2, patience=None, restore=False, limit=10)
        finishing = [{"kind": "early_stop", "every": 3}, {"kind": "strength", "values": [0.5, 1.0]}]
        base = retain.with_mitigations(
            SFTTrainer, finishing, suite=str(mastered_suite), gate={"mean_margin": 100, "margin": 100}
        )
        return watch, train([watch], rate=1e-3, max_steps=6, base=base, **more)

    watch, trainer = go(save="steps", save_steps=3)
    assert [one.value for one in watch.candidates] == [2, 4, 6]
    assert [one.what for one in trainer.retention_choices] == ["checkpoint", "strength"]
    assert [one.value for one in trainer.retention_choices[0].candidates] == [3, 6]
    again, other = go(resume=str(tmp_path / "out" / "checkpoint-3"))
    assert again.candidates == watch.candidates
    for name, one in weights(trainer.model).items():
        assert torch.equal(weights(other.model)[name], one), name


def test_another_training_in_the_same_folder_begins_anew(train, toy_suite):
    for _ in range(2):
        watch = retain.RetentionCallback(str(toy_suite), every=3, patience=None, limit=10)
        train([watch], rate=1e-3, max_steps=3)
    assert len(watch.candidates) == 1 and watch.candidates[0].value == 3


def test_a_run_that_goes_on_knows_the_base(train, toy_suite, tmp_path):
    whole = retain.RetentionCallback(str(toy_suite), every=2, patience=None, restore=False, limit=10)
    train([whole], rate=1e-3, max_steps=6, out="whole")
    first = retain.RetentionCallback(str(toy_suite), every=2, patience=None, restore=False, limit=10)
    train([first], rate=1e-3, max_steps=6, save="steps", save_steps=3)
    (folder,) = (tmp_path / "out" / "retain").glob("callback-*")
    (folder / "kept" / "guarded.json").unlink()
    again = retain.RetentionCallback(str(toy_suite), every=2, patience=None, restore=False, limit=10)
    train([again], rate=1e-3, max_steps=6, resume=str(tmp_path / "out" / "checkpoint-3"))
    known = {one.value: one.mean_loss for one in whole.candidates}
    assert {one.value: one.mean_loss for one in again.candidates} == {step: known[step] for step in (4, 6)}
    (folder / "base.json").unlink()
    with pytest.raises(UserError, match="base's scores is gone"):
        train([again], rate=1e-3, max_steps=6, resume=str(tmp_path / "out" / "checkpoint-3"))


def test_bad_values_are_refused():
    for wrong in ({"every": 0}, {"patience": 0}, {"suite": "quik"}, {"gate": {"margin": -1}}):
        with pytest.raises(UserError):
            retain.RetentionCallback(**wrong)
