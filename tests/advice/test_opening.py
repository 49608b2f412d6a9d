"""What all questions begin with is found by whole lines."""

import pytest

from retain.advice.opening import opening_of
from retain.data.formats import examples_of

from .makers import rows_of


@pytest.mark.parametrize(
    ("questions", "opening"),
    [
        (["Name it.\n\nInput: a", "Name it.\n\nInput: b"], "Name it.\n\n"),
        (["Name it. a", "Name it. b"], ""),
        (["Name it.\na", "Name it.\nab", "Name it.\nabc"], "Name it.\n"),
        (["Name it.\n", "Name it.\nb"], ""),
        (["one", "two"], ""),
        (["Name it.\na"], ""),
    ],
)
def test_whole_lines_are_shared(questions, opening):
    assert opening_of(rows_of(*((one, "x") for one in questions))) == opening


def test_conversations_of_several_turns_have_none():
    turns = [{"role": role, "content": "Same.\nx"} for role in ("user", "assistant", "user", "assistant")]
    assert opening_of(examples_of([{"messages": turns}] * 3, "rows")) == ""
    with_system = [{"role": "system", "content": "s"}, *turns[:2]]
    assert opening_of(examples_of([{"messages": with_system}] * 3, "rows")) == "Same.\n"
