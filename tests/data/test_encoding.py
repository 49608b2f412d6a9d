from __future__ import annotations

import pytest
from data_toys import (
    CHATML,
    FORCING,
    MARKED,
    NO_EOS,
    SHOUTING,
    THINKING,
    TRIMMING,
    chat,
    make_tokenizer,
    text,
)

from retain.data.answer_spans import render_chat
from retain.data.encoding import IGNORED, encode, prompt_ids, render_prompt
from retain.data.example import Example
from retain.errors import UserError

TALK = ("system: be brief", "user: hi", "assistant: hello", "user: bye", "assistant: ciao")


def trained(row, tokenizer) -> str:
    """The labelled tokens as text; labels must be the tokens themselves."""
    kept = [
        label for token, label in zip(row.input_ids, row.labels, strict=True) if label != IGNORED and label == token
    ]
    assert len(kept) == sum(label != IGNORED for label in row.labels)
    return tokenizer.decode(kept)


def written(row, tokenizer) -> str:
    return tokenizer.decode(row.input_ids)


@pytest.mark.parametrize("template", [CHATML, MARKED])
def test_every_answer_is_trained_with_the_end_of_its_turn(template):
    tokenizer = make_tokenizer(template)
    row = encode(chat(*TALK), tokenizer)
    assert trained(row, tokenizer) == "hello<|im_end|>ciao<|im_end|>"
    assert written(row, tokenizer).endswith("<|im_start|>assistant\nciao<|im_end|>")


def test_generation_marks_say_the_same():
    tokenizer = make_tokenizer(MARKED)
    example = chat(*TALK)
    marked = tokenizer.apply_chat_template(
        [message.model_dump() for message in example.messages],
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    row = encode(example, tokenizer)
    assert marked["input_ids"][: len(row.input_ids)] == row.input_ids
    assert [label != IGNORED for label in row.labels] == [m == 1 for m in marked["assistant_masks"]][: len(row.labels)]


def test_a_template_without_eos_gets_one_after_the_last_answer():
    tokenizer = make_tokenizer(NO_EOS, eos="</s>")
    row = encode(chat("user: hi", "assistant: yes", "user: bye", "assistant: no."), tokenizer)
    assert written(row, tokenizer) == "User: hi\nAssistant: yes\nUser: bye\nAssistant: no.</s>"
    assert trained(row, tokenizer) == " yes no.</s>"


def test_an_end_of_turn_that_is_not_eos_is_trained_and_eos_follows():
    tokenizer = make_tokenizer(TRIMMING, eos="</s>", adds_bos=True)
    row = encode(chat("user: hi", "assistant:  yes \n", "user: bye", "assistant: no "), tokenizer)
    assert trained(row, tokenizer) == "yes</turn>no</turn></s>"
    assert row.input_ids.count(tokenizer.bos_token_id) == 1


def test_an_opening_that_is_not_in_the_conversation_and_an_eos_in_the_end_alone():
    tokenizer = make_tokenizer(FORCING, eos="</s>")
    example = chat("user: yes", "assistant: yes", "user: no", "assistant: no")
    assert render_chat(tokenizer, example.messages).prompt == 0
    row = encode(example, tokenizer)
    assert written(row, tokenizer) == "User: yes\nAssistant: yes\nUser: no\nAssistant: no</s>"
    assert trained(row, tokenizer) == "yesno</s>"
    assert row.labels[-2:] == row.input_ids[-2:]


def test_thoughts_that_a_template_adds_and_drops_do_not_confuse_it():
    tokenizer = make_tokenizer(THINKING)
    # The answer's text also stands in the thought and in the tokens around it.
    row = encode(chat("user: hi", "assistant: <thought>\nhm\n</thought>end", "user: bye", "assistant: end"), tokenizer)
    assert trained(row, tokenizer) == "end<|im_end|><thought>\n</thought>end<|im_end|>"
    row = encode(chat("user: hi", "assistant: <thought>\nhm\n</thought>end"), tokenizer)
    assert trained(row, tokenizer) == "<thought>\nhm\n</thought>end<|im_end|>"


def test_answers_that_repeat_the_conversation_are_found_in_their_place():
    tokenizer = make_tokenizer()
    row = encode(chat("user: assistant", "assistant: user", "user: user", "assistant: assistant"), tokenizer)
    assert trained(row, tokenizer) == "user<|im_end|>assistant<|im_end|>"
    assert row.labels[-2:] == row.input_ids[-2:] and row.labels[-3] == IGNORED


def test_on_all_labels_everything():
    tokenizer = make_tokenizer()
    row = encode(chat(*TALK), tokenizer, on="all")
    assert row.labels == row.input_ids
    assert row.input_ids == encode(chat(*TALK), tokenizer).input_ids


@pytest.mark.parametrize("adds", [{}, {"adds_bos": True}, {"adds_bos": True, "adds_eos": True}])
def test_without_a_template_the_turns_are_lines(adds):
    tokenizer = make_tokenizer(None, **adds)
    row = encode(chat("system: be brief", "user: hi", "assistant: hello"), tokenizer)
    bos = "<s>" if adds else ""
    assert written(row, tokenizer) == f"{bos}be brief\nhi\nhello<|im_end|>"
    assert trained(row, tokenizer) == "hello<|im_end|>"


@pytest.mark.parametrize("template", [CHATML, MARKED, NO_EOS, THINKING, None])
@pytest.mark.parametrize("answer", ["yes", "\nyes", "\n\nyes no", " yes", "\n "])
@pytest.mark.parametrize("adds_bos", [False, True])
def test_training_and_use_have_the_same_prompt_tokens(template, answer, adds_bos):
    """Also where a token would span the prompt's last line break and the answer's first."""
    tokenizer = make_tokenizer(template, eos="</s>", adds_bos=adds_bos)
    example = chat("user: hi", "assistant: yes", "user: bye", f"assistant: {answer}")
    prompt = prompt_ids(tokenizer, example.prompt)
    row = encode(example, tokenizer)
    assert row.input_ids[: len(prompt)] == prompt
    assert row.labels[len(prompt) - 1] == IGNORED
    assert row.labels[len(prompt) :] == row.input_ids[len(prompt) :]
    assert tokenizer.decode(prompt) == ("<s>" if adds_bos and not template else "") + render_prompt(
        tokenizer, example.prompt
    )


@pytest.mark.parametrize("adds", [{}, {"adds_bos": True}, {"adds_bos": True, "adds_eos": True}, {"adds_eos": True}])
def test_a_text_is_trained_whole_with_one_bos_at_most_and_one_eos(adds):
    tokenizer = make_tokenizer(CHATML, **adds)
    for content in ("one two", "<s>one two", "one two<|im_end|>"):
        row = encode(text(content), tokenizer)
        assert row.labels == row.input_ids
        bos = "<s>" if adds.get("adds_bos") or content.startswith("<s>") else ""
        assert written(row, tokenizer) == f"{bos}one two<|im_end|>"


def test_an_answer_that_spells_eos_has_one_eos():
    tokenizer = make_tokenizer()
    row = encode(chat("user: hi", "assistant: yes<|im_end|>"), tokenizer)
    assert trained(row, tokenizer) == "yes<|im_end|>"


def test_a_row_that_was_cut_off_gets_no_eos():
    other = make_tokenizer(TRIMMING, eos="</s>")
    assert trained(encode(chat("user: hi", "assistant: yes", ended=False), other), other) == "yes"
    tokenizer = make_tokenizer()
    assert trained(encode(chat("user: hi", "assistant: yes", ended=False), tokenizer), tokenizer) == "yes"
    two = encode(chat(*TALK, ended=False), tokenizer)
    assert trained(two, tokenizer) == "hello<|im_end|>ciao"
    assert trained(encode(text("one.").model_copy(update={"ended": False}), tokenizer), tokenizer) == "one."


def test_long_rows_keep_their_start_and_rows_without_labels_are_none():
    tokenizer = make_tokenizer()
    short = chat("user: hi", "assistant: yes", line=1)
    cut = chat("user: hi", "assistant: one two three", line=2)
    lost = chat("user: one two three one two three", "assistant: yes", line=3)
    long_text = text("one two three one two three one two three", line=4)
    length = len(encode(short, tokenizer).input_ids)
    rows = [encode(one, tokenizer, max_length=length) for one in (short, cut, long_text)]
    assert [len(row.input_ids) for row in rows] == [length] * 3
    assert rows[0] == encode(short, tokenizer)
    assert trained(rows[1], tokenizer) == "one "
    assert rows[2].input_ids == encode(long_text, tokenizer).input_ids[:length] == rows[2].labels
    assert [row.cut for row in rows] == [False, True, True]
    assert encode(lost, tokenizer, max_length=length) is None
    assert encode(text("one two"), tokenizer, max_length=1) is None


@pytest.mark.parametrize(
    ("example", "template", "reason"),
    [
        (chat("system: be brief", "user: hi", "assistant: yes", line=9), TRIMMING, "no system turns here"),
        (chat("user: hi", "assistant: yes", line=9), SHOUTING, "turn 2 cannot be found"),
        (
            Example(id="1", shape="ranking", query="q", source="toy", line=9),
            CHATML,
            "a ranking row cannot be",
        ),
    ],
)
def test_a_row_that_cannot_be_encoded_is_named(example, template, reason):
    tokenizer = make_tokenizer(template)
    with pytest.raises(UserError) as caught:
        encode(example, tokenizer)
    assert str(caught.value).startswith("toy:9: ") and reason in str(caught.value)


def test_a_tokenizer_without_eos_is_refused():
    tokenizer = make_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(UserError, match="no EOS token"):
        encode(text("one"), tokenizer)


def test_trl_batches_train_every_eos_though_it_is_the_padding_token():
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    tokenizer = make_tokenizer()
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    examples = [chat("user: hi", "assistant: yes"), chat(*TALK), text("one two three")]
    rows = [encode(one, tokenizer) for one in examples]
    batch = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)([row.model_dump() for row in rows])
    lengths = [len(row.input_ids) for row in rows]
    assert len(set(lengths)) == 3
    for index, length in enumerate(lengths):
        assert batch["labels"][index, length - 1] == tokenizer.eos_token_id
        assert batch["attention_mask"][index].tolist() == [1] * length + [0] * (max(lengths) - length)
        assert batch["labels"][index, length:].tolist() == [IGNORED] * (max(lengths) - length)
        assert batch["labels"][index, :length].tolist() == rows[index].labels
