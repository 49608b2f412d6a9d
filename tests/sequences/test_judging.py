"""What a sequence's verdict stands on where tasks are scored in different units."""

import pytest

from retain.comparison.gate import judge
from retain.records import Gate, Measurement
from retain.sequences.judging import compared

NAMES = ["law", "medicine"]


def bits(task, each, items=60):
    scores = {f"{task}{place}": each * (1 + 0.01 * (place % 7)) for place in range(items)}
    return Measurement(probe=task, capability=task, metric="bits per byte", value=each, higher_is_better=False,
                       unit="bits per byte", split="test", scores=scores, model="m")  # fmt: skip


def share(task, right, items=300):
    scores = {f"{task}{place}": float(place < right) for place in range(items)}
    return Measurement(probe=task, capability=task, metric="exact match", value=right / items, higher_is_better=True,
                       unit="share", split="test", scores=scores, model="m")  # fmt: skip


def row(*measured):
    return {one.probe: one for one in (*measured, share("facts", 200))}


def verdict(*rows, names=NAMES, min_gain=1.0):
    return judge(compared(rows, names, range(1, len(names) + 1)), Gate(min_gain=min_gain))


BASE = row(bits("law", 2.0), bits("medicine", 2.0))


def test_documents_that_were_not_learned_are_not_retained():
    same = verdict(BASE, BASE, BASE)
    assert (same.outcome, same.gain) == ("not learned", "not learned")
    told = [reason.split()[0] for reason in same.reasons if reason.endswith("the task was not learned.")]
    assert told == NAMES


def test_each_of_them_must_be_learned():
    one = verdict(BASE, row(bits("law", 1.8), bits("medicine", 2.0)), row(bits("law", 1.8), bits("medicine", 2.0)))
    assert (one.outcome, one.gain) == ("not learned", "not learned")
    both = verdict(BASE, row(bits("law", 1.8), bits("medicine", 2.0)), row(bits("law", 1.8), bits("medicine", 1.9)))
    assert (both.outcome, both.gain) == ("retained", "learned")
    harder = verdict(
        BASE, row(bits("law", 1.8), bits("medicine", 2.0)), row(bits("law", 1.8), bits("medicine", 1.9)), min_gain=7.0
    )
    assert harder.outcome == "not learned", "5 percent of the base's"


@pytest.mark.parametrize("medicine, outcome", [(2.0, "not learned"), (1.8, "retained")])
def test_answers_and_documents_are_judged_together(medicine, outcome):
    names = ["colours", "medicine"]
    base = row(share("colours", 0), bits("medicine", 2.0))
    first = row(share("colours", 290), bits("medicine", 2.0))
    last = row(share("colours", 290), bits("medicine", medicine))
    found = compared((base, first, last), names, [1, 2])
    assert [(one.probe, one.unit) for one in found.gains] == [("colours", "points"), ("medicine", "percent")]
    assert judge(found, Gate(min_gain=1.0)).outcome == outcome
