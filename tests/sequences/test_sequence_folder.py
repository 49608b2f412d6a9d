"""A sequence's folder: what may change in it, and what it is not."""

import json

import pytest

from retain.commands.run import run
from retain.errors import UserError
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.sequence_recipe import parse_sequence
from retain.sequences.course import Course
from retain.sequences.folder import SequenceFolder, plain_name
from retain.sequences.rows import measured_row
from retain.stages.run_folder import RunFolder
from retain.yaml_text import parse_yaml

QUIET = Progress(quiet=True)


def opened(values, path):
    return SequenceFolder(path, parse_sequence(values), QUIET)


def test_names_of_folders_are_plain_and_distinct():
    names = ["a", "a b", "a/b", "../a", "<b>", "ä", "a_b"]
    made = [plain_name(name) for name in names]
    assert len(set(made)) == len(names) and made[0] == "a"
    assert all(letter.isascii() and (letter.isalnum() or letter in "_-") for name in made for letter in name)


def test_what_was_only_read_may_be_read_anew(sequence_values, tmp_path):
    Course(opened(sequence_values(), tmp_path / "run"))
    assert (tmp_path / "run/stages/2-letters/data.json").is_file()
    again = Course(opened(sequence_values(own={"letters": {"data": {"train": sequence_values()["stages"][0]["data"][
        "train"]}}}), tmp_path / "run"))  # fmt: skip
    assert again.data[1].splits.train == again.data[0].splits.train
    (tmp_path / "run/stages/1-colours/before.json").write_text("{}")
    with pytest.raises(UserError, match=r"stages.1.data.train: there .*colours.jsonl', here .*letters.jsonl'"):
        opened(sequence_values(), tmp_path / "run")


def test_other_folders_are_refused(sequence_values, sequence_file, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("x")
    with pytest.raises(UserError, match="is not empty and holds no run"):
        opened(sequence_values(), tmp_path / "full")
    one = sequence_values()
    single = parse_recipe({**{k: v for k, v in one.items() if k != "stages"}, "data": one["stages"][0]["data"]})
    RunFolder(tmp_path / "single", single, QUIET)
    (tmp_path / "single/before.json").write_text("{}")
    with pytest.raises(UserError, match="a sequence of another recipe"):
        run(sequence_file(), tmp_path / "single", progress=QUIET)
    opened(sequence_values(), tmp_path / "sequence")
    (tmp_path / "sequence/record.json").write_text("{}")
    with pytest.raises(UserError, match="a run of another recipe"):
        RunFolder(tmp_path / "sequence", single, QUIET)
    (tmp_path / "sequence/recipe.yaml").write_text("[: broken")
    opened(sequence_values(), tmp_path / "sequence")  # provenance.json says it too
    assert parse_yaml((tmp_path / "sequence/recipe.yaml").read_text())["stages"]


def test_rows_that_another_task_is_measured_on_are_not_trained_on(sequence_values, tmp_path):
    same = sequence_values()["stages"][0]["data"]["train"]
    course = Course(opened(sequence_values(("colours", "letters"), own={"letters": {"data": {
        "train": same, "held_out": 0.3}}}), tmp_path / "run"))  # fmt: skip
    held_out = {row.input for row in (*course.data[0].splits.dev, *course.data[0].splits.test)}
    assert course.left_out(1) > 0 and not any(row.input in held_out for row in course.train_rows(1))
    assert f"{course.left_out(1)} training rows were left out" in course.bench(1).notes[0]


def test_a_row_without_its_model_is_what_was_measured(sequence_values, tmp_path):
    course = Course(opened(sequence_values(("colours",)), tmp_path / "run"))
    with pytest.raises(UserError, match="neither a model nor its measurements"):
        measured_row(tmp_path / "nothing", course.probes, None)


def test_held_out_rows_that_a_begun_stage_trained_on_are_not_measured(sequence_values, task_files, tmp_path):
    course = Course(opened(sequence_values(("colours",)), tmp_path / "run"))
    course.bench(0)  # it begins
    trained = {row.input for row in course.data[0].splits.train}
    lines = task_files["colours"].read_text().splitlines()[:40] + task_files["letters"].read_text().splitlines()[:40]
    (tmp_path / "mixed.jsonl").write_text("\n".join(lines))
    own = {"letters": {"data": {"train": str(tmp_path / "mixed.jsonl"), "held_out": 0.7}}}
    values = sequence_values(("colours", "letters"), own=own)
    apart = Course(opened(values, tmp_path / "other"))
    added = Course(opened(values, tmp_path / "run"))
    shared = [row for row in (*apart.data[1].splits.dev, *apart.data[1].splits.test) if row.input in trained]
    left = [*added.data[1].splits.dev, *added.data[1].splits.test]
    assert shared and not any(row.input in trained for row in left)
    assert len(left) == added.data[1].summary["dev"] + added.data[1].summary["test"]
    assert added.notes == [
        f"{len(shared)} held-out rows of letters are not measured: an earlier stage had trained on their input when "
        "the task was added."
    ]
    assert {item.input for item in added.tasks[1].items} == {row.input for row in left}
    assert added.bench(0).train_rows == course.bench(0).train_rows, "what has begun goes on with the same rows"
    assert apart.notes == [] and apart.left_out(0) > 0, "a task that was known before is left out of training"


def test_a_task_of_which_nothing_is_left_to_measure_is_refused(sequence_values, task_files, tmp_path):
    course = Course(opened(sequence_values(("colours",)), tmp_path / "run"))
    course.bench(0)
    rows = [{"prompt": row.input, "completion": row.target} for row in course.data[0].splits.train]
    (tmp_path / "held.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    held = dict.fromkeys(("dev", "test"), str(tmp_path / "held.jsonl"))
    own = {"letters": {"data": {"train": str(task_files["letters"]), "held_out": {**held, "dev": 0.3}}}}
    with pytest.raises(UserError, match=r'stages.1 \("letters"\): no held-out row is left'):
        Course(opened(sequence_values(("colours", "letters"), own=own), tmp_path / "run"))
