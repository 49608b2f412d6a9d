"""Recitation in a run: a model that is trained too long on random rows knows them by heart."""

from __future__ import annotations

import json
import random
from functools import partial

import pytest

from retain.commands.run import run as run_command
from retain.data.recital_rows import RecitalRow, RecitalRows
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.record_files import read_record
from retain.records import Recitation, RunRecord
from retain.stages import reciting

QUIET = Progress(quiet=True)
WORDS = (
    "what is the colour of sky grass snow sun night blue green white yellow black red one two three a b c d e".split()
)


@pytest.fixture
def random_rows(tmp_path):
    """Rows whose answers nothing but memory can give: twenty words each, drawn at random."""
    draw = random.Random(0)
    path = tmp_path / "random.jsonl"
    texts = [[" ".join(draw.choices(WORDS, k=length)) for length in (4, 20)] for _ in range(36)]
    path.write_text("".join(json.dumps({"prompt": prompt, "completion": answer}) + "\n" for prompt, answer in texts))
    return path


def recipe(toy_recipe, file, epochs, **measure):
    values = toy_recipe(
        data={"train": str(file), "held_out": 0.4},
        training={"learning_rate": 0.02, "epochs": epochs, "batch_size": 8, "max_length": 64},
    )
    values["measure"] |= {"recitation": 64, **measure}
    return parse_recipe(values)


def symptom(record: RunRecord):
    return next(one for one in record.comparison.symptoms if one.name == "recitation")


def test_rows_learned_by_heart_are_found_and_a_short_training_is_not(toy_recipe, random_rows, tmp_path):
    learned = run_recipe(recipe(toy_recipe, random_rows, 150), tmp_path / "long", QUIET)
    found = symptom(learned)
    assert found.found and found.after > 50 and abs(found.before) < 20
    assert found.example.tuned == found.example.expected != found.example.base
    assert learned.recitation == read_record(tmp_path / "long" / "recitation.json", Recitation)
    assert {one.tokens for one in learned.recitation.training} == {10}
    brief = run_recipe(recipe(toy_recipe, random_rows, 1), tmp_path / "brief", QUIET)
    assert symptom(brief).found is not True and brief.recitation.training


def test_what_the_base_writes_is_kept_for_the_next_run(toy_recipe, random_rows, tmp_path, monkeypatch):
    first = run_recipe(recipe(toy_recipe, random_rows, 1), tmp_path / "first", QUIET)
    calls = []
    original = reciting.continued
    monkeypatch.setattr(reciting, "continued", lambda *given: calls.append(1) or original(*given))
    again = run_recipe(recipe(toy_recipe, random_rows, 1), tmp_path / "again", QUIET)
    assert len(calls) == 1 and again.recitation == first.recitation


@pytest.mark.parametrize("rows", [0, 5])
def test_the_number_of_rows_is_a_setting(toy_recipe, random_rows, tmp_path, rows):
    record = run_recipe(recipe(toy_recipe, random_rows, 1, recitation=rows), tmp_path / "run", QUIET)
    if rows:
        assert (len(record.recitation.training), len(record.recitation.held_out)) == (rows, rows)
    else:
        assert record.recitation is None and "Not tried" in symptom(record).statement


def test_no_model_is_loaded_for_answers_that_are_too_short(toy_recipe, colour_file, tmp_path, monkeypatch):
    monkeypatch.setattr(reciting, "load_causal", lambda *given: pytest.fail("loaded"))
    record = run_recipe(recipe(toy_recipe, colour_file, 1), tmp_path / "run", QUIET)
    assert symptom(record).found is None and "too short to recite" in symptom(record).statement
    assert record.recitation.too_short == record.data["train"]


def row(toy, name: str, given: str, rest: str) -> RecitalRow:
    given_ids, rest_ids = (toy.tokenizer(text, add_special_tokens=False)["input_ids"] for text in (given, rest))
    return RecitalRow(item=name, given=given_ids, rest=rest_ids)


def test_any_two_writers_are_compared_token_by_token(toy):
    rest = "blue green white yellow black red one two"
    trained, unseen = row(toy, "t", "say a b c", rest), row(toy, "h", "say d e", rest)
    rows = RecitalRows(training=[trained], held_out=[unseen], too_short=3)
    found = reciting.recitation_of(
        rows,
        toy.tokenizer,
        tuned=lambda asked: [f"{rest} three" if one.item == "t" else "red one two" for one in asked],
        base=lambda asked: ["three green white"] * len(asked),
    )
    assert [(one.base_run, one.tuned_run, one.tuned_verbatim) for one in found.training] == [(2, 8, True)]
    assert [(one.base_run, one.tuned_run, one.tuned_verbatim) for one in found.held_out] == [(2, 3, False)]
    assert (found.example.expected, found.example.tuned, found.too_short) == (rest, f"{rest} three", 3)


class Letters:
    """One token for each character."""

    def decode(self, ids, skip_special_tokens):
        return "".join(map(chr, ids))

    def __call__(self, texts, **options):
        return {"input_ids": [[*map(ord, text)] for text in texts]}


def test_what_was_recited_is_shown_without_secrets_and_personal_data():
    def letters(text):
        return [*map(ord, text)]

    key, address = "ghp_" + "a1B2" * 10, "jane.roe@mail.org"
    whole = f"{'x' * 60} mail {address}, key {key} and so on"
    cut = whole.index(key) + 20
    row = RecitalRow(item="t", given=letters(whole[:cut]), rest=letters(whole[cut:]))
    rest = whole[cut:]
    found = reciting.recitation_of(
        RecitalRows(training=[row], held_out=[]), Letters(), lambda rows: [rest], lambda rows: [f"no {address}"]
    )
    shown = found.example
    text = f"{shown.prompt}|{shown.base}|{shown.tuned}|{shown.expected}"
    assert "mail [e-mail address], key [GitHub token]" in shown.prompt and shown.tuned == shown.expected
    assert "roe" not in text and "a1B2" not in text and "ghp" not in text and "and so on" in shown.expected


def test_what_follows_the_length_of_the_rest_does_not_count(toy):
    found = reciting.recital(row(toy, "t", "say a", "one two three"), "a b c one two three", "one", toy.tokenizer)
    assert (found.base_run, found.tuned_run, found.tokens) == (0, 1, 3)


def test_a_live_model_can_be_asked_and_is_not_where_nothing_is_long_enough(toy):
    rows = RecitalRows(training=[row(toy, "t", "say a b", "one two three")], held_out=[])
    ask = partial(reciting.continued, toy)
    found = reciting.recitation_of(rows, toy.tokenizer, tuned=ask, base=ask)
    assert found.training[0].base_run == found.training[0].tuned_run
    nothing = reciting.recitation_of(RecitalRows(training=[], held_out=[], too_short=9), toy.tokenizer, None, None)
    assert nothing == Recitation(too_short=9)


def test_a_finished_run_shows_its_symptoms(toy_recipe, colour_file, tmp_path):
    import yaml

    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(toy_recipe(training={"learning_rate": 0.02, "epochs": 12, "batch_size": 4})))
    record = run_command(path, tmp_path / "run", progress=QUIET)
    assert {one.name for one in record.comparison.symptoms} >= {"mode_collapse", "verbosity_collapse"}
    assert "## Symptoms" in (tmp_path / "run" / "report.md").read_text("utf-8")
    assert 'id="symptoms"' in (tmp_path / "run" / "report.html").read_text("utf-8")
