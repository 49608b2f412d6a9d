"""Overfitting alarms in somebody's own trainer: read off its log and its held-out rows, disturbing nothing."""

import logging
import random
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from datasets import Dataset, IterableDataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainingArguments
from trl import DPOConfig, SFTConfig, SFTTrainer

import retain
from retain.own_trainer.watching import _some_rows, logs_cross_entropy, watch_of
from retain.training.read_alarms import UNKNOWN


def rows(count, seed):
    """Rows of tokens whose last eight nothing but memory can give."""
    draw = random.Random(seed)
    made = [[4 + draw.randrange(24) for _ in range(14)] for _ in range(count)]
    return Dataset.from_list([{"input_ids": one, "labels": [-100] * 6 + one[6:]} for one in made])


@pytest.fixture
def train(toy_folder, tmp_path):
    def run(base=SFTTrainer, callbacks=(), held_out=None, **given):
        settings = {
            "num_train_epochs": 60,
            "learning_rate": 0.01,
            "per_device_train_batch_size": 8,
            "loss_type": "nll",
            **given,
        }
        arguments = SFTConfig(
            output_dir=str(tmp_path / "out"), use_cpu=True, bf16=False, report_to="none", disable_tqdm=True,
            max_length=64, eos_token=None, save_strategy="no", logging_steps=1, **settings,
        )  # fmt: skip
        trainer = base(
            model=AutoModelForCausalLM.from_pretrained(toy_folder),
            args=arguments,
            train_dataset=rows(16, 0),
            eval_dataset=held_out,
            processing_class=AutoTokenizer.from_pretrained(toy_folder),
            callbacks=list(callbacks),
        )
        trainer.train()
        return trainer

    return run


def raised(alarms):
    return {one.name for one in alarms if one.raised}


def test_a_trainer_with_mitigations_raises_alarms(train, caplog):
    base = retain.with_mitigations(SFTTrainer, [{"kind": "l2_to_base", "weight": 1e-6}])
    with caplog.at_level(logging.WARNING, logger="retain"):
        trainer = train(base, held_out=rows(20, 1))
    assert "growing_gap" in raised(trainer.retention_alarms)
    assert caplog.text.count("alarm growing_gap, update") == 1
    read = [entry for entry in trainer.state.log_history if "held_out_loss" in entry]
    assert len(read) == 4 and all("task_loss" in entry for entry in read)
    assert trainer._watch.seconds > 0


def test_rows_are_read_only_where_there_are_some_and_as_often_as_asked(train):
    for watch, held_out, times in ((4, None, 0), (0, rows(20, 1), 0), (2, rows(20, 1), 2), (4, rows(7, 1), 0)):
        base = retain.with_mitigations(SFTTrainer, [], watch=watch)
        trainer = train(base, held_out=held_out, num_train_epochs=4)
        assert sum("held_out_loss" in entry for entry in trainer.state.log_history) == times
        assert (trainer.retention_alarms[1].raised is None) == (times == 0)


def test_rows_that_cannot_be_read_are_left_alone():
    first, second = SimpleNamespace(seed=0), SimpleNamespace(seed=1)
    streamed = IterableDataset.from_generator(lambda: iter([{"input_ids": [5, 6]}]))
    for given in (None, streamed, {"one": rows(20, 1)}, Dataset.from_list([{"text": "x"}] * 9)):
        assert _some_rows(given, first) == []
    assert len(_some_rows(rows(300, 0), first)) == 128
    assert _some_rows(rows(300, 0), first) != _some_rows(rows(300, 0), second)


def watching(trained, held_out, tmp_path, **given):
    arguments = SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none", **given)
    return watch_of(arguments, [None] * 9, trained, held_out, 4, True)


def without_labels(count, **columns):
    return [{"input_ids": one["input_ids"], **columns} for one in rows(count, 1)]


def test_prompts_of_held_out_rows_do_not_count(tmp_path, caplog):
    mask = [0] * 6 + [1] * 8
    masked = watching(rows(20, 0), without_labels(20, completion_mask=mask), tmp_path)
    assert masked.rows and all(one.labels[:6] == [-100] * 6 and -100 not in one.labels[6:] for one in masked.rows)
    both = without_labels(20, completion_mask=mask, assistant_masks=[0] * 10 + [1] * 4)
    assert {one.labels.count(-100) for one in watching(rows(20, 0), both, tmp_path).rows} == {10}
    everything = watching(without_labels(20), both, tmp_path, completion_only_loss=False)
    assert everything.rows[0].labels.count(-100) == 10, "masks of the assistant always hold"
    assert watching(without_labels(20), without_labels(20), tmp_path).rows, "all of these rows is trained"
    assert not caplog.text
    assert watching(rows(20, 0), without_labels(20), tmp_path).rows == []
    assert "training rows have labels" in caplog.text


@dataclass
class OwnArguments(TrainingArguments):
    """A script's own, as many have them."""

    note: str = ""


def test_a_loss_is_read_as_cross_entropy_only_where_it_is(tmp_path):
    def plain(kind, **given):
        return logs_cross_entropy(kind(output_dir=str(tmp_path), use_cpu=True, report_to="none", **given))

    assert plain(TrainingArguments) and plain(OwnArguments) and plain(SFTConfig, bf16=False)
    assert not plain(SFTConfig, bf16=False, loss_type="dft")
    assert not plain(TrainingArguments, label_smoothing_factor=0.1)
    assert not plain(DPOConfig, bf16=False)


def test_the_callback_raises_them_in_any_trainer_and_disturbs_nothing(train, toy_suite):
    plain = train(num_train_epochs=20, learning_rate=0.003)
    watch = retain.RetentionCallback(
        str(toy_suite), every=1000, patience=None, restore=False, limit=10, held_out=rows(20, 1)
    )
    watched = train(callbacks=[watch], num_train_epochs=20, learning_rate=0.003)
    assert watch.alarms and sum("held_out_loss" in entry for entry in watched.state.log_history) == 4
    for name, one in plain.model.named_parameters():
        assert torch.equal(one, dict(watched.model.named_parameters())[name]), name
    longer = retain.RetentionCallback(
        str(toy_suite), every=1000, patience=None, restore=False, limit=10, held_out=rows(20, 1)
    )
    train(callbacks=[longer])
    assert "growing_gap" in raised(longer.alarms)


def callback(toy_suite, **given):
    return retain.RetentionCallback(str(toy_suite), every=1000, patience=None, restore=False, limit=10, **given)


@pytest.mark.parametrize("given", ["eval_dataset", "held_out", "held_out and watch=0"])
def test_the_callback_beside_mitigations_reads_rows_once_and_says_alarms_once(train, toy_suite, caplog, given):
    watch = callback(toy_suite, held_out=None if given == "eval_dataset" else rows(20, 1))
    base = retain.with_mitigations(SFTTrainer, [], watch=0 if "watch" in given else 4)
    with caplog.at_level(logging.WARNING, logger="retain"):
        trainer = train(base, [watch], held_out=rows(20, 1) if given == "eval_dataset" else None)
    for key, times in (("held_out_loss", 4), ("trained_losses", 1)):
        assert sum(key in entry for entry in trainer.state.log_history) == times
    assert watch.alarms == trainer.retention_alarms and "growing_gap" in raised(watch.alarms)
    for name in raised(watch.alarms):
        assert caplog.text.count(f"alarm {name}, update") == 1
    alone = train(callbacks=[watch], num_train_epochs=1)
    assert alone.state.global_step == 2 and watch.alarms != trainer.retention_alarms, "another trainer, other alarms"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, True),
        ({"plain_loss": False}, False),
        ({"loss_type": "dft"}, False),
        ({"loss_type": "dft", "plain_loss": True}, True),
    ],
)
def test_the_callback_says_nothing_of_a_loss_that_is_no_cross_entropy(train, toy_suite, given, told):
    watch = callback(toy_suite, held_out=rows(20, 1), plain_loss=given.pop("plain_loss", None))
    train(callbacks=[watch], num_train_epochs=8, **given)
    assert [one.statement == UNKNOWN for one in watch.alarms] == [not told] * 4
