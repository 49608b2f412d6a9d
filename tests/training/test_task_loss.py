"""Alarms see the loss of the task's rows alone, whatever else is added to the loss, weighed in it or mixed into it."""

import pytest
import torch
from datasets import Dataset
from transformers import Trainer, TrainingArguments

from retain.data.example import Example
from retain.mitigations.base import GeneralSet, Setup
from retain.models.base import Message
from retain.models.load import load_causal
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.records import Gate, content_hash
from retain.stages.setting_up import encoder
from retain.stages.training import fit
from retain.training.alarms.history import TASK_LOSS
from retain.training.held_out import padded, row_losses
from retain.training.settings import TrainingSettings
from retain.training.trainer import PenaltyMixin, with_penalties

STILL = {"learning_rate": 1e-30, "max_length": 64, "checkpoints": 0}
"""A rate at which no weight moves: losses are the base's, and can be computed apart."""


def row(question: str, answer: str) -> Example:
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id=content_hash(question, answer), shape="chat", messages=turns)


TASK = [row(f"say {x} {y}", f"{x} {y}") for x in ("one", "two", "three", "a") for y in ("b", "c", "d", "e")]
GENERAL = [row(f"tell me about {x} {y}", f"{y} {x} .") for x in ("red", "blue", "green") for y in ("yes", "no", "it")]


@pytest.fixture
def train(toy_folder, tmp_path):
    def run(mitigations=(), held_out=(), **settings):
        """History of a training, with mitigations as a recipe writes them."""
        model = load_causal(str(toy_folder), "fp32")
        general = GeneralSet(name="own", source="base_model", examples=GENERAL, kept_back=GENERAL[:2])
        setup = Setup(
            base=model, general={"own": general}, gate=Gate(), folder=tmp_path / "training", seed=0,
            encode=encoder(model, 64, "completion"), measure_dev=lambda model: [], base_dev=lambda: [],
            task_probes=frozenset({"task"}),
        )  # fmt: skip
        recipe = {"model": {"base": "x"}, "data": {"train": "y", "general": [{"name": "own"}]}}
        made = parse_recipe({**recipe, "mitigations": list(mitigations)}).mitigations
        settings = TrainingSettings(**{**STILL, "batch_size": 4, **settings})
        return fit(model, setup, TASK, settings, made, Progress(quiet=True), held_out)[1]

    return run


def losses(training, key="loss"):
    return [entry[key] for entry in training.history]


@pytest.mark.parametrize(
    "mitigations",
    [
        [{"kind": "kl_to_base", "weight": 3.0, "share": 0.3}, {"kind": "l2_to_base", "weight": 5.0}],
        [{"kind": "token_weighting", "rule": "stm", "threshold": 30.0}],
        [{"kind": "token_weighting", "rule": "talr"}, {"kind": "kl_to_base", "on": "task"}],
    ],
    ids=["penalties", "weights", "both"],
)
@pytest.mark.parametrize("accumulation", [1, 2])
def test_penalties_and_weights_leave_the_tasks_loss_what_it_is(train, mitigations, accumulation):
    plain = train(gradient_accumulation=accumulation)
    assert TASK_LOSS not in plain.history[0], "where the loss is the task's it is not written twice"
    found = train(mitigations, gradient_accumulation=accumulation)
    assert losses(found, TASK_LOSS) == pytest.approx(losses(plain), rel=1e-4)
    if "token_weighting" in str(mitigations):
        assert losses(found)[0] != pytest.approx(losses(plain)[0], rel=1e-2)


def test_rows_that_are_packed_keep_the_tasks_loss_too(train):
    kl = [{"kind": "kl_to_base", "weight": 3.0, "share": 0.3}]
    plain, found = train(packing=True), train(kl, packing=True)
    assert losses(found, TASK_LOSS) == pytest.approx(losses(plain), rel=1e-4)


def test_rehearsed_rows_are_left_out_of_the_tasks_loss(train, toy):
    found = train([{"kind": "rehearsal", "share": 0.5}], batch_size=64)
    encode = encoder(toy, 64, "completion")
    with torch.no_grad():
        task = row_losses(toy.module, padded([encode(one) for one in TASK], "cpu"))
    mean = sum(loss for loss, _ in task) / sum(tokens for _, tokens in task)
    assert losses(found, TASK_LOSS) == pytest.approx([mean], rel=1e-4)
    assert losses(found)[0] != pytest.approx(mean, rel=1e-3)


def test_rehearsed_rows_are_told_apart_in_a_line_too(train):
    rehearsal = [{"kind": "rehearsal", "share": 0.5}]
    apart = train(rehearsal, batch_size=64)
    assert losses(train(rehearsal, batch_size=64, packing=True), TASK_LOSS) == pytest.approx(
        losses(apart, TASK_LOSS), rel=1e-4
    )


def test_what_cannot_be_taken_apart_is_not_guessed(train, monkeypatch):
    monkeypatch.setattr(PenaltyMixin, "_scores_labelled_only", lambda trainer, inputs: False)  # as on CUDA
    found = train([{"kind": "rehearsal", "share": 0.5}], packing=True)
    assert TASK_LOSS not in found.history[0]
    assert {one.raised for one in found.alarms} == {None}
    assert "holds more than the task's" in found.alarms[0].statement


@pytest.mark.parametrize("settings", [{"extra": {"label_smoothing_factor": 0.2}}, {"extra": {"loss_type": "dft"}}])
def test_another_loss_is_no_cross_entropy(train, settings):
    assert {one.raised for one in train(**settings).alarms} == {None}


def test_a_trainer_with_a_loss_of_its_own_says_nothing_of_the_tasks(toy, tmp_path):
    class Own(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **named):
            return model(**inputs).loss * 7

    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none", max_steps=1)
    data = Dataset.from_list([{"input_ids": [5, 6, 7], "labels": [5, 6, 7]}] * 4)
    penalty = {"one": lambda step: step.task_logits.square().mean()}
    for base, plain in ((Own, False), (Trainer, True)):
        for penalties in ({}, penalty):
            made = with_penalties(base, penalties)(
                model=toy.module, args=arguments, train_dataset=data, processing_class=toy.tokenizer
            )
            assert made.loss_is_the_tasks is (plain and not penalties)


def test_the_loss_of_held_out_rows_is_comparable_with_the_training_loss(train):
    """At weights that stand still, of the same rows: equal in every reading."""
    found = train(held_out=TASK, batch_size=16, epochs=20, watch=2)
    read = [entry["held_out_loss"] for entry in found.history if "held_out_loss" in entry]
    assert len(read) == 2 and len(found.held_out[0].losses) == len(TASK)
    assert read == pytest.approx([found.history[0]["loss"]] * 2, rel=1e-4)
