"""Of general text the base is asked about what training will draw and no more, and the losses stay what they were."""

from dataclasses import replace

import pytest

from retain.data.encoding import Encoded
from retain.data.formats import examples_of
from retain.errors import BrokenError
from retain.mitigations import kl_to_base
from retain.mitigations.base import Step
from retain.mitigations.distributions import encoded_rows
from retain.mitigations.kl_to_base import KlToBase
from retain.mitigations.preference_pairs import PreferenceSetup
from retain.models.load import load_causal
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.stages.training import fit
from retain.training.stream import GeneralStream

KL = {"kind": "kl_to_base", "share": 0.1}


@pytest.mark.parametrize("rate", [0.1, 0.3, 1.0, 2.5, 7.0])
def test_the_rows_that_are_drawn_are_known_before(rate):
    rows = [Encoded(input_ids=list(range(n + 3)), labels=[-100, *range(n + 2)]) for n in range(7)]
    stream = GeneralStream(rows, rate, seed=3)
    for passes in (1, 3, 5, 40):
        seen = [place for number in range(passes) for place in stream.indices(number)]
        assert stream.drawn(passes) == list(dict.fromkeys(seen))


@pytest.fixture
def asked(monkeypatch):
    """How many rows the base was asked about, each time."""
    counts, ask = [], kl_to_base.base_distributions

    def counting(model, setup, rows, *more):
        counts.append(len(rows))
        return ask(model, setup, rows, *more)

    monkeypatch.setattr(kl_to_base, "base_distributions", counting)
    return counts


@pytest.fixture
def history(text_setup, toy_folder, colour_rows, pair_rows):
    """Trains a fresh toy model; the log of it."""

    def train(mitigation, **training):
        settings = {"learning_rate": 0.01, "batch_size": 4, "max_length": 64, "checkpoints": 0, **training}
        recipe = {"model": {"base": "x"}, "data": {"train": "x", "general": [{"name": "own"}]}}
        parsed = parse_recipe({**recipe, "training": settings, "mitigations": [mitigation]})
        pairs = settings.get("method") == "dpo"
        setup = replace(text_setup, base=load_causal(str(toy_folder), "fp32"))
        if pairs:
            setup = PreferenceSetup(**{name: getattr(setup, name) for name in setup.__dataclass_fields__})
        rows = examples_of(pair_rows if pairs else colour_rows, "rows")
        return fit(setup.base, setup, rows, parsed.training, parsed.mitigations, Progress(quiet=True))[1].history

    return train


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"epochs": 1.5, "gradient_accumulation": 3},
        {"packing": True},
        {"method": "dpo"},
        {"extra": {"max_steps": 3}},
    ],
    ids=["rows", "accumulation", "packed", "pairs", "max_steps"],
)
def test_the_base_is_asked_about_what_is_drawn_and_the_losses_stay(history, asked, training, monkeypatch):
    found = history(KL, **training)
    assert 0 < asked[0] < 49, "of 49 rows"
    monkeypatch.setattr(GeneralStream, "drawn", lambda stream, passes: range(len(stream.rows)))
    assert history(KL, **training) == found
    assert asked[1] == 49


def test_where_batches_may_shrink_all_rows_are_asked_about(history, asked):
    history(KL, extra={"auto_find_batch_size": True})
    assert asked == [49]


def test_a_row_that_was_not_announced_is_no_silent_loss(text_setup, toy):
    setup = replace(text_setup, drawn={"own": [3, 1]})
    penalty = KlToBase().penalty(toy, setup)
    stream = GeneralStream(encoded_rows(setup, "own"), 49, 0)
    with pytest.raises(BrokenError, match="not among those that training was to draw"):
        penalty(Step(toy.module, {}, lambda name: stream.batch(0, 2, "cpu")))
