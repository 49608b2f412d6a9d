"""Open prompts answered as if each were the task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from retain.comparison.symptoms.examples import worst_example
from retain.comparison.symptoms.judging import most_in, rise
from retain.comparison.symptoms.outlines import outline_of
from retain.comparison.symptoms.rule import SymptomRule, threshold_in_words
from retain.comparison.symptoms.side_by_side import Answered, Material
from retain.records import Response, Symptom
from retain.wording import normalised

WHERE = "open prompts"
THRESHOLD = 5.0
"""Points of 100 answers: see ``ModeCollapse``."""
TWICE = 2
"""Words that the other model gives at least half as often are no sign."""
DISTINCTIVE = 0.20
"""The form tells nothing where more of the base's own answers have it."""

Side = Callable[[Answered], Response]


class ModeCollapse(SymptomRule):
    """Open prompts are answered in the task's format, or many of them with the same words.

    Main number: the share of answers to prompts of capabilities (not of the task) that are collapsed; lower is better.
    An answer is collapsed when it is not right, the other model does not give the same words at least half as often (so
    that "B" and "yes" are no sign where prompts ask for them), and

    - it is a training answer, word for word (case and final punctuation aside), or
    - it has the form of the training answers: begins, ends and is as long as they are. Used where at most 20% of the
      base's own answers have that form, so that prose answers to a task of prose count as nothing; or
    - the same words were given to a prompt of another capability (of the same one, where only one was measured).

    Found from 5 points more than the base, clear of 0. Such an answer is lost whatever was asked, so the threshold is
    of the size of the largest loss that a gate accepts by default (3 points of one capability), with room for answers
    that became as short as the task's and are merely wrong: of 33 fine-tunes of SmolLM2-135M, those whose open answers
    stayed prose show 0 to 2 points, those in which labels or JSON can be seen 9 and more (benchmarks/symptoms).

    Distinct-n is not used: fewer words repeat less. Where four of five answers had become a label, the share of
    different word pairs fell from 0.61 to 0.57 on one task and rose to 0.69 on another.

    Relations: ``verbosity_collapse`` sees answers that become short without the task's form; ``capability_cliff``
    sees a collapse of one capability alone.
    """

    def read(self, material: Material) -> list[Symptom]:
        """One entry for all open prompts together."""
        answers = material.answers
        if not answers:
            return [self.untold(WHERE, material.missing)]
        before, after = (_collapsed(material, side) for side in (_base, _tuned))
        shift = rise(before, after, material.index)
        found = shift.reaches(THRESHOLD)
        worst = most_in([one.capability for one in answers], before, after)
        statement = (
            f"Answers like the task's: {shift.in_words()}{worst if found else ''}. {_how(material)} "
            f"{threshold_in_words(found, THRESHOLD)}"
        )
        fallen = [one for one, old, new in zip(answers, before, after, strict=True) if new and not old]
        return [self.judged(WHERE, shift, found, statement, worst_example(fallen))]


def _base(answer: Answered) -> Response:
    return answer.base


def _tuned(answer: Answered) -> Response:
    return answer.tuned


def _collapsed(material: Material, side: Side) -> list[bool]:
    known = {normalised(target) for target in material.targets}
    looks = _looks_like_the_task(material)
    new, shared = _new(material.answers, side), _shared(material.answers, side)
    return [
        new[place]
        and not _right(one, side)
        and (shared[place] or normalised(side(one).text) in known or looks(side(one)))
        for place, one in enumerate(material.answers)
    ]


def _new(answers: Sequence[Answered], side: Side) -> list[bool]:
    """Whether this model gives each answer's words more than twice as often as the other one."""
    mine = [normalised(side(one).text) for one in answers]
    other = _tuned if side is _base else _base
    often, there = Counter(mine), Counter(normalised(other(one).text) for one in answers)
    return [often[text] > TWICE * there[text] for text in mine]


def _right(answer: Answered, side: Side) -> bool:
    score = answer.base_score if side is _base else answer.tuned_score
    return score is not None and score >= 1


def _looks_like_the_task(material: Material) -> Callable[[Response], bool]:
    outline = outline_of(material.targets)
    if outline is None:
        return lambda response: False
    base = sum(outline.has(one.base.text, one.base.stopped) for one in material.answers)
    if base > DISTINCTIVE * len(material.answers):
        return lambda response: False
    return lambda response: outline.has(response.text, response.stopped)


def _shared(answers: Sequence[Answered], side: Side) -> list[bool]:
    """Whether each answer was also given to a prompt of another capability (of any, where there is only one)."""
    alone = len({one.capability for one in answers}) == 1
    places = [(normalised(side(one).text), one.item if alone else one.capability) for one in answers]
    where: defaultdict[str, set[str]] = defaultdict(set)
    for text, place in places:
        where[text].add(place)
    return [len(where[text]) > 1 for text, _ in places]


def _how(material: Material) -> str:
    answers = material.answers
    known = {normalised(target) for target in material.targets}
    if not known:
        return (
            "The task's own answers are not known here, so that only equal answers to different prompts count: "
            "a collapse into different labels would not show."
        )
    literal = sum(normalised(one.tuned.text) in known for one in answers)
    return f"{literal} of the tuned model's answers are an answer of the task, word for word."
