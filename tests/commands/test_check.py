"""``retain check`` refuses what could not be done with the rows that there are, with the numbers."""

import pytest
import yaml

from retain.commands.check import check
from retain.errors import UserError
from retain.recipe import load_recipe, parse_recipe
from retain.stages.prepare import read_and_split
from retain.sweep.arms import arms_of


@pytest.fixture
def write(tmp_path, toy_recipe):
    def write(**sections):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(toy_recipe(**sections)))
        return path

    return write


@pytest.mark.parametrize("key", ["shots", "passages"])
def test_more_examples_or_passages_than_training_rows(write, key):
    with pytest.raises(UserError, match=rf"advise\.{key}: found 1000 .*, and there are \d+ different training rows"):
        check(write(advise={key: [1, 1000]}))
    check(write(advise={key: [1]}))


def test_what_an_advice_does_not_climb_is_not_held_against_it(write):
    check(write(advise={"rungs": ["lora"], "shots": [1000], "passages": [1000]}))


def test_defaults_are_not_held_against_small_sets(write, tmp_path, colour_file):
    small = tmp_path / "small.jsonl"
    small.write_text("\n".join(colour_file.read_text().splitlines()[:8]) + "\n")
    check(write(advise={}, data={"train": str(small), "held_out": 0.5}))


def test_more_passages_than_the_documents_have(write, tmp_path):
    (tmp_path / "notes.txt").write_text("One passage.\n")
    advise = {"documents": str(tmp_path / "notes.txt"), "passages": [1, 3]}
    with pytest.raises(UserError, match="found 3 passages, and there are 1 passages of the documents"):
        check(write(advise=advise))
    assert check(write(advise={**advise, "passages": [1]})).passages == 1


def test_an_advice_needs_questions(write, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n".join(f"the colour of the {n}th thing is not known to many" for n in range(60)))
    with pytest.raises(UserError, match="these rows are plain text"):
        check(write(advise={}, data={"train": str(texts), "held_out": 0.5}))


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"train": "none.jsonl"}, "data.train"),
        ({"held_out": {"dev": 0.2, "test": "none.jsonl"}}, "data.held_out.test"),
        ({"general": [{"name": "own", "source": "none.jsonl"}]}, "data.general.0.source"),
    ],
)
def test_a_file_that_there_is_not_is_said_with_its_key(write, colour_file, data, key):
    with pytest.raises(UserError, match=rf"^{key}: .*none\.jsonl does not exist"):
        check(write(data={"train": str(colour_file), **data}))


def test_a_rerankers_general_file_that_there_is_not_is_said_with_its_key(ranking_recipe):
    with pytest.raises(UserError, match=r"^data\.general\.1\.source: .*none\.jsonl does not exist"):
        check(ranking_recipe(), ["data.general.1.source=none.jsonl"])


def test_an_embedded_model_that_there_is_not(write):
    with pytest.raises(UserError, match=r'no embedded model "smolm2"; did you mean "builtin:smollm2-135m"'):
        check(write(model={"base": "builtin:smolm2"}))


@pytest.mark.parametrize("base", ["./no/such/folder", "/no/such/folder", "no/such/folder", "none.gguf"])
def test_a_model_folder_that_there_is_not(write, base):
    with pytest.raises(UserError, match=rf"^model: there is no (model folder|file) {base}"):
        check(write(model={"base": base}))


def test_a_folder_without_a_model(write, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"^model: .*empty holds no config\.json"):
        check(write(model={"base": "./empty"}))


def test_a_model_of_the_hub_need_not_be_here(write):
    assert "hf download nobody/nothing" in check(write(model={"base": "nobody/nothing"})).memory_notes[0]


def test_a_suite_that_there_is_not_is_said_with_the_recipe_and_its_key(write):
    path = write(measure={"suite": "cor"})
    with pytest.raises(UserError, match=rf'^{path}: measure\.suite: there is no suite "cor" .*did you mean "core"'):
        check(path)
    with pytest.raises(UserError, match=r'^measure\.suite: there is no suite "cor"'):
        read_and_split(load_recipe(path))


MINIMAL = {"model": {"base": "builtin:smollm2-135m"}, "data": {"train": "rows.jsonl"}}
ARM = {"arms": {"long": {"training.epochs": 2}}}


@pytest.mark.parametrize(
    ("frontier", "said"),
    [
        ({"shares": [0.001]}, "frontier.shares: 0.001 of 50 training rows is less than one row"),
        ({"shares": [0.1, 0.101]}, "frontier.shares: 0.1 and 0.101 of 50 training rows are both 5 rows"),
        ({"halving": 0.001}, "frontier.halving: 0.001 of 50 training rows is less than one row"),
        ({"axes": {f"training.extra.k{n}": list(range(10)) for n in range(9)}}, "these are 1,000,000,000 arms"),
    ],
)
def test_a_frontier_that_cannot_be_trained(frontier, said):
    recipe = parse_recipe({**MINIMAL, "frontier": {**ARM, **frontier}})
    with pytest.raises(UserError) as error:
        arms_of(recipe, [object()] * 50)
    assert said in str(error.value)
    assert len(arms_of(parse_recipe({**MINIMAL, "frontier": {**ARM, "shares": [0.1, 0.5]}}), [object()] * 50)) == 2
