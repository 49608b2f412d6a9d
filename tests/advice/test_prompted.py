"""A model that is asked in another way keeps its items, its engine and its rule for what is too long."""

from dataclasses import replace

import pytest

from retain.advice.plan import Examples, Plan
from retain.advice.prompted import PromptedCausal
from retain.advice.retrievers.bm25 import Bm25
from retain.models.base import Limits, Message
from retain.models.causal import TransformersCausal

from .makers import rows_of

ROWS = rows_of(("sky", "blue"), ("grass", "green"), ("snow", "white"))
QUESTION = (Message(role="user", content="say one"),)


@pytest.fixture
def plan():
    return Plan(examples=Examples(ROWS, 2, "fixed", Bm25([row.input for row in ROWS]), 0))


def test_a_bare_plan_is_the_model_itself(toy):
    bare = PromptedCausal(toy, Plan())
    assert bare.fingerprint == toy.fingerprint
    limits = Limits(max_tokens=5)
    assert bare.generate([QUESTION], limits) == toy.generate([QUESTION], limits)
    assert bare.request(QUESTION, 5).tokens == len(toy.encode_prompt(QUESTION))


def test_it_answers_as_if_it_were_asked_so(toy, plan):
    limits = Limits(max_tokens=5)
    asked = PromptedCausal(toy, plan)
    assert asked.fingerprint != toy.fingerprint
    turns = plan.ask(QUESTION, lambda turns: 0, 1).turns
    assert len(turns) == 5
    assert asked.generate([QUESTION], limits) == toy.generate([turns], limits)
    assert asked.request(QUESTION, 5).tokens == len(toy.encode_prompt(turns))
    assert not asked.take_plain_reasons(), "the engine shares the beginning that all prompts have"


def test_models_without_a_template_are_asked_in_raw_text(toy, plan):
    toy.tokenizer.chat_template = None
    asked = PromptedCausal(toy, plan)
    found = asked.request("say one\n", 5).prompt
    examples = plan.examples.of("")
    assert found == "".join(f"{row.input}\n{row.target}\n" for row in examples) + "say one\n"


def test_an_answer_ends_at_the_plans_end_where_no_template_ends_it(toy, plan, monkeypatch):
    seen = []
    monkeypatch.setattr(TransformersCausal, "generate", lambda self, prompts, limits: seen.append(limits.stop))
    ended = replace(plan, end="\n")
    with_template = PromptedCausal(toy, ended)
    with_template.generate([QUESTION], Limits(stop=("x",)))
    assert with_template.fingerprint != PromptedCausal(toy, plan).fingerprint
    toy.tokenizer.chat_template = None
    del toy.__dict__["fingerprint"]
    for one in (ended, Plan(end="\n"), plan):
        PromptedCausal(toy, one).generate(["say one\n"], Limits(stop=("x",)))
    assert seen == [("x",), ("x", "\n"), ("x",), ("x",)]
    assert PromptedCausal(toy, Plan(end="\n")).fingerprint == toy.fingerprint, "the bare question is the base's own"


def test_raw_text_keeps_the_turns_that_it_is_made_of(toy):
    toy.tokenizer.chat_template = None
    questions = [row.input for row in ROWS]
    plan = Plan(examples=Examples(ROWS, 1, "similar", Bm25(questions), 0))
    turns = (Message(role="system", content="grass grass grass"), Message(role="user", content="the sky"))
    raw = "grass grass grass\nthe sky\n"
    found = PromptedCausal(toy, plan, turns={raw: turns}).request(raw, 5).prompt
    assert found == "grass grass grass\nsky\nblue\nthe sky\n", "the system line comes first and is not searched with"
    assert PromptedCausal(toy, plan).request(raw, 5).prompt == "grass\ngreen\ngrass grass grass\nthe sky\n"
    assert PromptedCausal(toy, Plan(), turns={raw: turns}).request(raw, 5).prompt == raw


def test_what_does_not_fit_is_left_out_and_counted(toy, plan):
    whole = PromptedCausal(toy, plan).request(QUESTION, 5)
    short = PromptedCausal(toy, plan, max_prompt=whole.tokens - 1)
    assert short.fingerprint != PromptedCausal(toy, plan).fingerprint
    assert (whole.left_out, short.request(QUESTION, 5).left_out) == (0, 1)
    assert short.request(QUESTION, 5).tokens < whole.tokens
    context = PromptedCausal(toy, plan).request(QUESTION, toy.context_length - whole.tokens + 1)
    assert context.left_out == 0, "half of the context is a prompt's in any case"
    long = (Message(role="user", content="one " * 200),)
    cut = PromptedCausal(toy, plan).request(long, 5)
    assert cut.cut and cut.left_out == 2 and cut.tokens == toy.context_length - 5
    assert PromptedCausal(toy, plan).generate([long], Limits(max_tokens=5)) == toy.generate(
        [long], Limits(max_tokens=5)
    )
