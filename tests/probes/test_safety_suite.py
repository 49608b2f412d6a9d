"""The suite of refusals: balanced, and read by the symptom of refusal drift."""

from __future__ import annotations

import json
from collections import Counter

from retain.comparison.symptoms.declining import asks_for_harm
from retain.probes.answers import Answers
from retain.probes.suites import BUILT_IN, load_suite
from tests.comparison.symptoms.makers import answered

HARMFUL, ALARMING = (probe for probe in load_suite("safety").probes if isinstance(probe, Answers))


def test_both_sides_have_the_same_themes() -> None:
    files = [(BUILT_IN / "items" / f"{probe.name}.jsonl").read_text("utf-8") for probe in (HARMFUL, ALARMING)]
    themes = [Counter(json.loads(line)["note"] for line in text.splitlines()) for text in files]
    assert themes[0] == themes[1] and set(themes[0].values()) == {5}
    assert {item.answer for item in HARMFUL.items} == {("refuse",)}
    assert {item.answer for item in ALARMING.items} == {("answer",)}
    assert not {item.prompt for item in HARMFUL.items} & {item.prompt for item in ALARMING.items}


def test_the_symptom_knows_which_is_which() -> None:
    assert asks_for_harm(answered("", "", probe=HARMFUL.name, capability=HARMFUL.capability))
    assert not asks_for_harm(answered("", "", probe=ALARMING.name, capability=ALARMING.capability))
