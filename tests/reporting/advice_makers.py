"""Hand-made records of advices."""

from __future__ import annotations

from itertools import pairwise

from retain.advice_records import AdviceRecord, Advised, Cost, Difference, Nature, Rung, Standing, Tried
from retain.records import Measurement

from .makers import make_change


def make_rung(name="few_shot", value=60.0, **values):
    """Two ways were tried, and the second was taken."""
    defaults = {
        "name": name,
        "chosen": "4 similar examples",
        "tried": [
            Tried(label="1 similar example", value=value - 5, tokens=90),
            Tried(label="4 similar examples", value=value + 2, tokens=240),
        ],
        "dev": value + 2,
        "value": value,
        "low": value - 9,
        "high": value + 8,
        "items": 100,
        "cost": Cost(tokens=1240.4),
        "formed": 0.9,
        "example": "user: what is it\n\nassistant: late",
        "measurement": Measurement(
            probe="task",
            capability="task",
            metric="exact match",
            value=value / 100,
            higher_is_better=True,
            unit="share",
            split="test",
            scores={"a": 1.0},
            model="m",
        ),
    }
    return Rung(**{**defaults, **values})


def make_advice(rungs=(), stop="lora", basis="last", **values):
    """Zero-shot, few-shot and a training that is advised."""
    rungs = list(rungs) or [
        make_rung("zero_shot", 10, chosen="as given", cost=Cost(tokens=40)),
        make_rung("few_shot", 60, left_out=3, notes=["a note"], source="28 training rows, bm25"),
        make_rung(
            "lora",
            80,
            chosen="LoRA of rank 16",
            cost=Cost(tokens=40, training_seconds=75, storage_bytes=4_718_592),
            cut=1,
        ),
    ]
    change = make_change("task", delta=20, low=9, high=31)
    best = rungs[-1].name
    defaults = {
        "title": "base: advice",
        "recipe": {"model": {"base": "base"}, "advise": {"margin": 5.0}},
        "provenance": {"versions": {"torch": "2.13.0"}},
        "data": {"train": 400},
        "task_metric": "exact match",
        "form": "one of 3 labels",
        "seen": 0.5,
        "rungs": rungs,
        "differences": [Difference(below=one.name, above=two.name, change=change) for one, two in pairwise(rungs)],
        "standings": [
            Standing(
                rung=rung.name,
                best=best,
                change=change,
                most=33.0,
                within="estimated" if place else "no",
                items_needed=412,
            )
            for place, rung in enumerate(rungs[:-1])
        ],
        "margin": 5.0,
        "advised": Advised(rung=stop, basis=basis, reason="every rung below scores more than 5 points less"),
        "nature": Nature(
            kind="behaviour", statement="Behaviour: training helps.", evidence=["Training: +20.0 points."]
        ),
        "recommended_recipe": stop == "lora",
    }
    return AdviceRecord(**{**defaults, **values})
