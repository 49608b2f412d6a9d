"""Every setting of ``advise`` changes something, or it does not exist."""

import numpy as np
import pytest

from retain.advice.retrievers import embeddings
from retain.advice_settings import AdviseSettings, ProbeTraining
from retain.commands.advise import advise
from retain.progress import Progress

OTHER = {
    "rungs": ["retrieval"],
    "margin": 100.0,
    "rewrites": 0,
    "shots": [2],
    "picks": ["fixed"],
    "documents": None,
    "passages": [2],
    "passage_words": 20,
    "retriever": "embeddings",
    "embedding_model": "other",
    "max_prompt": 22,
    "training": {},
}
"""For every knob a value that is not the one in ``START``."""
TRAINING = {"rows": 8, "epochs": 1.0, "rank": 2, "learning_rate": 1e-5}
START = {
    "rungs": ["instructions", "few_shot", "retrieval"],
    "rewrites": 1,
    "documents": "documents.md",
    "passages": [1],
    "passage_words": 10,
}
NEEDS = {"embedding_model": {"retriever": "embeddings"}}


def found(record):
    """What came of it, without times."""
    kept = record.model_dump(include={"rungs", "standings", "advised", "nature"})
    for rung in kept["rungs"]:
        rung["cost"].pop("training_seconds")
    return kept


@pytest.fixture
def outcome(advise_file, tmp_path, monkeypatch):
    (tmp_path / "documents.md").write_text(
        "".join(
            f"the colour of the {thing} is {colour} .\n\n" for thing, colour in (("sky", "blue"), ("sun", "yellow"))
        )
    )

    def embedder(model):
        """Of the text's length, or against it."""
        sign = 1 if model == "other" else -1
        return lambda texts: np.array([[1.0, sign * len(text) / 10] for text in texts])

    monkeypatch.setattr(embeddings, "load_embedder", embedder)

    def run(**settings):
        place = tmp_path / f"advice{len(list(tmp_path.glob('advice*')))}"
        return found(advise(advise_file(**settings), place, progress=Progress(quiet=True)))

    return run


def test_all_are_listed():
    assert set(OTHER) == set(AdviseSettings.model_fields)
    assert set(TRAINING) == set(ProbeTraining.model_fields)


@pytest.mark.parametrize("knob", [knob for knob in OTHER if knob != "training"])
def test_every_knob_has_an_effect(outcome, knob):
    start = {**START, **NEEDS.get(knob, {})}
    assert outcome(**start) != outcome(**{**start, knob: OTHER[knob]})


@pytest.mark.parametrize("knob", TRAINING)
def test_every_knob_of_the_short_training_has_an_effect(outcome, knob):
    start = {"rows": 16, "epochs": 2.0, "rank": 4, "learning_rate": 0.02}
    one, other = (outcome(rungs=["lora"], training=values) for values in (start, {**start, knob: TRAINING[knob]}))
    assert one["rungs"][0] == other["rungs"][0] and one["rungs"][1] != other["rungs"][1]
    assert one["rungs"][1]["measurement"]["model"] != other["rungs"][1]["measurement"]["model"]
