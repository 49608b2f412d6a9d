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


def task_rows(name):
    return [
        {"prompt": f"{first} {second} {ASKED[name].format(thing)}", "completion": answer}
        for first in "please yes no it is of me a".split()
        for second in ("please", "yes")
        for thing, answer in ANSWERS[name].items()
    ]


@pytest.fixture(scope="session")
def task_files(tmp_path_factory):
    """Task -> its file of 80 rows."""
    folder, files = tmp_path_factory.mktemp("tasks"), {}
    for name in ANSWERS:
        files[name] = folder / f"{name}.jsonl"
        files[name].write_text("".join(json.dumps(row) + "\n" for row in task_rows(name)))
    return files


@pytest.fixture(scope="session")
def copying_suite(tmp_path_factory):
    """A suite of one likelihood probe over the toy vocabulary."""
    words = "one two three a b c d e yes no".split()
    items = [
        {"query": f"{x} {y} is", "choices": ["blue", "red"], "gold": (i + j) % 2}
        for i, x in enumerate(words)
        for j, y in enumerate(words[:5])
    ]
    folder = tmp_path_factory.mktemp("suite")
    (folder / "choose.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (folder / "suite.yaml").write_text(
        "probes:\n- {kind: multiple_choice, name: choose, capability: choosing, items: choose.jsonl}\n"
    )
    return folder / "suite.yaml"


@pytest.fixture(scope="session")
def sequence_values(toy_folder, copying_suite, task_files):
    """The plain values of a recipe of some tasks; keyword arguments replace whole sections."""

    def make(names=tuple(ANSWERS), own=None, **sections):
        return {
            "model": {"base": str(toy_folder), "load_in": "fp32"},
            "stages": [
                {"name": name, "data": {"train": str(task_files[name])}, **(own or {}).get(name, {})} for name in names
            ],
            "data": {"held_out": 0.4},
            "training": {"learning_rate": 0.01, "epochs": 6, "batch_size": 8, "max_length": 64, "checkpoints": 0,
                         "watch": 0},
            "measure": {"suite": str(copying_suite)},
            "gate": {"mean_margin": 5, "margin": 10},
            **sections,
        }  # fmt: skip

    return make


@pytest.fixture(scope="session")
def sequence_file(tmp_path_factory, sequence_values):
    """The same as a file."""

    def make(*arguments, **sections):
        path = tmp_path_factory.mktemp("recipe") / "sequence.yaml"
        path.write_text(yaml.safe_dump(sequence_values(*arguments, **sections), sort_keys=False))
        return path

    return make
