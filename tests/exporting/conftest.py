"""A toy Llama with a byte-level BPE tokenizer, as a model that GGUF can hold; runs and adapters of toys."""

import json
from pathlib import Path

import pytest
import torch

from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe

QUIET = Progress(quiet=True)
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def make_bpe():
    """Bytes and a few merges; three special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("l", "o"), ("o", "u"), ("Ġ", "s"), ("u", "r")]
    tokens = ["<|endoftext|>", "<|start|>", "<|end|>", *letters, *("".join(pair) for pair in merges)]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    backend = Tokenizer(models.BPE(vocabulary, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|endoftext|>", "<|start|>", "<|end|>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|start|>",
        eos_token="<|end|>",
        unk_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
    )


def make_llama(size: int = 64, kind: str = "Llama", **changes):
    """Random weights of a fixed seed; two layers, four heads, two of keys."""
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(make_bpe()),
        hidden_size=size,
        intermediate_size=2 * size,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        initializer_range=0.2,
        **{"tie_word_embeddings": True, "head_dim": 128 if kind == "Qwen3" else size // 4, **changes},
    )
    module = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    for name, weight in module.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(weight, mean=1.0 if "norm" in name else 0.0, std=0.1)
    return module


@pytest.fixture(scope="session")
def bpe_folder(tmp_path_factory) -> Path:
    """The toy as a folder with a licence and a card."""
    folder = tmp_path_factory.mktemp("bpe-model")
    make_llama().save_pretrained(folder)
    make_bpe().save_pretrained(folder)
    (folder / "LICENSE.txt").write_text("Use it well.\n")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Toy\n")
    return folder


@pytest.fixture
def saved(tmp_path):
    """Save a toy of any shape; gives its folder."""

    def make(name: str = "toy", **changes) -> Path:
        folder = tmp_path / name
        make_llama(**changes).save_pretrained(folder)
        make_bpe().save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def ran(toy_recipe, tmp_path):
    """Run a toy recipe to its end; gives its folder."""

    def make(mitigations=(), name: str = "run", **sections) -> Path:
        training = {"learning_rate": 0.02, "epochs": 2, "batch_size": 4, "max_length": 64, "checkpoints": 0}
        recipe = toy_recipe(mitigations=list(mitigations), **{"training": training, **sections})
        run_recipe(parse_recipe(recipe), tmp_path / name, QUIET)
        return tmp_path / name

    return make


@pytest.fixture
def bpe_suite(tmp_path) -> Path:
    """Two probes over text of bytes."""
    folder = tmp_path / "bpe-suite"
    folder.mkdir()
    say = [{"prompt": f"say the number {x}", "answer": str(x % 10)} for x in range(40)]
    choose = [{"query": f"{x} and the", "choices": ["lo", "ur"], "gold": x % 2} for x in range(60)]
    for name, rows in (("say", say), ("choose", choose)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "suite.yaml").write_text(
        "probes:\n"
        "- {kind: answers, name: say, capability: repeating, score: contains, max_tokens: 4, items: say.jsonl}\n"
        "- {kind: multiple_choice, name: choose, capability: choosing, items: choose.jsonl}\n"
    )
    return folder / "suite.yaml"


@pytest.fixture
def adapter_on(tmp_path):
    """An adapter of random weights on a base's folder; gives the adapter's folder."""
    from peft import LoraConfig, get_peft_model

    from retain.models.load import load_causal

    def make(base: Path, name: str = "adapter", **config) -> Path:
        torch.manual_seed(1)
        module = load_causal(str(base), "fp32").module
        wanted = {
            "r": 4,
            "lora_alpha": 4,
            "target_modules": ["q_proj", "down_proj"],
            "init_lora_weights": False,
            **config,
        }
        adapted = get_peft_model(module, LoraConfig(**wanted))
        adapted.peft_config["default"].base_model_name_or_path = str(base)
        adapted.save_pretrained(tmp_path / name)
        return tmp_path / name

    return make
