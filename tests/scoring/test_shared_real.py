"""Shared scoring on the embedded model: the numbers of plain scoring, with far fewer tokens."""

import pytest

from retain.models.base import Request
from retain.models.load import load_causal
from retain.scoring.plain import score_plain

SHOTS = "".join(
    f"Question: Which of these is {colour}?\nAnswer: {thing}\n\n"
    for colour, thing in [("green", "grass"), ("white", "snow"), ("red", "a ripe tomato"), ("yellow", "a lemon")] * 2
)
QUESTIONS = [
    f"{SHOTS}Question: {question}\nAnswer:"
    for question in ("What falls from clouds?", "What do bees make?", "What melts in the sun?", "What is frozen water?")
]
CHOICES = (" rain", " honey", " ice", " a very large number of small stones")


def test_the_embedded_model_scores_alike_shared_and_plain():
    model = load_causal("builtin:smollm2-135m", "fp32")
    requests = [Request(context=question, continuation=choice) for question in QUESTIONS for choice in CHOICES]
    found = model.loglikelihood(requests)
    pairs = model.pairs(requests)
    plain, _ = score_plain(model.module, pairs[:4], model.pad)
    assert [one.logprob for one in found[:4]] == pytest.approx([one.logprob for one in plain], abs=2e-3)
    assert model.scorer.unshared == ""
    assert model.scorer.computed < sum(len(pair.context) for pair in pairs) / 6
