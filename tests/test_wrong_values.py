"""Every kind of mistake that a recipe can hold is told in our words: where, what was found, what is allowed."""

import datetime
import re

import pytest
import yaml

from retain.cli.measuring import margins_of
from retain.errors import UserError
from retain.recipe import load_recipe, parse_recipe
from retain.record_files import read_record
from retain.records import Gate, RunRecord
from retain.yaml_text import MOST_VALUES, parse_yaml

MINIMAL = {"model": {"base": "builtin:smollm2-135m"}, "data": {"train": "rows.jsonl"}}
PYDANTIC = re.compile(
    r"input should|should be a valid|value error|unable to parse|constrained-float|extra inputs", re.I
)

WRONG = [
    ({"data": {"train": "t", "held_out": "some"}}, 'found "some"; allowed: a number, or keys with values (dev,'),
    ({"data": {"train": "t", "held_out": {"dev": 2, "test": "t"}}}, "dev: found 2; allowed: a number below 1, or text"),
    ({"data": {"train": 5}}, "data.train: found 5; allowed: text; write it in quotes"),
    ({"data": [1]}, "data: found a list of 1; allowed: keys with values (general, held_out, limit, loss_on, train)"),
    ({"data": {}}, "data.train: missing; add the key train under data"),
    ({"training": {"epochs": "abc"}}, 'training.epochs: found "abc"; allowed: a number'),
    ({"training": {"epochs": None}}, "training.epochs: found nothing; allowed: a number"),
    ({"training": {"epochs": float("inf")}}, "training.epochs: found inf; allowed: a number that is finite"),
    ({"training": {"batch_size": 2.5}}, "training.batch_size: found 2.5; allowed: a whole number"),
    ({"training": {"batch_size": "two"}}, 'training.batch_size: found "two"; allowed: a whole number'),
    ({"training": {"batch_size": [1]}}, "training.batch_size: found a list of 1; allowed: a whole number"),
    ({"training": {"packing": "maybe"}}, 'training.packing: found "maybe"; allowed: true or false'),
    ({"training": {"packing": [1]}}, "training.packing: found a list of 1; allowed: true or false"),
    ({"training": {"report_to": "wandb"}}, 'training.report_to: found "wandb"; allowed: a list; write ["wandb"]'),
    ({"training": {"extra": [1]}}, "training.extra: found a list of 1; allowed: keys with values"),
    ({"training": {"warmup": 1}}, "training.warmup: found 1; allowed: a number below 1"),
    ({"training": {"learning_rate": "fast"}}, '[1.0e-4, 5.0e-4], share: 0.25} (found "fast")'),
    ({"training": {"learning_rate": -1}}, "training.learning_rate: found -1.0; allowed: a number above 0"),
    ({"training": {"learning_rate": {"scan": "x"}}}, 'learning_rate.scan: found "x"; allowed: a list; write ["x"]'),
    ({"training": {"optimizer": datetime.date(2026, 1, 2)}}, "the date 2026-01-02; allowed: text; write it in quotes"),
    ({"mitigations": "lora"}, 'mitigations: found "lora"; allowed: a list; write [{kind: lora}]'),
    ({"mitigations": {"kind": "lora"}}, "found the keys kind; allowed: a list; write - {kind: lora}"),
    ({"mitigations": {"kind": "lora", "rank": 8}}, "allowed: a list; write - {kind: lora, rank: 8}"),
    ({"mitigations": {"kind": "lora", "targets": ["x" * 99]}}, "allowed: a list; write - {kind: lora, ...}"),
    ({"mitigations": {"kind": "lora", "rank": object()}}, "allowed: a list; write - {kind: lora, ...}"),
    ({"mitigations": {"lora": {"rank": 8}}}, "found the keys lora; allowed: a list; write - {kind: lora, rank: 8}"),
    ({"mitigations": {"lora": None}}, "allowed: a list; write - {kind: lora}"),
    ({"mitigations": {"lora": {}, "ewc": {}}}, "allowed: a list; write each as an entry: - {kind: ...}"),
    ({"mitigations": {"kind": ["lora"]}}, "allowed: a list; write each as an entry: - {kind: ...}"),
    ({"mitigations": ["lora"]}, 'mitigations.0: found "lora"; allowed: keys with values; write {kind: lora}'),
    ({"mitigations": [{"rank": 3}]}, "mitigations.0.kind: missing; say which mitigation it is: "),
    ({"mitigations": [{"kind": 3}]}, "mitigations.0.kind: there is no mitigation 3; known: "),
    ({"mitigations": [{"kind": ["lora"]}]}, "mitigations.0.kind: there is no mitigation a list of 1; known: "),
    ({"mitigations": [{"kind": "lora", "rank": "x"}]}, 'mitigations.0.rank: found "x"; allowed: a whole number'),
    ({"measure": {"task": {"score": "exakt"}}}, 'did you mean "exact"?'),
    ({"seed": -1}, "seed: found -1; allowed: a number of at least 0"),
    ({"seed": 16**6000}, "seed: found a number of thousands of digits; allowed: a number below 4294967296"),
    ({"advise": {"rungs": []}}, "advise.rungs: found a list of 0; allowed: a list of at least 1"),
    ({"advise": {"shots": [1, 1]}}, "advise: shots names something twice: [1, 1]"),
    ({"frontier": {}}, "frontier: name a preset, arms or axes"),
    ({"frontier": {"arms": {"a": 3}}}, "frontier.arms.a: found 3; allowed: keys with values"),
    ({"frontier": {"preset": "quick", "seeds": [1, 1]}}, "frontier: seeds names something twice"),
    ({"frontier": {"preset": "ladder", "target": 300}}, "frontier.target: found 300; allowed: a number of at most 100"),
    ({1: 2}, "1: a key is text; found 1"),
    ({"x": "\x1b[31m" * 100}, "x: unknown key; known: advise, data,"),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "said"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_a_mistake_is_told_in_our_words(sections, said):
    with pytest.raises(UserError) as error:
        parse_recipe({**MINIMAL, **sections})
    text = str(error.value)
    assert said in text
    assert not PYDANTIC.search(text) and len(text) < 1000


def test_one_mistake_in_a_union_is_one_line():
    with pytest.raises(UserError, match="has 1 error:"):
        parse_recipe({**MINIMAL, "data": {"train": "t", "held_out": "some"}})


def test_long_and_broken_values_are_one_short_line():
    with pytest.raises(UserError) as error:
        parse_recipe({**MINIMAL, "seed": "a\n  - forged: line" * 1000})
    assert str(error.value).count("\n") == 1 and len(str(error.value)) < 300


def test_a_margin_on_the_command_line_is_told_alike():
    with pytest.raises(
        UserError, match=r"--mean-margin: found -1.0; allowed: a number of at least 0, in points of 100"
    ):
        margins_of(Gate(), None, -1.0, None)


def test_a_record_that_is_none_is_told_alike(tmp_path):
    path = tmp_path / "record.json"
    path.write_text('{"title": 3}')
    with pytest.raises(
        UserError, match=r"record.json does not hold what Retain reads there: title: found 3; allowed: text"
    ):
        read_record(path, RunRecord)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, f"its aliases make it more than {MOST_VALUES:,} values"),
        (f"{BOMB}seed: *i", "its aliases make it more than"),
        ("a: &a [*a]", "nested too deeply"),
        ("a: &a {b: *a}", "nested too deeply"),
        ("[" * 150 + "]" * 150, "nested too deeply"),
        ("seed: 2001-99-99", "a value cannot be read"),
        ("seed: !!timestamp soon", "a value cannot be read"),
        ("seed: !!float x", "a value cannot be read"),
        ("seed: !!bool x", "a value cannot be read"),
        (f"seed: {'9' * 5000}", "a value cannot be read"),
        ("seed: !!python/name:os.system", "could not determine a constructor"),
        ("x" * (2**21 + 1), "characters; at most"),
    ],
    ids=[str(number) for number in range(12)],
)
def test_yaml_that_would_grow_or_break_is_refused(tmp_path, text, said):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match="not valid YAML") as error:
        load_recipe(path)
    assert said in str(error.value)


def test_aliases_that_stay_small_are_read():
    assert parse_yaml("a: &a {b: 1}\nc: *a\nd: {<<: *a, e: 2}") == {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}
    assert parse_yaml("") is None
    assert parse_yaml(yaml.safe_dump(list(range(5000)))) == list(range(5000))


def test_an_override_cannot_bring_a_bomb(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    with pytest.raises(UserError, match="is not a YAML value"):
        load_recipe(path, ["seed=!!timestamp soon"])
