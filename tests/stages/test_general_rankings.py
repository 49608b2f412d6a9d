"""General queries of a reranker: which documents that nobody judged they are kept with."""

from __future__ import annotations

import json

import pytest

from retain.recipe import GeneralSettings
from retain.stages.ranking_data import general_rankings
from retain.training.ranking_settings import NegativesSettings

PAIRS = [
    ("mice", "mice"), ("run", "MICE  eat"), ("hide", "mice eat"), ("jump", "mice mice run"), ("sing", "mice sing so"),
]  # fmt: skip


@pytest.fixture
def general(tmp_path):
    path = tmp_path / "general.jsonl"
    rows = [{"query": "mice", "pos": "mice eat"}]
    rows += [{"query": query, "pos": text} for query, text in PAIRS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return GeneralSettings(source=str(path))


def of_mice(general, mining, score=lambda pairs: [0.0] * len(pairs)):
    (found,) = [row for row in general_rankings(general, 0, {}, mining, score).rows if row.query == "mice"]
    return found


def test_they_lie_between_the_ranks_and_do_not_read_like_a_relevant_document(general):
    every = of_mice(general, NegativesSettings(ranks=(1, 200))).negatives
    assert set(every) == {"mice mice run", "mice sing so"}
    assert of_mice(general, NegativesSettings()).negatives == every[1:]


def test_those_that_the_base_holds_for_answers_are_left_out_where_the_recipe_filters(general):
    def score(pairs):
        return [float("run" in text) for _, text in pairs]

    assert of_mice(general, NegativesSettings(ranks=(1, 200), filter=0.0), score).negatives == ("mice sing so",)
