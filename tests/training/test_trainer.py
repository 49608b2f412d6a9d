"""The loss with penalties: the task's part is TRL's, and nothing depends on how an update is cut into passes."""

import pytest
import torch
from datasets import Dataset
from transformers import Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer

from retain.data.encoding import Encoded
from retain.errors import BrokenError
from retain.models.load import load_causal
from retain.training.stream import GeneralStream
from retain.training.trainer import PenaltyMixin, with_penalties

ROWS = [[4 + (i * 7 + j) % 30 for j in range(4 + i % 5)] for i in range(8)]
DATA = [{"input_ids": row, "labels": [-100, -100, *row[2:]]} for row in ROWS]
GENERAL = [Encoded(input_ids=row, labels=row) for row in ROWS[:4]]


def gradients(folder, tmp_path, batch, accumulation, penalties=None, streams=None, own=True, weights=()):
    """Gradients of the first update, before clipping takes effect; and the logged loss."""
    found = {}

    class Stop(Exception):
        pass

    base = with_penalties(SFTTrainer, penalties or {}, streams or {}, weights) if own else SFTTrainer

    class Watched(base):
        def training_step(self, *args, **kwargs):
            loss = super().training_step(*args, **kwargs)
            found["loss"] = found.get("loss", 0) + loss.item()
            found["passes"] = found.get("passes", 0) + 1
            if found["passes"] == accumulation:
                found["grad"] = {n: p.grad.clone() for n, p in self.model.named_parameters() if p.grad is not None}
                raise Stop
            return loss

    model = load_causal(str(folder), "fp32")
    arguments = SFTConfig(
        output_dir=str(tmp_path / "out"), per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation,
        use_cpu=True, bf16=False, report_to="none", disable_tqdm=True, max_length=64, eos_token=None,
    )  # fmt: skip
    trainer = Watched(
        model=model.module, args=arguments, train_dataset=Dataset.from_list(DATA), processing_class=model.tokenizer
    )
    with pytest.raises(Stop):
        trainer.train()
    return found


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.allclose(one[name], other[name], atol=1e-5), name


def test_the_tasks_loss_is_trls(toy_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(PenaltyMixin, "_scores_labelled_only", lambda self, inputs: True)
    ours = gradients(toy_folder, tmp_path, 4, 2)
    trls = gradients(toy_folder, tmp_path, 4, 2, own=False)
    same(ours["grad"], trls["grad"])
    assert ours["loss"] == pytest.approx(trls["loss"], rel=1e-5)


def test_accumulating_changes_no_gradient_of_task_or_penalty(toy_folder, tmp_path):
    def norm(step):
        return 0.3 * step.module.get_input_embeddings().weight.square().sum()

    whole = gradients(toy_folder, tmp_path, 8, 1, {"norm": norm})
    parts = gradients(toy_folder, tmp_path, 2, 4, {"norm": norm})
    same(whole["grad"], parts["grad"])
    assert whole["loss"] == pytest.approx(parts["loss"], rel=1e-5)
    plain = gradients(toy_folder, tmp_path, 8, 1)
    assert any(not torch.allclose(whole["grad"][n], plain["grad"][n], atol=1e-4) for n in plain["grad"])


def test_a_general_row_weighs_the_same_in_one_pass_or_in_one_of_four(toy_folder, tmp_path):
    """One row an update: rate 1 in a single pass, rate 1/4 in four passes."""

    def penalty(step):
        batch = step.general("own")
        return None if batch is None else step.general_logits("own").square().mean(-1).sum() / batch.usual

    whole = gradients(toy_folder, tmp_path, 8, 1, {"p": penalty}, {"own": GeneralStream(GENERAL, 1.0, 0)})
    parts = gradients(toy_folder, tmp_path, 2, 4, {"p": penalty}, {"own": GeneralStream(GENERAL, 0.25, 0)})
    same(whole["grad"], parts["grad"])


@pytest.mark.parametrize("rows", [0.5, 2.0])
def test_rows_of_unequal_length_weigh_the_same_however_an_update_is_cut_into_passes(toy_folder, tmp_path, rows):
    def penalty(step):
        general, task = step.general("own"), step.task_logits.square().mean() * step.task_share
        if general is None:
            return task
        return task + step.general_logits("own").square().mean(-1).sum() / general.usual

    whole = gradients(toy_folder, tmp_path, 8, 1, {"p": penalty}, {"own": GeneralStream(GENERAL, 4 * rows, 0)})
    parts = gradients(toy_folder, tmp_path, 2, 4, {"p": penalty}, {"own": GeneralStream(GENERAL, rows, 0)})
    same(whole["grad"], parts["grad"])


def test_weights_multiply_the_loss_of_each_labelled_token(toy_folder, tmp_path):
    def half(step):
        return torch.full((len(step.task_logits),), 0.5)

    def all_but(token):
        def weigh(step):
            targets = step.task["labels"][:, 1:]
            return (targets[targets != -100] != token).float()

        return weigh

    plain = gradients(toy_folder, tmp_path, 4, 2)
    halved = gradients(toy_folder, tmp_path, 4, 2, weights=[half])
    quarter = gradients(toy_folder, tmp_path, 4, 2, weights=[half, half])
    assert halved["loss"] == pytest.approx(plain["loss"] / 2, rel=1e-5)
    assert quarter["loss"] == pytest.approx(plain["loss"] / 4, rel=1e-5)
    same(halved["grad"], {name: grad / 2 for name, grad in plain["grad"].items()})
    dropped = gradients(toy_folder, tmp_path, 4, 2, weights=[all_but(DATA[0]["labels"][-1])])
    assert dropped["loss"] < plain["loss"]


def losses_of_left_padded(trainer_class, folder, out):
    """Losses of an update of rows of one length, and of one of rows that are padded on the left."""
    rows = [[5, 6, 7, 8, 9, 10], [4, 9, 8, 7, 6, 5], [11, 12, 13], [5, 7, 9, 11, 13, 15]]

    def pad_left(batch):
        width = max(len(one["input_ids"]) for one in batch)

        def padded(values):
            return torch.tensor([[value] * (width - len(one)) + one for value, one in values])

        ids = [one["input_ids"] for one in batch]
        return {
            "input_ids": padded([(2, one) for one in ids]),
            "attention_mask": padded([(0, [1] * len(one)) for one in ids]),
            "labels": padded([(-100, one) for one in ids]),
        }

    model = load_causal(str(folder), "fp32")
    arguments = TrainingArguments(
        output_dir=str(out), per_device_train_batch_size=2, use_cpu=True, report_to="none", disable_tqdm=True,
        max_steps=2, logging_steps=1, learning_rate=0.0, save_strategy="no", train_sampling_strategy="sequential",
    )  # fmt: skip
    trainer = trainer_class(
        model=model.module, args=arguments, data_collator=pad_left, processing_class=model.tokenizer,
        train_dataset=Dataset.from_list([{"input_ids": row} for row in rows]),
    )  # fmt: skip
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_padding_is_looked_at_in_every_batch(toy_folder, tmp_path):
    plain = losses_of_left_padded(Trainer, toy_folder, tmp_path)
    ours = losses_of_left_padded(with_penalties(Trainer, {}), toy_folder, tmp_path)
    assert len(ours) == 2 and ours == pytest.approx(plain, abs=1e-4)


def test_an_overflow_under_a_gradient_scaler_leaves_one_update_out(toy_folder, tmp_path):
    """As with fp16: the first scaled gradient is infinite, and training goes on at a lower scale."""
    passes = []

    def root(step):
        passes.append(1)
        value = (next(step.module.parameters()) * 0).sum()
        return value.sqrt() if len(passes) == 1 else value

    model = load_causal(str(toy_folder), "fp32")
    before = {name: one.detach().clone() for name, one in model.module.named_parameters()}
    seen = {}

    class Watched(with_penalties(SFTTrainer, {"root": root})):
        def training_step(self, *args, **kwargs):
            seen[self.state.global_step] = all(
                torch.equal(one, before[name]) for name, one in self.model.named_parameters()
            )
            return super().training_step(*args, **kwargs)

    arguments = SFTConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=4, use_cpu=True, bf16=False, report_to="none",
        disable_tqdm=True, max_length=64, eos_token=None, max_steps=3, save_strategy="no",
    )  # fmt: skip
    trainer = Watched(
        model=model.module, args=arguments, train_dataset=Dataset.from_list(DATA), processing_class=model.tokenizer
    )
    trainer.accelerator.scaler = scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    trainer.train()
    assert seen == {0: True, 1: True, 2: False}, "the first update is left out, the second is not"
    assert scaler.get_scale() == 4.0


def test_a_broken_gradient_never_reaches_the_weights(toy_folder, tmp_path):
    """The penalty is 0 and its gradient 0 / 0."""
    model = load_causal(str(toy_folder), "fp32")
    before = {name: one.detach().clone() for name, one in model.module.named_parameters()}

    def root(step):
        return (next(step.module.parameters()) * 0).sum().sqrt()

    arguments = SFTConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=4, use_cpu=True, bf16=False, report_to="none",
        disable_tqdm=True, max_length=64, eos_token=None,
    )  # fmt: skip
    trainer = with_penalties(SFTTrainer, {"root": root})(
        model=model.module, args=arguments, train_dataset=Dataset.from_list(DATA), processing_class=model.tokenizer
    )
    with pytest.raises(BrokenError, match="The gradient became NaN or infinite in step 1"):
        trainer.train()
    for name, one in model.module.named_parameters():
        assert torch.equal(one, before[name]), name
