"""Instructions whose obedience a program can check (IFEval)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from retain.models.base import CausalModel, Limits, Message
from retain.probes import ifeval
from retain.probes.items import Item, ItemProbe, Scored, as_prompt
from retain.records import content_hash


class InstructionItem(Item):
    """``{prompt, instruction_id_list, kwargs}``: a prompt and the rules that its answer must obey."""

    prompt: str = Field(min_length=1)
    instruction_id_list: tuple[str, ...] = Field(min_length=1)
    """IFEval's names of rules, such as ``punctuation:no_comma``; a prefix ``en:`` is taken off."""
    kwargs: tuple[dict[str, Any], ...]
    """What each rule needs to know, in the same order."""

    @field_validator("instruction_id_list", mode="after")
    @classmethod
    def _without_language(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.removeprefix("en:") for name in names)

    @field_validator("kwargs", mode="after")
    @classmethod
    def _without_nothing(cls, kwargs: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        return tuple({key: value for key, value in one.items() if value is not None} for one in kwargs)

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len(self.kwargs) != len(self.instruction_id_list):
            raise ValueError(f"kwargs has {len(self.kwargs)} entries for {len(self.instruction_id_list)} instructions")
        return self

    @property
    def input(self) -> str:
        """The prompt."""
        return self.prompt

    @property
    def id(self) -> str:
        """Hash of the prompt and its rules."""
        return content_hash(self.prompt, list(self.instruction_id_list), list(self.kwargs))


class Instructions(ItemProbe):
    """Share of prompts whose verifiable instructions are all obeyed (IFEval), with lm-eval's checker.

    ``metric: loose`` also accepts an answer without its first line, its last line or its asterisks.
    ``level: instruction`` scores the share of an item's instructions that are obeyed.

    Requirements: the extra ``probes``. A rule that needs a sentence splitter needs its data,
    too; an item whose rules cannot be checked is left out and counted. Items: ``{"prompt": str,
    "instruction_id_list": [str], "kwargs": [{...}], "cluster"?}``, the shape of Google's IFEval. Source:
    Zhou et al., 2023, arXiv:2311.07911.
    """

    items: tuple[InstructionItem, ...] = Field(default=(), exclude=True, repr=False)
    metric: Literal["strict", "loose"] = "strict"
    """Whether the answer is checked as it stands, or also without its first or last line and asterisks."""
    level: Literal["prompt", "instruction"] = "prompt"
    """Score 1 for a prompt with all instructions obeyed, or the share of them."""
    max_tokens: int = Field(default=256, ge=1)
    """Where an answer is cut off."""

    generates: ClassVar[bool] = True
    item_type: ClassVar[type[Item]] = InstructionItem
    measures: ClassVar[str] = "instructions obeyed"

    @property
    def metric_name(self) -> str:
        """``strict`` or ``loose``, by prompt or by instruction."""
        return f"instructions obeyed ({self.metric}, by {self.level})"

    def fingerprint(self) -> str:
        """Covers what checks the rules: another checker gives other scores."""
        return content_hash(super().fingerprint(), ifeval.version())

    def score_items(self, model: CausalModel, items: Sequence[InstructionItem]) -> Scored:
        """Ask all prompts in one call, then check each answer."""
        ifeval.load()
        able = [(item, ifeval.unable(item.instruction_id_list)) for item in items]
        asked = [item for item, reason in able if reason is None]
        turns = [(Message(role="user", content=item.prompt),) for item in asked]
        prompts = [as_prompt(one, model.chat) for one in turns]
        responses = model.generate(prompts, Limits(max_tokens=self.max_tokens))
        settings = {"template": "chat" if model.chat else "raw", "checker": ifeval.version()}
        scored = Scored(settings=settings, left_out={item.id: reason for item, reason in able if reason})
        for item, response in zip(asked, responses, strict=True):
            scored.responses[item.id] = response
            scored.prompts[item.id] = item.prompt
            obeyed = ifeval.obeyed(item.instruction_id_list, item.kwargs, item.prompt, response.text, self.metric)
            if isinstance(obeyed, str):
                scored.left_out[item.id] = obeyed
            elif self.level == "prompt":
                scored.scores[item.id] = float(all(obeyed))
            else:
                scored.scores[item.id] = sum(obeyed) / len(obeyed)
        return scored
