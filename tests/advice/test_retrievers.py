"""Searches: by words and by meaning, the same order for the same texts."""

import math
import sys

import numpy as np
import pytest

from retain.advice.retrievers import embeddings
from retain.advice.retrievers.base import best
from retain.advice.retrievers.bm25 import Bm25
from retain.advice.retrievers.chosen import retriever_over
from retain.advice.retrievers.embeddings import Embeddings
from retain.advice_settings import AdviseSettings
from retain.errors import MissingExtraError, UserError

TEXTS = ["the sky is blue", "the grass is green and the grass is wet", "a cat", "Sky, sky!", ""]


def by_hand(question, texts, k1=1.5, b=0.75):
    """BM25 as Lucene has it."""
    words = [text.lower().replace(",", "").replace("!", "").split() for text in texts]
    mean = sum(map(len, words)) / len(words)
    scores = []
    for text in words:
        score = 0.0
        for word in question.lower().split():
            having = sum(word in other for other in words)
            if having:
                often = text.count(word)
                idf = math.log(1 + (len(words) - having + 0.5) / (having + 0.5))
                score += idf * often / (often + k1 * (1 - b + b * len(text) / mean))
        scores.append(score)
    return sorted(range(len(texts)), key=lambda place: (-scores[place], place))


@pytest.mark.parametrize("question", ["what colour is the sky", "wet grass", "a", "cat sky", "nothing known", "", "?"])
def test_bm25_is_bm25(question):
    assert Bm25(TEXTS).top(question, len(TEXTS)) == by_hand(question.replace("?", ""), TEXTS)


def test_bm25_knows_case_single_letters_and_equals():
    index = Bm25(["x one", "B two", "x one"])
    assert index.top("X", 2) == [0, 2], "the earlier of two equals comes first"
    assert index.top("b", 1) == [1]
    assert index.top("b", 9) == [1, 0, 2], "no more than there are"
    assert index.storage_bytes > 0 and index.name.startswith("bm25s ")
    nothing = Bm25(["", "!"])
    assert nothing.top("x", 2) == [0, 1] and nothing.storage_bytes == 0


def test_the_greatest_come_first_and_equals_in_their_order():
    assert best(np.array([1.0, 3.0, 2.0, 3.0]), 3) == [1, 3, 2]


def colours(texts):
    """Two dimensions of meaning: skyish and grassy."""
    sky, grass = ("sky", "blue", "above"), ("grass", "green", "lawn")
    return np.array([[10 * sum(w in t for w in sky), sum(w in t for w in grass)] for t in texts], dtype=float)


def test_embeddings_find_what_shares_no_word():
    index = Embeddings(TEXTS, colours, "toy")
    assert index.top("a lawn", 1) == [1] and index.top("above", 2) == [0, 3]
    assert index.name == "embeddings of toy" and index.storage_bytes == 2 * 4 * len(TEXTS)
    assert Bm25(TEXTS).top("a lawn", 1) == [2]


def test_a_model_that_was_replaced_has_another_fingerprint():
    def other(texts):
        return colours(texts) + 0.5

    one, same, new = (Embeddings(TEXTS, embed, "a folder") for embed in (colours, colours, other))
    assert one.fingerprint == same.fingerprint != new.fingerprint and one.name == new.name
    assert one.fingerprint != Embeddings(TEXTS, colours, "another").fingerprint
    assert Bm25(TEXTS).fingerprint == Bm25(TEXTS[:2]).fingerprint != one.fingerprint


def test_the_recipe_names_the_retriever(monkeypatch):
    named = []

    def load(model):
        named.append(model)
        return colours

    monkeypatch.setattr(embeddings, "load_embedder", load)
    assert isinstance(retriever_over(TEXTS, AdviseSettings()), Bm25)
    found = retriever_over(TEXTS, AdviseSettings(retriever="embeddings", embedding_model="mine"))
    assert isinstance(found, Embeddings) and named == ["mine"]


def test_a_missing_extra_prints_its_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r'pip install -e "\.\[embeddings\]"'):
        embeddings.load_embedder.__wrapped__("any")


def test_a_model_that_is_not_there_is_refused(monkeypatch):
    from types import SimpleNamespace

    def missing(model, **_):
        raise OSError(f"no {model}")

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=missing))
    with pytest.raises(UserError, match=r"advise\.embedding_model: 'none' could not be loaded: no none"):
        embeddings.load_embedder.__wrapped__("none")
