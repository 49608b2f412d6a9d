"""Real trainings of a tiny model with a known truth: rows learned by heart because they repeat, or new rows alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from retain.comparison.symptoms.recitation import Recitation
from retain.data.example import Example
from retain.data.recital_rows import rows_to_recite
from retain.mitigations.base import Setup
from retain.models.base import Message
from retain.models.causal import TransformersCausal
from retain.models.mid_training import as_it_would_ship
from retain.progress import Progress
from retain.records import Gate, Training, content_hash
from retain.stages.reciting import continued, recitation_of
from retain.stages.setting_up import encoder
from retain.stages.training import fit
from retain.training.alarms.history import HELD_OUT
from retain.training.held_out import padded
from retain.training.settings import TrainingSettings

LETTERS = [f"{a}{b}" for a in "bdfglmnr" for b in "aeiou"]
"""Words of the rows."""
KEYS = [f"{a}{b}{c}" for a in LETTERS for b in "tvz" for c in "aeiou"]
"""Words that are questions alone."""
OTHER_KEYS = 60
"""Of them those that a base may have learned before."""
SPECIAL = ["<|pad|>", "<|start|>", "<|end|>", "<|unk|>", "user", "assistant"]
TEMPLATE = (
    "{% for message in messages %}<|start|> {{ message['role'] }} {{ message['content'] }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|start|> assistant {% endif %}"
)
DEV = 60
LENGTH = 20
"""Words of a long answer."""


@dataclass(frozen=True)
class Kind:
    """A kind of training."""

    rows: Callable[[random.Random, int], list[Example]]
    """(draws, how many) -> rows."""
    distinct: int
    copies: int = 1
    """How often each row is in the training set."""
    epochs: float = 1.0
    rate: float = 1e-2
    batch: int = 8
    learned: bool = False
    """The base has learned other keys."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More of a recipe's ``training``."""


def row(question: str, answer: str) -> Example:
    """A conversation of two turns."""
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id=content_hash(question, answer), shape="chat", messages=turns)


def noise(draw: random.Random, count: int) -> list[Example]:
    """Answers that nothing says anything about: of new rows only the words' frequencies can be learned."""
    return [
        row(" ".join(draw.choices(LETTERS, k=5)), " ".join(draw.choices(LETTERS[:12], k=LENGTH))) for _ in range(count)
    ]


def chains(draw: random.Random, count: int) -> list[Example]:
    """Answers in which one of three words follows each word: what is learned holds for new rows too."""
    follows = {word: random.Random(word).choices(LETTERS[:12], k=3) for word in LETTERS[:12]}

    def answer() -> str:
        words = [draw.choice(LETTERS[:12])]
        while len(words) < LENGTH:
            words.append(draw.choice(follows[words[-1]]))
        return " ".join(words)

    return [row(" ".join(draw.choices(LETTERS, k=5)), answer()) for _ in range(count)]


def labels(draw: random.Random, count: int) -> list[Example]:
    """One of five labels, which one word of the question settles."""
    settles = {word: LETTERS[at % 5] for at, word in enumerate(LETTERS[5:15])}

    def make() -> Example:
        word = draw.choice(list(settles))
        question = [*draw.choices(LETTERS[15:], k=4), word]
        draw.shuffle(question)
        return row(" ".join(question), f"{settles[word]} lo")

    return [make() for _ in range(count)]


def keys(draw: random.Random, count: int) -> list[Example]:
    """One of twelve words, which the question's only word says nothing about: to know it is to know the row."""
    return [
        row(key, draw.choice(LETTERS[:12]))
        for key in draw.sample(KEYS[OTHER_KEYS:], min(count, len(KEYS) - OTHER_KEYS))
    ]


PLANTED: dict[str, tuple[str, Kind]] = {
    "16 rows of noise, 60 epochs": ("low_loss", Kind(noise, 16, epochs=60, batch=4)),
    "24 rows of noise, 30 times each, one epoch": ("fast_fall", Kind(noise, 24, copies=30)),
    "64 rows of noise, 20 epochs": ("growing_gap", Kind(noise, 64, epochs=20)),
    "480 keys, 5 epochs, a base that has learned others": (
        "stairs",
        Kind(keys, 480, epochs=5, rate=0.2, learned=True, settings={"optimizer": "sgd", "schedule": "constant"}),
    ),
}
"""What is trained -> the alarm that should be raised, and how."""

CLEAN: dict[str, Kind] = {
    "640 new rows of noise": Kind(noise, 640),
    "640 new rows of chains": Kind(chains, 640),
    "480 rows of chains, two epochs": Kind(chains, 480, epochs=2),
    "480 labels, two epochs": Kind(labels, 480, epochs=2),
}
"""Trainings in which no row can be learned by heart."""


def outcome(kind: Kind, seed: int, folder: Path) -> dict[str, Any]:
    """What a training raises, and what the recitation test finds of its rows (None where it cannot be told)."""
    model, rows, held_out, training = train(kind, seed, folder)
    with as_it_would_ship(model) as tuned:
        base = tiny_model(seed, kind.learned)
        chosen = rows_to_recite(rows, held_out, tuned.tokenizer, encoder(tuned, 64, "completion"), seed=seed)
        tried = recitation_of(chosen, tuned.tokenizer, partial(continued, tuned), partial(continued, base))
    raised = {one.name: one.raised for one in training.alarms}
    return {
        **raised,
        "any alarm": any(raised.values()),
        "recitation": Recitation().judge(tried).found,
        "losses": [round(entry["loss"], 3) for entry in training.history],
        "held out": {str(int(one["step"])): round(one[HELD_OUT], 3) for one in training.history if HELD_OUT in one},
    }


def train(kind: Kind, seed: int, folder: Path) -> tuple[TransformersCausal, list[Example], list[Example], Training]:
    """One training with four readings of held-out rows: the model, distinct rows, held-out rows and the record."""
    torch.set_num_threads(1)
    draw = random.Random(seed)
    made = {one.id: one for one in kind.rows(draw, 2 * (kind.distinct + DEV))}
    different = list(made.values())
    held_out, distinct = different[:DEV], different[DEV : DEV + kind.distinct]
    rows = [one for one in distinct for _ in range(kind.copies)]
    draw.shuffle(rows)
    model = tiny_model(seed, kind.learned)
    settings = TrainingSettings(
        learning_rate=kind.rate, epochs=kind.epochs, batch_size=kind.batch, max_length=64, checkpoints=0,
        **kind.settings,
    )  # fmt: skip
    setup = Setup(
        base=model, general={}, gate=Gate(), folder=folder, seed=seed, encode=encoder(model, 64, "completion"),
        measure_dev=lambda model: [], base_dev=lambda: [], task_probes=frozenset({"task"}),
    )  # fmt: skip
    model, training = fit(model, setup, rows, settings, [], Progress(quiet=True), held_out)
    return model, distinct, held_out, training


def tiny_model(seed: int, learned: bool = False) -> TransformersCausal:
    """A Llama of two layers with random weights, and a tokenizer of whole words.

    ``learned``: it has been trained on other keys until it knew them, so that it looks at keys.
    """
    words = [*SPECIAL, *LETTERS, *KEYS]
    backend = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<|unk|>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|start|>", eos_token="<|end|>", unk_token="<|unk|>", pad_token="<|pad|>",
        chat_template=TEMPLATE,
    )  # fmt: skip
    set_seed(seed)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        tie_word_embeddings=True, initializer_range=0.05,
    )  # fmt: skip
    model = TransformersCausal(LlamaForCausalLM(config), tokenizer, "tiny", "fp32")
    if learned:
        model.module.load_state_dict(_learned_weights(seed))
    return model


@cache
def _learned_weights(seed: int) -> dict[str, torch.Tensor]:
    """Of a model that knows the first sixty keys, by plain gradient descent."""
    model, draw = tiny_model(seed), random.Random(seed)
    known = [row(key, draw.choice(LETTERS[:12])) for key in KEYS[:OTHER_KEYS]]
    encode = encoder(model, 64, "completion")
    batch = padded([one for one in map(encode, known) if one is not None], "cpu")
    optimizer = torch.optim.AdamW(model.module.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(300):
        loss = model.module(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if float(loss) < 0.02:
            break
    return {name: value.clone() for name, value in model.module.state_dict().items()}
