"""Rows in one line are the rows they were: the same batch, and the same training as with padding."""

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    DataCollatorWithFlattening,
    Trainer,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

import retain
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.flattened import in_rows
from retain.training.trainer import PenaltyMixin

ROWS = [[4 + (i * 7 + j) % 30 for j in range(4 + i % 5)] for i in range(8)]
DATA = [{"input_ids": row, "labels": [-100, -100, *row[2:]] if i % 2 else row} for i, row in enumerate(ROWS)]
GENERAL = [f"tell me about {x} {y} . it is {y} {x} ." for x in "a b c d".split() for y in "red blue green".split()]


@pytest.mark.parametrize("multiple", [None, 16])
def test_a_line_becomes_the_padded_batch(multiple):
    padded = DataCollatorForLanguageModeling(pad_token_id=2)(DATA[:4])
    line = DataCollatorForLanguageModeling(pad_token_id=2, padding_free=True, pad_to_multiple_of=multiple)(DATA[:4])
    assert line["input_ids"].shape[0] == 1
    found = in_rows(line, 2)
    padded["labels"][:, 0] = -100
    assert found.keys() == padded.keys()
    for name, one in padded.items():
        assert torch.equal(found[name], one), name
    assert in_rows(padded, 2) is padded


def test_a_line_of_single_tokens_trains_nothing_and_breaks_nothing():
    line = {"input_ids": torch.tensor([[5, 6]]), "labels": torch.tensor([[-100, -100]])}
    found = in_rows({**line, "position_ids": torch.tensor([[0, 0]])}, 2)
    assert found["input_ids"].tolist() == [[5], [6]] and found["attention_mask"].tolist() == [[1], [1]]


@pytest.fixture
def train(toy_folder, tmp_path):
    """What a training logs: losses, norms of gradients, penalties."""

    def trained(base, mitigations, flat, lora, **extra):
        arguments = {
            "output_dir": str(tmp_path / "out"), "per_device_train_batch_size": 4, "use_cpu": True, "max_steps": 3,
            "report_to": "none", "disable_tqdm": True, "logging_steps": 1, "learning_rate": 1e-2, "save_strategy": "no",
        }  # fmt: skip
        model, named = AutoModelForCausalLM.from_pretrained(toy_folder), {}
        tokenizer = AutoTokenizer.from_pretrained(toy_folder)
        if lora:
            torch.manual_seed(0)
            model = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
        if base is SFTTrainer:
            own = {"bf16": False, "eos_token": None, "max_length": None, "padding_free": flat, **extra}
            config = SFTConfig(**{**arguments, **own})
        else:
            config = TrainingArguments(**{**arguments, **extra})
            named["data_collator"] = DataCollatorWithFlattening() if flat else DataCollatorForSeq2Seq(tokenizer)
        trainer = retain.with_mitigations(base, mitigations, GENERAL)(
            model=model, args=config, train_dataset=Dataset.from_list(DATA), processing_class=tokenizer, **named
        )
        trainer.train()
        kept = ("loss", "grad_norm", "kl_to_base")
        return [{key: one[key] for key in kept if key in one} for one in trainer.state.log_history if "loss" in one]

    return trained


@pytest.mark.parametrize("base", [SFTTrainer, Trainer])
@pytest.mark.parametrize(
    ("mitigations", "lora"),
    [
        ([], False),
        ([{"kind": "token_weighting", "rule": "talr"}], False),
        ([{"kind": "token_weighting", "rule": "flow"}], False),
        ([{"kind": "token_weighting", "threshold": 40.0}, {"kind": "kl_to_base", "on": "both", "share": 1.0}], False),
        ([{"kind": "kl_to_base", "on": "task"}], False),
        ([{"kind": "kl_to_base", "on": "task", "base": "adapter_off"}], True),
        ([{"kind": "rehearsal"}, {"kind": "l2_to_base"}], False),
    ],
    ids=str,
)
def test_training_without_padding_is_that_with_padding(base, mitigations, lora, train):
    padded, flat = (train(base, mitigations, one, lora) for one in (False, True))
    assert len(padded) == 3 and padded[0]["loss"] > 0
    for one, other in zip(padded, flat, strict=True):
        assert other == pytest.approx(one, rel=1e-3, abs=1e-4)


def test_packed_rows_stay_apart_beside_rehearsed_ones(train, monkeypatch):
    """Where each row of a pack begins is known after rows were mixed in, as before."""
    seen = []
    plain = PenaltyMixin.compute_loss

    def watch(self, model, inputs, **named):
        seen.extend(zip(inputs["input_ids"][0].tolist(), inputs["position_ids"][0].tolist(), strict=True))
        return plain(self, model, inputs, **named)

    monkeypatch.setattr(PenaltyMixin, "compute_loss", watch)
    train(SFTTrainer, ["rehearsal"], True, False, packing=True, max_length=24)
    tokens = [token for token, _ in seen]
    begins = [place for place, (_, position) in enumerate(seen) if position == 0]
    rows = [tokens[one:other] for one, other in zip(begins, [*begins[1:], None], strict=True)]
    assert all(row in rows for row in ROWS) and len(rows) > len(ROWS)


@pytest.mark.parametrize("packing", [False, True])
def test_a_recipe_can_ask_for_it(packing, toy_recipe, tmp_path):
    def losses(name, extra, mitigations):
        training = {
            "learning_rate": 0.02, "epochs": 1, "batch_size": 4, "max_length": 64, "checkpoints": 0, "extra": extra,
            "packing": packing,
        }  # fmt: skip
        recipe = parse_recipe(toy_recipe(training=training, mitigations=mitigations))
        history = run_recipe(recipe, tmp_path / name, Progress(quiet=True)).training.history
        return [one["loss"] for one in history]

    on = "general" if packing else "both"
    kl = [{"kind": "kl_to_base", "on": on}]
    assert losses("flat", {"padding_free": True}, kl) == pytest.approx(losses("padded", {}, kl), rel=1e-3)
