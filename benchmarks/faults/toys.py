"""Models, rows and recipes that run in a second or two: what the faults happen to."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import torch
import yaml

SPOKEN = (
    "<|pad|> <|start|> <|end|> <|unk|> user assistant system what is the colour of sky grass snow sun night "
    "blue green white yellow black red say one two three a b c d e yes no please tell me about it or . ?"
)
RANKED = (
    "[PAD] [CLS] [SEP] [UNK] who what does chase bark sing swim sleep eat cats dogs birds fish mice cheese seeds "
    "loudly often never one two three red blue green"
)
WORDS, PAIR_WORDS = SPOKEN.split(), RANKED.split()
TEMPLATE = (
    "{% for message in messages %}<|start|> {{ message['role'] }} {{ message['content'] }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|start|> assistant {% endif %}"
)
COLOURS = {"sky": "blue", "grass": "green", "snow": "white", "sun": "yellow", "night": "black"}
OPENINGS = ("please", "tell", "say", "one", "two", "three")


def make(folder: Path) -> dict[str, Path]:
    """Write the toys into a folder; work -> its recipe."""
    _language_model(folder / "base")
    _reranker(folder / "reranker")
    _rows(folder)
    paths = {name: folder / f"{name}.yaml" for name in RECIPES}
    for name, path in paths.items():
        path.write_text(yaml.safe_dump(RECIPES[name]))
    return paths


def _language_model(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "max_position_embeddings": 128}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.2, "tie_word_embeddings": True}
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(WORDS), **sizes, **heads, **tokens)).eval().save_pretrained(folder)
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<|unk|>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|start|>",
        eos_token="<|end|>",
        unk_token="<|unk|>",
        pad_token="<|end|>",
        chat_template=TEMPLATE,
    ).save_pretrained(folder)


def _reranker(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "max_position_embeddings": 64}
    config = BertConfig(vocab_size=len(PAIR_WORDS), **sizes, num_attention_heads=4, num_labels=1, pad_token_id=0)
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(PAIR_WORDS)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(folder)


def _rows(folder: Path) -> None:
    def write(name: str, rows: list[dict[str, Any]]) -> None:
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    questions = [
        (f"{first} what is the colour of the {thing} ?", colour)
        for first in OPENINGS
        for thing, colour in COLOURS.items()
    ]
    write("colours.jsonl", [{"prompt": prompt, "completion": colour} for prompt, colour in questions])
    words = ["yes", "no", "please", "tell", "me", "about", "it", "red", "a", "b", "c", "d", "e"]
    pairs = list(itertools.permutations(words[:6], 2))
    write("letters.jsonl", [{"prompt": f"tell me {x} or {y} ?", "completion": x} for x, y in pairs])
    write("general.jsonl", [{"prompt": f"tell me about {x} {y}", "completion": f"{y} {x} ."} for x, y in pairs[:20]])
    pairs = list(itertools.permutations(["one", "two", "three", "a", "b", "c", "d"], 2))
    write("say.jsonl", [{"prompt": f"say {x} {y}", "answer": x} for x, y in pairs[:12]])
    choices = ["blue", "red"]
    write(
        "choose.jsonl", [{"query": f"{x} {y} is", "choices": choices, "gold": i % 2} for i, (x, y) in enumerate(pairs)]
    )
    (folder / "suite.yaml").write_text(
        "probes:\n"
        "- {kind: answers, name: say, capability: repeating, score: contains, max_tokens: 2, items: say.jsonl}\n"
        "- {kind: multiple_choice, name: choose, capability: choosing, items: choose.jsonl}\n"
    )
    verbs, things = ["chase", "bark", "sing", "swim", "sleep"], ["cats", "dogs", "birds", "fish"]
    for name, query, word in (
        ("ranking", "who does", "red"),
        ("rehearsed", "what", "one"),
        ("other", "never what", "two"),
    ):
        rows = [
            {
                "query": f"{query} {verb} {thing}",
                "pos": f"{word} {thing} {verb}",
                "neg": [f"{thing} {verb}", f"blue {verb}"],
            }
            for verb in verbs
            for thing in things
        ]
        write(f"{name}.jsonl", rows)
    (folder / "rankings.yaml").write_text(
        "probes:\n- {kind: ranking, name: other, capability: other, items: other.jsonl, max_tokens: 16}\n"
    )


OWN = {"name": "own", "source": "base_model", "count": 6, "max_tokens": 8, "temperature": 2.0, "top_p": 1.0}
READ = {"name": "own", "source": "general.jsonl", "count": 20}
COMMON = {"model": {"base": "base", "load_in": "fp32"}, "measure": {"suite": "suite.yaml"}}
GATE = {"mean_margin": 50, "margin": 60}
TRAINING = {"learning_rate": 0.02, "epochs": 1, "batch_size": 4, "max_length": 32, "checkpoints": 2, "watch": 1}
STRENGTH = {"kind": "strength", "values": [0.5, 1.0]}
KEPT_NEAR = {"kind": "kl_to_base", "share": 0.5}
RECIPES: dict[str, dict[str, Any]] = {
    "run": {
        **COMMON,
        "data": {"train": "colours.jsonl", "held_out": 0.3, "general": [OWN]},
        "training": TRAINING,
        "mitigations": [
            {"kind": "lora", "rank": 4},
            KEPT_NEAR,
            {"kind": "early_stop", "every": 3, "patience": 2},
            STRENGTH,
        ],
        "measure": {"suite": "suite.yaml", "recitation": 2, "task": {"max_tokens": 2}},
        "gate": GATE,
    },
    "all weights": {
        **COMMON,
        "data": {"train": "colours.jsonl", "held_out": 0.3, "general": [READ]},
        "training": {**TRAINING, "learning_rate": {"scan": [0.005, 0.01], "share": 0.3}},
        "mitigations": [KEPT_NEAR, STRENGTH],
        "gate": GATE,
    },
    "frontier": {
        **COMMON,
        "data": {"train": "colours.jsonl", "held_out": 0.3, "general": [READ]},
        "training": {**TRAINING, "checkpoints": 1},
        "mitigations": [{"kind": "lora", "rank": 2}],
        "frontier": {"arms": {"low": {"training.learning_rate": 0.001}, "high": {}}, "strengths": [1.0]},
        "gate": GATE,
    },
    "sequence": {
        **COMMON,
        "data": {"general": [READ]},
        "training": {**TRAINING, "checkpoints": 1},
        "mitigations": [{"kind": "lora", "rank": 2}],
        "stages": [
            {"name": "colours", "data": {"train": "colours.jsonl", "held_out": 0.3}},
            {"name": "letters", "data": {"train": "letters.jsonl", "held_out": 0.3}},
        ],
        "gate": GATE,
    },
    "reranker": {
        "model": {"base": "reranker", "load_in": "fp32"},
        "data": {
            "train": "ranking.jsonl",
            "held_out": 0.4,
            "general": [{"name": "own", "source": "rehearsed.jsonl", "count": 20}],
        },
        "training": {
            "method": "rank",
            "learning_rate": 0.003,
            "epochs": 2,
            "batch_size": 4,
            "max_length": 16,
            "checkpoints": 2,
            "ranking": {"group_size": 3},
        },
        "measure": {"suite": "rankings.yaml"},
        "gate": GATE,
    },
}
"""Work -> its recipe: one training of each kind, several arms, two tasks in turn."""
