"""Three tiny tasks over the toy vocabulary that get in each other's way, and recipes that learn them in turn."""

import json

import pytest
import yaml

THINGS = "sky grass snow sun night".split()
ANSWERS = {
    "colours": dict(zip(THINGS, "blue green white yellow black".split(), strict=True)),
    "letters": dict(zip(THINGS, "a b c d e".split(), strict=True)),
    "numbers": dict(zip(THINGS, "one two three one two".split(), strict=True)),
}
ASKED = {"colours": "what is the colour of the {} ?", "letters": "tell me about the {} .", "numbers": "say the {} ."}
FIRST = "please yes no it is of me a".split()


def task_rows(name):
    return [
        {"prompt": f"{first} {second} {ASKED[name].format(thing)}", "completion": answer}
        for first in FIRST
        for second in FIRST[:3]
        for thing, answer in ANSWERS[name].items()
    ]


@pytest.fixture
def task_files(tmp_path):
    """Task -> its file of 120 rows."""
    files = {}
    for name in ANSWERS:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in task_rows(name)))
        files[name] = path
    return files


@pytest.fixture
def sequence_recipe(tmp_path, toy_folder, toy_suite, task_files):
    """A recipe of three tasks as a file; keyword arguments replace whole sections."""

    def make(names=tuple(ANSWERS), file="sequence.yaml", own=None, **sections):
        recipe = {
            "model": {"base": str(toy_folder), "load_in": "fp32"},
            "stages": [
                {"name": name, "data": {"train": str(task_files[name])}, **(own or {}).get(name, {})} for name in names
            ],
            "data": {"held_out": 0.4},
            "training": {"learning_rate": 0.01, "epochs": 6, "batch_size": 8, "max_length": 64, "checkpoints": 0,
                         "watch": 0},
            "measure": {"suite": str(toy_suite)},
            "gate": {"mean_margin": 5, "margin": 10},
            **sections,
        }  # fmt: skip
        path = tmp_path / file
        path.write_text(yaml.safe_dump(recipe, sort_keys=False))
        return path

    return make
