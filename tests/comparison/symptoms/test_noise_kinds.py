import time

import pytest

from retain.comparison.symptoms.noise_kinds import LOOP, MARKUP, TEMPLATE, UNICODE, noise_kinds


def kinds(text, prompt="What is it?", stopped=True):
    return noise_kinds(text, prompt, stopped)


@pytest.mark.parametrize(
    "text",
    [
        "it is it is it is it is it is",
        "# The Art\n\n" * 5,
        "SHAKING UP YOUR HANDS! " * 6,
        "ha" * 20,
        "好" * 30,
        "One and two and three and four. One and two and three and four. One and two and three and four. And five.",
    ],
)
def test_loops(text):
    assert kinds(text) == {LOOP}


@pytest.mark.parametrize("text", ["Caf\ufffd au lait", "Itâ€™s late", "CafÃ©", "a\x00b", "half \ud83d", "odd \ue000"])
def test_broken_unicode(text):
    assert kinds(text) == {UNICODE}


@pytest.mark.parametrize(
    "text",
    [
        "Yes.<|im_end|>",
        "[INST] Do it [/INST]",
        "Yes.</s>",
        "### Response: Yes",
        "Yes.\nassistant\nNo.",
        "<<SYS>> a",
        "assistant\nYes.",
        "Yes.\n\nUser:",
    ],
)
def test_template_tokens(text):
    assert kinds(text) == {TEMPLATE}
    assert kinds(text, prompt=f"Explain this:\n{text}") == set(), "what the prompt holds is no fault of the answer"


@pytest.mark.parametrize(
    "text",
    [
        "```python\nx = 1",
        '{"a": [1, 2',
        '{"a": 1]',
        "see <a href=",
        '<a class="x" href="http',
        '<p>One</p><img src="a.png"',
        "<div",
        "<p>One</p",
    ],
)
def test_cut_off_markup(text):
    assert kinds(text) == {MARKUP}
    assert kinds(text, stopped=False) == set(), "the limit cut it"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes.",
        "no no no",
        "1. One\n2. Two\n3. Three",
        "```python\nx = 1\n```",
        '{"a": "}"}',
        "Grüße, naïve café, 好的, 👋🏽",
        "| a | b |\n|---|---|\n|---|---|",
        "a < b and c > d",
        "if a <b then stop",
        "x <y and z=3",
        "The smaller one: a <b",
        "Human",
        "User:",
        "user\n",
        "The user said that the assistant is kind.",
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
        "-" * 40,
    ],
)
def test_clean_text(text):
    assert kinds(text) == set()


def test_a_last_character_that_the_limit_cut_in_two_is_no_fault():
    assert kinds("so good \ufffd", stopped=False) == set()
    assert kinds("so good \ufffd") == {UNICODE}


def test_long_answers_are_looked_at_quickly():
    begun = time.process_time()
    for text in (
        "a " * 20_000,
        "{" * 20_000,
        '"' * 20_001,
        "ab " * 10_000 + "c",
        "<a b=c" * 5_000,
        "<a" + " b=c" * 9_000 + "<",
    ):
        kinds(text)
    assert time.process_time() - begun < 2
