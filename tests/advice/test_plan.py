"""What stands around a question, and what is left out when there is no room."""

from dataclasses import replace

import pytest

from retain.advice.plan import Examples, Passages, Plan
from retain.advice.retrievers.bm25 import Bm25
from retain.models.base import Message

from .makers import rows_of

ROWS = rows_of(
    ("Name it.\nsky", "blue"), ("Name it.\ngrass", "green"), ("Name it.\nsnow", "white"), ("Name it.\nsky sky", "BLUE")
)
TEXTS = ["the sky is blue", "the grass is green", "the snow is white"]
OPENING = "Name it.\n"
QUESTION = (Message(role="user", content="Name it.\nthe sky"),)


def said(turns):
    return [(turn.role, turn.content) for turn in turns]


def ask(plan, question=QUESTION, room=10**6):
    """Asked with tokens that are words."""
    return plan.ask(question, lambda turns: sum(len(turn.content.split()) for turn in turns), room)


@pytest.fixture
def examples():
    def make(count=2, pick="similar", rows=ROWS, seed=0):
        return Examples(rows, count, pick, Bm25([row.input.removeprefix(OPENING) for row in rows]), seed)

    return make


@pytest.fixture
def passages():
    def make(count=2, texts=TEXTS):
        return Passages(texts, count, Bm25(texts))

    return make


def test_a_bare_plan_changes_nothing():
    plan = Plan(opening=OPENING)
    assert plan.bare and plan.fingerprint == "" and plan.label == "as given"
    assert ask(plan).turns == QUESTION and ask(plan, room=1).turns == QUESTION


def test_instructions_stand_before_or_after():
    plan = Plan(instruction="Be short.")
    assert said(ask(plan).turns) == [("system", "Be short."), ("user", "Name it.\nthe sky")]
    after = plan.with_instruction("Be short.", "after")
    assert said(ask(after).turns) == [("user", "Name it.\nthe sky\n\nBe short.")]
    own = (Message(role="system", content="You help."), *QUESTION)
    assert said(ask(plan, own).turns)[0] == ("system", "You help.\n\nBe short.")
    assert said(ask(after, own).turns)[0] == ("system", "You help.")


def test_the_most_similar_example_stands_last_and_the_opening_is_said_once(examples):
    turns = said(ask(Plan(examples=examples(3), opening=OPENING)).turns)
    assert turns == [
        ("user", "Name it.\ngrass"),
        ("assistant", "green"),
        ("user", "sky"),
        ("assistant", "blue"),
        ("user", "sky sky"),
        ("assistant", "BLUE"),
        ("user", "the sky"),
    ]
    again = said(ask(Plan(examples=examples(1))).turns)
    assert again[-1] == ("user", "Name it.\nthe sky"), "without an opening every question is whole"


def test_fixed_examples_are_the_same_for_all_questions(examples):
    plan = Plan(examples=examples(2, "fixed"))
    other = (Message(role="user", content="Name it.\nsnow"),)
    assert ask(plan).turns[:-1] == ask(plan, other).turns[:-1]
    drawn = {tuple(said(ask(Plan(examples=examples(2, "fixed", seed=seed))).turns[:-1])) for seed in range(6)}
    assert len(drawn) > 1, "the seed draws them"


def test_passages_stand_behind_the_opening_and_beside_each_example(examples, passages):
    plan = Plan(examples=examples(1), passages=passages(2), opening=OPENING)
    turns = said(ask(plan).turns)
    assert turns[0] == ("user", "Name it.\nUse these passages where they help:\n- the sky is blue\n\nsky sky")
    assert turns[2][1].startswith("Use these passages where they help:\n- the sky is blue\n- the ")
    assert turns[2][1].endswith("\n\nthe sky")
    assert ask(plan).passages == ["the sky is blue", "the grass is green"]


def test_braces_in_passages_are_text(passages):
    found = ask(Plan(passages=passages(1, ["the sky {passages} {0} %s"])))
    assert "- the sky {passages} {0} %s" in found.turns[0].content


def test_what_is_left_out_first_is_least_like_the_question(examples, passages):
    plan = Plan(examples=examples(3), passages=passages(2), opening=OPENING)
    whole = ask(plan)
    sizes = [whole]
    for room in range(60, 0, -1):
        found = ask(plan, room=room)
        if found.left_out != sizes[-1].left_out:
            sizes.append(found)
    assert [one.left_out for one in sizes] == [0, 1, 2, 3, 4, 5]
    assert ("assistant", "green") not in said(sizes[1].turns), "the example least like the question goes first"
    assert said(sizes[2].turns)[1] == ("assistant", "BLUE") and len(sizes[2].passages) == 2
    assert len(sizes[3].turns) == 1 and sizes[4].passages == ["the sky is blue"], "then passages"
    assert sizes[5].turns == QUESTION and sizes[5].passages == []


def test_several_turns_are_kept():
    turns = (*QUESTION, Message(role="assistant", content="blue"), Message(role="user", content="and now?"))
    asked = ask(Plan(passages=Passages(TEXTS, 1, Bm25(TEXTS)), opening=OPENING), turns)
    assert said(asked.turns)[:2] == said(turns)[:2]
    assert said(asked.turns)[2][1].endswith("- the sky is blue\n\nand now?"), "searched with all that was said"


def test_everything_that_changes_a_prompt_changes_the_fingerprint(examples, passages):
    plan = Plan("Be short.", "system", examples(2), passages(1), OPENING)
    changed = [
        replace(plan, instruction="Be long."),
        replace(plan, place="after"),
        replace(plan, opening=""),
        replace(plan, end="\n"),
        replace(plan, examples=None),
        replace(plan, examples=examples(1)),
        replace(plan, examples=examples(2, rows=ROWS[:3])),
        replace(plan, examples=examples(2, "fixed")),
        replace(plan, examples=examples(2, "fixed", seed=1)),
        replace(plan, passages=passages(2)),
        replace(plan, passages=passages(1, TEXTS[:2])),
    ]
    prints = [one.fingerprint for one in (plan, *changed)]
    assert len(set(prints)) == len(prints)
    assert replace(plan, examples=examples(2)).fingerprint == plan.fingerprint
    same = [replace(plan, examples=examples(2, seed=seed)).fingerprint for seed in (0, 1)]
    assert same[0] == same[1], "the seed does not draw similar examples"
    assert plan.label == '"Be short." before the question, 2 similar examples, 1 passage'


def test_a_label_shows_no_secret():
    plan = Plan(instruction="Write to jane.doe@haus-blau.de and say what is late today please")
    assert "jane" not in plan.label and "Write to [" in plan.label and "jane" in ask(plan).turns[0].content


def test_of_ways_that_are_right_equally_often_the_shortest_is_taken():
    from retain.advice.bench import Candidate, best
    from retain.advice_records import Tried

    ways = [("long", 60.0, 90.0), ("short", 60.0, 30.0), ("shorter, worse", 40.0, 10.0), ("middle", 60.0, 50.0)]
    tried = [Candidate(Plan(), Tried(label=label, value=value, tokens=tokens)) for label, value, tokens in ways]
    assert best(tried).tried.label == best(tried[::-1]).tried.label == "short"
