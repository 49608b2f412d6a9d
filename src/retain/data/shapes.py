"""How each row shape becomes examples: one function per shape, from a row to the fields of its examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from retain.data.rows import RowError, kind_of
from retain.data.turns import check_chat, check_order, is_labelled, labelled_turns, read_turn, read_turns
from retain.data.unread import unread_answer
from retain.models.base import Message

Values = dict[str, Any]
Fields = dict[str, Any]
"""Keyword arguments of an `Example`, without id, source and line."""

PROMPTS = ("prompt", "question", "input")
ANSWERS = ("completion", "response", "answer", "output")
QUERIES = ("query", "anchor")
POSITIVES = ("pos", "positive", "positives")
NEGATIVES = ("neg", "negative", "negatives")
TEACHER_SCORES = ("pos_scores", "neg_scores")
LARGEST_SCORE = 1e6
"""Of a teacher, up or down; its squares are summed in fp32."""
PAIR_QUERIES = ("query", "anchor", "sentence1", "sentence_A")
PAIR_DOCUMENTS = ("document", "passage", "doc", "text", "sentence2", "sentence_B")
LABELS = ("label", "relevance", "score")
CONVERSATIONS = ("conversations", "conversation")
CONTEXTS = ("input", "context")
PREFERENCE_PROMPTS = ("messages", *CONVERSATIONS, *PROMPTS[:2], "instruction")


def present(row: Values, keys: Sequence[str]) -> str | None:
    """The first of the keys that the row has with a value."""
    return next((key for key in keys if row.get(key) is not None), None)


def from_messages(row: Values) -> Iterator[Fields]:
    """``messages``: a list of role and content."""
    yield _chat(row, read_turns(row["messages"], "messages"))


def from_sharegpt(row: Values) -> Iterator[Fields]:
    """``conversations``: a list of from and value."""
    key = present(row, CONVERSATIONS) or ""
    yield _chat(row, read_turns(row[key], key))


def from_pair(row: Values) -> Iterator[Fields]:
    """``prompt`` and ``completion`` (or question, answer, ...), each a string or a list of turns."""
    prompt, answer = present(row, PROMPTS) or "", present(row, ANSWERS) or ""
    yield _chat(row, (*_said(row, prompt, "user"), *_said(row, answer, "assistant")))


def from_alpaca(row: Values) -> Iterator[Fields]:
    """``instruction``, ``output`` and, where it is not empty, ``input`` after a blank line."""
    answer = present(row, ANSWERS) or ""
    user = Message(role="user", content=_instruction(row, present(row, CONTEXTS)))
    yield _chat(row, (user, *_said(row, answer, "assistant")))


def from_self_instruct(row: Values) -> Iterator[Fields]:
    """``instruction`` with ``instances`` of input and output: one example each."""
    instances = row["instances"]
    if not isinstance(instances, list) or not instances:
        raise RowError(f"`instances` is {kind_of(instances)}, expected a list with at least one instance")
    for index, instance in enumerate(instances):
        if not isinstance(instance, dict) or instance.get("output") is None:
            raise RowError(f"`instances[{index}]` needs the keys input and output")
        yield from from_alpaca({**instance, "instruction": row["instruction"]})


def from_preference(row: Values) -> Iterator[Fields]:
    """``chosen`` and ``rejected``: answers to a prompt, or whole dialogues that differ in their last answer.

    ``input`` is the prompt where nothing else is: beside an instruction it is what the instruction is about. One of the
    two answers may be empty (saying nothing can be the better or the worse answer), not both.
    """
    prompt = _preference_prompt(row, PREFERENCE_PROMPTS)
    before, chosen = _last_answer(prompt, row["chosen"], "chosen")
    other, rejected = _last_answer(prompt, row["rejected"], "rejected")
    if before != other:
        raise RowError("`chosen` and `rejected` differ before their last answer; they need the same prompt")
    before = before or _preference_prompt(row, CONTEXTS[:1])
    if not before:
        raise RowError(
            "missing key `prompt`: the turns that `chosen` and `rejected` answer (or messages, conversations, "
            "question, instruction, input)"
        )
    if not chosen.strip() and not rejected.strip():
        raise RowError("empty answer: neither `chosen` nor `rejected` has text")
    messages = _with_system(row, before)
    check_order(messages)
    yield {"shape": "preference", "messages": messages, "chosen": chosen, "rejected": rejected}


def from_ranking(row: Values) -> Iterator[Fields]:
    """``query`` with ``pos`` and ``neg``, each a string or a list. Negatives may be absent.

    A teacher's scores of them may stand in ``pos_scores`` and ``neg_scores``.
    """
    positives, negatives = (_texts(row, present(row, keys)) for keys in (POSITIVES, NEGATIVES))
    if not positives:
        raise RowError(f"`{present(row, POSITIVES)}` is empty: there is no relevant text")
    scores = _teacher_scores(row, len(positives), len(negatives))
    yield {
        "shape": "ranking",
        "query": _text(row, present(row, QUERIES) or ""),
        "positives": positives,
        "negatives": negatives,
        **({"teacher_scores": scores} if scores else {}),
    }


def from_labelled_pair(row: Values) -> Iterator[Fields]:
    """A query, one document and a whole number: 0 or less is not relevant, above it the more the higher."""
    query, document = (_text(row, present(row, keys) or "") for keys in (PAIR_QUERIES, PAIR_DOCUMENTS))
    grade = _grade(row, present(row, LABELS) or "")
    fields: Fields = {"shape": "ranking", "query": query}
    if grade <= 0:
        yield {**fields, "negatives": (document,)}
    else:
        yield {**fields, "positives": (document,), **({"grades": (grade,)} if grade != 1 else {})}


def from_text(row: Values) -> Iterator[Fields]:
    """``text``: plain text; a column that looks like its answer is named."""
    yield {"shape": "text", "text": _text(row, "text"), "unread": unread_answer(row)}


def _string(row: Values, key: str) -> str:
    value = row[key]
    if not isinstance(value, str):
        raise RowError(f"`{key}` is {kind_of(value)}, expected a string")
    return value


def _text(row: Values, key: str) -> str:
    text = _string(row, key)
    if not text.strip():
        raise RowError(f"`{key}` is empty")
    return text


def _grade(row: Values, key: str) -> float:
    try:
        grade = float(row[key])
    except (TypeError, ValueError, OverflowError):
        grade = 0.5
    if not grade.is_integer():
        raise RowError(
            f"`{key}` is {row[key]!r:.40}, expected a whole number: 0 for not relevant, 1 or more for relevant"
        )
    return grade


def _texts(row: Values, key: str | None) -> tuple[str, ...]:
    if key is None:
        return ()
    values = [row[key]] if isinstance(row[key], str) else row[key]
    if not isinstance(values, list):
        raise RowError(f"`{key}` is {kind_of(values)}, expected a string or a list of strings")
    for index, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            found = "an empty string" if isinstance(value, str) else kind_of(value)
            raise RowError(f"`{key}[{index}]` is {found}, expected a string with text")
    return tuple(values)


def _teacher_scores(row: Values, *counts: int) -> tuple[float, ...]:
    """One score for each relevant document and then for each other one; nothing where the row gives none."""
    if not any(row.get(key) not in (None, []) for key in TEACHER_SCORES):
        return ()
    found: list[float] = []
    for key, count in zip(TEACHER_SCORES, counts, strict=True):
        values = row.get(key)
        values = [] if values is None else values if isinstance(values, list) else [values]
        if len(values) != count:
            raise RowError(f"`{key}` has {len(values)} scores for {count} documents; give one for each, or none at all")
        for place, value in enumerate(values):
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_SCORE:
                raise RowError(f"`{key}[{place}]` is {value!r:.40}, expected a number of at most {LARGEST_SCORE:g}")
        found += map(float, values)
    return tuple(found)


def _chat(row: Values, turns: tuple[Message, ...]) -> Fields:
    messages = _with_system(row, turns)
    check_chat(messages)
    return {"shape": "chat", "messages": messages}


def _with_system(row: Values, turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """The turns after the row's own ``system`` text, where it has one."""
    if row.get("system") is None or not _string(row, "system").strip():
        return turns
    return (Message(role="system", content=row["system"]), *turns)


def _said(row: Values, key: str, role: str) -> tuple[Message, ...]:
    """A string as one turn of ``role``; a list as the turns it holds."""
    if isinstance(row[key], list):
        return read_turns(row[key], key)
    text = _string(row, key)
    if not text.strip():
        raise RowError(f"empty {'answer' if role == 'assistant' else 'prompt'}: `{key}` has no text")
    return (Message(role=role, content=text),)


def _instruction(row: Values, context: str | None) -> str:
    parts = [_string(row, key) for key in ("instruction", context) if key is not None]
    return "\n\n".join(part for part in parts if part.strip())


def _preference_prompt(row: Values, keys: Sequence[str]) -> tuple[Message, ...]:
    """The turns that both answers follow, where the row gives them apart from the answers, under one of the keys."""
    key = present(row, keys)
    if key is None:
        return ()
    if key == "instruction":
        return (Message(role="user", content=_instruction(row, present(row, CONTEXTS))),)
    if isinstance(row[key], str) and is_labelled(row[key]):
        turns = labelled_turns(row[key])
        return turns[:-1] if turns[-1].role == "assistant" and not turns[-1].content.strip() else turns
    return _said(row, key, "user")


def _last_answer(prompt: tuple[Message, ...], value: object, key: str) -> tuple[tuple[Message, ...], str]:
    """The turns before the last answer and that answer, from any spelling of ``chosen`` or ``rejected``.

    A whole dialogue replaces the prompt. Assistant turns in a row count as one answer.
    """
    if isinstance(value, str) and not is_labelled(value):
        return prompt, value
    if isinstance(value, str):
        turns = labelled_turns(value)
    elif isinstance(value, dict):
        turns = (read_turn(value, key),)
    else:
        turns = read_turns(value, key)
    start = max((index for index, turn in enumerate(turns, 1) if turn.role != "assistant"), default=0)
    if start == len(turns):
        raise RowError(f"`{key}` ends with the {turns[-1].role}'s turn; its last turn must be the assistant's")
    return turns[:start] or prompt, "\n\n".join(turn.content for turn in turns[start:])
