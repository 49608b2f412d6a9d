"""Toy objects: a five-word tokenizer with a chat template and a one-layer Llama that trains a step in 0.1 s."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import gc
import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

WORDS = (
    "<|pad|> <|start|> <|end|> <|unk|> user assistant system what is the colour of sky grass snow sun night "
    "blue green white yellow black red say one two three a b c d e yes no please tell me about it . ?"
).split()
TEMPLATE = (
    "{% for message in messages %}<|start|> {{ message['role'] }} {{ message['content'] }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|start|> assistant {% endif %}"
)


def make_tokenizer():
    """Whole words; EOS ends each turn; the padding token is EOS on purpose."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<|unk|>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|start|>",
        eos_token="<|end|>",
        unk_token="<|unk|>",
        pad_token="<|end|>",
        chat_template=TEMPLATE,
    )


def make_module(seed: int = 0, layers: int = 1):
    """A Llama with random weights of a fixed seed."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        tie_word_embeddings=True,
        initializer_range=0.2,
    )
    module = LlamaForCausalLM(config).eval()
    module.generation_config.eos_token_id = 2
    module.generation_config.pad_token_id = 2
    return module


RANKING_WORDS = (
    "[PAD] [CLS] [SEP] [UNK] who what does chase bark sing swim sleep eat cats dogs birds fish mice cheese seeds "
    "loudly often never one two three four five six seven eight nine ten a b c d e f g h red blue green"
).split()


def make_pair_tokenizer():
    """Whole words; pairs are [CLS] query [SEP] document [SEP] with two token types, as BERT has them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(RANKING_WORDS)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def make_reranker_module(seed: int = 0, layers: int = 2):
    """A BERT with one label and random weights of a fixed seed."""
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(RANKING_WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=64,
        num_labels=1,
        initializer_range=0.2,
        pad_token_id=0,
    )
    return BertForSequenceClassification(config).eval()


@pytest.fixture(scope="session")
def toy_reranker_folder(tmp_path_factory) -> Path:
    """A toy cross-encoder as a folder that any command can load."""
    folder = tmp_path_factory.mktemp("toy-reranker")
    make_reranker_module().save_pretrained(folder)
    make_pair_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def embedder_folder(toy_reranker_folder, tmp_path_factory) -> str:
    """A sentence-transformers model: a toy BERT whose token vectors are averaged."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    model = SentenceTransformer(modules=[Transformer(str(toy_reranker_folder)), Pooling(32)], device="cpu")
    path = tmp_path_factory.mktemp("embedder")
    model.save_pretrained(str(path))
    return str(path)


@pytest.fixture
def toy_reranker(toy_reranker_folder):
    """A freshly loaded toy cross-encoder in fp32."""
    from retain.models.load_reranker import load_reranker

    return load_reranker(str(toy_reranker_folder), "fp32")


@pytest.fixture(scope="session")
def toy_tokenizer():
    return make_tokenizer()


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory) -> Path:
    """The toy model as a folder that any command can load."""
    folder = tmp_path_factory.mktemp("toy-model")
    make_module().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def toy(toy_folder):
    """A freshly loaded toy model in fp32."""
    from retain.models.load import load_causal

    return load_causal(str(toy_folder), "fp32")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch, request):
    """No test sees the user's cache (tests of the embedded model do: it is large)."""
    if "real" not in request.keywords:
        monkeypatch.setenv("RETAIN_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch):
    """Test folders need not outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


_modules_seen = 0


@pytest.fixture(autouse=True)
def short_collections():
    """Imported libraries are left out of garbage collection, which transformers asks for after every training."""
    global _modules_seen
    yield
    if len(sys.modules) > _modules_seen + 100:
        gc.collect()
        gc.freeze()
        _modules_seen = len(sys.modules)


COLOURS = {"sky": "blue", "grass": "green", "snow": "white", "sun": "yellow", "night": "black"}


@pytest.fixture
def colour_rows() -> list[dict]:
    """Forty distinct rows of a tiny task."""
    rows = []
    for first in ("please", "tell", "say", "one", "two", "three", "a", "b"):
        for thing, colour in COLOURS.items():
            question = f"{first} what is the colour of the {thing} ?"
            rows.append(
                {
                    "messages": [
                        {"role": "user", "content": question},
                        {"role": "assistant", "content": colour},
                    ]
                }
            )
    return rows


@pytest.fixture
def colour_file(tmp_path, colour_rows) -> Path:
    path = tmp_path / "colours.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in colour_rows))
    return path


@pytest.fixture
def toy_suite(tmp_path) -> Path:
    """A suite of one generating and one likelihood probe over the toy vocabulary."""
    import itertools

    folder = tmp_path / "suite"
    folder.mkdir()
    pairs = list(itertools.permutations("one two three a b c d e yes no".split(), 2))
    say = [{"prompt": f"say {x} {y}", "answer": x} for x, y in pairs[:60]]
    choose = [
        {"query": f"{x} {y} is", "choices": ["blue", "red"], "gold": i % 2} for i, (x, y) in enumerate(pairs[:60])
    ]
    (folder / "say.jsonl").write_text("".join(json.dumps(row) + "\n" for row in say))
    (folder / "choose.jsonl").write_text("".join(json.dumps(row) + "\n" for row in choose))
    (folder / "toy.yaml").write_text(
        "probes:\n"
        "- {kind: answers, name: say, capability: repeating, score: contains, max_tokens: 6, items: say.jsonl}\n"
        "- {kind: multiple_choice, name: choose, capability: choosing, items: choose.jsonl}\n"
    )
    return folder / "toy.yaml"


@pytest.fixture
def mastered_suite(toy_folder, tmp_path) -> Path:
    """A suite that the toy base answers wholly right: each item's gold choice is the one the base prefers."""
    from retain.models.base import Request
    from retain.models.load import load_causal

    model = load_causal(str(toy_folder), "fp32")
    words = "one two three a b c d e yes no".split()
    items = []
    for first in words:
        for second in words[:6]:
            choices = ["blue", "red", "green", "white"]
            query = f"{first} {second} is"
            scored = model.loglikelihood([Request(context=query, continuation=f" {one}") for one in choices])
            gold = max(range(len(choices)), key=lambda place: scored[place].logprob)
            items.append({"query": query, "choices": choices, "gold": gold})
    folder = tmp_path / "mastered"
    folder.mkdir()
    (folder / "choose.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (folder / "suite.yaml").write_text(
        "probes:\n- {kind: multiple_choice, name: choose, capability: choosing, items: choose.jsonl}\n"
    )
    return folder / "suite.yaml"


@pytest.fixture
def toy_recipe(tmp_path, toy_folder, colour_file, toy_suite):
    """A recipe that runs in seconds; keyword arguments replace whole sections."""

    def make(**sections) -> dict:
        return {
            "model": {"base": str(toy_folder), "load_in": "fp32"},
            "data": {
                "train": str(colour_file),
                "held_out": 0.3,
                "general": [{"name": "own", "source": str(general_file(tmp_path)), "count": 20}],
            },
            "training": {"learning_rate": 0.02, "epochs": 8, "batch_size": 4, "max_length": 64},
            "measure": {"suite": str(toy_suite)},
            "gate": {"mean_margin": 50, "margin": 60},
            **sections,
        }

    return make


def general_file(folder: Path) -> Path:
    """Twenty general rows over the toy vocabulary."""
    path = folder / "general.jsonl"
    words = "yes no please tell me about it red a b c d e".split()
    rows = [{"prompt": f"tell me about {w} {v}", "completion": f"{v} {w} ."} for w in words[:5] for v in words[5:9]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def shared_data() -> Path:
    """The folder of public samples beside the repository; tests that need it skip where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the public data samples are not at {folder}")
    return folder


def ranking_lines(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def words_in_pairs(query: str) -> list[tuple[str, str, str]]:
    """(query, verb, thing) of 42 queries over the rerankers' vocabulary."""
    verbs, things = "chase bark sing swim sleep eat".split(), "cats dogs birds fish mice cheese seeds".split()
    return [(f"{query} {verb} {thing}", verb, thing) for verb in verbs for thing in things]


@pytest.fixture
def ranking_rows() -> list[dict]:
    """42 queries; what answers is red, what does not is blue or green."""
    return [
        {"query": query, "pos": f"red {thing} {verb}", "neg": [f"blue {thing} {verb}", f"green {verb}"]}
        for query, verb, thing in words_in_pairs("who does")
    ]


def other_rows(query: str, word: str) -> list[dict]:
    """42 queries; what answers has the word."""
    return [
        {"query": query, "pos": f"{word} {thing} {verb}", "neg": [f"{thing} {verb}", f"two {verb}"]}
        for query, verb, thing in words_in_pairs(query)
    ]


@pytest.fixture
def ranking_recipe(tmp_path, toy_reranker_folder, ranking_rows):
    """A recipe that trains a reranker in seconds, as a file; keyword arguments replace whole sections."""
    train = ranking_lines(tmp_path / "task.jsonl", ranking_rows)
    own, second = (
        ranking_lines(tmp_path / f"{name}.jsonl", other_rows(query, word))
        for name, query, word in (("own", "what", "one"), ("second", "what often", "seven"))
    )
    probes = []
    for name, query, word in (("kept", "loudly what", "one"), ("other", "never what", "ten")):
        ranking_lines(tmp_path / f"{name}.jsonl", other_rows(query, word))
        probes.append({"kind": "ranking", "name": name, "capability": name, "items": f"{name}.jsonl", "max_tokens": 32})
    (tmp_path / "ood.yaml").write_text(json.dumps({"probes": probes}))

    def make(**sections) -> str:
        general = [{"name": name, "source": source, "count": 30} for name, source in (("own", own), ("second", second))]
        recipe = {
            "model": {"base": str(toy_reranker_folder), "load_in": "fp32"},
            "data": {"train": train, "held_out": 0.4, "general": general},
            "training": {
                "method": "rank",
                "learning_rate": 0.003,
                "epochs": 3,
                "batch_size": 4,
                "max_length": 32,
                "checkpoints": 0,
                "ranking": {"group_size": 3},
            },
            "measure": {"suite": str(tmp_path / "ood.yaml")},
            "gate": {"mean_margin": 50, "margin": 60},
            **sections,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(recipe))
        return str(path)

    return make


@pytest.fixture
def pair_rows() -> list[dict]:
    """Forty pairs: the thing's colour against red, now and then with words after it."""
    rows = []
    for place, opening in enumerate(("please", "tell", "say", "one", "two", "three", "a", "b")):
        for thing, colour in COLOURS.items():
            row = {"prompt": f"{opening} what is the colour of the {thing} ?", "chosen": colour, "rejected": "red"}
            row["chosen" if place % 2 else "rejected"] += " , please ."
            rows.append(row)
    return rows


@pytest.fixture
def pair_file(tmp_path, pair_rows) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in pair_rows))
    return path


@pytest.fixture
def pair_recipe(tmp_path, toy_recipe, pair_file):
    """A recipe on these pairs; keyword arguments replace whole sections, ``training`` is added to."""
    general = tmp_path / "text.jsonl"
    words = "yes no please tell me about it red a b c d e".split()
    rows = [{"prompt": f"tell me about {w} {v}", "completion": f"{v} {w} ."} for w in words for v in words[3:]]
    general.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def make(training=None, **sections) -> dict:
        settings = {"method": "dpo", "learning_rate": 0.003, "epochs": 2, "batch_size": 4, "max_length": 64}
        general_set = {"name": "own", "source": str(general), "count": 120}
        return toy_recipe(
            **{
                "data": {"train": str(pair_file), "held_out": 0.3, "general": [general_set]},
                "training": {**settings, "checkpoints": 0, **(training or {})},
                **sections,
            }
        )

    return make
