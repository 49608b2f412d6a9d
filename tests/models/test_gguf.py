"""A GGUF file is read alone, wherever it lies."""

import os
import shutil

import gguf
import pytest
import torch

from retain.errors import UserError
from retain.models import gguf as module
from retain.models.gguf import load_gguf
from retain.models.size import weights_of

WORDS = ["<pad>", "<start>", "<end>", "<unk>", *"abcdefgh", "Ġ", "ab", "Ġa"]
SIZE = 32


def write_toy(path, without=(), parts=0):
    """A one-layer Llama of random weights with a vocabulary of its own, perhaps without some of its tensors."""
    path.parent.mkdir(exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(SIZE)
    writer.add_feed_forward_length(SIZE)
    writer.add_block_count(1)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_types([gguf.TokenType.CONTROL] * 4 + [gguf.TokenType.NORMAL] * (len(WORDS) - 4))
    writer.add_token_merges(["a b", "Ġ a"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(3)
    if parts:
        writer.add_uint16("split.count", parts)
    torch.manual_seed(0)
    square = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    shapes = {f"blk.0.{name}": (SIZE, SIZE) for name in square}
    shapes |= {"token_embd": (len(WORDS), SIZE), "output": (len(WORDS), SIZE), "output_norm": (SIZE,)}
    shapes |= {"blk.0.attn_norm": (SIZE,), "blk.0.ffn_norm": (SIZE,)}
    for name, shape in shapes.items():
        weight = torch.randn(shape).numpy()
        if name not in without:
            writer.add_tensor(f"{name}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def toy_gguf(tmp_path):
    return write_toy(tmp_path / "toy" / "toy.gguf")


@pytest.mark.parametrize("without", ["blk.0.attn_q", "token_embd", "output_norm"])
def test_a_file_that_lacks_weights_is_refused(tmp_path, without):
    path = write_toy(tmp_path / "toy.gguf", without=[without])
    with pytest.raises(UserError, match=r"do not fit its own header: 1 tensors are missing, such as model\."):
        load_gguf(path)


def test_weights_are_counted_where_the_name_says_nothing(toy_gguf):
    module, _ = load_gguf(toy_gguf)
    assert weights_of(str(toy_gguf)) == sum(one.numel() for one in module.parameters())
    assert weights_of("away.gguf") is None and weights_of("away-2b.gguf") == 2_000_000_000


def test_a_head_tied_to_the_embeddings_is_not_missing(tmp_path):
    module, _ = load_gguf(write_toy(tmp_path / "toy.gguf", without=["output"]))
    assert torch.equal(module.lm_head.weight, module.model.embed_tokens.weight)


@pytest.mark.parametrize("name", ["toy-00001-of-00002", "renamed"])
def test_a_part_of_a_split_file_is_refused_as_one(tmp_path, name):
    path = write_toy(tmp_path / f"{name}.gguf", without=["blk.0.ffn_up"], parts=2)
    with pytest.raises(UserError, match=r"is one of 2 parts of a split GGUF file.*\n.*llama-gguf-split --merge"):
        load_gguf(path)


def test_a_split_file_of_one_part_is_whole(tmp_path):
    load_gguf(write_toy(tmp_path / "toy-00001-of-00001.gguf", parts=1))


def test_neighbours_do_not_matter(toy_gguf, toy_folder):
    first, tokenizer = load_gguf(toy_gguf)
    for file in toy_folder.iterdir():
        if not file.name.endswith(".safetensors"):
            shutil.copy(file, toy_gguf.parent)
    second, again = load_gguf(toy_gguf)
    assert again.get_vocab() == tokenizer.get_vocab() != {}
    assert again("ab a")["input_ids"] == tokenizer("ab a")["input_ids"]
    assert again.chat_template == tokenizer.chat_template
    assert second.config.to_dict() == first.config.to_dict()
    assert second.generation_config.to_dict() == first.generation_config.to_dict()
    assert second.config._name_or_path == again.name_or_path == str(toy_gguf.parent)
    assert torch.equal(second.lm_head.weight, first.lm_head.weight)


@pytest.mark.parametrize("refused", [["symlink"], ["symlink", "link"]])
def test_a_system_without_links_gets_a_copy(toy_gguf, monkeypatch, refused):
    def refuse(*args):
        raise OSError("no links here")

    for name in refused:
        monkeypatch.setattr(os, name, refuse)
    with module._alone(toy_gguf) as folder:
        (only,) = folder.iterdir()
        assert only.read_bytes() == toy_gguf.read_bytes()
        assert not only.is_symlink()
    assert not folder.exists()
    assert toy_gguf.is_file()


def test_a_file_that_cannot_be_read_is_said_in_words(toy_gguf, monkeypatch):
    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied", str(toy_gguf))

    monkeypatch.setattr(module.Path, "open", refuse)
    with pytest.raises(UserError, match=r"toy\.gguf could not be read: Permission denied"):
        load_gguf(toy_gguf)
