"""What fails, passes or stays open follows the gate's own rule."""

from retain.comparison.gate import judge
from retain.records import Comparison, Gate, NoiseFloor
from retain.reporting.judged import judged

from .makers import make_change, make_full_record, make_probe_verdict, make_record, make_verdict


def states(record, verdict=None):
    return {
        (point.kind, point.name): (point.outcome, point.state)
        for point in judged(record, verdict or record.verdict).points
    }


def test_every_probe_the_task_the_mean_and_the_verdict_are_points():
    record = make_full_record()
    found = states(record)
    assert found["verdict", "verdict"] == ("forgot", "failed")
    assert found["margin", "facts"] == ("forgot", "failed")
    assert found["margin", "science"] == ("retained", "passed")
    assert found["margin", "instructions"] == ("inconclusive", "open")
    assert found["margin", "arithmetic"] == ("near chance", "open")
    assert found["gain", "intents"] == ("learned", "passed")
    assert len(found) == 3 + len(record.verdict.probes)


def test_a_probe_in_bits_must_be_proven_where_nothing_is_pooled():
    change = make_change("prose", unit="percent", loss_low=-1.0, loss_high=9.0, delta=-2.0)
    record = make_record(comparison=Comparison(base="a", tuned="b", gains=[], losses=[change], pooled=None))
    verdict = judge(record.comparison, Gate())
    assert verdict.outcome == "inconclusive"
    assert states(record, verdict)["margin", "prose"] == ("inconclusive", "failed")


def test_other_margins_judge_again():
    record = make_full_record()
    wide = judge(record.comparison, Gate(margin=90, mean_margin=90, bits_margin=90, min_gain=-90))
    found = states(record, wide)
    assert found["verdict", "verdict"] == ("retained", "passed")
    assert found["mean-margin", "mean"] == ("retained", "passed")
    assert not [point for point, (_, state) in found.items() if state == "failed"]


def test_a_mean_loss_within_the_noise_floor_is_not_called_forgotten():
    loss = make_change("facts")
    pooled = make_change("mean", delta=-2.0, low=-2.6, high=-1.4, loss_low=1.5, loss_high=2.5, variance=10.0)
    comparison = Comparison(base="a", tuned="b", gains=[], losses=[loss], pooled=pooled)
    record = make_record(comparison=comparison, verdict=make_verdict(probes=[make_probe_verdict()]))
    assert states(record)["mean-margin", "mean"][0] == "forgot"
    fields = dict.fromkeys(NoiseFloor.model_fields, 50.0)
    texts = {
        "probe": "facts",
        "metric": "exact match",
        "unit": "points",
        "null_change": "batch",
        "model": "m",
        "group": None,
        "items": 351,
    }
    floor = NoiseFloor.model_construct(**{**fields, **texts})
    noisy = record.model_copy(update={"comparison": comparison.model_copy(update={"noise": [floor]})})
    assert states(noisy)["mean-margin", "mean"] == ("inconclusive", "failed")
