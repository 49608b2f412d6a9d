"""Self-written general text, with a model that says what a script says."""

import itertools
from pathlib import Path

import pytest
import yaml

from retain.data import general
from retain.data.example import Example
from retain.data.general import (
    CHUNK,
    TRIES,
    GeneralRows,
    degenerate,
    keep_back,
    spread_prompts,
    write_general,
)
from retain.data.overlap import overlap_finder
from retain.errors import BrokenError
from retain.models.base import Limits, Message
from retain.probes.suites import load_suite
from retain.records import Response
from retain.store import Store

LIMITS = Limits(max_tokens=32, temperature=0.7, top_p=0.9, seed=3)


class Scripted:
    """Answers by a function of (running number, prompt); remembers how it was asked."""

    name, fingerprint, context_length = "scripted", "f", 512

    def __init__(self, answer, chat=True):
        self.answer, self.chat, self.calls, self.number = answer, chat, [], 0

    def generate(self, prompts, limits):
        self.calls.append((list(prompts), limits))
        texts = []
        for prompt in prompts:
            texts.append(self.answer(self.number, prompt))
            self.number += 1
        return [Response(text=text, tokens=len(text.split()), stopped=True) for text in texts]


def good(number, prompt):
    return f"answer number {number} is here"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("...", "empty"),
        ("Yes", None),
        ("42", None),
        ("one two three", None),
        ("yes yes yes yes yes yes", "repeats itself"),
        ("a b c " * 9, "repeats itself"),
        ("the cat saw the dog and the dog saw the cat again", None),
    ],
)
def test_what_is_degenerate(text, reason):
    assert degenerate(Response(text=text, tokens=1, stopped=True)) == reason


def test_as_many_rows_as_wanted_each_with_its_request(tmp_path):
    model = Scripted(good)
    found = write_general(model, 40, LIMITS, Store("general", tmp_path))
    assert len(found.rows) == 40 and found.rejected == {}
    assert [len(prompts) for prompts, _ in model.calls] == [CHUNK, CHUNK]
    assert [limits.seed for _, limits in model.calls] == [3, 4]
    for number, row in enumerate(found.rows):
        assert [turn.role for turn in row.messages] == ["user", "assistant"]
        assert row.target == good(number, None) and row.ended


def test_requests_take_turns_over_the_capabilities_and_depend_on_the_seed():
    content = yaml.safe_load((general.Path(general.__file__).parent / "general_prompts.yaml").read_text("utf-8"))
    groups = {
        frame.replace("{}", filler): name
        for name, blocks in content.items()
        for block in blocks
        for frame in block["frames"]
        for filler in block["fillers"]
    }
    assert len(groups) > 3000, "a thousand rows should not ask twice"

    def first(seed):
        return [prompt[0].content for prompt in itertools.islice(spread_prompts(seed), 2 * len(content))]

    assert [groups[text] for text in first(0)] == [*sorted(content), *sorted(content)]
    assert first(0) == first(0) != first(1)


def test_rejected_rows_are_counted_by_reason_and_replaced(tmp_path):
    def answer(number, prompt):
        return {0: "", 1: "?", 2: "go go go go go go", 4: good(3, None)}.get(number, good(number, prompt))

    def refuse(example: Example):
        return "contains a probe's item" if "number 9 " in example.target else None

    model = Scripted(answer)
    found = write_general(model, 40, LIMITS, Store("general", tmp_path), refuse)
    assert len(found.rows) == 40
    assert found.rejected == {"empty": 2, "repeats itself": 1, "contains a probe's item": 1}
    assert not any("number 9 " in row.target for row in found.rows)


def test_the_same_row_twice_is_one_row(tmp_path):
    model = Scripted(lambda number, prompt: good(number // 2, prompt), chat=False)
    found = write_general(model, 20, LIMITS, Store("general", tmp_path))
    assert len({row.id for row in found.rows}) == 20
    assert found.rejected["written before"] >= 15


def test_a_model_without_a_template_continues_from_nothing(tmp_path):
    model = Scripted(good, chat=False)
    found = write_general(model, 5, LIMITS, Store("general", tmp_path))
    assert set(model.calls[0][0]) == {""}
    assert {row.shape for row in found.rows} == {"text"}


def test_an_interrupted_run_goes_on_at_the_chunk_it_was_in(tmp_path):
    class Stop(Exception):
        pass

    def until(number, prompt):
        if number == CHUNK + 3:
            raise Stop
        return good(number, prompt)

    with pytest.raises(Stop):
        write_general(Scripted(until), 50, LIMITS, Store("general", tmp_path))
    again = Scripted(good)
    again.number = CHUNK
    found = write_general(again, 50, LIMITS, Store("general", tmp_path))
    assert len(again.calls) == 1, "the first chunk was read"
    assert found == write_general(Scripted(good), 50, LIMITS, Store("general", tmp_path / "other"))


def test_the_same_base_writes_the_same_text_once(tmp_path):
    store = Store("general", tmp_path)
    first = write_general(Scripted(good), 40, LIMITS, store)
    idle, other = Scripted(good), Scripted(good)
    other.fingerprint = "of another base"
    assert write_general(idle, 40, LIMITS, store) == first
    assert idle.calls == []
    write_general(other, 40, LIMITS, store)
    write_general(idle, 40, LIMITS.model_copy(update={"max_tokens": 16}), store)
    assert len(other.calls) == len(idle.calls) == 2


def test_too_little_that_is_usable_is_an_error_that_counts_the_reasons(tmp_path):
    model = Scripted(lambda number, prompt: "" if number else good(number, prompt))
    with pytest.raises(BrokenError, match=r"only 1 usable rows of 10; rejected: \{'empty': 31\}"):
        write_general(model, 10, LIMITS, Store("general", tmp_path))
    assert model.number <= 10 * TRIES + CHUNK


def test_progress_is_told_in_accepted_rows(tmp_path):
    ticks = []
    write_general(
        Scripted(good), 40, LIMITS, Store("general", tmp_path), tick=lambda done, total: ticks.append((done, total))
    )
    assert ticks == [(32, 40), (40, 40)]


def test_a_fifth_is_kept_back_whatever_the_order(tmp_path):
    rows = write_general(Scripted(good), 40, LIMITS, Store("general", tmp_path)).rows
    used, back = keep_back(rows)
    assert len(back) == 8 and {row.id for row in used}.isdisjoint(row.id for row in back)
    assert {row.id for row in keep_back(rows[::-1])[1]} == {row.id for row in back}
    assert GeneralRows.model_validate_json(GeneralRows(rows=rows).model_dump_json()).rows == rows


def test_no_request_is_an_item_of_a_built_in_suite():
    content = yaml.safe_load((Path(general.__file__).parent / "general_prompts.yaml").read_text("utf-8"))
    overlap = overlap_finder({probe.name: list(probe.texts()) for probe in load_suite("core").probes})
    for prompt in itertools.islice(spread_prompts(0), 200 * len(content)):
        asked = prompt[0].content
        row = Example(id="", shape="chat", messages=(*prompt, Message(role="assistant", content="No.")), source="")
        assert overlap(row) is None, asked
