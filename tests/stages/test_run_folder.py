import pytest

from retain.errors import UserError
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.stages.run_folder import RunFolder, flat


def test_flat_names_every_leaf_by_its_path():
    nested = {"a": {"b": [1, {"c": None}], "empty": {}}, "d": [], "e": "x"}
    assert flat(nested) == {"a.b.0": 1, "a.b.1.c": None, "a.empty": {}, "d": [], "e": "x"}
    assert flat(3) == {"": 3}


@pytest.fixture
def recipe(toy_recipe):
    return parse_recipe(toy_recipe())


def test_a_run_killed_before_its_recipe_was_written_begins_anew(tmp_path, recipe):
    place = tmp_path / "run"
    place.mkdir()
    (place / "provenance.json").write_text("{}")
    (place / ".recipe.yaml.x.tmp").write_text("half")
    RunFolder(place, recipe, Progress(quiet=True))
    assert (place / "recipe.yaml").is_file()


def test_a_folder_of_other_things_is_left_alone(tmp_path, recipe):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="not empty and holds no run"):
        RunFolder(tmp_path, recipe, Progress(quiet=True))


def test_another_recipe_is_refused_and_the_difference_named(tmp_path, toy_recipe):
    RunFolder(tmp_path / "run", parse_recipe(toy_recipe()), Progress(quiet=True))
    with pytest.raises(UserError, match="seed: there 0, here 1"):
        RunFolder(tmp_path / "run", parse_recipe({**toy_recipe(), "seed": 1}), Progress(quiet=True))
