"""The recipe to train with can be run as it is."""

import pytest
import yaml

from retain.advice.training_recipe import training_recipe
from retain.advice_records import Advised
from retain.advice_settings import ProbeTraining
from retain.recipe import load_recipe, parse_recipe

ADVISED = Advised(rung="lora", basis="last", reason="every rung\nbelow scores less")


@pytest.fixture
def written(toy_recipe, tmp_path):
    def make(**sections):
        text = training_recipe(
            parse_recipe(toy_recipe(**sections)), ProbeTraining(rank=5), ADVISED, tmp_path / "advice"
        )
        (tmp_path / "advice").mkdir(exist_ok=True)
        path = tmp_path / "advice" / "recommended.yaml"
        path.write_text(text)
        return text, load_recipe(path)

    return make


def test_a_recipe_without_mitigations_gets_what_was_tried_and_what_keeps(written, colour_file):
    text, recipe = written(advise={"margin": 1.0}, training={"learning_rate": 0.5})
    assert text.startswith("# The training that an advice speaks for: every rung below scores less.\n")
    assert [one.kind for one in recipe.mitigations] == ["lora", "kl_to_base", "strength"]
    assert recipe.mitigations[0].rank == 5 and recipe.training.learning_rate == 1e-3
    assert recipe.advise is None and recipe.data.train == str(colour_file)


def test_a_recipe_without_general_text_gets_some_of_its_own(written, colour_file):
    _, recipe = written(data={"train": str(colour_file), "held_out": 0.3})
    assert [one.source for one in recipe.data.general] == ["base_model"]


def test_a_recipe_with_mitigations_stays_as_it_is(written):
    text, recipe = written(mitigations=[{"kind": "lora", "rank": 2}], training={"learning_rate": 0.5})
    assert [(one.kind, one.rank) for one in recipe.mitigations] == [
        ("lora", 2)
    ] and recipe.training.learning_rate == 0.5
    assert "advise" not in yaml.safe_load(text)
