from __future__ import annotations

import math

import pytest

from retain.errors import UserError
from retain.ranking.measures import measure_name, measured

GRADES = {"q": {"a": 2.0, "b": 1.0, "c": 0.0, "missed": 1.0}}


def test_measures_are_those_of_their_definitions():
    found = measured(["nDCG@10", "MRR@10", "recall@2", "MAP@10"], GRADES, {"q": ["c", "b", "x", "a"]})
    gained = 1 / math.log2(3) + 2 / math.log2(5)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert found["nDCG@10"]["q"] == pytest.approx(gained / ideal)
    assert found["MRR@10"]["q"] == pytest.approx(1 / 2)
    assert found["recall@2"]["q"] == pytest.approx(1 / 3)
    assert found["MAP@10"]["q"] == pytest.approx((1 / 2 + 2 / 4) / 3)


def test_a_query_without_ranked_documents_scores_zero():
    assert measured(["nDCG@10"], GRADES, {"q": []}) == {"nDCG@10": {"q": 0.0}}
    both = {**GRADES, "p": {"a": 1.0}}
    assert measured(["nDCG@1"], both, {"q": ["a"], "p": []})["nDCG@1"] == {"q": 1.0, "p": 0.0}


def test_what_lies_below_the_cutoff_does_not_count():
    ranking = {"q": ["x", "y", "b"]}
    assert measured(["nDCG@2", "MRR@2"], GRADES, ranking) == {"nDCG@2": {"q": 0.0}, "MRR@2": {"q": 0.0}}
    assert measured(["MRR@3"], GRADES, ranking)["MRR@3"]["q"] == pytest.approx(1 / 3)


def test_a_query_without_a_relevant_document_is_refused():
    with pytest.raises(UserError, match="no relevant document"):
        measured(["nDCG@10"], {"q": {"a": 0.0}}, {"q": ["a"]})


def test_names():
    assert [measure_name(one) for one in ("ndcg@5", "MRR@10", " Recall@50", "map@3")] == [
        "nDCG@5", "MRR@10", "recall@50", "MAP@3",
    ]  # fmt: skip
    for wrong in ("ndcg", "ndcg@0", "precision@3"):
        with pytest.raises(ValueError, match="is no measure"):
            measure_name(wrong)
