"""The items of the built-in suites and the rows of the quickstart."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from retain.data.general import spread_prompts
from retain.data.overlap import overlap_finder
from retain.data.splits import folded
from retain.models.base import Message
from retain.probes import ifeval
from retain.probes.answers import Answers
from retain.probes.items import ItemProbe
from retain.probes.multi_sentence import MultiSentence
from retain.probes.multiple_choice import MultipleChoice
from retain.probes.rules import contains, number
from retain.probes.suites import BUILT_IN, load_suite
from retain.records import Response

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "benchmarks" / "core_items"
QUICKSTART = ROOT / "examples" / "quickstart" / "tickets.jsonl"
RERANKER = ROOT / "examples" / "reranker"
CORE = load_suite("core")
QUICK = load_suite("quick")
RULED = [probe for probe in CORE.probes if isinstance(probe, Answers)]


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def answered(text: str, stopped: bool = True) -> Response:
    return Response(text=text, tokens=len(text.split()), stopped=stopped)


@pytest.fixture
def generator(monkeypatch):
    """Import a module of the generator's folder, under a name of its own."""
    monkeypatch.syspath_prepend(str(GENERATOR))
    before = set(sys.modules)

    def load(name: str):
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(GENERATOR)):
            del sys.modules[name]


def messages() -> list[tuple[str, str]]:
    """(message, label) of every row of the quickstart."""
    return [tuple(turn["content"] for turn in row["messages"]) for row in rows_of(QUICKSTART)]


LABELS = sorted({label for _, label in messages()})


def test_at_least_half_of_the_probes_generate():
    for suite in (CORE, QUICK):
        assert suite.notes() == []
        assert 2 * sum(probe.generates for probe in suite.probes) >= len(suite.probes)
    assert sum(probe.generates for probe in QUICK.probes) > len(QUICK.probes) / 2


def test_quick_is_a_small_part_of_core():
    core = {probe.name: probe for probe in CORE.probes}
    assert len(QUICK.probes) == 6
    for probe in QUICK.probes:
        assert probe.items == core[probe.name].items
        assert probe.limit == 40
        assert len(probe.select("test")) == 40
        if probe.generates:
            assert probe.max_tokens == core[probe.name].max_tokens <= 32


@pytest.mark.parametrize("probe", CORE.probes, ids=lambda probe: probe.name)
def test_every_probe_has_enough_different_items(probe):
    rows = rows_of(BUILT_IN / "items" / f"{probe.name}.jsonl")
    test, dev = len(probe.pool("test")), len(probe.pool("dev"))
    assert len({item.id for item in probe.items}) == len(probe.items) == len(rows) <= 310
    assert test + dev == len(rows)
    assert test >= (60 if probe.name == "language" else 100)
    assert 0.2 <= dev / len(rows) <= 0.4
    assert len({item.group or item.id for item in probe.pool("test")}) >= 30


def test_no_item_stands_in_two_probes():
    asked = Counter(folded(text) for probe in CORE.probes for _, text in probe.texts())
    assert [text for text, count in asked.items() if count > 1] == []


def test_capabilities_and_names_are_unlike():
    assert len({probe.name for probe in CORE.probes}) == len({p.capability for p in CORE.probes}) == 10


def test_no_probe_needs_the_network_or_another_package():
    for name in ("core", "quick"):
        text = (BUILT_IN / f"{name}.yaml").read_text("utf-8")
        assert "hub:" not in text
        assert "kind: instructions" not in text


@pytest.mark.parametrize("rule", [contains, number], ids=["contains", "number"])
def test_an_accepted_answer_is_right(rule):
    name = rule.__name__.rsplit(".", 1)[-1]
    probes = [probe for probe in RULED if probe.rule_name == name]
    assert probes
    for probe in probes:
        for item in probe.items:
            for accepted in item.answer:
                assert rule.right(answered(f"It is {accepted}."), item, probe), (item, accepted)


@pytest.mark.parametrize("probe", RULED, ids=lambda probe: probe.name)
def test_a_label_of_the_quickstart_is_a_wrong_answer(probe):
    rule = importlib.import_module(f"retain.probes.rules.{probe.rule_name}")
    for item in probe.items:
        for label in LABELS:
            assert not rule.right(answered(label), item, probe), (item.input, label)


def test_a_label_of_the_quickstart_is_no_explanation():
    [probe] = [probe for probe in CORE.probes if isinstance(probe, MultiSentence)]
    for item in probe.items:
        for label in LABELS:
            assert not probe.good(answered(label), item)
        about = f"The {item.about[0]} matters here. One more sentence follows. That makes it three."
        assert probe.good(answered(about), item)


@pytest.mark.parametrize("name", ["facts", "rewriting"])
def test_repeating_the_question_is_no_right_answer(name):
    [probe] = [probe for probe in CORE.probes if probe.name == name]
    allowed = re.compile(r"^(Repeat|Say again)")  # copying is what these ask for
    for item in probe.items:
        last = item.turns[-1].content
        if not allowed.match(last):
            assert not contains.right(answered(last), item, probe), item


def test_the_answer_stands_in_the_passage():
    [probe] = [probe for probe in CORE.probes if probe.name == "reading"]
    for item in probe.items:
        assert contains.right(answered(item.prompt), item, probe), item
        question = item.prompt.rsplit("\n\n", 1)[-1].removeprefix("Answer in a few words: ")
        assert not contains.right(answered(question), item, probe), item


def test_results_of_sums_are_right():
    [probe] = [probe for probe in CORE.probes if probe.name == "arithmetic"]
    signs = {"+": int.__add__, "plus": int.__add__, "-": int.__sub__, "minus": int.__sub__}
    signs |= {"x": int.__mul__, "times": int.__mul__}
    checked = 0
    for item in probe.items:
        last = item.turns[-1].content
        if found := re.search(r"(\d+) (\+|-|x|plus|minus|times) (\d+)", last):
            a, sign, b = found.groups()
            assert item.answer == (str(signs[sign](int(a), int(b))),), last
            checked += 1
        assert not set(item.answer) & set(re.findall(r"\d+", last)), last
    assert checked > 0.6 * len(probe.items)


def test_solved_examples_are_right():
    signs = {"+": int.__add__, "-": int.__sub__, "x": int.__mul__}
    [probe] = [probe for probe in CORE.probes if probe.name == "arithmetic"]
    shots = {turn.content for item in probe.items for turn in item.turns if turn.role == "assistant"}
    found = [match.groups() for shot in shots for match in re.finditer(r"(\d+) ([+x-]) (\d+) = (\d+)", shot)]
    assert len(found) >= 8
    for a, sign, b, result in found:
        assert signs[sign](int(a), int(b)) == int(result)


def test_choices_are_different_and_every_place_holds_right_ones():
    for probe in CORE.probes:
        if isinstance(probe, MultipleChoice):
            places = Counter(item.gold for item in probe.items)
            widest = max(len(item.choices) for item in probe.items)
            assert min(places[place] for place in range(widest)) > 0.6 * len(probe.items) / widest
            for item in probe.items:
                assert len(set(item.choices)) == len(item.choices) >= 3, item
                assert not any(choice.endswith(" ") for choice in item.choices)


SAMPLES = [
    "",
    "refund request",
    "The cat sat in the street, and the waves rolled over the sand.",
    "the lion slept in the old house while the children played near the door and the wind blew",
    "The Winter was cold and the summer was hot and nobody knew when the rain would stop falling.",
    '"It is a fine day."',
    "<<A title>>\nSome text about a train at the station and a second train at the station.",
    "Dear [name], thank you. P.S. Bring cake, more cake and music.",
    "* one point\n* another point",
    "- one\n- two\n- three",
    "I like *this* part. That is all.",
    '{"text": "hello there"}',
    " ".join(["word"] * 29),
    " ".join(["word"] * 30),
    "Bread needs flour and water and a bit of love and then some more flour and water.",
]
CHECKED = {
    "keywords:existence": lambda a, b: {"keywords": [a, b]},
    "length_constraints:number_words": lambda a, b: {"num_words": 30, "relation": "at least"},
    "keywords:frequency": lambda a, b: {"keyword": a, "frequency": 2, "relation": "at least"},
    "detectable_format:title": lambda a, b: {},
    "detectable_content:number_placeholders": lambda a, b: {"num_placeholders": 1},
    "startend:end_checker": lambda a, b: {"end_phrase": "That is all."},
    "detectable_format:number_highlighted_sections": lambda a, b: {"num_highlights": 1},
}


def test_patterns_agree_with_the_checker_of_ifeval(generator):
    """The patterns of the instructions say what lm-eval's checker says (which adds nothing about length)."""
    for package in ("lm_eval", "nltk", "langdetect", "immutabledict"):
        pytest.importorskip(package)
    ifeval.load()
    made = generator("instructions")
    [probe] = [probe for probe in CORE.probes if probe.name == "instructions"]
    [item] = probe.items[:1]
    rule = importlib.import_module("retain.probes.rules.regex")
    seen = Counter()
    for name, kwargs in CHECKED.items():
        for a, b in (("cat", "street"), ("lion", "children"), ("flour", "water"), ("cake", "music")):
            pattern = made.pattern_of(name, a, b)
            for text in SAMPLES:
                ours = rule.right(answered(text), item.model_copy(update={"pattern": pattern}), probe)
                theirs = ifeval.obeyed([name], [kwargs(a, b)], "", text, "strict")
                assert [ours] == theirs, (name, text)
                seen[name, ours] += 1
    assert all(seen[name, right] for name in CHECKED for right in (True, False))


def test_every_instruction_has_a_pattern_that_something_matches():
    [probe] = [probe for probe in CORE.probes if probe.name == "instructions"]
    rule = importlib.import_module("retain.probes.rules.regex")
    assert probe.problems() == []
    for pattern in {item.pattern for item in probe.items}:
        words = re.findall(r"\(\?=\.\*(\w+)\)", pattern) or re.findall(r"\(\?is\)(\w+)\.\*\w+$", pattern) * 2
        texts = [*SAMPLES, f"something with {' and '.join(words)} in it", " ".join(["fine words"] * 20)]
        item = probe.items[0].model_copy(update={"pattern": pattern})
        assert any(rule.right(answered(text), item, probe) for text in texts), pattern


def test_committed_items_are_what_the_tables_give(generator):
    build = generator("build")
    assert [probe.name for probe in CORE.probes] == build.PROBES
    for name in build.PROBES:
        assert generator(name).items() == rows_of(BUILT_IN / "items" / f"{name}.jsonl"), name
    assert generator("tickets").rows() == rows_of(QUICKSTART)


def test_the_rerankers_example_is_what_its_generator_writes(generator):
    made = generator("help_centre")
    assert list(made.general()) == rows_of(RERANKER / "general.jsonl")
    for name in ("shop", "texts"):
        documents, queries, judged = getattr(made, name)()
        assert documents == rows_of(RERANKER / name / "corpus.jsonl")
        assert queries == rows_of(RERANKER / name / "queries.jsonl")
        assert "\n".join(judged) + "\n" == (RERANKER / name / "qrels" / "all.tsv").read_text("utf-8")
        assert "\n".join(made.run(documents, judged)) + "\n" == (RERANKER / name / "run.txt").read_text("utf-8")


def test_the_quickstart_has_forty_rows_of_ten_labels():
    assert sorted(Counter(label for _, label in messages()).values()) == [40] * 10
    assert all(len(label.split()) == 2 for label in LABELS)
    for row in rows_of(QUICKSTART):
        assert list(row) == ["messages"]
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]


def test_messages_of_the_quickstart_are_unlike_each_other():
    words = [frozenset(re.findall(r"\w+", text.casefold())) for text, _ in messages()]
    alike = [
        (messages()[i][0], messages()[j][0])
        for i in range(len(words))
        for j in range(i)
        if len(words[i] & words[j]) > 0.6 * len(words[i] | words[j])
    ]
    assert alike == []


def test_no_message_of_the_quickstart_holds_its_label():
    assert [text for text, label in messages() if label in text.casefold()] == []


def test_training_data_of_the_project_holds_no_item(generator):
    from retain.data.example import Example

    find = overlap_finder({p.name: p.texts() for p in CORE.probes if isinstance(p, ItemProbe)})
    general = []
    for prompt in spread_prompts(seed=0):
        general.append(prompt if isinstance(prompt, str) else prompt[-1].content)
        if len(general) == 3000:
            break
    texts = [text for text, _ in messages()] + general
    planted = CORE.probes[0].items[0].prompt
    for text in [*texts, planted]:
        turns = (Message(role="user", content=text), Message(role="assistant", content="Yes."))
        found = find(Example(id="x", shape="chat", messages=turns))
        assert bool(found) == (text == planted), found
