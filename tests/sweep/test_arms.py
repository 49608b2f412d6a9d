"""Arms are the recipe with some settings replaced."""

import pytest

from retain.data.example import Example
from retain.errors import UserError
from retain.recipe import as_plain, parse_recipe
from retain.sweep.arm_run import arm_folder, unfinished
from retain.sweep.arms import arms_of, variants
from retain.sweep.variant import Variant


@pytest.fixture
def recipe(toy_recipe):
    def make(frontier, **sections):
        return parse_recipe(toy_recipe(frontier=frontier, **sections))

    return make


def rows(count):
    return [Example(id=str(number), shape="text", text="one two three") for number in range(count)]


def kinds(arm):
    return [one.kind for one in arm.recipe.mitigations]


def test_named_arms_and_combinations_of_axes(recipe):
    frontier = {
        "arms": {"by hand": {"training.epochs": 1.0}},
        "axes": {"training.learning_rate": [1e-3, 2e-3], "mitigations": [[], [{"kind": "lora", "rank": 4}]]},
        "strengths": [0.5, 1.0],
    }
    arms = arms_of(recipe(frontier), rows(100))
    assert [arm.name for arm in arms] == [
        "by hand",
        "learning_rate 0.001, mitigations none",
        "learning_rate 0.001, mitigations lora rank 4",
        "learning_rate 0.002, mitigations none",
        "learning_rate 0.002, mitigations lora rank 4",
    ]
    assert arms[0].recipe.training.epochs == 1
    assert arms[4].recipe.training.learning_rate == 0.002 and kinds(arms[4]) == ["lora", "strength"]
    assert all(arm.recipe.mitigations[-1].values == [0.5, 1.0] for arm in arms)
    assert all(arm.recipe.frontier is None for arm in arms)


def test_seeds_and_shares_make_an_arm_each(recipe):
    frontier = {"arms": {"x": {}}, "seeds": [1, 2], "shares": [0.25, 1.0]}
    arms = arms_of(recipe(frontier), rows(80))
    assert [(arm.variant, arm.share, arm.seed) for arm in arms] == [
        ("x", 0.25, 1),
        ("x", 0.25, 2),
        ("x", 1.0, 1),
        ("x", 1.0, 2),
    ]
    assert [arm.recipe.data.limit for arm in arms] == [20, 20, None, None]
    assert [arm.recipe.seed for arm in arms] == [1, 2, 1, 2]
    assert len({arm.name for arm in arms}) == 4


def test_shares_that_are_nearly_alike_have_names_of_their_own(recipe):
    arms = arms_of(recipe({"arms": {"x": {}}, "shares": [0.12, 0.125, 0.07]}), rows(1000))
    assert [arm.name for arm in arms] == ["x, 12% of the rows", "x, 12.5% of the rows", "x, 7% of the rows"]
    assert len({arm_folder(arm) for arm in arms}) == 3
    assert [unfinished(arm).key for arm in arms] == [("x", 0.12), ("x", 0.125), ("x", 0.07)]


def test_shares_that_no_name_tells_apart_are_refused(recipe):
    class Many(list):
        def __len__(self):
            return 10**9

    with pytest.raises(UserError, match=r"called 'x, 12\.5% of the rows'\. Choose shares that differ more"):
        arms_of(recipe({"arms": {"x": {}}, "shares": [0.125, 0.12500001]}), Many())


@pytest.mark.parametrize(("preset", "count"), [("quick", 4), ("standard", 7), ("thorough", 21)])
def test_presets_begin_with_plain_and_keep_the_rates_of_each_kind(recipe, preset, count):
    found = variants(recipe({"preset": preset}))
    assert len(found) == count
    assert found[0] == Variant("plain", {"mitigations": [], "training.learning_rate": 0.02})
    rates = {arm.name: arm.changes["training.learning_rate"] for arm in found}
    assert rates["lora"] == 0.2 and rates["all weights, kl"] == 0.02
    assert len(arms_of(recipe({"preset": preset}), rows(10))) == count


def test_presets_ask_for_general_text_where_the_recipe_has_none(recipe):
    plain = recipe({"preset": "quick"})
    without = plain.model_copy(update={"data": plain.data.model_copy(update={"general": []})})
    given = {arm.name: arm.recipe.data.general for arm in arms_of(without, rows(10))}
    assert given["plain"] == [] and given["lora, kl"][0].source == "base_model"


def test_with_4_bit_weights_only_adapters_are_trained(recipe, toy_recipe):
    base = toy_recipe()["model"]
    found = recipe({"preset": "quick"}, model={**base, "load_in": "4bit"}, mitigations=[{"kind": "lora"}])
    assert [one.name for one in variants(found)] == ["plain", "lora, kl"], "LoRA alone is plain there"
    assert [arm.plain for arm in arms_of(found, rows(10))] == [True, False]


@pytest.mark.parametrize(
    ("frontier", "said"),
    [
        ({}, "name a preset, arms or axes"),
        ({"preset": "ladder"}, "target go together"),
        ({"preset": "quick", "target": 3}, "target go together"),
        ({"preset": "ladder", "target": 3, "shares": [0.5, 1]}, "its own rungs"),
        ({"axes": {"training.epochs": []}}, "an axis needs values"),
        ({"presett": "quick"}, "preset"),
    ],
)
def test_what_makes_no_frontier_is_refused(recipe, frontier, said):
    with pytest.raises(UserError, match=said):
        recipe(frontier)


def test_all_wrong_arms_are_named_at_once(recipe):
    frontier = {"arms": {"a": {"training.epoch": 1}, "b": {"mitigations": [{"kind": "ewk"}]}, "c": {}}}
    with pytest.raises(UserError, match=r"(?s)2 wrong arms.*a: .*training.epoch.*b: .*ewk"):
        arms_of(recipe(frontier), rows(10))


@pytest.mark.parametrize(
    ("frontier", "said"),
    [
        (
            {"axes": {"seed": [1, 2, 3]}},
            "frontier.axes.seed: found a list of 3; every arm is trained with the frontier's seeds, so that this has "
            "no effect. Write them as frontier.seeds",
        ),
        ({"arms": {"a": {"seed": 7}}}, "frontier.arms.a.seed: found 7; every arm is trained with the frontier's seeds"),
        (
            {"arms": {"a": {"frontier.strengths": [0.5]}}},
            "frontier.arms.a.frontier.strengths: found a list of 1; an",
        ),
        ({"axes": {"gate.margin": [1, 2]}}, "frontier.axes.gate.margin: found a list of 2; all arms are measured and"),
        ({"arms": {"a": {"measure": {"suite": "core"}}}}, "all arms are measured and judged alike"),
        ({"arms": {"a": {"model.base": "other"}}}, 'found "other"; gains and losses of all arms are against one base'),
        ({"arms": {"a": {"model": {"base": "other"}}}}, "Change model.load_in alone"),
        ({"arms": {"a": {"advise.margin": 1}}}, "no arm is advised on"),
    ],
)
def test_what_is_the_same_for_all_arms_is_refused_with_what_to_do(recipe, frontier, said):
    with pytest.raises(UserError) as error:
        arms_of(recipe(frontier), rows(10))
    assert said in str(error.value)


def test_an_arm_has_no_strengths_of_its_own(recipe):
    own = [{"kind": "strength", "values": [0.3], "per_layer": "linear"}]
    said = r"a: mitigations \(strength\)\.values: found .*Write them as frontier\.strengths"
    with pytest.raises(UserError, match=said):
        arms_of(recipe({"arms": {"a": {"mitigations": own}}}), rows(10))
    with pytest.raises(UserError, match=said):
        arms_of(recipe({"arms": {"a": {"mitigations.0.values": [0.7]}}}, mitigations=own), rows(10))
    (arm,) = arms_of(recipe({"arms": {"a": {}}, "strengths": [0.5]}, mitigations=own), rows(10))
    assert (arm.recipe.mitigations[0].values, arm.recipe.mitigations[0].per_layer) == ([0.5], "linear")
    linear = {"arms": {"a": {"mitigations": [{"kind": "strength", "per_layer": "linear"}]}}, "strengths": [0.5]}
    assert arms_of(recipe(linear), rows(10))[0].recipe.mitigations[0].per_layer == "linear"


def test_a_name_that_is_given_twice_is_refused(recipe):
    with pytest.raises(UserError, match="'plain' is given twice"):
        arms_of(recipe({"preset": "quick", "arms": {"plain": {}}}), rows(10))


def test_a_recipe_without_a_frontier_says_what_to_add(toy_recipe):
    with pytest.raises(UserError, match="preset: quick"):
        arms_of(parse_recipe(toy_recipe()), rows(10))


def test_the_resolved_recipe_says_its_frontier(recipe):
    assert as_plain(recipe({"preset": "quick"}))["frontier"]["preset"] == "quick"


def test_the_arms_that_do_nothing_against_forgetting_are_plain(recipe):
    arms = arms_of(recipe({"preset": "quick", "arms": {"other rate": {"training.learning_rate": 0.1}}}), rows(10))
    assert [arm.name for arm in arms if arm.plain] == ["plain", "other rate"]


def test_a_single_axis_is_a_factor(recipe):
    numbers = variants(recipe({"axes": {"training.learning_rate": [1e-3, 2]}}))
    assert [(one.factor, one.level) for one in numbers] == [
        ("training.learning_rate", 0.001),
        ("training.learning_rate", 2),
    ]
    kinds_of = variants(recipe({"axes": {"mitigations": [[], [{"kind": "lora"}]]}}))
    assert [one.level for one in kinds_of] == ["none", "lora"]
    assert [one.level for one in variants(recipe({"axes": {"training.packing": [True, False]}}))] == ["True", "False"]


@pytest.mark.parametrize(
    "frontier",
    [
        {"axes": {"training.batch_size": [1, 2], "training.epochs": [1, 2]}},
        {"axes": {"training.epochs": [1, 2]}, "arms": {"x": {}}},
        {"axes": {"training.epochs": [1, 2]}, "preset": "quick"},
        {"preset": "quick"},
    ],
)
def test_arms_that_differ_in_more_are_no_levels(recipe, frontier):
    assert {(one.factor, one.level) for one in variants(recipe(frontier))} == {("", None)}
