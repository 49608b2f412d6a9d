"""Settings that the user knows to differ and lets differ: set aside on both sides, and said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from retain.comparison.comparable import PROMPT_SETTINGS, differing
from retain.errors import UserError, nearest
from retain.records import Measurement

PROMPTS = "prompts"
"""The name that lets the same items be asked in other words, with all settings that act on the prompt."""


def set_aside(
    before: Sequence[Measurement], after: Sequence[Measurement], names: Iterable[str]
) -> tuple[list[Measurement], list[Measurement], list[str]]:
    """Both sides without the settings that may differ, and a note on each that does.

    Args:
        before: the base's measurements.
        after: the tuned model's.
        names: keys of ``Measurement.settings``, or ``prompts``.

    Raises:
        UserError: nothing was measured with a setting of that name.
    """
    allowed = set(names)
    known = {key for one in (*before, *after) for key in one.settings} | {PROMPTS}
    if unknown := sorted(allowed - known):
        raise UserError(f'--allow-different: there is no setting "{unknown[0]}"; {nearest(unknown[0], known)}')
    if PROMPTS in allowed:
        allowed |= PROMPT_SETTINGS
    notes = _notes(before, after, allowed)
    return [_without(one, allowed) for one in before], [_without(one, allowed) for one in after], notes


def _without(one: Measurement, allowed: set[str]) -> Measurement:
    kept = {key: value for key, value in one.settings.items() if key not in allowed}
    return one.model_copy(update={"settings": kept, "inputs": {} if PROMPTS in allowed else one.inputs})


def _notes(before: Sequence[Measurement], after: Sequence[Measurement], allowed: set[str]) -> list[str]:
    tuned = {one.probe: one for one in after}
    found: dict[str, list[str]] = {}
    for old in before:
        if (new := tuned.get(old.probe)) is None:
            continue
        keys = differing(old, new) & allowed
        if PROMPTS in allowed and any(new.inputs.get(item, asked) != asked for item, asked in old.inputs.items()):
            keys.add(PROMPTS)
        for key in keys:
            found.setdefault(key, []).append(old.probe)
    return [
        f"Allowed to differ: {key} ({', '.join(probes)}). A part of the change may come from that."
        for key, probes in sorted(found.items())
    ]
