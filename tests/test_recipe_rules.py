"""Each rule warns where it should, says why, and is silent on a usual recipe."""

import pytest

from retain.models.size import weights_of
from retain.recipe import parse_recipe
from retain.recipe_rules import RULES, recipe_warnings

USUAL = {
    "model": {"base": "some/model-7B"},
    "data": {"train": "x.jsonl", "general": [{"name": "own"}]},
    "training": {"learning_rate": 2e-4, "epochs": 2},
    "mitigations": [{"kind": "lora"}, {"kind": "rehearsal", "share": 0.1}],
}


def warnings(**sections):
    return recipe_warnings(parse_recipe({**USUAL, **sections}))


def test_a_usual_recipe_draws_no_warning():
    assert warnings() == []


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"mitigations": []}, "stands for the old abilities"),
        ({"training": {"epochs": 4}}, "4 is more than 3"),
        ({"training": {"learning_rate": 2e-3}}, "2e-3 is far above what is customary for LoRA on models of this size"),
        ({"training": {"learning_rate": {"scan": [1e-4, 1e-2]}}}, "1e-2 is far above"),
        ({"mitigations": [{"kind": "lora"}, {"kind": "rehearsal", "share": 0.02}]}, "too little to hold"),
        ({"mitigations": [{"kind": "lora"}, {"kind": "rehearsal", "share": 0.5}]}, "common advice is 0.05 to 0.2"),
        ({"mitigations": [{"kind": "lora", "rank": 4}]}, "4 is under 8"),
    ],
)
def test_a_rule_that_is_broken_is_told_with_its_reason(sections, words):
    (warning,) = [one for one in warnings(**sections) if words in one]
    assert len(warning) > 80, "it says why and what to do"


FULL = {"training": {"learning_rate": 1e-5}}


@pytest.mark.parametrize(
    ("mitigations", "warned"),
    [
        ([{"kind": "kl_to_base"}], False),
        ([{"kind": "kl_to_base", "on": "both"}], False),
        ([{"kind": "kl_to_base", "on": "task"}], True),
        ([{"kind": "ewc"}], False),
        ([{"kind": "l2_to_base"}], True),
        ([{"kind": "freeze"}, {"kind": "rehearsal"}], False),
    ],
    ids=str,
)
def test_general_text_is_what_stands_for_the_old_abilities(mitigations, warned):
    found = warnings(mitigations=mitigations, **FULL)
    assert [("all weights are trained on the task alone" in one) for one in found] == [True] * warned


def test_with_frozen_weights_not_all_are_said_to_be_trained():
    (warning,) = warnings(mitigations=[{"kind": "freeze"}], **FULL)
    assert "the weights that freeze leaves are trained on the task alone" in warning


@pytest.mark.parametrize(("epochs", "warned"), [(4, False), (5, True)])
def test_four_epochs_are_fine_where_lora_and_kl_keep(epochs, warned):
    found = warnings(
        training={"learning_rate": 2e-3, "epochs": epochs},
        mitigations=[{"kind": "lora"}, {"kind": "kl_to_base"}],
        data={**USUAL["data"], "general": [{"name": "own", "source": "base_model"}]},
    )
    assert any("is more than 4" in one for one in found) is warned
    assert not any("is more than 3" in one for one in found)


@pytest.mark.parametrize(
    ("training", "limit", "said"),
    [
        ({"epochs": 2, "extra": {"max_steps": 100}}, 100, "draw 800 rows of 100: more than 3 passes"),
        ({"epochs": 2, "extra": {"max_steps": 100}, "gradient_accumulation": 2}, 500, "draw 1600 rows of 500"),
        ({"epochs": 5, "extra": {"max_steps": 10}}, 100, None),
        ({"epochs": 2, "extra": {"max_steps": 100}}, None, "Of fewer than 267 rows that is more than 3 passes"),
        ({"epochs": 5, "extra": {"max_steps": -1}}, 100, "epochs: 5 is more than 3"),
    ],
    ids=str,
)
def test_a_number_of_updates_takes_the_place_of_epochs(training, limit, said):
    found = warnings(training=training, data={**USUAL["data"], "limit": limit})
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


@pytest.mark.parametrize(("rows", "warned"), [(266, True), (267, False)])
def test_rows_that_are_known_count_and_not_the_limit(rows, warned):
    recipe = parse_recipe({**USUAL, "training": {"extra": {"max_steps": 100}}, "data": {**USUAL["data"], "limit": 10}})
    found = recipe_warnings(recipe, rows=rows)
    assert [f"draw 800 rows of {rows}: more than 3 passes" in one for one in found] == [True] * warned


def test_early_stop_that_is_there_is_not_asked_for():
    lora = [{"kind": "lora"}, {"kind": "rehearsal"}]
    (without,) = warnings(training={"epochs": 5})
    (with_it,) = warnings(training={"epochs": 5}, mitigations=[*lora, {"kind": "early_stop"}])
    assert without.endswith("; add early_stop, or train less") and with_it.endswith("; train less")


def test_every_rule_can_speak():
    bad = {
        "mitigations": [{"kind": "rehearsal", "share": 0.9}],
        "training": {"epochs": 9, "learning_rate": 1.0},
    }
    seen = recipe_warnings(parse_recipe({**USUAL, **bad}))
    seen += warnings(mitigations=[{"kind": "lora", "rank": 1}]) + warnings(mitigations=[])
    assert len({one.split(":")[0] for one in seen}) == len(RULES)


@pytest.mark.parametrize(
    ("base", "rate", "warned"),
    [
        ("org/model-7B", 5e-5, True),
        ("org/model-7B", 2e-5, False),
        ("org/model-135M", 5e-5, False),
        ("org/model", 5e-4, False),
        ("org/model", 5e-3, True),
    ],
)
def test_small_models_take_higher_rates(base, rate, warned):
    found = warnings(model={"base": base}, training={"learning_rate": rate}, mitigations=[{"kind": "kl_to_base"}])
    assert any("far above" in one for one in found) == warned


def test_a_rate_that_was_found_is_what_counts():
    recipe = parse_recipe({**USUAL, "training": {"learning_rate": "scan"}})
    assert recipe_warnings(recipe) == []
    assert "far above" in recipe_warnings(recipe, rate=1.0)[0]


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("Qwen/Qwen2.5-1.5B-Instruct", 1_500_000_000),
        ("builtin:smollm2-135m", 135_000_000),
        ("meta-llama/Llama-3.2-1B", 1_000_000_000),
        ("org/model-v2", None),
        ("org/3bears", None),
    ],
)
def test_a_models_size_is_read_off_its_name(name, weights, monkeypatch):
    monkeypatch.setattr("retain.models.size.builtin_place", lambda name: __import__("pathlib").Path("absent"))
    assert weights_of(name) == weights


def test_a_models_size_is_counted_in_its_files(toy_folder, toy):
    assert weights_of(str(toy_folder)) == sum(one.numel() for one in toy.module.parameters())


def test_check_and_the_run_tell_them(toy_recipe, tmp_path):
    import yaml

    from retain.commands.check import check
    from retain.pipeline import run_recipe
    from retain.progress import Progress

    path = tmp_path / "recipe.yaml"
    training = {"learning_rate": 0.001, "epochs": 4, "batch_size": 16, "max_length": 64}
    path.write_text(yaml.safe_dump(toy_recipe(training=training)))
    told = check(path).warnings
    assert len(told) == 2
    record = run_recipe(parse_recipe(yaml.safe_load(path.read_text())), tmp_path / "run", Progress(quiet=True))
    assert all(one in record.training.notes for one in told)
    assert "4 is more than 3" in (tmp_path / "run" / "report.md").read_text()
