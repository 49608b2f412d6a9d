import pytest

from retain.data.example import Example
from retain.mitigations.base import GeneralSet, Setup
from retain.models.base import Message
from retain.records import Gate, content_hash
from retain.stages.setting_up import encoder


def row(question: str, answer: str) -> Example:
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id=content_hash(question, answer), shape="chat", messages=turns)


@pytest.fixture
def task_rows():
    return [row(f"say {x} {y}", x) for x in ("one", "two", "three", "a") for y in ("b", "c", "d", "e", "no")]


@pytest.fixture
def make_setup(toy, tmp_path):
    """A setup around the toy model; general text of twenty rows."""

    def make(model=toy, rows=20, **changes) -> Setup:
        words = "a b c d e yes no please tell me about it red blue green".split()
        text = [row(f"tell me about {x} {y}", f"{y} {x} .") for x in words[:5] for y in words[5:10]][:rows]
        general = GeneralSet(name="own", source="base_model", examples=text[: rows - 4], kept_back=text[rows - 4 :])
        values = {
            "base": model,
            "general": {"own": general} if rows else {},
            "gate": Gate(),
            "folder": tmp_path / "training",
            "seed": 0,
            "encode": encoder(model, 64, "completion"),
            "measure_dev": lambda model: [],
            "base_dev": lambda: [],
            "task_probes": frozenset({"task"}),
        }
        return Setup(**{**values, **changes})

    return make
