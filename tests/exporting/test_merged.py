"""A merged model answers as base and update do, whatever the update is."""

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from retain.errors import UserError
from retain.exporting.merged import merged_model, save_merged
from retain.exporting.source import find_source
from retain.models.load import load_causal

LORA = {"kind": "lora", "rank": 4}
HALF = {"kind": "strength", "values": [0.5]}
IDS = torch.tensor([[1, 5, 9, 3, 7, 2]])


def logits(folder, load_in="fp32"):
    with torch.no_grad():
        return load_causal(str(folder), load_in).module(IDS).logits.float()


def merged(folder, output, dtype="fp32", **options):
    source = find_source(folder, load_in="fp32", **options)
    save_merged(merged_model(source, dtype), output)
    return output


@pytest.mark.parametrize("variant", ["lora", "rslora", "dora", "pissa"])
def test_a_run_with_an_adapter(ran, tmp_path, toy_folder, variant):
    run = ran([LORA | {"variant": variant}, HALF])
    place = merged(run, tmp_path / "merged")
    assert not (place / "adapter_config.json").exists()
    tuned, base = logits(run / "tuned"), logits(toy_folder)
    assert torch.allclose(logits(place), tuned, atol=2e-5)
    assert (tuned - base).abs().max() > 0.01, "the update does something"


def test_all_of_the_strength_is_there_once(ran, tmp_path, toy_folder):
    run = ran([LORA, HALF])
    place = merged(run, tmp_path / "merged")
    name = "model.layers.0.self_attn.q_proj"
    start, half = (load_causal(str(folder), "fp32").module.get_submodule(name).weight for folder in (toy_folder, place))
    trained = load_file(run / "trained" / "adapter_model.safetensors")
    up, down = (trained[f"base_model.model.{name}.lora_{factor}.weight"] for factor in "BA")
    assert (up @ down).abs().max() > 0.001
    assert torch.allclose(half - start, 0.5 * 2 * up @ down, atol=1e-6), "alpha is twice the rank"


def test_a_run_that_trained_all_weights(ran, tmp_path):
    run = ran([{"kind": "rehearsal", "share": 0.1}, HALF])
    place = merged(run, tmp_path / "merged")
    assert torch.equal(logits(place), logits(run / "tuned"))


def test_bf16_is_the_sum_rounded_once(tmp_path, bpe_folder, adapter_on):
    adapter = adapter_on(bpe_folder)
    whole = merged_model(find_source(adapter, load_in="fp32"), "fp32").module.state_dict()
    rounded = load_causal(str(merged(adapter, tmp_path / "m", "bf16")), "bf16").module.state_dict()
    assert all(torch.equal(weight.bfloat16(), rounded[name]) for name, weight in whole.items())
    from safetensors import safe_open

    with safe_open(str(tmp_path / "m" / "model.safetensors"), framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_a_head_that_shares_the_embeddings_gets_its_own(tmp_path, bpe_folder, adapter_on, target):
    adapter = adapter_on(bpe_folder, target_modules=[target])
    place = merged(adapter, tmp_path / "merged")
    assert torch.allclose(logits(place), logits(adapter), atol=2e-5)
    assert not load_causal(str(place), "fp32").module.config.tie_word_embeddings
    other = AutoModelForCausalLM.from_pretrained(place)
    assert not torch.equal(other.lm_head.weight, other.model.embed_tokens.weight)


def test_strength_beyond_one(tmp_path, bpe_folder, adapter_on):
    single, triple = adapter_on(bpe_folder), adapter_on(bpe_folder, "triple", lora_alpha=12)
    name = "model.layers.1.mlp.down_proj"
    base, one, three = (
        load_causal(str(folder), "fp32").module.get_submodule(name).weight
        for folder in (bpe_folder, merged(single, tmp_path / "one"), merged(triple, tmp_path / "three"))
    )
    assert torch.allclose(three - base, 3 * (one - base), atol=1e-6)


def test_nan_is_refused(tmp_path, bpe_folder, adapter_on):
    from safetensors.torch import save_file

    adapter = adapter_on(bpe_folder)
    path = adapter / "adapter_model.safetensors"
    broken = {name: weight * float("nan") for name, weight in load_file(path).items()}
    save_file(broken, path)
    with pytest.raises(UserError, match="cannot be merged: NaNs"):
        merged(adapter, tmp_path / "merged")


def test_an_adapter_that_is_no_change_of_weights_is_refused(tmp_path, bpe_folder):
    from peft import PromptTuningConfig, get_peft_model

    module = get_peft_model(
        load_causal(str(bpe_folder), "fp32").module, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    )
    module.peft_config["default"].base_model_name_or_path = str(bpe_folder)
    module.save_pretrained(tmp_path / "prompt")
    with pytest.raises(UserError, match="changes no weights and cannot be merged"):
        merged(tmp_path / "prompt", tmp_path / "merged")


def test_four_bits_are_the_numbers_that_they_stand_for(tmp_path, saved, adapter_on):
    pytest.importorskip("bitsandbytes")
    base = saved(size=64)
    adapter = adapter_on(base)
    source = find_source(adapter, load_in="4bit")
    save_merged(merged_model(source, "fp32"), tmp_path / "merged")
    plain, packed = logits(tmp_path / "merged"), logits(adapter, "4bit")
    exact = logits(adapter)
    assert not (tmp_path / "merged" / "config.json").read_text().count("quantization_config")
    assert (plain - packed).abs().max() < 0.25 * (plain - exact).abs().max()
