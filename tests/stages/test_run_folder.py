import pytest
import yaml

from retain.errors import DamagedError, UserError
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.records import Record
from retain.stages.run_folder import RunFolder, flat, write_recipe


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


def measured(folder):
    """A folder in which something was measured."""
    (folder / "before.json").write_text("{}")


@pytest.fixture
def opened(tmp_path, toy_recipe):
    """Opens one folder with a recipe of other sections."""

    def make(unread=(), **sections):
        return RunFolder(
            tmp_path / "run", parse_recipe({**toy_recipe(), **sections}), Progress(quiet=True), unread=unread
        )

    return make


def stored(run):
    return yaml.safe_load((run.path / "recipe.yaml").read_text())


def test_another_recipe_is_refused_and_the_difference_named(opened):
    measured(opened().path)
    with pytest.raises(UserError, match="seed: there 0, here 1"):
        opened(seed=1)


def test_a_folder_in_which_nothing_was_measured_yet_begins_anew(opened):
    run = opened()
    (run.path / "data.json").write_text("rows of the earlier recipe")
    assert stored(opened(seed=1))["seed"] == 1
    assert not (run.path / "data.json").exists() and (run.path / "provenance.json").is_file()
    (run.path / "training").mkdir()
    with pytest.raises(UserError, match="another recipe"):
        opened(seed=2)


def test_keys_that_are_not_read_may_change_and_are_written_down(opened):
    measured(opened().path)
    assert stored(opened(unread=("advise", "frontier"), advise={"margin": 9.0}))["advise"]["margin"] == 9.0
    opened(unread=("advise",))
    measured(opened(unread=("advise",), advise={"margin": 9.0}).path)
    assert stored(opened(unread=("advise.margin",), advise={"margin": 8.0}))["advise"]["margin"] == 8.0
    with pytest.raises(UserError, match=r"advise\.rewrites: there 2, here 0") as error:
        opened(unread=("advise.margin",), advise={"margin": 7.0, "rewrites": 0})
    assert "margin" not in str(error.value)
    with pytest.raises(UserError, match=r"advise\.margin"):
        opened(unread=("advise.marg",), advise={"margin": 7.0})


def test_keys_that_a_folder_does_not_know_have_their_defaults(opened):
    run = opened(mitigations=[{"kind": "lora"}])
    measured(run.path)
    values = stored(run)
    assert (values["training"].pop("watch"), values["mitigations"][0].pop("rank")) == (4, 16)
    del values["advise"]
    write_recipe(run.path / "recipe.yaml", values)
    assert stored(opened(mitigations=[{"kind": "lora"}]))["training"]["watch"] == 4
    values["training"]["watch"] = 4
    write_recipe(run.path / "recipe.yaml", values)
    with pytest.raises(UserError, match=r"training\.watch: there 4, here 2"):
        opened(
            mitigations=[{"kind": "lora"}],
            training={**values["training"], "watch": 2},
        )


def test_a_recipe_that_this_version_does_not_allow_is_another_one(opened):
    run = opened()
    measured(run.path)
    write_recipe(run.path / "recipe.yaml", {**stored(run), "later": 1})
    with pytest.raises(UserError, match="later: there 1, here None"):
        opened()


@pytest.mark.parametrize(
    "content",
    [
        "just text",
        "",
        "model:\n  base: a cut that leaves YAML\n",
        "[: broken",
        "seed: 1\n# hash of the lines above: 0123\n",
    ],
)
def test_a_damaged_recipe_is_read_where_it_stands_a_second_time(opened, caplog, content):
    run = opened()
    measured(run.path)
    whole = (run.path / "recipe.yaml").read_text()
    (run.path / "recipe.yaml").write_text(content)
    opened()
    assert "the recipe that provenance.json kept is taken" in caplog.text
    assert (run.path / "recipe.yaml").read_text() == whole
    (run.path / "recipe.yaml").write_text(content)
    with pytest.raises(UserError, match="seed: there 0, here 1"):
        opened(seed=1)


def test_a_damaged_provenance_is_said_before_any_work(opened):
    run = opened()
    measured(run.path)
    path = run.path / "provenance.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 3', 1))
    with pytest.raises(DamagedError, match=r"Remove .*provenance\.json, and the same command makes it anew") as error:
        opened()
    assert error.value.remove == (path,)
    path.unlink()
    assert opened().provenance()["seed"] == 0 and "recipe" not in opened().provenance()


def test_lost_times_are_no_reason_to_stop(opened, caplog):
    run = opened()
    (run.path / "seconds.json").write_text('{"before": ')
    assert run.seconds() == {} and "the times of earlier stages are lost" in caplog.text


class Step(Record):
    """A stage's record."""

    number: int = 0


def test_a_stage_that_is_done_again_takes_the_later_ones_with_it(opened):
    run = opened()
    made = []

    def go():
        run.once("one", Step, lambda: made.append("one") or Step(), before=["two"])
        run.once("two", Step, lambda: made.append("two") or Step())

    go(), go()
    assert made == ["one", "two"]
    (run.path / "one.json").write_text('{"number": "x"}')
    with pytest.raises(DamagedError) as error:
        go()
    (path,) = error.value.remove
    path.unlink()
    go()
    assert made == ["one", "two"] * 2


def test_the_same_file_by_way_of_a_link_is_the_same(tmp_path, toy_recipe, opened):
    values = toy_recipe()
    measured(opened().path)
    (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
    name = values["data"]["train"].rsplit("/", 1)[1]
    opened(data={**values["data"], "train": str(tmp_path / "linked" / name)})
