"""Preference pairs over the toy vocabulary, and a recipe that trains on them in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

COLOURS = {"sky": "blue", "grass": "green", "snow": "white", "sun": "yellow", "night": "black"}
OPENINGS = ("please", "tell", "say", "one", "two", "three", "a", "b")


@pytest.fixture
def pair_rows() -> list[dict]:
    """Forty pairs: the thing's colour against red, now and then with words after it."""
    rows = []
    for place, opening in enumerate(OPENINGS):
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


@pytest.fixture
def text_setup(toy, tmp_path):
    """A mitigation's view of a run around the toy model, with sixteen rows of general text."""
    from retain.data.formats import examples_of
    from retain.mitigations.base import GeneralSet, Setup
    from retain.records import Gate
    from retain.stages.setting_up import encoder

    rows = [{"prompt": f"tell me about {w} {v}", "completion": f"{v} {w} ."} for w in "abcd" for v in "abcd"]
    general = GeneralSet(name="own", source="text.jsonl", examples=examples_of(rows, "text"), kept_back=[])
    return Setup(
        base=toy,
        general={"own": general},
        gate=Gate(),
        folder=tmp_path / "training",
        seed=0,
        encode=encoder(toy, 64, "completion"),
        measure_dev=lambda model: [],
        base_dev=list,
        task_probes=frozenset({"task"}),
    )
