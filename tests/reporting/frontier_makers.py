"""Hand-made records of frontiers."""

from __future__ import annotations

from retain.frontier_records import ArmResult, FrontierRecord, Recommendation
from retain.records import Candidate

from .makers import make_change


def make_candidate(strength=1.0, gain=40.0, loss=1.0, **values):
    defaults = {
        "label": f"{strength:g}",
        "value": strength,
        "gain": gain,
        "mean_loss": loss,
        "worst": "facts",
        "worst_loss": 2 * loss,
        "passing": loss < 1,
        "gain_error": 2.0,
        "loss_error": 0.5,
    }
    return Candidate(**{**defaults, **values})


def make_arm(variant="plain", gain=40.0, loss=1.0, seed=0, **values):
    """Measured at half and at full strength, which it chose; on test items just as on dev items."""
    defaults = {
        "name": variant,
        "variant": variant,
        "changes": {"training.epochs": 2.0},
        "share": 1.0,
        "seed": seed,
        "folder": f"arms/{variant}-{seed}",
        "curve": [make_candidate(0.5, gain / 2, loss / 3), make_candidate(1.0, gain, loss)],
        "strength": 1.0,
        "gain": make_change("task", delta=gain, low=gain - 4, high=gain + 5),
        "mean": make_change("pooled", delta=-loss, low=-loss - 1, high=-loss + 0.8),
        "outcome": "retained" if loss < 1 else "forgot",
        "task_tokens": 48210,
        "seconds": 412.0,
    }
    if "failed" in values:
        defaults |= {"curve": [], "strength": None, "gain": None, "mean": None, "outcome": None}
    return ArmResult(**{**defaults, **values})


def make_frontier(arms=(), taken="kept", **values):
    """Plain, an arm that kept more and is recommended, and one that broke."""
    defaults = {
        "title": "base: frontier",
        "recipe": {"model": {"base": "base"}, "gate": {"mean_margin": 1.0, "margin": 3.0}},
        "provenance": {"versions": {"torch": "2.13.0"}},
        "arms": list(arms)
        or [
            make_arm("plain", 50, 20, plain=True),
            make_arm("kept", 45, 0.8),
            make_arm("broken", failed="The loss became NaN."),
        ],
        "dropped": ["idle"],
        "pareto": ["kept at 0.5", "kept at 1", "plain at 1"],
        "recommended": taken
        and Recommendation(variant=taken, share=1.0, strength=1.0, reason="it loses least", passing=True),
    }
    return FrontierRecord(**{**defaults, **values})


def make_levels(levels=(0.0, 5.0, 20.0), seeds=(0,), factor="rehearsal share (%)"):
    """Arms of one factor: from level to level the gain falls by 1 and the loss by 5."""
    return [
        make_arm(f"level {level}", 50 - place + seed, 12 - 5 * place + seed, seed, factor=factor, level=level)
        for place, level in enumerate(levels)
        for seed in seeds
    ]
