"""General text: written by the base model itself, or read from a file or a Hub data set."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from retain.data.example import Example
from retain.errors import BrokenError
from retain.models.base import CausalModel, Limits, Message, Prompt
from retain.provenance import versions
from retain.records import Record, Response, content_hash
from retain.scoring import ENGINE_VERSION
from retain.store import Store

CHUNK = 32
"""Answers written and stored at a time, so that an interrupted run goes on from there."""
LIBRARIES = ("torch", "transformers", "tokenizers")
"""Packages whose version can change a text."""
LEAST_DISTINCT = 0.5
"""Distinct trigrams of words among all; below this the text goes round in circles."""
TRIES = 3
"""At most this many prompts are tried for each row that is wanted."""


class GeneralRows(Record):
    """Accepted rows and what was rejected, by reason."""

    rows: list[Example]
    rejected: dict[str, int] = {}


def write_general(
    model: CausalModel,
    count: int,
    limits: Limits,
    store: Store,
    refuse: Callable[[Example], str | None] = lambda example: None,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> GeneralRows:
    """Let the base model write general text ("Talking to Yourself", arXiv 2602.20162).

    A chat model answers requests that are spread over capabilities; a model without a chat template continues from
    the opening of a text. Degenerate text is rejected and counted, and other requests take its place.

    Args:
        model: the base.
        count: rows wanted.
        limits: how it samples; chunk ``i`` is drawn with ``limits.seed + i``.
        store: where finished chunks are kept: the same base writes the same text once, for all runs that ask for it.
        refuse: a reason why a row must not be used (it contains a probe's item), or None.
        tick: called with (accepted, count).

    Raises:
        BrokenError: so much was rejected that ``count`` rows could not be written.
    """
    prompts = iter(spread_prompts(limits.seed) if model.chat else _openings())
    rows: list[Example] = []
    rejected: Counter[str] = Counter()
    seen: set[str] = set()
    for number in range(-(-count * TRIES // CHUNK)):
        asked = list(itertools.islice(prompts, CHUNK))
        if not asked or len(rows) >= count:
            break
        for example, reason in _chunk(model, asked, limits.model_copy(update={"seed": limits.seed + number}), store):
            reason = reason or ("written before" if example.id in seen else None) or refuse(example)
            seen.add(example.id)
            if reason is None and len(rows) < count:
                rows.append(example)
            elif reason is not None:
                rejected[reason] += 1
        tick(len(rows), count)
    if len(rows) < count:
        raise BrokenError(
            f"data.general: the base wrote only {len(rows)} usable rows of {count}; rejected: {dict(rejected)}.\n"
            "  Lower count, or use a file of general text as source."
        )
    return GeneralRows(rows=rows, rejected=dict(rejected))


class Answers(Record):
    """What the base wrote to one chunk of prompts, in their order."""

    responses: list[Response]


def written_answers(model: CausalModel, prompts: Sequence[Prompt], limits: Limits, store: Store) -> list[Response]:
    """What a model answers, written and stored :data:`CHUNK` prompts at a time; what was stored before is read.

    Args:
        model: that writes.
        prompts: in the order in which they are asked.
        limits: how it writes; chunk ``i`` is drawn with ``limits.seed + i``.
        store: where finished chunks are kept.
    """
    found: list[Response] = []
    for number, start in enumerate(range(0, len(prompts), CHUNK)):
        own = limits.model_copy(update={"seed": limits.seed + number})
        found += _responses(model, prompts[start : start + CHUNK], own, store)
    return found


def _chunk(
    model: CausalModel, prompts: Sequence[Prompt], limits: Limits, store: Store
) -> list[tuple[Example, str | None]]:
    """The chunk's rows with the reason why each is degenerate, written now or kept from earlier."""
    rows = zip(prompts, _responses(model, prompts, limits, store), strict=True)
    return [(_example(prompt, response), degenerate(response)) for prompt, response in rows]


def _responses(model: CausalModel, prompts: Sequence[Prompt], limits: Limits, store: Store) -> list[Response]:
    """The answers to one chunk of prompts, written now or kept from earlier."""
    installed = versions()
    libraries = [installed.get(name) for name in LIBRARIES]
    asked = [[_plain(prompt) for prompt in prompts], limits.model_dump_json()]
    key = content_hash(model.fingerprint, *asked, ENGINE_VERSION, libraries, length=32)
    kept = store.read(key, Answers)
    if kept is None or len(kept.responses) != len(prompts):
        kept = Answers(responses=model.generate(prompts, limits))
        store.write(key, kept)
    return kept.responses


def _plain(prompt: Prompt) -> Any:
    return prompt if isinstance(prompt, str) else [message.model_dump() for message in prompt]


def _example(prompt: Prompt, response: Response) -> Example:
    text, asked = response.text.strip(), [] if isinstance(prompt, str) else list(prompt)
    identity = content_hash([message.content for message in asked], text)
    if not asked:
        return Example(id=identity, shape="text", text=text, source="base_model", ended=response.stopped)
    turns = (*asked, Message(role="assistant", content=text))
    return Example(id=identity, shape="chat", messages=turns, source="base_model", ended=response.stopped)


def degenerate(response: Response) -> str | None:
    """Why a text is of no use, or None: without a word, or going round in circles.

    One word is an answer: short ones to short questions are what a model that forgets loses first.
    """
    words = response.text.split()
    if not any(letter.isalnum() for letter in response.text):
        return "empty"
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    if len(set(trigrams)) < LEAST_DISTINCT * len(trigrams):
        return "repeats itself"
    return None


def spread_prompts(seed: int) -> Iterable[Prompt]:
    """Requests in an order in which capabilities take turns; endless: a second round samples anew."""
    content: dict[str, list[dict[str, list[str]]]] = yaml.safe_load(
        (Path(__file__).parent / "general_prompts.yaml").read_text("utf-8")
    )
    groups: list[list[str]] = []
    for name, blocks in sorted(content.items()):
        filled = [
            frame.replace("{}", filler) for block in blocks for frame in block["frames"] for filler in block["fillers"]
        ]
        random.Random(f"{seed}-{name}").shuffle(filled)
        groups.append(filled)
    for turn in itertools.count():
        for filled in groups:
            yield (Message(role="user", content=filled[turn % len(filled)]),)


def _openings() -> Iterable[Prompt]:
    """For models without a chat template: the start of a text, again and again."""
    return itertools.repeat("")


def keep_back(rows: Sequence[Example], share: float = 0.2) -> tuple[list[Example], list[Example]]:
    """(rows for mitigations, rows kept back for the KL meter), by a hash of each row's content."""
    order = sorted(rows, key=lambda row: row.id)
    back = {row.id for row in order[: max(1, round(share * len(order)))]}
    return [row for row in rows if row.id not in back], [row for row in rows if row.id in back]
