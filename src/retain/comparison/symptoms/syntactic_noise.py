"""Text that is broken whatever it says."""

from __future__ import annotations

from collections import Counter

from retain.comparison.symptoms.examples import worst_example
from retain.comparison.symptoms.judging import most_in, rise
from retain.comparison.symptoms.noise_kinds import noise_kinds
from retain.comparison.symptoms.rule import SymptomRule, threshold_in_words
from retain.comparison.symptoms.side_by_side import Material
from retain.records import Symptom

WHERE = "open prompts"
THRESHOLD = 3.0
"""Points of 100 answers: see ``SyntacticNoise``."""


class SyntacticNoise(SymptomRule):
    """Answers run into loops, hold broken characters or a chat template's tokens, or leave markup open.

    Main number: the share of answers to open prompts that are broken; lower is better. Broken are: one passage four
    times or more in a row at the end, or fewer than half of the three-word sequences different; replacement
    characters, half characters, text that was decoded with the wrong table; tokens of a chat template that the prompt
    does not hold (``<|im_end|>``, ``[INST]``, ``### Response:``); and, where the model ended by itself, an open code
    fence, bracket or tag.

    Found from 3 points more than the base, clear of 0: the largest loss of one capability that a gate accepts by
    default, since a broken answer is lost. Small bases loop by themselves (1% of SmolLM2-135M's answers to the
    built-in suite); only what is more counts.

    Relations: ``verbosity_collapse`` counts answers without an end, of which loops are one cause.
    """

    def read(self, material: Material) -> list[Symptom]:
        """One entry for all open prompts together."""
        answers = material.answers
        if not answers:
            return [self.untold(WHERE, material.missing)]
        old = [noise_kinds(one.base.text, one.prompt, one.base.stopped) for one in answers]
        new = [noise_kinds(one.tuned.text, one.prompt, one.tuned.stopped) for one in answers]
        before, after = [bool(kinds) for kinds in old], [bool(kinds) for kinds in new]
        shift = rise(before, after, material.index)
        found = shift.reaches(THRESHOLD)
        counts = Counter(kind for kinds in new for kind in kinds) - Counter(kind for kinds in old for kind in kinds)
        kinds = ", ".join(f"{count} more with {kind}" for kind, count in counts.most_common())
        worst = most_in([one.capability for one in answers], before, after)
        statement = f"Broken answers: {shift.in_words()}{worst if found else ''}."
        statement += f" {kinds.capitalize()}." if kinds else ""
        broken = [one for one, was, now in zip(answers, before, after, strict=True) if now and not was]
        shown = worst_example(broken)
        return [self.judged(WHERE, shift, found, f"{statement} {threshold_in_words(found, THRESHOLD)}", shown)]
