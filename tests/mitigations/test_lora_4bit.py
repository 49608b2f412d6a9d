"""QLoRA with each variant that works on 4-bit weights: the base stays as it is, and the adapter comes back."""

import pytest
import torch

from retain.mitigations.lora import Lora
from retain.models.fingerprint import base_weights_hash
from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.settings import TrainingSettings
from retain.training.sft import train_sft
from retain.training.trained import load_trained, save_trained
from retain.training.watch import ShowProgress

pytest.importorskip("bitsandbytes")

IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, toy_tokenizer):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(toy_tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=1,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=128, bos_token_id=1, eos_token_id=2,
        pad_token_id=2, tie_word_embeddings=True, initializer_range=0.2,
    )  # fmt: skip
    place = tmp_path_factory.mktemp("base")
    LlamaForCausalLM(config).save_pretrained(place)
    toy_tokenizer.save_pretrained(place)
    return place


def logits(model):
    with torch.no_grad():
        return model.module(IDS).logits.float()


@pytest.mark.parametrize("variant", ["lora", "rslora", "dora", "orthogonal", "pissa", "olora"])
def test_a_variant_on_4_bit_weights(variant, folder, make_setup, tmp_path):
    plain = load_causal(str(folder), "4bit")
    base, before = logits(plain), base_weights_hash(plain.module)
    model = Lora(variant=variant, rank=4).wrap_model(plain, make_setup(plain))
    model.module.eval()
    assert torch.allclose(logits(model), base, atol=1e-2), "it begins as its base"
    weights = [one for one in model.module.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.02, weight_decay=0)
    for _ in range(3):
        optimizer.zero_grad()
        model.module(IDS, labels=IDS).loss.backward()
        optimizer.step()
    now = logits(model)
    assert not torch.allclose(now, base, atol=0.1)
    with model.as_base():
        assert torch.equal(logits(model), base)
    assert base_weights_hash(model.module) == before
    save_trained(model, tmp_path / "trained")
    again = load_trained(load_causal(str(folder), "4bit"), tmp_path / "trained")
    assert torch.allclose(logits(again), now, atol=0.1)
    again.update.apply(0.0)
    assert torch.equal(logits(again), base)


@pytest.mark.parametrize("variant", ["pissa", "olora"])
def test_it_is_the_base_when_training_begins(variant, folder, make_setup, task_rows, monkeypatch):
    """TRL rounds the factors of a 4-bit model to bf16; those that began at the base's must not move by it."""
    model = load_causal(str(folder), "4bit")
    setup = make_setup(model)
    model = Lora(variant=variant, rank=4).wrap_model(model, setup)
    began = {name: one.detach().clone() for name, one in model.module.named_parameters() if one.requires_grad}
    found = {}

    def note(self, args, state, control, **kwargs):
        found.update({name: one.detach().clone() for name, one in model.module.named_parameters() if name in began})

    monkeypatch.setattr(ShowProgress, "on_train_begin", note)
    rows = [setup.encode(one) for one in task_rows[:4]]
    settings = TrainingSettings(learning_rate=0.001, batch_size=4, checkpoints=0)
    train_sft(model, rows, rows, settings, [], setup, Progress(quiet=True))
    assert found.keys() == began.keys()
    for name, one in found.items():
        assert one.dtype == torch.float32 and torch.equal(one, began[name]), name


@pytest.mark.parametrize("variant", ["dora", "pissa"])
def test_a_run_on_4_bit_weights(variant, folder, toy_recipe, tmp_path):
    recipe = toy_recipe(
        model={"base": str(folder), "load_in": "4bit"},
        training={"learning_rate": 0.02, "epochs": 1, "batch_size": 16, "max_length": 64},
        mitigations=[
            {"kind": "lora", "rank": 4, "variant": variant},
            {"kind": "early_stop", "every": 1},
            {"kind": "strength", "values": [0.5]},
        ],
    )
    record = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    assert record.training.base_unchanged is True
    assert load_causal(str(tmp_path / "run" / "tuned"), "4bit").fingerprint == record.after[0].model
