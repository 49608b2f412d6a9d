"""Which of a task's metrics counts. The rule and its reasons: docs/decisions/lm-eval-logs.md."""

from __future__ import annotations

from collections.abc import Iterable

from retain.errors import UserError, nearest
from retain.importing.lm_eval_samples import BITS, Samples, Score

PREFERRED = {
    "multiple_choice": ("acc_norm", "acc"),
    "loglikelihood": ("acc",),
    "loglikelihood_rolling": (BITS,),
    "generate_until": ("exact_match", "prompt_level_strict_acc", "pass@1", "acc"),
}
"""The main metric of each kind of task: the first that is there."""
FILTERS = ("flexible-extract",)
"""The filter that is preferred where there are several; otherwise the task's first."""


def usable(samples: Samples) -> list[Score]:
    """Metrics with one number between 0 and 1 for each item (or bits per byte), in the order of the log."""
    return [key for key in samples.scores if key not in samples.unusable]


def choose_metric(samples: Samples, output_type: str, asked: str | None) -> Score | None:
    """The metric and filter that count; None where a task has none that can be paired by item.

    Args:
        samples: the task's log.
        output_type: how the task asks.
        asked: ``acc`` or ``exact_match,strict-match``; taken where the task has it.
    """
    keys = usable(samples)
    if asked and (wanted := [key for key in keys if _fits(key, asked)]):
        return _by_filter(wanted)
    for metric in PREFERRED.get(output_type, ()):
        if found := [key for key in keys if key.metric == metric]:
            return _by_filter(found)
    return _by_filter([key for key in keys if key.metric == keys[0].metric]) if keys else None


def check_asked(asked: str, logs: Iterable[Samples]) -> None:
    """Refuse a metric that no task has.

    Raises:
        UserError: naming the nearest one.
    """
    known = {key for samples in logs for key in usable(samples)}
    if not any(_fits(key, asked) for key in known):
        names = {key.metric for key in known} | {",".join(key) for key in known}
        raise UserError(f'--metric: no task has "{asked}" as a number for each item; {nearest(asked, names)}')


def _fits(key: Score, asked: str) -> bool:
    return asked in (key.metric, ",".join(key))


def _by_filter(keys: list[Score]) -> Score:
    return next((key for key in keys if key.filter in FILTERS), keys[0])
