"""Hand-made measurements, rungs and rows."""

from __future__ import annotations

from retain.advice.score import score_interval
from retain.advice_records import Cost, Rung, Tried
from retain.data.formats import examples_of
from retain.records import Measurement, Response


def make_measurement(scores, model="m", texts=None):
    """Items are called by their places."""
    answers = texts or ["x"] * len(scores)
    return Measurement(
        probe="task",
        capability="task",
        metric="exact match",
        value=sum(scores) / len(scores),
        higher_is_better=True,
        unit="share",
        split="test",
        scores={str(place): float(score) for place, score in enumerate(scores)},
        generates=True,
        responses={str(place): Response(text=text, tokens=1, stopped=True) for place, text in enumerate(answers)},
        model=model,
    )


def make_rung(name, right, items=100, dev=None, texts=None, begin=0, **values):
    """A rung with ``right`` right answers, those from place ``begin`` on."""
    scores = [float(begin <= place < begin + right) for place in range(items)]
    measured = make_measurement(scores, name, texts)
    low, high = score_interval(measured)
    value = 100 * measured.value
    defaults = {
        "name": name,
        "chosen": f"chosen of {name}",
        "tried": [Tried(label=f"chosen of {name}", value=value if dev is None else dev, tokens=20)],
        "dev": value if dev is None else dev,
        "value": value,
        "low": low,
        "high": high,
        "items": items,
        "cost": Cost(tokens=20),
        "formed": 0.5,
        "example": "user: what is it",
        "measurement": measured,
    }
    return Rung(**{**defaults, **values})


def rows_of(*pairs):
    """Examples of (prompt, completion)."""
    return examples_of([{"prompt": one, "completion": two} for one, two in pairs], "rows")
