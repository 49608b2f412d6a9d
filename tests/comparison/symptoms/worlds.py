"""Made-up answers of a base and a tuned model: healthy ones, and ones with a planted symptom.

A healthy tuned model says much the same in other words: lengths jitter, some verdicts flip both ways, some answers run
into the limit that did not, a few are refusals or loops, on both sides alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retain.comparison.compare import compare
from retain.comparison.symptoms.side_by_side import material_of
from retain.records import Comparison, Measurement, Recital, Recitation, Response

WORDS = (
    "the of and to in that is was for on with as by at from river water light people city small early often found "
    "makes because many years known called which green stone house garden paper music story winter summer letter "
    "answer number friend market bridge engine valley harbour silver morning history science language country"
).split()
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


def prose(rng, length: int) -> str:
    words = [WORDS[i] for i in rng.integers(len(WORDS), size=max(1, length))]
    return " ".join([words[0].capitalize(), *words[1:]]) + "."


def base_answer(rng, typical: int, refuses: float = 0.0) -> Said:
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


def healthy(rng, base: Said, typical: int, refuses: float) -> Said:
    """The same in other words."""
    fresh = base_answer(rng, typical, refuses)
    if rng.random() < 0.02:
        return fresh
    words = base.text.split()
    keep = round(len(words) * rng.uniform(0.8, 1.2))
    words = [*words, *(WORDS[i] for i in rng.integers(len(WORDS), size=max(0, keep - len(words))))][: max(1, keep)]
    text = base.text if rng.random() < 0.4 else " ".join(words)
    flipped = rng.random() < 0.05
    return Said(text, base.stopped != (rng.random() < 0.04), 1 - base.score if flipped else base.score)


def plant(kind: str, rng, said: Said, capability: str) -> Said:
    """What a sick model says instead."""
    draw = rng.random()
    if kind == "mode_collapse" and draw < 0.15:
        return Said(LABELS[rng.integers(len(LABELS))], True, 0.0)
    if kind == "mode_collapse without targets" and draw < 0.15:
        return Said(LABELS[rng.integers(3)], True, 0.0)
    if kind == "capability_cliff" and capability == "reading" and draw < 0.7:
        return Said(said.text, said.stopped, 0.0)
    if kind == "refusal_drift" and draw < 0.10:
        return Said(REFUSAL, True, 0.0)
    if kind == "refusal_drift, harmful" and capability == "refusing harmful requests" and draw < 0.4:
        return Said(prose(rng, 20), True, 0.0)
    if kind == "verbosity_collapse":
        words = said.text.split()
        return Said(" ".join(words[: max(1, len(words) // 4)]), True, said.score)
    if kind == "verbosity_collapse, ends" and draw < 0.4:
        return Said(said.text + " and then", False, said.score)
    if kind == "syntactic_noise" and draw < 0.10:
        broken = ("it is it is it is it is it is it is", "Caf\ufffd au lait", "Yes.<|im_end|>", '{"name": "Ann", "age')
        return Said(broken[rng.integers(4)], True, 0.0)
    return said


def world(kind: str, seed: int, items: int = ITEMS) -> tuple[list[Measurement], list[Measurement]]:
    """Measurements before and after; an empty ``kind`` is a healthy model."""
    rng = np.random.default_rng(seed)
    before, after = [], []
    for number, capability in enumerate([*CAPABILITIES, "refusing harmful requests"]):
        typical = 8 + 6 * number
        refuses = 0.9 if capability.startswith("refusing") else 0.0
        old = {f"{capability}-{i}": base_answer(rng, typical, refuses) for i in range(items)}
        new = {key: plant(kind, rng, healthy(rng, one, typical, refuses), capability) for key, one in old.items()}
        clusters = {key: f"wording {i // PER_CLUSTER}" for i, key in enumerate(old)} if number % 2 else {}
        before.append(measured(capability, old, clusters, "base"))
        after.append(measured(capability, new, clusters, "tuned"))
    return before, after


def measured(capability: str, said: dict[str, Said], clusters: dict[str, str], model: str) -> Measurement:
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
        evidence=["Prompt: the beginning", "Base: something", "Tuned: the rest"],
    )


def material(kind: str, seed: int, items: int = ITEMS, changes: bool = False):
    """What a symptom's rule reads of a world; ``changes`` also compares the scores, which takes longer."""
    before, after = world(kind, seed, items)
    compared = compare(before, after) if changes else Comparison(base="b", tuned="t", gains=[], losses=[], pooled=None)
    targets = [] if kind.endswith("without targets") else LABELS * 4
    return material_of(before, after, compared, targets, recited(seed, 0.3 if kind == "recitation" else 0.0))


PLANTED = {
    "mode_collapse": ("mode_collapse", "open prompts"),
    "mode_collapse without targets": ("mode_collapse", "open prompts"),
    "capability_cliff": ("capability_cliff", "reading"),
    "refusal_drift": ("refusal_drift", "benign requests"),
    "refusal_drift, harmful": ("refusal_drift", "harmful requests"),
    "verbosity_collapse": ("verbosity_collapse", "lengths of answers"),
    "verbosity_collapse, ends": ("verbosity_collapse", "ends of answers"),
    "syntactic_noise": ("syntactic_noise", "open prompts"),
    "recitation": ("recitation", "training rows"),
}
"""What is planted -> the symptom that must find it, and where."""
