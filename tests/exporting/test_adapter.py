"""An exported adapter is what PEFT makes the tuned model of, strength and all."""

import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from retain.errors import UserError
from retain.exporting.adapter import save_adapter_of
from retain.exporting.source import find_source
from retain.models.load import load_causal

IDS = torch.tensor([[1, 5, 9, 3, 7, 2]])
HALF = {"kind": "strength", "values": [0.5]}


@pytest.mark.parametrize("variant", ["lora", "dora", "mica", "pissa"])
def test_peft_alone_makes_the_tuned_model_of_it(ran, tmp_path, toy_folder, variant):
    run = ran([{"kind": "lora", "rank": 4, "variant": variant}, HALF])
    (tmp_path / "adapter").mkdir()
    save_adapter_of(find_source(run), tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["init_lora_weights"] is True
    base = AutoModelForCausalLM.from_pretrained(toy_folder, dtype=torch.float32)
    with torch.no_grad():
        theirs = PeftModel.from_pretrained(base, tmp_path / "adapter").eval()(IDS).logits
        ours = load_causal(str(run / "tuned"), "fp32").module(IDS).logits
        start = load_causal(str(toy_folder), "fp32").module(IDS).logits
    assert torch.equal(theirs, ours)
    assert not torch.allclose(theirs, start, atol=1e-2)


def test_weights_are_no_adapter(bpe_folder, tmp_path):
    with pytest.raises(UserError, match="no adapter: all of its weights were trained"):
        save_adapter_of(find_source(bpe_folder), tmp_path)


def test_a_damaged_configuration(bpe_folder, adapter_on, tmp_path):
    adapter = adapter_on(bpe_folder)
    source = find_source(adapter)
    (adapter / "adapter_config.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        save_adapter_of(source, tmp_path)
