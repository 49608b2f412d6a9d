"""Probes whose score comes from what the model writes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from scripted_model import FakeModel

from retain.data.example import Example
from retain.errors import UserError
from retain.models.base import Limits, Message
from retain.probes.answers import Answers, rule_for, tokens_for
from retain.probes.items import ItemProbe
from retain.probes.multi_sentence import MultiSentence, sentences
from retain.probes.reference_likelihood import ReferenceLikelihood
from retain.records import Response
from retain.wording import distinct_share, words_of


def answers(*rows: dict[str, object], **settings: object) -> Answers:
    items = [{"split": "test", **row} for row in rows]
    return Answers.model_validate({"name": "a", "capability": "c", "items": items, **settings})


def test_all_questions_are_asked_in_one_call_through_the_chat_template() -> None:
    model = FakeModel({"2+2?": "4", "Capital?": "Rome"})
    probe = answers(
        {"prompt": "2+2?", "answer": "4"},
        {"prompt": "Capital?", "answer": ["Paris"], "system": "Be brief."},
        max_tokens=7,
        stop=["\n"],
    )
    measured = probe.measure(model, "test")
    ((prompts, limits),) = model.generate_calls
    assert limits == Limits(max_tokens=7, stop=("\n",))
    assert (Message(role="user", content="2+2?"),) in prompts
    assert (Message(role="system", content="Be brief."), Message(role="user", content="Capital?")) in prompts
    assert measured.value == 0.5
    assert measured.generates
    assert measured.settings["template"] == "chat"
    by_prompt = {measured.prompts[key]: key for key in measured.scores}
    key = by_prompt["Be brief.\nCapital?"]
    assert (measured.responses[key].text, measured.references[key], measured.scores[key]) == (
        "Rome",
        "Paris",
        0.0,
    )


def test_without_a_template_the_prompt_is_raw_text() -> None:
    model = FakeModel({"S\n2+2?": "4"}, chat=False)
    measured = answers({"prompt": "2+2?", "system": "S", "answer": "4"}).measure(model, "test")
    assert model.generate_calls[0][0] == ["S\n2+2?\n"]
    assert measured.settings["template"] == "raw"


def test_several_turns() -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    row = {"messages": [*turns, {"role": "user", "content": "2+2?"}], "answer": 4}
    model = FakeModel({"2+2?": "4"})
    assert answers(row, score="number").measure(model, "test").value == 1.0
    assert len(model.generate_calls[0][0][0]) == 3


def test_problems_of_all_items_come_at_once() -> None:
    probe = answers({"prompt": "a", "answer": "x"}, {"prompt": "b", "answer": "y"}, score="number")
    with pytest.raises(UserError) as caught:
        probe.measure(FakeModel(), "test")
    assert 'item "a"' in str(caught.value)
    assert 'item "b"' in str(caught.value)


def test_an_item_that_cannot_be_scored_is_left_out(tmp_path: Path) -> None:
    database = tmp_path / "d.sqlite"
    sqlite3.connect(database).close()
    probe = answers(
        {"prompt": "a", "answer": "SELECT 1"},
        {"prompt": "b", "answer": "SELECT x FROM y"},
        score="sql",
        database=database,
    )
    measured = probe.measure(FakeModel(lambda text: "SELECT 1"), "test")
    assert list(measured.scores.values()) == [1.0]
    assert "accepted query fails" in next(iter(measured.left_out.values()))


def test_the_database_counts_by_its_content_not_its_place(tmp_path: Path) -> None:
    prints = []
    for folder, value in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / folder).mkdir()
        database = tmp_path / folder / "d.sqlite"
        with sqlite3.connect(database) as connection:
            connection.execute(f"CREATE TABLE t AS SELECT {value} AS v")
        connection.close()
        probe = answers({"prompt": "a", "answer": "SELECT 1"}, score="sql", database=database)
        prints.append(probe.fingerprint())
        assert str(tmp_path) not in str(probe.measure(FakeModel(), "test").settings)
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("targets", "rule"),
    [
        (["card_arrival", "lost card"], "exact"),
        (['{"a": 1}'] * 19 + ["none"], "json"),
        (['{"a": 1}'] * 18 + ["none"] * 2, "exact"),
        (["12", "1,000", "-3.5"], "number"),
        (["He ran 2 * 3 = 6 miles, and so on.\n#### 6"] * 3, "number"),
        (["SELECT name FROM town WHERE people = 126"], "exact"),
        (["word " * 25] * 3, "likelihood"),
        (["word " * 20] * 8 + ["word " * 61] * 2, "likelihood"),
        (["[INST] a [/INST]"], "exact"),
    ],
)
def test_the_rule_follows_the_targets(targets: list[str], rule: str) -> None:
    assert rule_for(targets) == rule


def test_room_for_answers() -> None:
    assert tokens_for(["x" * 30]) == 26
    assert tokens_for(["x" * 30] * 95 + ["x" * 3000] * 5) == 26
    assert tokens_for(["x" * 3000]) == 256


def example(prompt: str, target: str) -> Example:
    turns = (Message(role="system", content="S"), Message(role="user", content=prompt))
    return Example(id=prompt, shape="chat", messages=(*turns, Message(role="assistant", content=target)))


def test_from_examples_asks_as_in_training() -> None:
    probe = Answers.from_examples("task", "banking", [example(f"q{n}", "card_arrival") for n in range(20)])
    assert isinstance(probe, Answers)
    assert (probe.score, probe.max_tokens) == ("exact", 20)
    model = FakeModel(lambda text: "card_arrival")
    measured = probe.measure(model, "test")
    assert measured.value == 1.0
    assert [turn.role for turn in model.generate_calls[0][0][0]] == ["system", "user"]
    assert set(measured.references.values()) == {"card_arrival"}


def test_from_examples_keeps_a_split_that_is_made() -> None:
    test, dev = [example(f"t{n}", "x") for n in range(9)], [example(f"d{n}", "x") for n in range(7)]
    probe = Answers.from_examples("task", "t", test, dev=dev)
    assert {item.turns[-1].content for item in probe.select("test")} == {f"t{n}" for n in range(9)}
    assert {item.turns[-1].content for item in probe.select("dev")} == {f"d{n}" for n in range(7)}


def test_from_examples_with_long_targets_measures_likelihood() -> None:
    probe = Answers.from_examples("task", "t", [example(f"q{n}", "word " * 80) for n in range(9)])
    assert isinstance(probe, ReferenceLikelihood)
    assert probe.measure(FakeModel(), "test").unit == "bits per byte"


def test_from_examples_says_what_is_wrong() -> None:
    with pytest.raises(UserError, match="no examples"):
        Answers.from_examples("task", "t", [])
    with pytest.raises(UserError, match="text examples have no answers"):
        Answers.from_examples("task", "t", [Example(id="1", shape="text", text="x")])
    with pytest.raises(UserError, match="score"):
        Answers.from_examples("task", "t", [example("q", "x")], score="exakt")


def test_long_answers_cannot_be_scored_automatically_by_a_rule() -> None:
    with pytest.raises(UserError, match="reference_likelihood"):
        answers({"prompt": "q", "answer": "word " * 80}, score="auto").measure(FakeModel(), "test")


GOOD = "Sleep in a dark room. Avoid coffee in the evening. A cool bedroom helps, too."


def opened(text: str, stopped: bool = True, row: dict[str, object] | None = None, **settings: object) -> float:
    item = {"prompt": "Tips for good sleep?", "about": ["sleep", "bed"], "min_sentences": 3, "split": "test"}
    values = {"name": "m", "capability": "c", "items": [{**item, **(row or {})}], **settings}
    probe: ItemProbe = MultiSentence.model_validate(values)
    answer = Response(text=text, tokens=len(text.split()), stopped=stopped)
    return probe.measure(FakeModel({"Tips for good sleep?": answer}), "test").value


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (GOOD, 1.0),
        ("", 0.0),
        ("getting enough sleep", 0.0),
        ("Sleep in a dark room. Yes. No.", 0.0),
        ("I like green cars. They are quite fast. My car is red.", 0.0),
        ("Sleep well every night. " * 12, 0.0),
        ("1. Go to bed early\n2. Keep the room dark\n3. Drink no coffee", 1.0),
        ("Sleepiness is a problem. It is a real one. Try to rest more.", 1.0),
        ("Asleep is what you want. It is a real aim. Try to rest more.", 0.0),
    ],
)
def test_open_answers(text: str, score: float) -> None:
    assert opened(text) == score


def test_bounds_of_open_answers() -> None:
    assert opened(GOOD, row={"max_words": 5}) == 0.0
    assert opened(GOOD, row={"min_sentences": 4}) == 0.0
    assert opened(GOOD, stopped=False) == 1.0
    assert opened(GOOD, stopped=False, must_stop=True) == 0.0
    assert opened("Sleep well every night. " * 12, distinct=0.0) == 1.0


def test_a_keyword_of_two_words() -> None:
    assert opened("Keep a dark room always. It really does help. Try it today.", row={"about": ["dark room"]}) == 1.0


def test_sentences_and_repetition() -> None:
    assert len(sentences("One is here now. Two is here now! Is three here now?\n- and four is here")) == 4
    assert sentences("Yes. No. Ok.") == []
    assert distinct_share(words_of("a b c a b c a b c")) == pytest.approx(3 / 7)
    assert distinct_share(["a"]) == 1.0
