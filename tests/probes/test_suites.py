"""Suites: what is loaded from where, and what is said about a wrong one."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripted_model import FakeModel

from retain.data.rows import Row
from retain.errors import UserError
from retain.probes import item_files
from retain.probes.answers import Answers
from retain.probes.item_files import mapped
from retain.probes.multiple_choice import ChoiceItem, MultipleChoice
from retain.probes.suites import Suite, built_in_suites, load_suite


def write(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def suite_file(folder: Path, *entries: dict[str, Any], **more: Any) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"probes": list(entries), **more}))
    return path


CHOICES = [{"query": f"Q{n}", "choices": ["a", "b"], "gold": 0} for n in range(30)]


def test_a_file_of_probes(tmp_path: Path) -> None:
    write(
        tmp_path / "items" / "q.jsonl",
        [{"question": "2+2?", "reply": "4", "rest": 1}, "", {"question": "1+1?", "reply": "2"}],
    )
    write(tmp_path / "choices.jsonl", CHOICES)
    path = suite_file(
        tmp_path,
        {
            "kind": "multiple_choice",
            "name": "c",
            "capability": "k",
            "items": "choices.jsonl",
            "normalise": "bytes",
        },
        {
            "kind": "answers",
            "name": "n",
            "capability": "sums",
            "items": "items/q.jsonl",
            "fields": {"prompt": "Sum: {question}", "answer": "reply"},
            "score": "number",
            "limit": 5,
        },
        description="Two probes.",
    )
    suite = load_suite(path)
    assert suite.name == "mine"
    first, second = suite.probes
    assert isinstance(first, MultipleChoice) and first.normalise == "bytes" and len(first.items) == 30
    assert isinstance(second, Answers) and second.limit == 5
    assert [item.prompt for item in second.items] == ["Sum: 2+2?", "Sum: 1+1?"]
    assert suite.notes() == []


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    write(tmp_path / "bad.jsonl", [*CHOICES, "{not json", {"query": "q", "choices": ["a", "b"], "gold": 5}, [1]])
    write(tmp_path / "good.jsonl", CHOICES)
    write(tmp_path / "typo.jsonl", [{"query": "q", "choices": ["a", "b"], "gold": 0, "subjekt": "x"}])
    write(tmp_path / "empty.jsonl", [])
    base = {"kind": "multiple_choice", "capability": "k"}
    path = suite_file(
        tmp_path,
        {**base, "name": "one", "items": "bad.jsonl"},
        {**base, "name": "two", "items": "missing.jsonl"},
        {**base, "name": "three", "items": "good.jsonl", "normalize": "bytes"},
        {**base, "name": "four", "items": "good.jsonl", "kind": "multiple_choise"},
        {**base, "name": "five", "items": "good.jsonl"},
        {**base, "name": "five", "items": "good.jsonl"},
        {**base, "name": "six", "items": "empty.jsonl"},
        {**base, "name": "seven", "items": "typo.jsonl"},
        {**base, "name": "eight", "items": "good.jsonl", "shots": -1},
        {"kind": "answers", "name": "nine", "capability": "k", "items": "good.jsonl"},
        "ten",
        limits=3,
    )
    with pytest.raises(UserError) as caught:
        load_suite(path)
    text = str(caught.value)
    for said in (
        'unknown key "limits"',
        "bad.jsonl, line 31: not JSON",
        "bad.jsonl, line 32: gold is 5, but there are 2 choices",
        "bad.jsonl, line 33: needs an object, found list",
        "there is no file",
        'normalize: unknown key; did you mean "normalise"?',
        'did you mean "multiple_choice"?',
        'two probes are named "five"',
        'probe "six": it has no items',
        'typo.jsonl, line 1: subjekt: unknown key; did you mean "subject"?',
        "allowed: a number of at least 0",
        "good.jsonl, line 1: query: unknown key",
        "good.jsonl: and 85 more",
        "probes[11]: needs keys and values",
    ):
        assert said in text, said


@pytest.mark.parametrize("text", ["[1, 2]", "probes: 3", "a: [", "name: x"])
def test_a_file_that_is_no_suite(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(UserError, match=r"s\.yaml"):
        load_suite(tmp_path / "s.yaml")


def test_yaml_cannot_run_code(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("probes: [!!python/object/apply:os.mkdir ['pwned']]")
    with pytest.raises(UserError, match="not YAML"):
        load_suite(tmp_path / "s.yaml")


def test_no_such_suite(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='did you mean "standard"'):
        load_suite("standart")
    with pytest.raises(UserError, match=r"a suite is a \.yaml file or a folder"):
        load_suite(write(tmp_path / "x.txt", []))
    with pytest.raises(UserError, match=r"no \.jsonl file"):
        load_suite(tmp_path)


SHAPES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "choices": ({"query": "q", "choices": ["a", "b"], "gold": 0}, "multiple_choice", {"style": "text"}),
    "mmlu": ({"query": "q", "choices": ["a", "b"], "gold": 0}, "multiple_choice", {"style": "letters"}),
    "winogrande": ({"contexts": ["a", "b"], "continuation": "c", "gold": 0}, "multiple_choice", {}),
    "words": ({"context": "a b", "continuation": "c"}, "last_word", {}),
    "texts": ({"text": "a b c"}, "bits_per_byte", {}),
    "rules": (
        {"key": 1, "prompt": "p", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
        "instructions",
        {},
    ),
    "open": ({"prompt": "p", "about": ["x"]}, "multi_sentence", {}),
    "sums": (
        {"question": "p", "answer": "2 + 2 = 4\n#### 4"},
        "answers",
        {"rule_name": "number", "max_tokens": 256},
    ),
    "short": ({"prompt": "p", "answer": "Paris"}, "answers", {"rule_name": "exact", "max_tokens": 32}),
    "slots": (
        {"messages": [{"role": "user", "content": "p"}], "answer": {"a": 1}},
        "answers",
        {"rule_name": "json"},
    ),
    "patterns": ({"prompt": "p", "pattern": "x"}, "answers", {"rule_name": "regex"}),
    "lengths": ({"prompt": "p", "min_words": 50}, "answers", {"rule_name": "length", "max_tokens": 100}),
}


def test_a_folder_is_told_by_the_shape_of_its_rows(tmp_path: Path) -> None:
    for name, (row, _, _) in SHAPES.items():
        write(tmp_path / "folder" / f"{name}.jsonl", [row])
    suite = load_suite(tmp_path / "folder")
    assert suite.name == "folder"
    assert [probe.name for probe in suite.probes] == sorted(SHAPES)
    for probe in suite.probes:
        _, kind, settings = SHAPES[probe.name]
        assert type(probe).__module__.endswith(f".{kind}")
        assert {key: getattr(probe, key) for key in settings} == settings
    assert {p.capability for p in suite.probes} >= {"knowledge", "commonsense", "lengths"}


def test_a_row_that_fits_no_probe(tmp_path: Path) -> None:
    write(tmp_path / "odd.jsonl", [{"a": 1}])
    write(tmp_path / "good.jsonl", CHOICES)
    with pytest.raises(UserError, match=r"odd.jsonl: keys \['a'\] fit no probe.*ranking: query, pos, neg"):
        load_suite(tmp_path)


@pytest.mark.parametrize(
    "rows",
    [
        [{"query": "who", "pos": ["a"], "neg": ["b"]}],
        [{"query": "who", "text": "a", "label": 1}, {"query": "who", "text": "b", "label": 0}],
    ],
)
def test_a_folder_of_files_of_rankings(tmp_path: Path, rows: list[dict]) -> None:
    write(tmp_path / "asked.jsonl", rows)
    (probe,) = load_suite(tmp_path).probes
    assert probe.ranks and probe.name == probe.capability == "asked"
    assert len(probe.items) == 1 and len(probe.documents) == 2


def test_queries_without_a_relevant_document_are_counted(tmp_path: Path) -> None:
    pairs = [(f"q{n}", "a", int(n < 3)) for n in range(5)] + [(f"q{n}", "b", 0) for n in range(5)]
    write(tmp_path / "asked.jsonl", [{"query": q, "document": d, "label": label} for q, d, label in pairs])
    suite = load_suite(tmp_path)
    assert len(suite.probes[0].items) == 3
    assert suite.notes() == ['"asked": 2 queries have no relevant document and are left out']


def test_a_limit_for_all(tmp_path: Path) -> None:
    write(tmp_path / "c.jsonl", CHOICES)
    suite = load_suite(tmp_path, limit=7)
    (probe,) = suite.probes
    assert probe.limit == 7
    assert len(probe.measure(FakeModel(), "test").scores) == 7
    assert suite.fingerprint() != load_suite(tmp_path).fingerprint()
    with pytest.raises(UserError, match="limit is 0"):
        load_suite(tmp_path, limit=0)


def test_a_suite_of_likelihoods_says_so(tmp_path: Path) -> None:
    write(tmp_path / "c.jsonl", CHOICES)
    write(tmp_path / "t.jsonl", [{"text": "a"}])
    write(tmp_path / "a.jsonl", [{"prompt": "p", "answer": "x"}])
    assert load_suite(tmp_path).notes()[0].startswith("only 1 of 3 probes")
    suite = load_suite(tmp_path)
    assert Suite(name="s", probes=suite.probes[:2]).notes() == []


def test_built_in_suites_are_listed_and_a_folder_does_not_hide_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"standard", "instruct"} <= set(built_in_suites())
    write(tmp_path / "standard" / "c.jsonl", CHOICES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(item_files, "read_hub", lambda name: iter(()))
    with pytest.raises(UserError, match="mmlu"):
        load_suite("standard")


def test_built_in_suites_can_be_joined() -> None:
    names = [probe.name for probe in load_suite("core+safety", limit=3).probes]
    assert names == [probe.name for name in ("core", "safety") for probe in load_suite(name).probes]
    with pytest.raises(UserError, match="two probes are named"):
        load_suite("safety+safety")
    with pytest.raises(UserError, match=r'no suite "safty".*safety'):
        load_suite("core+safty")


HUB = {
    "cais/mmlu": {"question": "Q{n}?", "choices": ["a", "b", "c", "d"], "answer": 2, "subject": "art"},
    "Rowan/hellaswag": {"activity_label": "Cooking", "ctx": "A man {n}", "endings": ["a", "b"], "label": "1"},
    "allenai/ai2_arc": {
        "question": "Q{n}?",
        "choices": {"text": ["a", "b"], "label": ["1", "2"]},
        "answerKey": "2",
    },
    "baber/piqa": {"goal": "Clean {n}", "sol1": "a", "sol2": "b", "label": 0},
    "EleutherAI/lambada_openai": {"text": "He came {n} home"},
    "openai/gsm8k": {"question": "How many {n}?", "answer": "2 + 2\n#### 4"},
    "google/IFEval": {
        "key": 1,
        "prompt": "Write {n}",
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{"num_words": None}],
    },
    "mandarjoshi/trivia_qa": {
        "question": "Who {n}?",
        "answer": {"aliases": ["Bob", "Robert"], "value": "Bob"},
    },
}


def hub(name: Any) -> list[Row]:
    row = json.dumps(HUB[name.name])
    return [Row(n + 1, json.loads(row.replace("{n}", str(n)))) for n in range(40)]


@pytest.mark.parametrize("name", ["standard", "instruct"])
def test_suites_from_the_hub_map_its_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_files, "read_hub", hub)
    suite = load_suite(name)
    for probe in suite.probes:
        assert len(probe.items) == 40
    by_name = {probe.name: probe for probe in suite.probes}
    if name == "standard":
        item = by_name["arc_easy"].items[0]
        assert (item.query, item.choices, item.gold) == ("Question: Q0?\nAnswer:", ("a", "b"), 1)
        assert by_name["hellaswag"].items[0].query == "Cooking: A man 0"
        assert by_name["hellaswag"].items[0].gold == 1
        assert by_name["piqa"].items[0].choices == ("a", "b")
        assert by_name["lambada"].items[0].continuation == "home"
        assert by_name["mmlu"].measure(FakeModel(), "test").chance == 0.25
    else:
        assert by_name["trivia_qa"].items[0].answer == ("Bob", "Robert")


def test_the_hub_out_of_reach_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def refuse(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    entry = {"kind": "last_word", "name": "l", "capability": "k", "items": "hub:owner/name::test"}
    with pytest.raises(UserError, match="could not be read from the Hub"):
        load_suite(suite_file(tmp_path, entry))


def test_columns_that_are_missing_offer_the_nearest() -> None:
    with pytest.raises(ValueError, match='did you mean "question"'):
        mapped({"question": "q"}, {"prompt": "questoin"})
    with pytest.raises(ValueError, match="none of"):
        mapped({"gold": "E", "labels": ["A", "B"]}, {"gold": "gold", "labels": "labels"})
    assert mapped({"a": {"b": 1}, "c": 2}, {"x": "a.b", "y": ["c", "c"], "z": "{c}-{a.b}"}) == {
        "x": 1,
        "y": [2, 2],
        "z": "2-1",
    }


def test_keys_that_no_probe_reads_are_allowed() -> None:
    row = {"query": "q", "choices": ["a", "b"], "gold": 0}
    assert ChoiceItem.model_validate({**row, "id": 7, "source": "x", "note": "y"}).id == ChoiceItem(**row).id


COUNTS = {
    "arc_challenge": 600,
    "arc_easy": 1000,
    "boolq": 800,
    "gsm8k": 300,
    "hellaswag": 1000,
    "ifeval": 541,
    "lambada": 1000,
    "mmlu": 2049,
    "openbook_qa": 500,
    "piqa": 1000,
    "winogrande": 1267,
}
"""MMLU's 2052 rows hold three twice."""


def test_real_sets_load_as_a_folder(shared: Path) -> None:
    suite = load_suite(shared / "probes")
    assert {probe.name: len(probe.items) for probe in suite.probes} == COUNTS
    for probe in suite.probes:
        dev = len(probe.select("dev")) / len(probe.items)
        assert 0.25 < dev < 0.36, probe.name
    assert len(suite.notes()) == 1
    assert {probe.capability for probe in suite.probes} == {
        "arithmetic",
        "commonsense",
        "instruction following",
        "knowledge",
        "last word",
        "reading",
        "science",
    }


def test_real_sums_are_scored_by_their_last_number(shared: Path) -> None:
    probe = {probe.name: probe for probe in load_suite(shared / "probes").probes}["gsm8k"]
    right = {item.prompt: item.answer[0] for item in probe.items}
    assert probe.measure(FakeModel(right), "test").value == 1.0
    assert probe.measure(FakeModel(lambda text: "I do not know."), "test").value == 0.0


def test_real_queries_run(shared: Path) -> None:
    rows = [json.loads(line) for line in (shared / "tasks/geoquery/test.jsonl").read_text().splitlines()]
    items = [{"prompt": row["input"], "answer": row["output"]} for row in rows]
    probe = Answers.model_validate(
        {
            "name": "geo",
            "capability": "sql",
            "items": items,
            "score": "sql",
            "database": shared / "tasks/geoquery/geography.sqlite",
        }
    )
    gold = {item.input: item.answer[0] for item in probe.items}
    measured = probe.measure(FakeModel(gold), "test")
    assert measured.value == 1.0
    assert len(measured.left_out) <= 0.05 * len(measured.scores)
    assert probe.measure(FakeModel(lambda text: "SELECT 1"), "test").value < 0.05


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"fields": {"prompt": 3}}, "fields: needs the columns"),
        ({"fields": {"prompt": ["a", 3]}}, "fields: needs the columns"),
        ({"limit": 0}, "limit: found 0; allowed: a number of at least 1"),
        ({"limit": -3}, "limit: found -3; allowed: a number of at least 1"),
    ],
)
def test_a_wrong_key_of_a_probe_is_named(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    write(tmp_path / "c.jsonl", CHOICES)
    entry = {"kind": "multiple_choice", "name": "c", "capability": "k", "items": "c.jsonl", **more}
    with pytest.raises(UserError, match=message):
        load_suite(suite_file(tmp_path, entry))


def test_a_suite_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text("[" * 3000)
    with pytest.raises(UserError, match="nested too deeply"):
        load_suite(path)


def test_a_folder_in_the_place_of_a_file_of_items_is_named(tmp_path: Path) -> None:
    write(tmp_path / "choices.jsonl", CHOICES)
    (tmp_path / "x.jsonl").mkdir()
    with pytest.raises(UserError, match=r"x\.jsonl: could not be read: Is a directory"):
        load_suite(tmp_path)


def test_files_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *args: Any, **options: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    write(tmp_path / "items.jsonl", CHOICES)
    suite = suite_file(
        tmp_path, {"kind": "multiple_choice", "name": "choose", "capability": "x", "items": "items.jsonl"}
    )
    with monkeypatch.context() as patch:
        patch.setattr(item_files.Path, "open", refuse)
        with pytest.raises(UserError, match=r"mine\.yaml: could not be read: Permission denied"):
            load_suite(suite)
    monkeypatch.setattr("retain.probes.suite_entries.read_rows", refuse)
    with pytest.raises(UserError, match=r"items: .*Permission denied.*items\.jsonl"):
        load_suite(suite)
