"""GGUF files are read back as the model that was written, by transformers and by llama.cpp."""

import gguf
import pytest
import torch

from retain.errors import MissingExtraError, UserError
from retain.exporting import llama_cpp
from retain.exporting.gguf_file import stored_types, write_gguf
from retain.exporting.gguf_types import check_type, more_bits
from retain.exporting.merged import load_source
from retain.exporting.sameness import answered, runtime_sameness, sameness
from retain.exporting.source import find_source
from retain.models.load import load_causal

IDS = torch.tensor([[1, 5, 9, 3, 7, 2]])
NEEDS_LLAMA_CPP = pytest.mark.skipif(not llama_cpp.here(), reason="llama.cpp is not here: the extra gguf")
TEXTS = [
    "the lot of the south",
    "thus, 3 suns: our 10 loaves!",
    "naïve\nthe  the",
    "it's 'the' über-lousy <|end|> hour",
]
KINDS = ["Llama", "Qwen2", "Qwen3", "Mistral"]


def written(folder, path, kind="f32", **options):
    model = load_source(find_source(folder), "fp32")
    done = write_gguf(model, None, kind, path, "mit", "toy", **options)
    return model, done


def module_of(path):
    return load_causal(str(path), "fp32").module


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_all_weights_come_back(saved, tmp_path, kind, tied):
    options = {"sliding_window": None} if kind == "Mistral" else {}
    folder = saved(kind=kind, tie_word_embeddings=tied, **options)
    model, _ = written(folder, tmp_path / "toy.gguf")
    back = module_of(tmp_path / "toy.gguf")
    mine, theirs = model.module.state_dict(), back.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    with torch.no_grad():
        assert torch.allclose(model.module(IDS).logits, back(IDS).logits, atol=1e-6)


@NEEDS_LLAMA_CPP
@pytest.mark.parametrize("kind", KINDS)
def test_llama_cpp_answers_the_same(saved, tmp_path, kind):
    options = {"sliding_window": None} if kind == "Mistral" else {}
    model, _ = written(saved(kind=kind, tie_word_embeddings=False, **options), tmp_path / "toy.gguf")
    same = runtime_sameness(tmp_path / "toy.gguf", model, TEXTS)
    assert same.split_otherwise == 0
    assert same.largest < 0.02
    assert same.agreement > 0.99
    assert same.positions == 2 * len(TEXTS)


def test_the_tokenizer_comes_back(saved, tmp_path):
    model, done = written(saved(), tmp_path / "toy.gguf")
    tokenizer = load_causal(str(tmp_path / "toy.gguf"), "fp32").tokenizer
    assert tokenizer.get_vocab() == model.tokenizer.get_vocab()
    for text in TEXTS:
        assert tokenizer(text)["input_ids"] == model.tokenizer(text)["input_ids"]
    assert tokenizer.chat_template == model.tokenizer.chat_template
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (1, 2)
    assert done.notes == ["The tokenizer was written from tokenizer.json."]
    fields = gguf.GGUFReader(tmp_path / "toy.gguf").fields
    assert fields["general.license"].contents() == "mit"


def test_a_file_in_a_file_out(saved, tmp_path):
    first, _ = written(saved(), tmp_path / "base.gguf")
    model = load_causal(str(tmp_path / "base.gguf"), "fp32")
    done = write_gguf(model, str(tmp_path / "base.gguf"), "f32", tmp_path / "again.gguf", "", "toy")
    assert done.notes == ["The tokenizer was copied from base.gguf."]
    old, new = (gguf.GGUFReader(tmp_path / name).fields for name in ("base.gguf", "again.gguf"))
    for name in ("tokens", "token_type", "merges", "pre", "bos_token_id", "eos_token_id"):
        key = f"tokenizer.ggml.{name}"
        assert new[key].contents() == old[key].contents()
        assert new[key].types == old[key].types
    assert sameness(answered(first, TEXTS), load_causal(str(tmp_path / "again.gguf"), "fp32")).largest < 1e-6


@pytest.mark.parametrize(("kind", "most"), [("f16", 0.001), ("bf16", 0.005), ("q8_0", 0.006)])
def test_types_that_are_written_here(saved, tmp_path, kind, most):
    model, done = written(saved(), tmp_path / "toy.gguf", kind)
    assert done.tensors == {"F32": 5, kind.upper(): 15}
    back = module_of(tmp_path / "toy.gguf").state_dict()
    for name, weight in model.module.state_dict().items():
        error = (back[name] - weight).abs().max() / weight.abs().max()
        assert error <= most, name
        assert error > 0 or "norm" in name


def test_rows_that_do_not_fall_into_blocks_stay_in_f16(saved, tmp_path):
    _, done = written(saved(size=48), tmp_path / "toy.gguf", "q8_0")
    assert set(done.tensors) == {"F32", "F16", "Q8_0"}  # 48 is no multiple of 32, the inner 96 is


@NEEDS_LLAMA_CPP
def test_k_types_are_llama_cpps_own(saved, tmp_path):
    model, done = written(saved(size=256), tmp_path / "toy.gguf", "q4_k_m")
    assert set(done.tensors) == {"F32", "Q4_K", "Q6_K"}
    back = module_of(tmp_path / "toy.gguf").state_dict()
    for name, weight in model.module.state_dict().items():
        assert (back[name] - weight).norm() <= 0.1 * weight.norm(), name
    measured = load_causal(str(tmp_path / "toy.gguf"), "fp32")
    same = runtime_sameness(tmp_path / "toy.gguf", measured, TEXTS)
    assert same.split_otherwise == 0
    assert same.agreement > 0.7  # its activations are rounded to 8 bits, too
    assert 0 < same.largest < sameness(answered(model, TEXTS), measured).largest


@NEEDS_LLAMA_CPP
def test_rows_that_take_another_type_are_told(saved, tmp_path):
    _, done = written(saved(size=96), tmp_path / "toy.gguf", "q4_k_m")
    assert "Q4_K" not in done.tensors
    assert set(done.tensors) == {"F32", "Q5_0", "Q8_0"}
    assert any("no whole number of blocks of 256" in note for note in done.notes)


def test_types_that_are_not_here(monkeypatch):
    assert check_type("Q8_0") == "q8_0"
    with pytest.raises(UserError, match="there is no type 'q8' here; did you mean \"q8_0\""):
        check_type("q8")
    monkeypatch.setattr(llama_cpp, "here", lambda: False)
    assert check_type("bf16") == "bf16"
    with pytest.raises(MissingExtraError, match=r"q4_k_m is packed by llama.cpp(.|\n)*\.\[gguf\]"):
        check_type("q4_k_m")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}}, "of the kind 'linear'"),
        ({"hidden_act": "gelu"}, "activation is 'gelu'"),
        ({"kind": "Mistral", "sliding_window": 8}, "sliding window"),
        ({"kind": "Gemma"}, "a GemmaForCausalLM is not written here"),
    ],
)
def test_what_such_a_file_would_not_hold_is_refused(saved, tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as told:
        written(saved(**changes), tmp_path / "toy.gguf")
    assert "convert_hf_to_gguf.py" in str(told.value)
    assert "--to merged" in str(told.value)
    assert not (tmp_path / "toy.gguf").exists()


def test_a_tokenizer_of_another_kind_is_refused(toy, tmp_path):
    with pytest.raises(UserError, match="a WordLevel one, and only byte-level BPE"):
        write_gguf(toy, None, "f16", tmp_path / "toy.gguf", "", "toy")


def test_a_tokenizer_that_cuts_otherwise_is_refused(saved, tmp_path):
    from tokenizers import pre_tokenizers

    model = load_causal(str(saved()), "fp32")
    model.tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(UserError, match="cuts text in a way"):
        write_gguf(model, None, "f16", tmp_path / "toy.gguf", "", "toy")


@NEEDS_LLAMA_CPP
def test_what_llama_cpp_cannot_read_is_no_crash_of_ours(tmp_path):
    from retain.errors import BrokenError

    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 64)
    with (
        pytest.raises(BrokenError, match=r"llama\.cpp could not serve .*broken\.gguf: \w+"),
        llama_cpp.served(tmp_path / "broken.gguf", 64),
    ):
        pass


def test_stored_types_are_read_off_the_file(saved, tmp_path):
    written(saved(), tmp_path / "toy.gguf", "f16")
    assert stored_types(tmp_path / "toy.gguf") == {"F16": 15, "F32": 5}


def test_which_layers_get_more_bits():
    assert [layer for layer in range(16) if more_bits(layer, 16)] == [0, 1, 4, 7, 10, 13, 14, 15]
    assert [layer for layer in range(2) if more_bits(layer, 2)] == [1]
