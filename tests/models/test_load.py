"""Folders that hold something else than a whole model: refused with one message, and never measured."""

import json
import shutil

import pytest

from retain.errors import UserError
from retain.models.base import Limits, Message
from retain.models.load import load_causal


@pytest.fixture
def folder(tmp_path, toy_folder):
    return shutil.copytree(toy_folder, tmp_path / "model")


@pytest.fixture
def adapter(tmp_path, toy_folder):
    """A LoRA adapter for the toy; keyword arguments replace values of its configuration."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    def make(layers=1, **config):
        place = tmp_path / "adapter"
        lora = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
        shape = AutoConfig.from_pretrained(toy_folder, num_hidden_layers=layers)
        get_peft_model(AutoModelForCausalLM.from_config(shape), lora).save_pretrained(place)
        path = place / "adapter_config.json"
        written = {**json.loads(path.read_text()), "base_model_name_or_path": str(toy_folder), **config}
        path.write_text(json.dumps(written))
        return place

    return make


def configure(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refused(folder) -> str:
    with pytest.raises(UserError) as error:
        load_causal(str(folder), "fp32")
    return str(error.value)


def test_weights_that_are_missing_are_not_made_up(folder):
    configure(folder, num_hidden_layers=3)
    assert "tensors are missing" in refused(folder)


@pytest.mark.parametrize(
    "values", [{"hidden_size": 64}, {"hidden_size": "x"}, {"num_attention_heads": 0}, {"vocab_size": 5}]
)
def test_a_config_that_does_not_fit_is_refused(folder, values):
    configure(folder, **values)
    assert "could not be loaded" in refused(folder)


def test_a_config_that_is_no_object_is_refused(folder):
    (folder / "config.json").write_text("[]")
    assert "could not be loaded" in refused(folder)


@pytest.mark.parametrize("size", [0, 4, 5000])
def test_truncated_weights_are_refused(folder, size):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    assert "could not be loaded" in refused(folder)


@pytest.mark.parametrize("content", [b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 16])
def test_a_damaged_gguf_file_is_refused(tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert "could not be read" in refused(path)


def test_an_adapter_is_loaded_on_its_base(adapter):
    assert load_causal(str(adapter()), "fp32").module.peft_config


def test_an_adapter_of_a_deeper_model_is_refused(adapter):
    assert "tensors are in only one of them" in refused(adapter(layers=2))


@pytest.mark.parametrize("base", [None, "", 3])
def test_an_adapter_without_base_is_refused(adapter, base):
    assert "does not name its base model" in refused(adapter(base_model_name_or_path=base))


def test_an_adapter_on_itself_is_refused(adapter):
    place = adapter()
    configured = json.loads((place / "adapter_config.json").read_text())
    (place / "adapter_config.json").write_text(json.dumps({**configured, "base_model_name_or_path": str(place)}))
    assert "is an adapter itself" in refused(place)


def test_a_truncated_adapter_is_refused(adapter):
    place = adapter()
    (place / "adapter_model.safetensors").write_bytes(b"abc")
    assert "damaged" in refused(place)


@pytest.mark.parametrize("template", ["{% for %}", "{{ raise_exception('no system turns') }}"])
def test_a_chat_template_that_refuses_is_the_models_fault(toy, template):
    toy.tokenizer.chat_template = template
    with pytest.raises(UserError, match="chat template refuses"):
        toy.generate([(Message(role="user", content="say one"),)], Limits(max_tokens=4))


def test_an_answer_ends_with_the_context(toy):
    written = toy.generate(["say one"], Limits(max_tokens=10_000))[0]
    assert written.tokens < toy.context_length
