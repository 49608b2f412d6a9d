import json
import shlex
from pathlib import Path

import pytest
import yaml

from retain.errors import UserError
from retain.paths import portable_path
from retain.recipe import Recipe, as_plain, load_recipe, parse_recipe, portable

MINIMAL = {"model": {"base": "builtin:smollm2-135m"}, "data": {"train": "rows.jsonl"}}
OWN = {"name": "own", "source": "base_model"}


def refused(**sections) -> str:
    with pytest.raises(UserError) as error:
        parse_recipe({**MINIMAL, **sections})
    return str(error.value)


def test_all_errors_come_at_once_with_path_and_what_is_allowed():
    message = refused(
        model={"base": "x", "load_in": "bf17"},
        training={"learnin_rate": 1, "epochs": -1},
        mitigations=[{"kind": "lorra"}, {"kind": "lora", "ranks": 3}],
    )
    assert "5 errors" in message
    assert 'model.load_in: found "bf17"; allowed: fp32, bf16, 4bit; did you mean "bf16"?' in message
    assert 'training.learnin_rate: unknown key; did you mean "learning_rate"?' in message
    assert "training.epochs: found -1; allowed: a number above 0" in message
    assert 'mitigations.0.kind: there is no mitigation "lorra"; did you mean "lora"?' in message
    assert 'mitigations.1.ranks: unknown key; did you mean "rank"?' in message


def test_a_missing_section_is_named():
    with pytest.raises(UserError, match="data: missing"):
        parse_recipe({"model": {"base": "x"}})


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"base": "x", "load_in": "4bit"}}, "4bit weights cannot be trained; add {kind: lora}"),
        ({"mitigations": [{"kind": "kl_to_base"}]}, "needs general text"),
        ({"mitigations": [{"kind": "lora"}, {"kind": "lora"}]}, "lora is given 2 times"),
        (
            {"data": {"train": "t", "general": [OWN]}, "mitigations": [{"kind": "rehearsal", "general": "onw"}]},
            'did you mean "own"?',
        ),
        ({"data": {"train": "t", "general": [OWN, OWN]}}, 'the name "own" is given twice'),
        ({"measure": {"task": {"score": "sql"}}}, "measure.task.database"),
    ],
)
def test_what_does_not_go_together_is_refused_with_what_to_do(sections, message):
    assert message in refused(**sections)


def test_overrides_reach_any_depth_and_lists(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, "mitigations": [{"kind": "lora"}]}))
    recipe = load_recipe(path, ["training.epochs=3", "mitigations.0.rank=4", "measure.task.limit=7"])
    assert (recipe.training.epochs, recipe.mitigations[0].rank, recipe.measure.task.limit) == (3.0, 4, 7)


@pytest.mark.parametrize("override", ["training.epochs", "=3", "mitigations.5.rank=3", "seed.x=1"])
def test_an_override_that_makes_no_sense_is_refused(tmp_path, override):
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, "seed": 0, "mitigations": [{"kind": "lora"}]}))
    with pytest.raises(UserError, match="--set"):
        load_recipe(path, [override])


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [1", "not valid YAML"), ("- 1", "should hold keys"), ("", "should hold keys"), ("\x00", "no text")],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_recipe(path)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00", b"\xff\xfem\x00o\x00", b"model\x00\x01"])
def test_a_file_that_is_no_text_is_no_recipe(tmp_path, content):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.yaml is not a recipe: it is no text in UTF-8, and a recipe is YAML text"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tickets.jsonl", b'{"prompt": "a", "completion": "b"}\n{"prompt": "c", "completion": "d"}\n'),
        ("tickets.jsonl", b'{"prompt": "a", "completion": "b"}\n'),
        ("tickets.json", b'[{"prompt": "a", "completion": "b"}]'),
        ("my tickets.csv", b'prompt,completion\n"a: b",c\n'),
        ("tickets.csv", b"prompt,completion\na,b\n"),
        ("tickets.jsonl.gz", b"\x1f\x8b\x08\x00"),
        ("tickets.parquet", b"PAR1\x00\xff"),
        ("book.txt", b"It was a dark and stormy night: the rain fell.\n"),
    ],
)
def test_a_data_file_as_recipe_says_how_to_make_one_for_it(tmp_path, monkeypatch, name, content):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    with pytest.raises(UserError) as told:
        load_recipe(name)
    said = "is not a recipe; it looks like a data file. Make a recipe for it: retain init MODEL"
    assert str(told.value) == f"{name} {said} {shlex.quote(name)}"


def test_a_recipe_may_be_called_like_a_data_file(tmp_path):
    for name in ("recipe.json", "recipe.txt"):
        (tmp_path / name).write_text(json.dumps(MINIMAL))
        assert load_recipe(tmp_path / name).model.base == MINIMAL["model"]["base"]


def test_a_missing_recipe_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match="retain init"):
        load_recipe(tmp_path / "none.yaml")


def test_yaml_cannot_make_objects(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("model: !!python/object/apply:os.system ['true']")
    with pytest.raises(UserError, match="not valid YAML"):
        load_recipe(path)


def test_paths_are_meant_from_the_recipes_folder_and_records_stay_portable(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "rows.jsonl").write_text("{}")
    path = tmp_path / "sub" / "r.yaml"
    held_out = {"dev": "../d.jsonl", "test": "../t.jsonl"}
    data = {"train": "../rows.jsonl", "held_out": held_out, "general": [OWN, {"name": "b", "source": "../g.jsonl"}]}
    (tmp_path / "documents").mkdir()
    advise = {"advise": {"documents": "../documents"}}
    path.write_text(yaml.safe_dump({**MINIMAL, "data": data, "measure": {"suite": "core"}, **advise}))
    recipe = load_recipe(path)
    assert recipe.data.train == str(tmp_path / "rows.jsonl")
    assert recipe.data.held_out.test == str(tmp_path / "t.jsonl")
    assert recipe.data.general[1].source == str(tmp_path / "g.jsonl")
    assert recipe.measure.suite == "core"
    assert recipe.advise.documents == str(tmp_path / "documents")
    assert str(tmp_path) not in str(portable(recipe))
    assert portable(recipe)["data"]["train"] == "../rows.jsonl"
    assert parse_recipe(as_plain(recipe)) is not None


def test_paths_through_links_are_written_as_they_were_given(tmp_path):
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "far" / "away" / "rows.jsonl").write_text("{}")
    (tmp_path / "work" / "recipes").mkdir(parents=True)
    (tmp_path / "work" / "data").symlink_to(tmp_path / "far" / "away", target_is_directory=True)
    path = tmp_path / "work" / "recipes" / "r.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, "data": {"train": "../data/rows.jsonl"}}))
    assert portable(load_recipe(path))["data"]["train"] == "../data/rows.jsonl"


def test_a_path_out_of_a_linked_folder_leads_to_the_same_file(tmp_path):
    (tmp_path / "far" / "recipes").mkdir(parents=True)
    (tmp_path / "far" / "rows.jsonl").write_text("{}")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "rows.jsonl").write_text("another")
    (tmp_path / "work" / "recipes").symlink_to(tmp_path / "far" / "recipes", target_is_directory=True)
    path = tmp_path / "work" / "recipes" / "r.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, "data": {"train": "../rows.jsonl"}}))
    recipe = load_recipe(path)
    assert (path.parent / recipe.data.train).read_text() == "{}"
    written = portable(recipe)["data"]["train"]
    assert (path.parent / written).read_text() == "{}" and written == "../rows.jsonl"
    own = portable_path(str(tmp_path / "work" / "rows.jsonl"), str(tmp_path / "work" / "recipes"))
    assert (tmp_path / "work" / "recipes" / own).read_text() == "another"


def test_the_schema_names_every_mitigation_and_describes_every_key():
    from retain.registry import units

    schema = Recipe.json_schema()
    assert {kind for kind in units("mitigations")} <= set(str(schema).replace("'", " ").split())
    for name, part in schema["$defs"].items():
        for key, value in part.get("properties", {}).items():
            described = "description" in value or "$ref" in str(value) or key == "kind" or name == "Gate"
            assert described, f"{name}.{key} has no description"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"training": {"learning_rate": float("inf")}},
            "training.learning_rate: found inf; allowed: a number that is finite",
        ),
        ({"gate": {"margin": -1}}, "gate.margin: found -1; allowed: a number of at least 0"),
        ({"gate": {"min_gain": float("nan")}}, "gate.min_gain: found nan; allowed: a number that is finite"),
        (
            {"mitigations": [{"kind": "strength", "values": [0.5, -1]}]},
            "mitigations.0.values.1: found -1; allowed: a number of at least 0",
        ),
        ({"seed": 2**32}, "seed: found 4294967296; allowed: a number below 4294967296"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(sections, message):
    assert message in refused(**sections)


def load_text(tmp_path, text, *overrides):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return load_recipe(path, list(overrides))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {base: a}\nseed: 1\nseed: 2\ndata: {train: t}", '"seed" is given twice'),
        ("model: {base: a}\ndata: {train: t, limit: 3, limit: 4}", '"limit" is given twice'),
        ("[" * 3000, "nested too deeply"),
    ],
)
def test_yaml_that_would_lose_a_value_or_the_interpreter_is_refused(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        load_text(tmp_path, text)


def test_a_key_may_replace_a_merged_one(tmp_path):
    text = "model: {base: a}\ndata: {train: t}\ntraining: {<<: {epochs: 2.0}, epochs: 3}"
    assert load_text(tmp_path, text).training.epochs == 3


def test_an_odd_index_is_refused(tmp_path):
    text = yaml.safe_dump({**MINIMAL, "mitigations": [{"kind": "lora"}]})
    with pytest.raises(UserError, match="is not an index"):
        load_text(tmp_path, text, "mitigations.\u00b2.rank=1")


def test_a_home_that_is_nobodys_is_a_missing_file(tmp_path):
    recipe = load_text(tmp_path, yaml.safe_dump({**MINIMAL, "data": {"train": "~nobody-of-that-name/rows.jsonl"}}))
    assert recipe.data.train.endswith("rows.jsonl")


@pytest.mark.parametrize("name", ["x" * 5000, "builtin:" + "[" * 5000, "a\x00b"])
def test_names_that_no_path_can_have_are_no_paths(tmp_path, name):
    text = yaml.safe_dump({"model": {"base": name}, "data": {"train": name}, "measure": {"suite": name}})
    assert load_text(tmp_path, text).model.base == name
