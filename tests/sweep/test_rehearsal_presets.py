"""Arms that differ in how much is rehearsed, or in what."""

import json

import pytest
import yaml

from retain.commands.check import check
from retain.data.example import Example
from retain.errors import UserError
from retain.models.base import Message
from retain.recipe import parse_recipe
from retain.sweep.arms import arms_of

KL = {"kind": "kl_to_base", "weight": 1.0, "share": 0.25}


@pytest.fixture
def recipe(toy_recipe):
    def make(preset, **sections):
        return parse_recipe(toy_recipe(frontier={"preset": preset}, **sections))

    return make


def rows(count, letters=30):
    turns = (Message(role="user", content="a" * letters), Message(role="assistant", content="b"))
    return [Example(id=str(number), shape="chat", messages=turns) for number in range(count)]


def rehearsals(arm):
    return [one for one in arm.recipe.mitigations if one.kind == "rehearsal"]


def test_shares_of_rehearsal_differ_in_nothing_else(recipe):
    arms = arms_of(recipe("rehearsal_share", mitigations=[KL, {"kind": "rehearsal", "share": 0.3}]), rows(20))
    assert [arm.name for arm in arms] == [f"rehearsal {share}%" for share in (0, 1, 5, 10, 20)]
    assert [[one.share for one in rehearsals(arm)] for arm in arms] == [[], [0.01], [0.05], [0.1], [0.2]]
    assert [(arm.factor, arm.level) for arm in arms] == [("rehearsal share (%)", level) for level in (0, 1, 5, 10, 20)]
    assert all([one.kind for one in arm.recipe.mitigations if one.kind != "rehearsal"] for arm in arms)
    assert {one.kind for one in arms[0].recipe.mitigations} == {"kl_to_base", "strength"}
    assert len({arm.recipe.model_copy(update={"mitigations": []}).model_dump_json() for arm in arms}) == 1


def test_without_other_mitigations_no_rehearsal_is_the_plain_fine_tune(recipe):
    arms = arms_of(recipe("rehearsal_share"), rows(20))
    assert [arm.plain for arm in arms] == [True, False, False, False, False]


def test_the_general_set_is_as_large_as_the_greatest_share_needs(recipe, toy_recipe):
    data = {**toy_recipe()["data"], "general": []}
    few = arms_of(recipe("rehearsal_share", data=data), rows(20))
    many = arms_of(recipe("rehearsal_share", data=data), rows(20_000))
    assert {arm.recipe.data.general[0].count for arm in few} == {200}
    tokens = 20_000 * (24 + 31 / 3)
    assert {arm.recipe.data.general[0].count for arm in many} == {int(0.2 * tokens / (0.8 * 64)) + 1}
    assert many[0].recipe.data.general[0].source == "base_model"


def test_only_the_set_that_is_rehearsed_grows_and_a_large_one_stays(recipe, toy_recipe):
    data = toy_recipe()["data"]
    sets = [{**data["general"][0], "count": 5000}, {**data["general"][0], "name": "second"}]
    found = recipe(
        "rehearsal_share", data={**data, "general": sets}, mitigations=[{"kind": "rehearsal", "general": "second"}]
    )
    arm = arms_of(found, rows(4000))[-1]
    assert rehearsals(arm)[0].general == "second"
    assert arm.recipe.data.general[0].count == 5000 and arm.recipe.data.general[1].count > 20


def test_sources_are_the_recipes_sets_and_self_written_text(recipe, toy_recipe):
    data = toy_recipe()["data"]
    source = data["general"][0]["source"]
    sets = [{"name": name, "source": source, "count": 20} for name in ("web", "instructions")]
    arms = arms_of(recipe("rehearsal_source", data={**data, "general": sets}, mitigations=[KL]), rows(20))
    assert [(arm.name, arm.factor, arm.level) for arm in arms] == [
        (name, "rehearsal source", name) for name in ("web", "instructions", "own")
    ]
    assert [(one.general, one.share) for arm in arms for one in rehearsals(arm)] == [
        (name, 0.1) for name in ("web", "instructions", "own")
    ]
    assert {arm.recipe.data.general[2].source for arm in arms} == {"base_model"}
    assert all("kl_to_base" in [one.kind for one in arm.recipe.mitigations] for arm in arms)


def test_self_written_text_that_the_recipe_names_is_not_added_again(recipe, toy_recipe):
    data = toy_recipe()["data"]
    sets = [data["general"][0], {"name": "mine", "source": "base_model", "count": 30}]
    arms = arms_of(recipe("rehearsal_source", data={**data, "general": sets}), rows(20))
    assert [arm.name for arm in arms] == ["own", "mine"]
    only_file = arms_of(recipe("rehearsal_source"), rows(20))
    assert [arm.name for arm in only_file] == ["own", "written by the base"], "the file's set is called own"


def test_one_source_alone_is_no_comparison(recipe, toy_recipe):
    data = {**toy_recipe()["data"], "general": []}
    with pytest.raises(UserError, match=r"only self-written text.*\n.*data\.general"):
        arms_of(recipe("rehearsal_source", data=data), rows(20))


def test_4_bit_recipes_keep_their_adapter(recipe, toy_recipe):
    base = toy_recipe()["model"]
    found = recipe("rehearsal_share", model={**base, "load_in": "4bit"}, mitigations=[{"kind": "lora"}])
    arms = arms_of(found, rows(20))
    assert len(arms) == 5 and all(arm.recipe.mitigations[0].kind == "lora" for arm in arms)
    assert [arm.plain for arm in arms] == [True, False, False, False, False]


@pytest.mark.parametrize(("preset", "first"), [("rehearsal_share", "rehearsal 0%"), ("rehearsal_source", "own")])
def test_check_lists_the_arms(toy_recipe, tmp_path, preset, first):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(toy_recipe(frontier={"preset": preset, "seeds": [1, 2]})))))
    arms = check(path).arms
    assert arms[:2] == [f"{first}, seed 1", f"{first}, seed 2"] and len(arms) in (4, 10)
