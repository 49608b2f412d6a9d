"""Whether two measurements may be compared: same probe, split, metric and settings."""

from __future__ import annotations

import json
from collections.abc import Sequence

from retain.comparison.paired import Paired, pair
from retain.errors import UserError, listed
from retain.records import Measurement

HARMLESS_SETTINGS = frozenset(
    {
        *("batch_size", "device", "limit", "retain_engine", "seconds", "threads", "torch", "workers"),
        *("numpy_seed", "random_seed", "torch_seed", "transformers"),
    }
)
"""Keys of ``Measurement.settings`` that do not change a score systematically: a difference is noted, not refused.

A fingerprint of all settings differs with ``limit``, and may then; the one without it may not.
"""
UNLIMITED = "unlimited_fingerprint"
PROMPT_SETTINGS = frozenset({"chat_template", "multiturn_shots", "shots", "shots_seed", "system_prompt", "template"})
"""Settings that act on nothing but the prompt: where both sides hold their items' ``inputs``, those decide."""
_SAME = ("metric", "unit", "higher_is_better", "capability")
UNSHARED = "unshared"
"""The setting that says why requests could not share their work."""
ENDPOINT = "endpoint"
"""The precision of a model that a server answers for: not known, and so neither the same nor another."""
OURS = frozenset({"device", "precision", "retain_engine", "torch"})
"""Settings of a model that is loaded here; a server does not tell its own."""
_SERVED = (
    "a server answered for at least one of the models: its precision, chat template and own settings are not known, "
    "and where they differ from the other side's, that counts as a change of the model."
)
_CHANCE_TOLERANCE = 0.02
"""Where items have different numbers of choices, the mean chance moves a little with the items."""

Key = tuple[str, str]
Found = dict[str, list[str]]
"""What differs, in words -> the probes of which that is true."""


def matched(
    before: Sequence[Measurement], after: Sequence[Measurement], notes: list[str]
) -> list[tuple[Measurement, Measurement, Paired]]:
    """Pairs of measurements of one probe with their items paired, in the order of ``before``.

    What a reader must know is added to ``notes``: probes and items on one side only, harmless differences.

    Raises:
        UserError: all that makes them incomparable, at once (see ``compare``).
    """
    problems: list[str] = []
    old, new = _by_key(before, "before", problems), _by_key(after, "after", problems)
    shared = [key for key in old if key in new]
    notes += _one_sided_notes(old, new)
    if len({split for _, split in shared}) > 1:
        problems.append("Both splits were measured, dev and test. Compare one split at a time.")
    if not shared:
        problems.append(_nothing_shared(old, new))
    wrong: Found = {}
    harmless: Found = {}
    for key in shared:
        _note_differences(old[key], new[key], wrong, harmless)
    problems += _lines(wrong)
    notes += _lines(harmless)
    pairs = {} if problems else _paired(shared, old, new, problems, notes)
    if problems:
        raise UserError(_message(problems))
    return [(old[key], new[key], paired) for key, paired in pairs.items()]


def _by_key(measurements: Sequence[Measurement], side: str, problems: list[str]) -> dict[Key, Measurement]:
    """Measurements by probe and split; one that occurs twice is added to ``problems``."""
    found: dict[Key, Measurement] = {}
    for measurement in measurements:
        key = (measurement.probe, measurement.split)
        if key in found:
            problems.append(f'The probe "{measurement.probe}" occurs twice among the measurements {side}.')
        found[key] = measurement
    return found


def _one_sided_notes(old: dict[Key, Measurement], new: dict[Key, Measurement]) -> list[str]:
    """A note for each probe that only one side measured."""
    notes = []
    for side, mine, other in (("before", old, new), ("after", new, old)):
        for probe, split in mine:
            if (probe, split) not in other:
                notes.append(f'"{probe}" ({split} items) was measured only {side} and is not compared.')
    return notes


def _nothing_shared(old: dict[Key, Measurement], new: dict[Key, Measurement]) -> str:
    """What was measured on each side, where no probe is on both."""

    def names(side: dict[Key, Measurement]) -> str:
        return ", ".join(sorted(f"{probe} ({split})" for probe, split in side)) or "none"

    return f"No probe was measured on both sides. Before: {names(old)}. After: {names(new)}."


def _note_differences(old: Measurement, new: Measurement, wrong: Found, harmless: Found) -> None:
    """Whatever makes the two scores incomparable, and differences that do not."""

    def note(found: Found, text: str) -> None:
        found.setdefault(text, []).append(old.probe)

    for name in _SAME:
        if getattr(old, name) != getattr(new, name):
            note(wrong, f"{name} is {getattr(old, name)!r} before and {getattr(new, name)!r} after.")
    if not _same_chance(old.chance, new.chance):
        note(wrong, f"chance is {old.chance!r} before and {new.chance!r} after.")
    prompts = _other_prompts(old, new)
    if prompts:
        note(wrong, prompts)
    judged_by_prompts = PROMPT_SETTINGS if old.inputs and new.inputs else frozenset()
    for why in sorted({one.settings[UNSHARED] for one in (old, new) if UNSHARED in one.settings}):
        note(harmless, f"requests did not share their work, which takes longer and changes no score ({why}).")
    keys = differing(old, new) - {UNSHARED}
    # Where the limits differ, the fingerprints without them decide, as far as both are known.
    both = all(UNLIMITED in one.settings for one in (old, new))
    keys.discard("fingerprint" if "limit" in keys else UNLIMITED)
    keys -= set() if both else {UNLIMITED}
    if ENDPOINT in (old.settings.get("precision"), new.settings.get("precision")):
        keys -= OURS
        note(harmless, _SERVED)
    for key in sorted(keys):
        text = f"the setting {key} is {_shown(old, key)} before and {_shown(new, key)} after."
        explains = prompts and key in judged_by_prompts
        note(wrong if explains or key not in HARMLESS_SETTINGS | judged_by_prompts else harmless, text)


def differing(old: Measurement, new: Measurement) -> set[str]:
    """Keys of settings that are not the same on both sides."""
    return {key for key in old.settings | new.settings if _shown(old, key) != _shown(new, key)}


def _same_chance(old: float | None, new: float | None) -> bool:
    return old == new or (old is not None and new is not None and abs(old - new) <= _CHANCE_TOLERANCE)


def _other_prompts(old: Measurement, new: Measurement) -> str:
    """That the same items were asked in other words, where both sides say what was asked."""
    both = [item for item in old.inputs if item in new.inputs]
    other = sum(old.inputs[item] != new.inputs[item] for item in both)
    if not other:
        return ""
    return (
        f"{other} of {len(both)} items had another prompt after than before: the template, the solved examples, the "
        "system prompt or the wording differ. Measure both in the same way."
    )


def _lines(found: Found) -> list[str]:
    """One line for each difference, with the probes that it is true of."""
    return [f"{_names(probes)}: {text}" for text, probes in found.items()]


def _names(probes: Sequence[str], most: int = 3) -> str:
    names = ", ".join(f'"{probe}"' for probe in probes[:most])
    return names if len(probes) <= most else f"{names} and {len(probes) - most} more"


def _shown(measurement: Measurement, key: str) -> str:
    settings = measurement.settings
    return json.dumps(settings[key], sort_keys=True, default=str) if key in settings else "not set"


def _paired(
    shared: Sequence[Key],
    old: dict[Key, Measurement],
    new: dict[Key, Measurement],
    problems: list[str],
    notes: list[str],
) -> dict[Key, Paired]:
    pairs: dict[Key, Paired] = {}
    for key in shared:
        try:
            paired = pair(old[key], new[key])
        except UserError as error:
            problems.append(str(error))
            continue
        if paired.before.size == 0:
            notes.append(f'"{key[0]}" has no item that both sides scored and is not compared.')
            continue
        pairs[key] = paired
        if paired.unscored:
            notes.append(_unscored(new[key], paired))
        if paired.unpaired:
            notes.append(_one_sided_items(old[key], new[key], paired))
        both = len(old[key].left_out.keys() & new[key].left_out.keys())
        if both:
            notes.append(f'"{key[0]}": {both} items could not be scored on either side.')
    if not pairs and not problems:
        problems.append("No item was scored on both sides. " + " ".join(notes))
    return pairs


def _unscored(new: Measurement, paired: Paired) -> str:
    reason = next(reason for item, reason in new.left_out.items() if item in paired.ids)
    return (
        f'"{new.probe}": {paired.unscored} items that were scored before could not be scored after and count as lost '
        f"(the first: {reason})."
    )


def _one_sided_items(old: Measurement, new: Measurement, paired: Paired) -> str:
    before = len(old.scores) - paired.before.size
    after = len(new.scores) + paired.unscored - paired.after.size
    return (
        f'"{old.probe}": compared on the {paired.before.size} items that both sides scored; {paired.unpaired} items '
        f"were scored on one side only and left out ({before} before, {after} after)."
    )


def _message(problems: Sequence[str]) -> str:
    """All problems as one message."""
    if len(problems) == 1:
        return f"These measurements cannot be compared. {problems[0]}"
    return f"These measurements cannot be compared ({len(problems)} problems):\n{listed(problems)}"
