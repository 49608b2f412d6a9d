"""Hand-made run records: small, consistent and with no model in sight."""

from __future__ import annotations

from retain.records import (
    Candidate,
    Change,
    Choice,
    Comparison,
    ExamplePair,
    Gate,
    Measurement,
    ProbeVerdict,
    Response,
    RunRecord,
    Symptom,
    Training,
    Verdict,
)


def make_change(probe="facts", **values):
    defaults = {
        "probe": probe,
        "capability": probe.replace("_", " "),
        "metric": "exact match",
        "unit": "points",
        "generates": True,
        "before": 54.3,
        "after": 41.2,
        "delta": -13.1,
        "low": -17.4,
        "high": -8.7,
        "loss_low": 9.4,
        "loss_high": 16.8,
        "items": 351,
        "effective_items": values.get("items", 351),
        "won": 12,
        "lost": 58,
        "binary": True,
        "variance": 1824.0,
        "p_loss": 0.0001,
    }
    return Change(**{**defaults, **values})


def make_measurement(probe="facts", texts=(), scores=None, **values):
    """``texts``: one (prompt, answer, score) per item; ids are i0, i1, ..."""
    defaults = {
        "probe": probe,
        "capability": probe.replace("_", " "),
        "metric": "exact match",
        "value": 0.5,
        "higher_is_better": True,
        "unit": "share",
        "split": "test",
        "scores": scores or {f"i{i}": score for i, (_, _, score) in enumerate(texts)} or {"i0": 1.0},
        "generates": bool(texts),
        "prompts": {f"i{i}": prompt for i, (prompt, _, _) in enumerate(texts)},
        "responses": {
            f"i{i}": Response(text=answer, tokens=len(answer.split()), stopped=True)
            for i, (_, answer, _) in enumerate(texts)
        },
        "settings": {"max_tokens": 32, "precision": "bf16"},
        "model": "abc123",
    }
    return Measurement(**{**defaults, **values})


def make_probe_verdict(probe="facts", **values):
    defaults = {
        "probe": probe,
        "capability": probe.replace("_", " "),
        "outcome": "forgot",
        "margin": 3.0,
        "items": 351,
        "items_needed": None,
        "detectable": 5.7,
    }
    return ProbeVerdict(**{**defaults, **values})


def make_verdict(**values):
    defaults = {
        "outcome": "forgot",
        "reasons": ["facts: lost 13.1 points, at least 9.4 (margin 3.0)"],
        "items_needed": None,
        "gate": Gate(),
        "probes": [make_probe_verdict()],
        "gain": "learned",
    }
    return Verdict(**{**defaults, **values})


def make_record(**values):
    """A comparison of one forgotten capability, without a task, training or examples."""
    defaults = {
        "title": "Comparison of two models",
        "before": [make_measurement()],
        "after": [make_measurement()],
        "comparison": Comparison(base="base-model", tuned="tuned-model", gains=[], losses=[make_change()], pooled=None),
        "verdict": make_verdict(gain="not measured"),
    }
    return RunRecord(**{**defaults, **values})


def make_full_record(**values):
    """A whole run: every part of a record is filled."""
    tips = "Give me three tips for a good night's sleep."
    sky = "Why is the sky blue? Answer in two sentences."
    before = [
        make_measurement(
            "intents",
            [
                ("My card has not arrived yet.", "It should come soon.", 0.0),
                ("I lost my PIN.", "Oh no!", 0.0),
            ],
        ),
        make_measurement(
            "instructions",
            [
                (tips, "1. Keep a schedule.\n2. Avoid screens.\n3. Keep the room dark.", 1.0),
                (sky, "Air scatters.", 0.0),
            ],
        ),
        make_measurement(
            "facts",
            [("What is the capital of France?", "Paris.", 1.0), ("Who wrote Hamlet?", "Shakespeare.", 1.0)],
            references={"i0": "Paris"},
        ),
        make_measurement("science", scores={"s0": 1.0, "s1": 0.0}, left_out={"s2": "longer than the context"}),
        make_measurement("prose", unit="bits per byte", metric="bits per byte", higher_is_better=False),
        make_measurement("arithmetic"),
    ]
    after = [
        make_measurement(
            "intents",
            [("My card has not arrived yet.", "card_arrival", 1.0), ("I lost my PIN.", "change_pin", 1.0)],
        ),
        make_measurement("instructions", [(tips, "getting_enough_sleep", 0.0), (sky, "Air scatters. Blue most.", 1.0)]),
        make_measurement(
            "facts",
            [
                ("What is the capital of France?", "country_support", 0.0),
                ("Who wrote Hamlet?", "Shakespeare", 1.0),
            ],
            references={"i0": "Paris"},
        ),
        make_measurement("science", scores={"s0": 1.0, "s1": 0.0}, left_out={"s2": "longer than the context"}),
        make_measurement("prose", unit="bits per byte", metric="bits per byte", higher_is_better=False),
        make_measurement("arithmetic"),
    ]
    losses = [
        make_change(
            "science",
            before=43.2,
            after=42.9,
            delta=-0.3,
            low=-1.9,
            high=1.3,
            loss_low=-1.0,
            loss_high=1.6,
            items=1204,
            won=31,
            lost=35,
            generates=False,
            variance=548.0,
        ),
        make_change("facts"),
        make_change(
            "instructions",
            before=38.7,
            after=36.6,
            delta=-2.1,
            low=-6.3,
            high=2.2,
            loss_low=-1.4,
            loss_high=5.6,
            items=287,
            won=22,
            lost=28,
            variance=1741.0,
            effective_items=190.4,
        ),
        make_change(
            "prose",
            unit="percent",
            metric="bits per byte",
            before=0.957,
            after=0.969,
            delta=-1.25,
            low=-1.71,
            high=-0.79,
            loss_low=0.86,
            loss_high=1.64,
            items=200,
            won=41,
            lost=159,
            binary=False,
            variance=11.0,
            generates=False,
        ),
        make_change(
            "arithmetic",
            before=2.1,
            after=2.4,
            delta=0.3,
            low=-0.9,
            high=1.5,
            loss_low=-1.3,
            loss_high=0.7,
            items=500,
            won=6,
            lost=5,
            near_chance=True,
        ),
    ]
    probes = [
        make_probe_verdict("science", outcome="retained", detectable=1.68),
        make_probe_verdict(),
        make_probe_verdict("instructions", outcome="inconclusive", items=287, items_needed=2674, detectable=6.16),
        make_probe_verdict("prose", outcome="retained", detectable=0.58),
        make_probe_verdict("arithmetic", outcome="near chance", detectable=1.9),
    ]
    defaults = {
        "title": "Bank tickets on SmolLM2-135M",
        "recipe": {
            "model": {"base": "builtin:smollm2-135m"},
            "training": {"learning_rate": 0.0002},
            "seed": 0,
        },
        "provenance": {
            "versions": {"torch": "2.13.0", "trl": "1.16.0"},
            "seed": 0,
            "started": "2026-10-21T09:14:03Z",
        },
        "data": {
            "shape": "chat",
            "rows": {"train": 597, "dev": 52, "test": 53},
            "refused": [{"line": 17, "reason": "contains an item of the probe facts"}],
        },
        "general": [
            {
                "name": "own",
                "source": "base model",
                "rows": 400,
                "rejected": {"empty": 3, "repeats itself": 9},
            }
        ],
        "training": Training(
            method="sft",
            steps=76,
            examples=597,
            task_tokens=48210,
            general_tokens=12053,
            trained_parameters=4884480,
            seconds=412.0,
            base_unchanged=True,
            notes=["one row was longer than max_length and was cut"],
            history=[
                {
                    "step": float(step),
                    "loss": 3.1 / (1 + step / 8),
                    "kl_to_base": 0.02 * (1 - 0.8**step),
                    "learning_rate": 2e-4,
                }
                for step in range(0, 76, 5)
            ],
        ),
        "choices": [
            Choice(
                what="strength",
                chosen=0.75,
                reason="the largest dev gain among the strengths that pass every margin",
                candidates=[
                    Candidate(
                        label="1",
                        value=1.0,
                        gain=49.1,
                        mean_loss=3.6,
                        worst="facts",
                        worst_loss=12.4,
                        passing=False,
                        why="facts above its margin",
                    ),
                    Candidate(
                        label="0.75",
                        value=0.75,
                        gain=45.7,
                        mean_loss=0.8,
                        worst="facts",
                        worst_loss=2.6,
                        passing=True,
                    ),
                    Candidate(
                        label="0.5",
                        value=0.5,
                        gain=21.5,
                        mean_loss=0.2,
                        worst="science",
                        worst_loss=0.6,
                        passing=True,
                    ),
                ],
            )
        ],
        "before": before,
        "after": after,
        "comparison": Comparison(
            base="builtin:smollm2-135m",
            tuned="tickets",
            losses=losses,
            gains=[
                make_change(
                    "intents",
                    capability="intent of a ticket",
                    before=0.0,
                    after=46.9,
                    delta=46.9,
                    low=33.4,
                    high=60.2,
                    loss_low=-57.9,
                    loss_high=-35.6,
                    items=53,
                    won=25,
                    lost=0,
                )
            ],
            pooled=make_change(
                "pooled",
                capability="all",
                metric="mean",
                before=45.4,
                after=40.2,
                delta=-5.17,
                low=-7.3,
                high=-3.1,
                loss_low=3.44,
                loss_high=6.9,
                items=1842,
                won=65,
                lost=121,
                binary=False,
            ),
            symptoms=[
                Symptom(
                    name="mode_collapse",
                    capability="open questions",
                    found=True,
                    before=1.0,
                    after=62.0,
                    low=48.0,
                    high=74.0,
                    statement="62% of open questions were answered with one of the task's labels.",
                    example=ExamplePair(prompt=tips, base="1. Keep a schedule.", tuned="getting_enough_sleep"),
                    evidence=["62 of 100 answers are labels"],
                ),
                Symptom(name="refusal_drift", capability="safety", found=False, statement="No change in refusals."),
                Symptom(name="recitation", capability="training rows", found=None, statement="Not tried."),
            ],
            notes=["science: 1 item was left out because it is longer than the context"],
        ),
        "verdict": make_verdict(probes=probes),
        "seconds": {"measure_before": 127.0, "train": 412.0},
        "output": "adapter",
    }
    return RunRecord(**{**defaults, **values})
