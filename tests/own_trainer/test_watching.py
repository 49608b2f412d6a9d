"""Overfitting alarms in somebody's own trainer: read off its log and its held-out rows, disturbing nothing."""

import logging
import random

import pytest
import torch
from datasets import Dataset, IterableDataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

import retain


def rows(count, seed):
    """Rows of tokens whose last eight nothing but memory can give."""
    draw = random.Random(seed)
    made = [[4 + draw.randrange(24) for _ in range(14)] for _ in range(count)]
    return Dataset.from_list([{"input_ids": one, "labels": [-100] * 6 + one[6:]} for one in made])


@pytest.fixture
def train(toy_folder, tmp_path):
    def run(base=SFTTrainer, callbacks=(), held_out=None, **given):
        settings = {"num_train_epochs": 60, "learning_rate": 0.01, "per_device_train_batch_size": 8, **given}
        arguments = SFTConfig(
            output_dir=str(tmp_path / "out"), use_cpu=True, bf16=False, report_to="none", disable_tqdm=True,
            max_length=64, eos_token=None, save_strategy="no", logging_steps=1, loss_type="nll", **settings,
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


def test_rows_that_cannot_be_read_are_left_alone(toy_folder):
    from retain.own_trainer.watching import _some_rows

    streamed = IterableDataset.from_generator(lambda: iter([{"input_ids": [5, 6]}]))
    for given in (None, streamed, {"one": rows(20, 1)}, Dataset.from_list([{"text": "x"}] * 9)):
        assert _some_rows(given, 0) == []
    assert len(_some_rows(rows(300, 0), 0)) == 128
    assert _some_rows(rows(300, 0), 0) != _some_rows(rows(300, 0), 1)


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


def test_the_callback_beside_mitigations_reads_rows_once(train, toy_suite):
    watch = retain.RetentionCallback(str(toy_suite), every=1000, patience=None, restore=False, limit=10)
    base = retain.with_mitigations(SFTTrainer, [])
    trainer = train(base, [watch], held_out=rows(20, 1), num_train_epochs=4)
    assert sum("held_out_loss" in entry for entry in trainer.state.log_history) == 4
