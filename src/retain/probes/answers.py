"""Questions that the model answers in its own words, scored by a rule."""

from __future__ import annotations

import hashlib
import importlib
import math
import re
import statistics
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from pydantic import Field, ValidationError, field_serializer

from retain.data.example import Example
from retain.errors import UserError, listed
from retain.models.base import CausalModel, Limits
from retain.probes.item_files import reasons
from retain.probes.items import Item, ItemProbe, Scored, as_prompt, readable
from retain.probes.reference_likelihood import ReferenceLikelihood
from retain.probes.rules.item import AnswerItem, CannotScore, Rule
from retain.probes.rules.json import first_value
from retain.probes.rules.number import is_number
from retain.records import content_hash

RuleName = Literal["exact", "contains", "number", "json", "regex", "length", "sql", "python", "refusal"]


class Answers(ItemProbe):
    """Share of questions answered rightly; the model writes, a rule scores.

    The prompt goes through the chat template where the model has one, and is raw text where not. Rules
    (``score``):

    - ``exact``: the whole answer equals an accepted one; case, white space, quotes and final punctuation
      aside;
    - ``contains``: an accepted answer occurs as whole words; a refusal is wrong;
    - ``number``: the last number equals the accepted one, within ``tolerance``;
    - ``json``: the first JSON value equals the accepted one; keys in any order;
    - ``regex``: ``pattern`` is found in the answer;
    - ``length``: as many words as ``min_words`` and ``max_words`` say, ended by the model itself;
    - ``sql``: the query gives the accepted query's rows on ``database``, which is opened read-only;
    - ``python``: code that parses and defines a function of the accepted name; it is never run;
    - ``refusal``: the answer declines where the accepted one is ``refuse``, and does not where it is ``answer``;
    - ``auto``: json, number or exact, from the form of the accepted answers.

    An empty answer is always wrong. Items: ``{"prompt": str | "messages": [...], "answer": str | [str],
    "system"?, "pattern"?, "min_words"?, "max_words"?, "cluster"?}``.

    Relations: for long answers that no rule can compare use ``reference_likelihood``.
    """

    items: tuple[AnswerItem, ...] = Field(default=(), exclude=True, repr=False)
    score: RuleName | Literal["auto"] = "exact"
    """How an answer is scored."""
    max_tokens: int = Field(default=32, ge=1)
    """Where an answer is cut off."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer; they are not part of it."""
    tolerance: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """``score: number``: the largest difference of two equal numbers."""
    database: Path | None = None
    """``score: sql``: the SQLite file, relative to the suite file."""
    time_limit: float = Field(default=5.0, gt=0, allow_inf_nan=False)
    """Seconds for one query (``sql``) or one pattern (``regex``)."""

    generates: ClassVar[bool] = True
    item_type: ClassVar[type[Item]] = AnswerItem
    measures: ClassVar[str] = "right answers"

    @classmethod
    def from_examples(
        cls,
        name: str,
        capability: str,
        examples: Sequence[Example],
        score: str = "auto",
        *,
        dev: Sequence[Example] | None = None,
        max_tokens: int | None = None,
        **settings: Any,
    ) -> Answers | ReferenceLikelihood:
        """A probe of held-out examples: the turns before the answer are asked, the answer is accepted.

        ``auto`` takes the rule from the targets: ``json`` when 95% are JSON objects or lists, ``number``
        when 95% are numbers or end in GSM8K's ``#### number``, ``exact`` when the median has at most 24
        words and 90% at most 60, else ``likelihood``, which is the probe ``reference_likelihood``.

        Args:
            name: the probe's name.
            capability: what the task is, in a word or two.
            examples: chat (or preference) examples; test items where ``dev`` is given, else split by a hash.
            score: a rule, ``auto`` or ``likelihood``.
            dev: the dev items, where the split is already made.
            max_tokens: where an answer is cut off; by default the 95th percentile of a third of the targets'
                characters, plus 16, at most 256.
            **settings: further settings of the probe, such as ``database``.

        Raises:
            UserError: there are no examples, or they have no answers to compare with.
        """
        rows: list[tuple[Example, str | None]] = [(one, None if dev is None else "test") for one in examples]
        rows += [(one, "dev") for one in dev or ()]
        if not rows:
            raise UserError(f'probe "{name}": there are no examples to measure the task on')
        if wrong := next((one for one, _ in rows if one.shape not in ("chat", "preference")), None):
            raise UserError(f'probe "{name}": {wrong.shape} examples have no answers; use chat or prompt/completion')
        targets = [one.target for one, _ in rows]
        rule = rule_for(targets) if score == "auto" else score
        items = [{"messages": one.prompt, "answer": one.target, "split": split} for one, split in rows]
        values = {"name": name, "capability": capability, "items": items, **settings}
        unit: type[Answers] | type[ReferenceLikelihood] = ReferenceLikelihood
        if rule != "likelihood":
            unit = cls
            values |= {"score": rule, "max_tokens": max_tokens or tokens_for(targets)}
        try:
            return unit.model_validate(values)
        except ValidationError as error:
            raise UserError(f'probe "{name}":\n{listed(reasons(error, unit))}') from None

    @cached_property
    def rule_name(self) -> str:
        """The rule, ``auto`` resolved."""
        if self.score != "auto":
            return self.score
        return rule_for([answer for item in self.items for answer in item.answer[:1]])

    @property
    def metric_name(self) -> str:
        """``exact match``, ``number match``, ..."""
        return {
            "contains": "contains the answer",
            "sql": "execution match",
            "refusal": "declined or answered rightly",
        }.get(self.rule_name, f"{self.rule_name} match")

    @property
    def _rule(self) -> Rule:
        return cast(Rule, importlib.import_module(f"retain.probes.rules.{self.rule_name}"))

    def fingerprint(self) -> str:
        """Covers the database's content, wherever it lies."""
        return content_hash(super().fingerprint(), self._database_hash())

    def _database_hash(self) -> str:
        if self.database is None or not self.database.is_file():
            return ""
        return hashlib.sha256(self.database.read_bytes()).hexdigest()

    @field_serializer("database")
    def _name_only(self, database: Path | None) -> str | None:
        return database.name if database else None

    def problems(self) -> list[str]:
        """Items that the rule cannot score."""
        found = super().problems()
        if self.rule_name == "likelihood":
            return [*found, "the answers are too long to compare by a rule; use kind: reference_likelihood"]
        for item in self.items:
            if problem := self._rule.problem(item, self):
                found.append(f'score: {self.rule_name}, item "{item.input[:60]}": {problem}')
        return found

    def score_items(self, model: CausalModel, items: Sequence[AnswerItem]) -> Scored:
        """Ask all questions in one call."""
        prompts = [as_prompt(item.turns, model.chat) for item in items]
        responses = model.generate(prompts, Limits(max_tokens=self.max_tokens, stop=self.stop))
        scored = Scored(settings={"template": "chat" if model.chat else "raw", "score": self.rule_name})
        for item, response in zip(items, responses, strict=True):
            scored.responses[item.id] = response
            scored.prompts[item.id] = readable(item.turns)
            scored.references[item.id] = item.reference
            try:
                scored.scores[item.id] = float(self._rule.right(response, item, self))
            except CannotScore as reason:
                scored.left_out[item.id] = str(reason)
        return scored


def rule_for(targets: Sequence[str]) -> str:
    """The rule that suits the form of most targets: json, number, exact, or likelihood."""
    if not targets:
        return "exact"
    enough = 0.95 * len(targets)
    if sum(isinstance(first_value(target), dict | list) and _is_json(target) for target in targets) >= enough:
        return "json"
    if sum(is_number(target) or bool(re.search(r"#### *[-\d,.$]+\s*$", target)) for target in targets) >= enough:
        return "number"
    lengths = sorted(len(target.split()) for target in targets)
    short = statistics.median(lengths) <= 24 and sum(length <= 60 for length in lengths) >= 0.9 * len(lengths)
    return "exact" if short else "likelihood"


def _is_json(target: str) -> bool:
    return target.strip()[:1] in ("{", "[") and target.strip()[-1:] in ("}", "]")


def tokens_for(targets: Sequence[str]) -> int:
    """Room for an answer: the 95th percentile of a third of the characters, plus 16; at most 256."""
    lengths = sorted(len(target) for target in targets)
    longest = lengths[math.ceil(0.95 * len(lengths)) - 1]
    return min(256, math.ceil(longest / 3) + 16)
