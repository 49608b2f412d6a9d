"""The data lint of a run: in the record and on the console, kept by content, a stop where rows cannot be trained."""

import json
import re
from io import StringIO

import pytest
from rich.console import Console

from retain.errors import UserError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown
from retain.stages import linting
from retain.stages.prepare import prepare, read_and_split
from retain.stages.run_folder import RunFolder


@pytest.fixture
def doubled(toy_recipe, colour_file):
    colour_file.write_text(colour_file.read_text() * 2)
    return parse_recipe(toy_recipe(training={"epochs": 1, "batch_size": 4, "max_length": 64, "checkpoints": 0}))


def spoken(recipe, folder):
    console = Console(record=True, width=300, file=StringIO())
    prepare(RunFolder(folder, recipe, Progress(console=console)))
    return console.export_text()


def test_a_runs_record_and_reports_hold_the_findings(doubled, tmp_path):
    record = run_recipe(doubled, tmp_path / "run", Progress(quiet=True))
    found = {row["check"]: row for row in record.data["lint"]}
    assert found["exact_duplicates"]["severity"] == "warning"
    assert found["exact_duplicates"]["examples"][0].startswith("colours.jsonl:")
    assert "repeat an earlier row" in render_markdown(record)
    assert "repeat an earlier row" in (tmp_path / "run" / "report.html").read_text()
    assert str(tmp_path) not in json.dumps(record.data)


def test_a_run_says_what_it_found_and_the_next_one_that_it_did(doubled, tmp_path):
    first = spoken(doubled, tmp_path / "one")
    assert "WARNING exact_duplicates" in first and "data lint: " in first
    assert "data lint" not in spoken(doubled, tmp_path / "one"), "a run that goes on has read its rows"
    again = spoken(doubled, tmp_path / "two")
    assert "as before" in again and "exact_duplicates" not in again


def test_the_same_rows_are_looked_at_once(doubled, monkeypatch):
    first = read_and_split(doubled).lint
    monkeypatch.setattr(linting, "run_checks", lambda *given: pytest.fail("looked at again"))
    if linting._key(doubled, read_and_split_parts(doubled), True) is None:
        pytest.skip("the toy model's files changed just now")
    assert read_and_split(doubled).lint == first


def read_and_split_parts(recipe):
    from retain.data.formats import read_examples
    from retain.data.splits import split

    return split(read_examples(recipe.data.train), recipe.data.held_out)


def test_rows_that_cannot_be_trained_stop_a_run_before_the_model_is_loaded(toy_recipe, tmp_path, monkeypatch):
    recipe = parse_recipe(toy_recipe(training={"epochs": 1, "max_length": 8}))
    monkeypatch.setattr("retain.stages.setting_up.load_for", lambda *given: pytest.fail("loaded"))
    with pytest.raises(UserError, match=r"cannot be trained as they are[\s\S]*truncated_targets"):
        run_recipe(recipe, tmp_path / "run", Progress(quiet=True))


def test_a_model_that_is_not_here_leaves_token_checks_out(toy_recipe):
    recipe = parse_recipe(toy_recipe(model={"base": "nobody/nothing", "load_in": "fp32"}))
    lint = read_and_split(recipe).lint
    assert "truncated_targets" in lint.left_out and "contamination" not in lint.left_out


def test_no_row_is_markup_in_a_report(doubled, tmp_path):
    record = run_recipe(doubled, tmp_path / "run", Progress(quiet=True))
    row = {**record.data["lint"][0], "examples": ["rows.jsonl:1 <script>alert(1)</script> **x** | y"]}
    odd = record.model_copy(update={"data": {**record.data, "lint": [row]}})
    assert "<script>alert(1)" not in render_html(odd) and "&lt;script&gt;alert(1)" in render_html(odd)
    text = render_markdown(odd)
    assert "<script>alert(1)" not in text and r"\*\*x\*\* \| y" in text


def test_rows_are_named_in_the_files_order_where_few_are_drawn(toy_recipe, colour_file):
    colour_file.write_text(colour_file.read_text() * 3)
    recipe = toy_recipe()
    lint = read_and_split(parse_recipe({**recipe, "data": {**recipe["data"], "limit": 60}})).lint
    found = next(one for one in lint.findings if one.check == "exact_duplicates")
    lines = colour_file.read_text().splitlines()
    for shown in found.examples:
        earlier = int(re.search(r"the same as line (\d+)", shown.text)[1])
        assert earlier < shown.line and lines[earlier - 1] == lines[shown.line - 1]
    assert [one.line for one in found.examples] == sorted(one.line for one in found.examples)


def test_rows_that_train_on_everything_are_cut_and_not_lost(toy_recipe, tmp_path):
    training = {"epochs": 1, "max_length": 8}
    recipe = toy_recipe(training=training)
    lint = read_and_split(parse_recipe({**recipe, "data": {**recipe["data"], "loss_on": "all"}})).lint
    found = [one for one in lint.findings if one.check == "truncated_targets"]
    assert [one.severity for one in found] == ["warning"] and "cut at" in found[0].what


def test_held_out_rows_are_counted_where_the_gain_is_measured(toy_recipe):
    recipe = parse_recipe(toy_recipe())
    prepared = read_and_split(recipe)
    (found,) = [one for one in prepared.lint.findings if one.check == "too_few_rows" and one.severity == "note"]
    different = len({row.id for row in prepared.splits.test})
    assert prepared.splits.dev and found.count == different and found.of == len(prepared.splits.test)
