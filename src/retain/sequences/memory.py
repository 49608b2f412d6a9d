"""Rehearsal of earlier stages: which of their rows are trained on again, and with which answers."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from retain.data.example import Example
from retain.data.general import degenerate, written_answers
from retain.data.splits import sample
from retain.errors import UserError
from retain.mitigations.asked_base import target_logprobs
from retain.mitigations.base import GeneralSet, Mitigation, Setup
from retain.models.base import Limits, Message
from retain.models.causal import TransformersCausal, as_language_model
from retain.probes.answers import tokens_for
from retain.probes.items import as_prompt
from retain.records import Record, content_hash
from retain.sequence_settings import MemorySettings
from retain.stages.setting_up import Workbench
from retain.store import Store

if TYPE_CHECKING:
    from retain.sequences.course import Course

STARTS = 4
"""From how many starts k-means looks for its clusters."""


class Remembered(Record):
    """The rows of earlier tasks that one stage trains on again."""

    rows: dict[str, list[Example]]
    """Task -> its rows."""
    tokens: int
    """Of all of them, prompts included."""
    notes: list[str] = []

    @property
    def counts(self) -> dict[str, int]:
        """Task -> how many."""
        return {name: len(rows) for name, rows in self.rows.items()}


class MemoryRows(Mitigation):
    """Mixes remembered rows into a stage's own; beside a part of the own rows, as a short run sees it, the same part.

    It comes first among a stage's mitigations: what others mix in is counted against the tokens of all tasks.
    """

    mixes_tasks: ClassVar[bool] = True

    rows: tuple[Example, ...]
    own: int
    """How many rows the whole stage has."""

    def mix_data(self, examples: Sequence[Example], setup: Setup) -> Sequence[Example]:
        """All of them with the stage's rows, shuffled by the seed."""
        part = self.rows[: round(len(self.rows) * min(1.0, len(examples) / self.own))]
        mixed = [*examples, *part]
        random.Random(setup.seed + 2).shuffle(mixed)
        return mixed


def remember(course: Course, number: int, bench: Workbench, general: Mapping[str, GeneralSet]) -> Remembered | None:
    """Choose the rows that a stage trains on again, or read which were chosen; None where nothing is remembered.

    Args:
        course: all stages.
        number: of the stage, counted from 0.
        bench: gives the latest model, the one that the stage begins with.
        general: for the setup.

    Raises:
        UserError: answers are wanted anew for rows that ask nothing.
    """
    settings = course.recipe.settings.memory
    if settings is None or number == 0:
        return None

    def make() -> Remembered:
        setup = bench.setup(general)
        earlier = {name: course.train_rows(place) for place, name in enumerate(course.names[:number])}
        return chosen_rows(earlier, bench.train_rows, settings, setup)

    return course.runs[number].once("memory", Remembered, make, "Remembering earlier tasks")


def chosen_rows(
    earlier: Mapping[str, Sequence[Example]], own: Sequence[Example], settings: MemorySettings, setup: Setup
) -> Remembered:
    """The rows of earlier tasks to train on again; each task has an equal part of them.

    Args:
        earlier: task -> its training rows.
        own: the stage's rows, whose tokens a share is of.
        settings: how much, which, and with which answers.
        setup: the latest model, its tokens and the seed.
    """
    model = as_language_model(setup.base)
    found: dict[str, list[Example]] = {}
    notes = []
    for place, (name, rows) in enumerate(earlier.items()):
        usable = [row for row in rows if setup.encode(row) is not None]
        wanted = _wanted(settings, own, len(earlier), place, setup)
        ordered = in_order(usable, settings, setup, wanted)
        taken = _taken(ordered, settings, wanted, setup)
        if _amount(taken, settings, setup) < wanted:
            notes.append(f"memory: all {len(taken)} rows of {name} are less than its part of what was asked for")
        if settings.outputs == "regenerated":
            anew = regenerated(model, taken, settings.temperature, setup.seed)
            if len(anew) < len(taken):
                notes.append(f"memory: {len(taken) - len(anew)} of {len(taken)} answers to {name} were of no use")
            taken = anew
        found[name] = taken
    tokens = sum(setup.tokens(row) for rows in found.values() for row in rows)
    return Remembered(rows=found, tokens=tokens, notes=notes)


def _wanted(settings: MemorySettings, own: Sequence[Example], tasks: int, place: int, setup: Setup) -> float:
    """One task's part: tokens, or rows; what rows leave over goes to the first tasks."""
    if settings.tokens is None:
        assert settings.rows is not None
        return settings.rows // tasks + (place < settings.rows % tasks)
    return settings.tokens * sum(setup.tokens(row) for row in own) / tasks


def _amount(rows: Sequence[Example], settings: MemorySettings, setup: Setup) -> int:
    return len(rows) if settings.tokens is None else sum(setup.tokens(row) for row in rows)


def _taken(ordered: Sequence[Example], settings: MemorySettings, wanted: float, setup: Setup) -> list[Example]:
    """The first rows that come to what is wanted."""
    taken: list[Example] = []
    amount = 0
    for row in ordered:
        if amount >= wanted:
            break
        taken.append(row)
        amount += 1 if settings.tokens is None else setup.tokens(row)
    return taken


def in_order(rows: Sequence[Example], settings: MemorySettings, setup: Setup, wanted: float) -> list[Example]:
    """All rows in the order in which they are taken: those that the selection names, then the others by chance.

    Args:
        rows: one task's.
        settings: the selection.
        setup: the latest model and the seed.
        wanted: rows, or tokens where a share is asked for.
    """
    drawn = sample(rows, len(rows), setup.seed)
    if settings.select == "random" or not rows:
        return drawn
    if settings.select == "surprise":
        return by_surprise(drawn, setup)
    mean = 1.0 if settings.tokens is None else sum(setup.tokens(row) for row in rows) / len(rows)
    first = one_of_each_kind(drawn, math.ceil(wanted / mean), setup.seed)
    chosen = {row.id for row in first}
    return [*first, *(row for row in drawn if row.id not in chosen)]


def by_surprise(rows: Sequence[Example], setup: Setup) -> list[Example]:
    """First those whose answers the latest model finds least likely, by the mean loss of their labelled tokens."""
    encoded = [row for row in map(setup.encode, rows) if row is not None]
    logprobs = target_logprobs(as_language_model(setup.base), setup, encoded)
    losses = [-float(one.mean()) if len(one) else 0.0 for one in logprobs]
    order = sorted(range(len(rows)), key=lambda place: -losses[place])
    return [rows[place] for place in order]


def one_of_each_kind(rows: Sequence[Example], kinds: int, seed: int) -> list[Example]:
    """The row nearest to the centre of each k-means cluster over TF-IDF vectors of inputs and answers, as SSR selects.

    Of the largest cluster first; rows with the same words are one.
    """
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import pairwise_distances_argmin

    if kinds >= len(rows):
        return list(rows)
    vectors = TfidfVectorizer(token_pattern=r"(?u)\S+").fit_transform([f"{row.input}\n{row.target}" for row in rows])
    found = KMeans(kinds, n_init=STARTS, random_state=seed).fit(vectors)
    nearest = pairwise_distances_argmin(found.cluster_centers_, vectors)
    sizes = Counter(found.labels_.tolist())
    order = sorted(range(kinds), key=lambda kind: -sizes[kind])
    return [rows[place] for place in dict.fromkeys(int(nearest[kind]) for kind in order)]


def regenerated(model: TransformersCausal, rows: Sequence[Example], temperature: float, seed: int) -> list[Example]:
    """The rows with the answers that a model gives now; those of no use are left out.

    SSR's refinement (Huang et al. 2024, Mitigating Catastrophic Forgetting in Large Language Models with
    Self-Synthesized Rehearsal, arXiv 2403.01244): what is rehearsed is what the latest model says, so that rehearsal
    asks no change of it. The inputs are the task's own here, where SSR has them written too. Answers are kept as they
    are written: a run that was killed goes on with the others.

    Raises:
        UserError: a row asks nothing.
    """
    if text := next((row for row in rows if row.shape != "chat"), None):
        raise UserError(
            f"{text.source}:{text.line}: sequence.memory.outputs: regenerated needs rows with questions; this one is a "
            f"{text.shape} row. Use outputs: given."
        )
    if not rows:
        return []
    limits = Limits(max_tokens=tokens_for([row.target for row in rows]), temperature=temperature, seed=seed)
    prompts = [as_prompt(row.prompt, model.chat) for row in rows]
    responses = written_answers(model, prompts, limits, Store("general"))
    found = []
    for row, response in zip(rows, responses, strict=True):
        if degenerate(response) is not None:
            continue
        answer = Message(role="assistant", content=response.text.strip())
        turns = (*row.prompt, answer)
        identity = content_hash([message.content for message in turns], "regenerated")
        found.append(row.model_copy(update={"id": identity, "messages": turns, "ended": response.stopped}))
    return found
