"""Recipes for the ladder on the toy model."""

import pytest
import yaml

from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.stages.prepare import prepare
from retain.stages.run_folder import RunFolder

FAST = {"rungs": ["few_shot", "lora"], "shots": [1], "picks": ["similar"], "rewrites": 0}


@pytest.fixture
def advise_values(toy_recipe):
    """Plain values of a recipe whose ladder takes seconds; keyword arguments replace parts of the key ``advise``."""

    def make(sections=None, **advise) -> dict:
        training = {"learning_rate": 0.02, "epochs": 1, "batch_size": 4, "max_length": 64, "checkpoints": 0}
        values = toy_recipe(training=training, advise={**FAST, "training": {"rows": 24, "epochs": 8}, **advise})
        values["measure"]["task"] = {
            "score": "contains",
            "max_tokens": 2,
        }  # the toy learns words before it learns to stop
        return {**values, "mitigations": [{"kind": "lora", "rank": 4}], **(sections or {})}

    return make


@pytest.fixture
def advise_file(advise_values, tmp_path):
    def make(sections=None, **advise):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(advise_values(sections, **advise), sort_keys=False))
        return path

    return make


@pytest.fixture
def bench(advise_values, tmp_path):
    """A bench over the toy model and the colour task."""
    from retain.advice.bench import Bench

    def make(sections=None, folder="bench", **advise):
        recipe = parse_recipe(advise_values(sections, **advise))
        run = RunFolder(tmp_path / folder, recipe, Progress(quiet=True))
        return Bench(run, prepare(run))

    return make
