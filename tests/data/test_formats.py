from __future__ import annotations

import pytest

from retain.data.example import Example, answers_of
from retain.data.formats import FORMATS, read_examples, scan_examples, scan_values
from retain.errors import UserError
from retain.models.base import Message

U, A, S = "user", "assistant", "system"


def one(write, row: dict):
    (example,) = read_examples(write("a.jsonl", [row]))
    return example


def turns(example) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in example.messages]


def refusal(write, *rows: dict) -> str:
    with pytest.raises(UserError) as caught:
        read_examples(write("a.jsonl", list(rows)))
    return str(caught.value)


HI = [{"role": U, "content": " hi\n"}, {"role": A, "content": "yo "}]
FROM = [{"from": "human", "value": " hi\n"}, {"from": "gpt", "value": "yo "}]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": HI},
        {"messages": FROM},
        {"conversations": FROM},
        {"conversations": [{"from": "user", "value": " hi\n"}, {"from": "chatgpt", "value": "yo "}]},
        {"prompt": " hi\n", "completion": "yo "},
        {"prompt": HI[:1], "completion": HI[1:]},
        {"prompt": " hi\n", "completion": HI[1:]},
        {"question": " hi\n", "answer": "yo "},
        {"question": " hi\n", "response": "yo "},
        {"input": " hi\n", "output": "yo "},
        {"instruction": " hi\n", "input": "", "output": "yo "},
        {"instruction": " hi\n", "output": "yo ", "text": "rendered"},
        {"instruction": " hi\n", "context": None, "response": "yo "},
        {"instruction": " hi\n", "instances": [{"input": "", "output": "yo "}]},
        {"messages": HI, "text": "rendered", "prompt": "hi", "completion": None},
    ],
)
def test_every_chat_shape_is_the_same_chat_with_contents_kept(write, row):
    example = one(write, row)
    assert example.shape == "chat"
    assert turns(example) == [(U, " hi\n"), (A, "yo ")]
    assert example.id == one(write, {"messages": HI}).id


def test_source_and_line_are_filled(write):
    path = write("a.jsonl", '\n{"text": "a"}\n\n{"text": "b"}')
    assert [(example.source, example.line) for example in read_examples(path)] == [(path, 2), (path, 4)]


def test_different_contents_have_different_ids(write):
    rows = [
        {"prompt": "a", "completion": "b"},
        {"prompt": "ab", "completion": "c"},
        {"prompt": "b", "completion": "a"},
    ]
    assert len({example.id for example in read_examples(write("a.jsonl", rows))}) == 3


def test_alpaca_input_follows_after_a_blank_line(write):
    row = {"instruction": "Add.", "input": "1 2", "output": "3", "system": "Be brief."}
    assert turns(one(write, row)) == [(S, "Be brief."), (U, "Add.\n\n1 2"), (A, "3")]


def test_self_instruct_gives_one_example_per_instance(write):
    row = {"instruction": "Add.", "instances": [{"input": "1", "output": "2"}, {"input": "", "output": "3"}]}
    examples = read_examples(write("a.jsonl", [row]))
    assert [turns(example)[0][1] for example in examples] == ["Add.\n\n1", "Add."]
    assert [example.line for example in examples] == [1, 1]


def test_roles_are_mapped(write):
    said = [("developer", "s"), ("human", "u"), ("function_call", "f"), ("observation", "o"), ("gpt", "a")]
    row = {"conversations": [{"from": role, "value": content} for role, content in said]}
    assert [role for role, _ in turns(one(write, row))] == [S, U, A, "tool", A]


def test_several_turns_of_one_role_are_kept(write):
    row = {"messages": [HI[0], HI[0], HI[1], HI[1]]}
    assert [role for role, _ in turns(one(write, row))] == [U, U, A, A]


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": "\n\nHuman: hi\n\nAssistant: yes", "rejected": "\n\nHuman: hi\n\nAssistant: no"},
        {"prompt": "hi", "chosen": "yes", "rejected": "no"},
        {"instruction": "hi", "input": "", "chosen": "yes", "rejected": "no"},
        {"question": "hi", "chosen": "yes", "rejected": "no"},
        {"input": "hi", "chosen": "yes", "rejected": "no"},
        {"input": "\n\nHuman: hi\n\nAssistant:", "chosen": "yes", "rejected": "no"},
        {"input": [{"role": U, "content": "hi"}], "chosen": "yes", "rejected": "no"},
        {"prompt": "hi", "input": "of something else", "chosen": "yes", "rejected": "no"},
        {"input": 3, "chosen": "\n\nHuman: hi\n\nAssistant: yes", "rejected": "\n\nHuman: hi\n\nAssistant: no"},
        {"prompt": "\n\nHuman: hi\n\nAssistant:", "chosen": "yes", "rejected": "no"},
        {"messages": [{"role": U, "content": "hi"}], "chosen": "yes", "rejected": "no"},
        {
            "prompt": "hi",
            "chosen": [{"role": A, "content": "yes"}],
            "rejected": [{"role": A, "content": "no"}],
        },
        {
            "prompt": "hi",
            "chosen": [{"role": U, "content": "hi"}, {"role": A, "content": "yes"}],
            "rejected": [{"role": U, "content": "hi"}, {"role": A, "content": "no"}],
        },
        {
            "conversations": [{"from": "human", "value": "hi"}],
            "chosen": {"from": "gpt", "value": "yes"},
            "rejected": {"from": "gpt", "value": "no"},
        },
    ],
)
def test_every_preference_shape_is_the_same_preference(write, row):
    example = one(write, row)
    assert (example.shape, turns(example), example.chosen, example.rejected) == (
        "preference",
        [(U, "hi")],
        "yes",
        "no",
    )


def test_a_labelled_dialogue_keeps_its_turns_and_joins_answers_in_a_row(write):
    start = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c"
    example = one(write, {"chosen": f"{start}\n\nAssistant: d\n\nAssistant: e", "rejected": f"{start}\n\nAssistant: f"})
    assert turns(example) == [(U, "a"), (A, "b"), (U, "c")]
    assert (example.chosen, example.rejected) == ("d\n\ne", "f")


@pytest.mark.parametrize(
    "row",
    [
        {"query": "q", "pos": ["p"], "neg": ["n", "m"]},
        {"query": "q", "positive": "p", "negative": ["n", "m"], "prompt": "Find it."},
        {"anchor": "q", "positives": ["p"], "negatives": ["n", "m"]},
    ],
)
def test_every_ranking_shape_is_the_same_ranking(write, row):
    example = one(write, row)
    assert (example.shape, example.query, example.positives, example.negatives) == (
        "ranking",
        "q",
        ("p",),
        ("n", "m"),
    )


def test_negatives_may_be_absent(write):
    assert one(write, {"query": "q", "pos": "p"}).negatives == ()
    assert one(write, {"query": "q", "pos": "p", "neg": []}).negatives == ()


def test_text_is_read_from_rows_and_plain_files(write):
    assert one(write, {"text": " a ", "title": "t"}).text == " a "
    examples = read_examples(write("a.txt", "one\ntwo\n\nthree"))
    assert [(example.shape, example.text, example.line) for example in examples] == [
        ("text", "one\ntwo", 1),
        ("text", "three", 4),
    ]


def test_csv_columns_are_keys(write):
    (example,) = read_examples(write("a.csv", "question,answer\nhi,yo\n"))
    assert turns(example) == [(U, "hi"), (A, "yo")]


def say(*pairs: tuple[str, object]) -> dict:
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": []}, "`messages` holds no turn"),
        ({"messages": "hi"}, "`messages` is a string, expected a list of turns"),
        ({"messages": ["hi"]}, "`messages[0]` is a string, expected an object with role and content"),
        ({"messages": [{"role": U}]}, "`messages[0]` has no key `content`; found role"),
        (say((U, "a")), "no assistant turn"),
        (say((U, "a"), (A, "b"), (U, "c")), "the last turn is the user's"),
        (say((U, "a"), (A, " \n")), "empty answer: turn 2 has no text"),
        (say((U, "a"), (A, ""), (U, "b"), (A, "c")), "empty answer: turn 2 has no text"),
        (say((U, "a"), (A, None)), "`messages[1].content` is nothing, expected a string"),
        (say((U, [{"type": "text"}]), (A, "b")), "`messages[0].content` is a list, expected a string"),
        (say(("usr", "a"), (A, "b")), 'unknown role "usr"; did you mean "user"?'),
        (say((7, "a"), (A, "b")), 'unknown role "7"'),
        (say((U, "a"), (S, "s"), (A, "b")), "turn 2 is a system turn; only the first may be"),
        (say((A, "b")), "empty prompt: no user turn with text"),
        (say((U, " "), (A, "b")), "empty prompt: no user turn with text"),
    ],
)
def test_bad_conversations_are_named(write, row, reason):
    message = refusal(write, {"messages": HI}, row)
    assert "a.jsonl:2: " in message and reason in message and "1 row cannot be used" in message


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "a", "completion": " "}, "empty answer: `completion` has no text"),
        ({"prompt": "", "completion": "b"}, "empty prompt: `prompt` has no text"),
        ({"prompt": "a", "completion": 3}, "`completion` is a number, expected a string"),
        ({"prompt": "a"}, "missing key `completion` of the prompt/completion shape; found keys: prompt"),
        ({"prompt": "a", "completion": None}, "missing key `completion`"),
        ({}, "missing key `prompt` of the prompt/completion shape; found keys: none"),
        ({"prompt": "a", "completion": "half \ud83d"}, "holds half of a surrogate pair"),
    ],
)
def test_bad_pairs_are_named(write, row, reason):
    assert f"a.jsonl:2: {reason}" in refusal(write, {"prompt": "a", "completion": "b"}, row)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"instruction": "", "input": " ", "output": "x"}, "empty prompt"),
        ({"instruction": "a", "input": 7, "output": "x"}, "`input` is a number, expected a string"),
        ({"instruction": "a", "instances": []}, "expected a list with at least one instance"),
        (
            {"instruction": "a", "instances": [{"input": "b"}]},
            "`instances[0]` needs the keys input and output",
        ),
        ({"chosen": "a", "rejected": "b"}, "missing key `prompt`"),
        ({"input": " ", "chosen": "a", "rejected": "b"}, "empty prompt: `input` has no text"),
        (
            {"prompt": "p", "chosen": " ", "rejected": ""},
            "empty answer: neither `chosen` nor `rejected` has text",
        ),
        ({"prompt": "p", "chosen": 1, "rejected": "b"}, "`chosen` is a number, expected a list of turns"),
        ({"prompt": "p", "chosen": [HI[0]], "rejected": "b"}, "`chosen` ends with the user's turn"),
        (
            {"chosen": "\n\nHuman: a\n\nAssistant: x", "rejected": "\n\nHuman: b\n\nAssistant: y"},
            "differ before their last answer",
        ),
        ({"query": " ", "pos": "p"}, "`query` is empty"),
        ({"query": "q", "pos": []}, "`pos` is empty: there is no relevant text"),
        ({"query": "q", "pos": ["p", " "]}, "`pos[1]` is an empty string"),
        ({"query": "q", "pos": "p", "neg": [None]}, "`neg[0]` is nothing, expected a string with text"),
        ({"query": "q", "pos": "p", "neg": 3}, "`neg` is a number, expected a string or a list of strings"),
        ({"text": "\n"}, "`text` is empty"),
        ({"text": ["a"]}, "`text` is a list, expected a string"),
    ],
)
def test_bad_rows_of_other_shapes_are_named(write, row, reason):
    message = refusal(write, row)
    assert "a.jsonl:1: " in message and reason in message


def test_bad_json_and_bad_rows_are_reported_together(write):
    with pytest.raises(UserError) as caught:
        read_examples(write("a.jsonl", '{"text": "a"}\noops\n{"text": ""}\n{"text": "b"}'))
    assert "2 rows" in str(caught.value)
    assert "a.jsonl:2: not JSON" in str(caught.value) and "a.jsonl:3: `text` is empty" in str(caught.value)


def test_a_scan_keeps_what_is_good(write):
    scan = scan_examples(write("a.jsonl", '{"text": "a"}\noops\n{"text": ""}\n{"text": "b"}'))
    assert scan.format == "text"
    assert [example.line for example in scan.examples] == [1, 4]
    assert [row.line for row in scan.bad] == [2, 3]


def test_mixed_shapes_are_refused_with_the_first_line_and_count_of_each(write):
    message = refusal(write, {"text": "a"}, {"messages": HI}, {"text": "b"})
    assert "text: 2 rows, the first in line 1" in message and "messages: 1 row, the first in line 2" in message


def test_unknown_shapes_are_refused_with_all_known_ones(write):
    message = refusal(write, {"foo": 1, "bar": 2})
    assert "a.jsonl:1: these keys are no known row shape: foo, bar" in message
    assert all(format_.name in message for format_ in FORMATS)


@pytest.mark.parametrize(
    ("row", "proposal"),
    [
        ({"question": "q", "reply": "r"}, "rename `reply` to `answer`"),
        ({"prompt": "q", "label": "r", "id": "1"}, "rename `label` to `completion`"),
        ({"instruction": "q", "answer": "r"}, "rename `answer` to `output`"),
        ({"query": "q", "response": "r"}, "rename `query` to `prompt`"),
        ({"mesages": HI}, "rename `mesages` to `messages`"),
        ({"Prompt": "q", "completion": "r"}, "rename `Prompt` to `prompt`"),
        ({"prompt": "q", "accepted": "a", "rejected": "b"}, "rename `accepted` to `chosen`"),
        ({"problem": "q", "solution": "r"}, "rename `problem` to `prompt` and rename `solution` to `completion`"),
        ({"query": "q", "positve": ["r"]}, "rename `positve` to `positive`"),
        ({"url": "u", "content": "c"}, "rename `content` to `text`"),
    ],
)
def test_a_name_that_is_nearly_a_shape_is_told_how_to_be_called(write, row, proposal):
    message = refusal(write, row)
    assert f"\nTo make it one, {proposal}.\nKnown shapes" in message


@pytest.mark.parametrize(
    "row",
    [{"foo": "1", "bar": "2"}, {"conversation_id": "7", "turn": "a"}, {"question": "q", "answers": {"text": []}}, {}],
)
def test_rows_like_no_shape_get_no_proposal(write, row):
    assert "To make it one" not in refusal(write, row)


def test_keys_of_a_script_that_are_no_words_get_no_proposal():
    with pytest.raises(UserError, match="no known row shape: 1, 2"):
        scan_values([{1: "a", 2: "b"}], "rows")


PUBLIC = {
    "general/dolly_hh.jsonl": ("prompt/completion", 1000),
    "general/self_instruct_seeds.jsonl": ("self-instruct", 175),
    "preference/dpo_en_demo.json": ("preference", 300),
    "preference/hh_harmless.jsonl": ("preference", 1000),
    "rank/trecqa/train.jsonl": ("ranking", 83),
    "rank/trecqa/dev.jsonl": ("ranking", 78),
    "rank/trecqa/test.jsonl": ("ranking", 89),
    "tasks/banking77/test.jsonl": ("messages", 3080),
    "tasks/geoquery/train.jsonl": ("alpaca", 549),
    "tasks/pubmedqa/test.jsonl": ("prompt/completion", 500),
    "tasks/restaurant8k/test.jsonl": ("sharegpt", 1500),
    "text/c4.jsonl": ("text", 300),
    "text/wikipedia.jsonl": ("text", 30),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_files_load_whole(public_data, name):
    scan = scan_examples(name, base_dir=public_data)
    assert (scan.format, len(scan.examples), scan.bad) == (*PUBLIC[name], ())


def test_every_public_task_file_loads(public_data):
    files = [*public_data.glob("tasks/*/*.jsonl"), *public_data.glob("sequences/*/*.jsonl")]
    assert len(files) == 19
    assert all(scan_examples(str(file)).bad == () for file in files if file.stat().st_size < 1_000_000)


def test_a_text_has_no_answer():
    turns = (Message(role="user", content="Is it?"), Message(role="assistant", content="Yes."))
    rows = [Example(id="a", shape="chat", messages=turns), Example(id="b", shape="text", text="A whole text.")]
    assert answers_of(rows) == ["Yes."]


def test_a_grade_that_no_number_holds_is_a_bad_row():
    rows = [{"query": "a", "document": "b", "label": 10**400}, {"query": "a", "document": "b", "label": 1}]
    assert "expected a whole number" in scan_values(rows, "rows").bad[0].reason
