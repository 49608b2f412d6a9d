"""QLoRA on a toy: 4-bit weights, two updates, saved, loaded again."""

import pytest
import torch

from retain.models.base import Request
from retain.models.fingerprint import base_weights_hash
from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training import sft

pytest.importorskip("bitsandbytes")


@pytest.fixture(scope="module")
def base(tmp_path_factory, toy_tokenizer):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(toy_tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=1,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=128, bos_token_id=1, eos_token_id=2,
        pad_token_id=2, tie_word_embeddings=True, initializer_range=0.2,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("base")
    LlamaForCausalLM(config).save_pretrained(folder)
    toy_tokenizer.save_pretrained(folder)
    return folder


def test_a_run_trains_the_adapter_and_nothing_else(base, toy_recipe, tmp_path, monkeypatch):
    dtypes = set()
    watched = sft.ShowProgress.on_step_end

    def watch(self, args, state, control, model=None, **kwargs):
        dtypes.update(p.dtype for p in model.parameters() if p.requires_grad)
        watched(self, args, state, control, **kwargs)

    monkeypatch.setattr(sft.ShowProgress, "on_step_end", watch)
    recipe = toy_recipe(
        model={"base": str(base), "load_in": "4bit"},
        training={"learning_rate": 0.02, "epochs": 1, "batch_size": 16, "max_length": 64},
        mitigations=[{"kind": "lora", "rank": 4}],
    )
    record = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    assert record.training.steps == 2
    assert record.training.base_unchanged is True
    assert dtypes == {torch.float32}, "small updates are not rounded away"
    tuned = load_causal(str(tmp_path / "run" / "tuned"), "4bit")
    assert tuned.fingerprint == record.after[0].model
    fresh = load_causal(str(base), "4bit")
    assert base_weights_hash(tuned.module) == base_weights_hash(fresh.module)
    assert record.before[0].model == fresh.fingerprint


def test_measuring_leaves_the_weights_as_they_are(base):
    model = load_causal(str(base), "4bit")
    before = model.fingerprint
    request = Request(context="what is the", continuation=" colour of the sky")
    first = model.loglikelihood([request])
    assert model.renewed().fingerprint == before
    assert model.loglikelihood([request]) == first
