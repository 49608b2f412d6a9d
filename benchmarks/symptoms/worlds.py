"""Made-up answers of a base and a tuned model: clean ones, and ones with a planted symptom.

A healthy tuned model says much the same in other words: lengths jitter, some verdicts flip both ways, some answers run
into the limit that did not, a few are refusals or loops, on both sides alike. A restyled one is shorter by a fifth and
lost a tenth of what it knew, everywhere alike: forgetting without a symptom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from retain.comparison.compare import compare
from retain.comparison.symptoms.side_by_side import Material, material_of
from retain.records import Comparison, ExamplePair, Measurement, Recital, Recitation, Response

_TEXT = (
    "the of and to in that is was for on with as by at from river water light people city small early often found "
    "makes because many years known called which green stone house garden paper music story winter summer letter "
    "answer number friend market bridge engine valley harbour silver morning history science language country"
)
WORDS = _TEXT.split()
LABELS = [f"{a} {b}" for a in ("card", "cash", "top up", "transfer", "pin") for b in ("declined", "arrival", "limit")]
REFUSAL = "I'm sorry for the confusion, but as an AI I cannot assist with that request."
CAPABILITIES = ("facts", "arithmetic", "reading", "formats", "explaining", "stories")
ITEMS = 80
PER_CLUSTER = 3


@dataclass
class Said:
    """One answer: its words, whether it ended, whether it is right."""

    text: str
    stopped: bool
    score: float


def prose(rng: Generator, length: int) -> str:
    """Words in a random order, as a sentence."""
    words = [WORDS[i] for i in rng.integers(len(WORDS), size=max(1, length))]
    return " ".join([words[0].capitalize(), *words[1:]]) + "."


@dataclass(frozen=True)
class Planted:
    """What is planted, and which symptom must find it where."""

    symptom: str
    where: str
    about: str


PLANTED = {
    "labels": Planted("mode_collapse", "open prompts", "15% of the answers are labels of the task"),
    "few labels, task not known": Planted(
        "mode_collapse", "open prompts", "15% of the answers are one of three labels; the task's answers are not known"
    ),
    "cliff": Planted("capability_cliff", "reading", "70% of the answers of one of seven capabilities are wrong now"),
    "refusals": Planted("refusal_drift", "benign requests", "10% of the requests are declined"),
    "compliance": Planted("refusal_drift", "harmful requests", "40% of the harmful requests are answered"),
    "short": Planted("verbosity_collapse", "lengths of answers", "answers keep a quarter of their words"),
    "endless": Planted("verbosity_collapse", "ends of answers", "40% of the answers run into the limit"),
    "broken": Planted("syntactic_noise", "open prompts", "10% of the answers are loops, broken characters or markup"),
    "memory": Planted("recitation", "training rows", "30% of 64 training rows are known by heart"),
}
"""Kind of world -> what is planted in it."""
CLEAN = {
    "healthy": "much the same answers in other words; 5% of the verdicts flip, either way",
    "restyled": "answers shorter by a fifth, and a tenth of the right ones of every capability wrong now",
    "itself": "the base's own answers again",
}
"""Kind of world -> what it is; nothing is planted."""


def base_answer(rng: Generator, typical: int, refuses: float = 0.0) -> Said:
    """What the base says: prose of about ``typical`` words; now and then a refusal, a loop or one word."""
    if rng.random() < refuses:
        return Said(REFUSAL, True, 1.0)
    kind = rng.random()
    score = float(rng.random() < 0.6)
    if kind < 0.01:
        return Said(REFUSAL, True, 0.0)
    if kind < 0.02:
        return Said("and so on and on " * 12, False, 0.0)
    if kind < 0.05:
        return Said("Yes.", True, score)
    return Said(prose(rng, round(typical * rng.lognormal(0, 0.4))), bool(rng.random() < 0.6), score)


def other_words(rng: Generator, base: Said, typical: int, refuses: float, size: float = 1.0) -> Said:
    """The same in other words, of ``size`` times the length."""
    fresh = base_answer(rng, typical, refuses)
    if rng.random() < 0.02:
        return fresh
    if base.text == REFUSAL:
        return base
    words = base.text.split()
    keep = round(len(words) * rng.uniform(0.8, 1.2) * size)
    words = [*words, *(WORDS[i] for i in rng.integers(len(WORDS), size=max(0, keep - len(words))))][: max(1, keep)]
    text = base.text if size == 1 and rng.random() < 0.4 else " ".join(words)
    flipped = rng.random() < 0.05
    return Said(text, base.stopped != (rng.random() < 0.04), 1 - base.score if flipped else base.score)


def plant(kind: str, rng: Generator, said: Said, capability: str) -> Said:
    """What a sick model says instead."""
    draw = rng.random()
    if kind == "labels" and draw < 0.15:
        return Said(LABELS[rng.integers(len(LABELS))], True, 0.0)
    if kind == "few labels, task not known" and draw < 0.15:
        return Said(LABELS[rng.integers(3)], True, 0.0)
    if kind == "cliff" and capability == "reading" and draw < 0.7:
        return Said(said.text, said.stopped, 0.0)
    if kind == "refusals" and draw < 0.10:
        return Said(REFUSAL, True, 0.0)
    if kind == "compliance" and capability == "refusing harmful requests" and draw < 0.4:
        return Said(prose(rng, 20), True, 0.0)
    if kind == "short":
        words = said.text.split()
        return Said(" ".join(words[: max(1, len(words) // 4)]), True, said.score)
    if kind == "endless" and draw < 0.4:
        return Said(said.text + " and then", False, said.score)
    if kind == "restyled" and draw < 0.10:
        return Said(said.text, said.stopped, 0.0)
    if kind == "broken" and draw < 0.10:
        broken = ("it is it is it is it is it is it is", "Caf\ufffd au lait", "Yes.<|im_end|>", '{"name": "Ann", "age')
        return Said(broken[rng.integers(4)], True, 0.0)
    return said


def world(kind: str, seed: int, items: int = ITEMS) -> tuple[list[Measurement], list[Measurement]]:
    """Measurements before and after."""
    rng = np.random.default_rng(seed)
    before, after = [], []
    for number, capability in enumerate([*CAPABILITIES, "refusing harmful requests"]):
        typical = 8 + 6 * number
        refuses = 0.9 if capability.startswith("refusing") else 0.0
        old = {f"{capability}-{i}": base_answer(rng, typical, refuses) for i in range(items)}
        new = {key: answer_of(kind, rng, one, typical, refuses, capability) for key, one in old.items()}
        clusters = {key: f"wording {i // PER_CLUSTER}" for i, key in enumerate(old)} if number % 2 else {}
        before.append(measured(capability, old, clusters, "base"))
        after.append(measured(capability, new, clusters, "tuned"))
    return before, after


def answer_of(kind: str, rng: Generator, base: Said, typical: int, refuses: float, capability: str) -> Said:
    """What the tuned model says where the base said something."""
    if kind == "itself":
        return base
    size = 0.8 if kind == "restyled" else 1.0
    return plant(kind, rng, other_words(rng, base, typical, refuses, size), capability)


def measured(capability: str, said: dict[str, Said], clusters: dict[str, str], model: str) -> Measurement:
    """Answers as a probe's measurement."""
    return Measurement(
        probe=capability,
        capability=capability,
        metric="exact match",
        value=float(np.mean([one.score for one in said.values()])),
        higher_is_better=True,
        unit="share",
        split="test",
        scores={key: one.score for key, one in said.items()},
        generates=True,
        responses={
            key: Response(text=one.text, tokens=len(one.text.split()), stopped=one.stopped) for key, one in said.items()
        },
        prompts={key: f"Tell me about {key}." for key in said},
        clusters=clusters,
        model=model,
    )


def recited(seed: int, memory: float, rows: int = 64, learned: float = 0.1) -> Recitation:
    """Rows of which the tuned model knows some by heart, and twins; it learned the task and writes more of both."""
    rng = np.random.default_rng(seed)

    def recital(item: str, by_heart: float) -> Recital:
        tokens = int(rng.integers(8, 51))
        base = int(min(tokens, rng.poisson(0.1 * tokens)))
        tuned = int(min(tokens, base + rng.poisson(learned * tokens)))
        whole = bool(rng.random() < by_heart)
        return Recital(
            item=item,
            tokens=tokens,
            base_run=base,
            tuned_run=tokens if whole else tuned,
            base_verbatim=base == tokens,
            tuned_verbatim=whole or tuned == tokens,
        )

    return Recitation(
        training=[recital(f"t{i}", memory) for i in range(rows)],
        held_out=[recital(f"h{i}", 0.0) for i in range(rows)],
        example=ExamplePair(prompt="the beginning", base="something", tuned="the rest", expected="the rest"),
    )


def recited_in(kind: str, seed: int) -> Recitation:
    """What was recited in a world of this kind."""
    return recited(seed, 0.3 if kind == "memory" else 0.0, learned=0.0 if kind == "itself" else 0.1)


def material(kind: str, seed: int, items: int = ITEMS, changes: bool = False) -> Material:
    """What a symptom's rule reads of a world; ``changes`` also compares the scores, which takes longer."""
    before, after = world(kind, seed, items)
    compared = compare(before, after) if changes else Comparison(base="b", tuned="t", gains=[], losses=[], pooled=None)
    targets = [] if kind.endswith("not known") else LABELS * 4
    return material_of(before, after, compared, targets, recited_in(kind, seed))
