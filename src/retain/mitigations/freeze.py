"""Train only some of the weights."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from retain.errors import UserError
from retain.mitigations.base import Mitigation, Setup
from retain.mitigations.weight_places import Part, Place, places
from retain.models.transformers_model import TransformersModel

ALL = "all"
HALF = 0.5
INSIDE = {"attention", "mlp", "norms"}
"""Parts that layers have."""


def _known_form(layers: str) -> str:
    one = r"(\d+(\s*-\s*\d+)?|(first|last)\s+\d+)"
    if layers != ALL and not re.fullmatch(rf"{one}(\s*,\s*{one})*", layers):
        raise ValueError('write all, "last 4", "first 4", "0-11", or several: "0-3, last 2"')
    for one in layers.split(","):
        numbers = [int(number) for number in re.findall(r"\d+", one)]
        if len(numbers) == 2 and numbers[0] > numbers[1]:
            raise ValueError(f'"{one.strip()}" ends before it begins; write {numbers[1]}-{numbers[0]}')
        if numbers == [0] and not one.strip().isdecimal():
            raise ValueError(f'"{one.strip()}" names no layer; leave it out')
    return layers


class Freeze(Mitigation):
    """Train some weights and leave the others as they are, bit for bit: a random half of them (HFT, arXiv 2404.18466).

    HFT draws half of the tensors of every part, so that no part of the model is frozen wholly. Here the half is drawn
    once, by the seed, over all layers; what lies outside of them (embeddings, last norm, output head) is trained. With
    ``layers`` or ``parts`` all of those are trained, unless ``random_share`` says otherwise. Frozen weights need no
    gradient and no optimizer state: memory and time fall with them.

    Requirements: full fine-tuning. Refused with ``lora``, which freezes the base's weights itself.

    Relations: frozen weights are not frozen behaviour. ``l2_to_base`` and ``ewc`` hold weights near the base instead of
    on it, and act on those that are trained. For an adapter on some layers only, use ``lora.target_modules``.
    """

    not_for_rerankers: ClassVar[str] = "it knows the parts of language models only; use lora, l2_to_base or strength"

    kind: Literal["freeze"] = "freeze"
    layers: Annotated[str, AfterValidator(_known_form)] = ALL
    """Layers that are trained, counted from 0: ``last 4``, ``first 4``, ``0-11``, ``3, 7-9``. Unless it is ``all``,
    what lies outside of the layers is frozen where ``parts`` does not name it."""
    parts: list[Part] | None = Field(None, min_length=1)
    """Parts that are trained: attention, mlp, norms, embeddings, head; all of them when empty."""
    random_share: float | None = Field(None, gt=0, le=1)
    """Share of those layers' tensors that is trained, drawn from each part by the seed. When empty: half where neither
    layers nor parts are named, else all."""

    def conflicts(self, recipe: Any) -> list[str]:
        """Adapters (the base's weights are frozen as it is), knobs without effect, and a freeze of nothing."""
        problems = []
        if any(getattr(one, "kind", "") == "lora" for one in recipe.mitigations):
            problems.append(
                "lora already leaves every weight of the base as it is, and freeze would change nothing; drop one of "
                "the two, or name the adapted layers in lora.target_modules"
            )
        if self.parts is not None and not INSIDE & set(self.parts):
            unread = {"layers": self.layers != ALL, "random_share": self.random_share is not None}
            problems += [
                f"{knob} has no effect, since no layer has such parts ({', '.join(self.parts)}); leave it out"
                for knob, given in unread.items()
                if given
            ]
        if self.layers == ALL and self.parts is None and self.random_share == 1:
            problems.append("random_share: 1 trains every weight and freezes nothing; lower it, or drop freeze")
        return problems

    def wrap_model(self, model: TransformersModel, setup: Setup) -> TransformersModel:
        """The model with the other weights frozen.

        Raises:
            UserError: it carries an adapter, lacks such layers or parts, or nothing would be frozen.
        """
        if hasattr(model.module, "peft_config"):
            raise UserError("mitigations.freeze: the model carries an adapter, which freezes the base's weights itself")
        where = places(model.module)
        trained = self.trained(where, setup.seed)
        if trained == set(where):
            raise UserError(
                "mitigations.freeze: every weight of the model would be trained, and none frozen; name fewer layers or "
                "parts, or lower random_share"
            )
        for name, parameter in model.module.named_parameters():
            parameter.requires_grad_(parameter.requires_grad and name in trained)
        return model

    def trained(self, where: dict[str, Place], seed: int) -> set[str]:
        """Names of the parameters that are trained, of those whose places are given.

        Raises:
            UserError: there are no such layers or parts.
        """
        layers = self._numbers(1 + max(place.layer for place in where.values() if place.layer is not None))
        self._check_parts(where)
        chosen = {name: place for name, place in where.items() if self._names(place, layers)}
        share = self.random_share or (HALF if self.layers == ALL and self.parts is None else 1.0)
        pools: dict[str, list[str]] = defaultdict(list)
        for name, place in chosen.items():
            pools[place.part if place.layer is not None else ""].append(name)
        drawn = set(pools.pop("", []))
        for part, names in pools.items():
            count = max(1, int(share * len(names) + 0.5))
            drawn.update(random.Random(f"{seed}-{part}").sample(sorted(names), count))
        return drawn

    def _names(self, place: Place, layers: set[int]) -> bool:
        """Whether ``layers`` and ``parts`` name a place."""
        if place.layer is None:
            return place.part in self.parts if self.parts is not None else self.layers == ALL
        return place.layer in layers and (self.parts is None or place.part in self.parts)

    def _check_parts(self, where: dict[str, Place]) -> None:
        there = {place.part for place in where.values()}
        for part in self.parts or []:
            if part not in there:
                why = " (its output head is tied to the embeddings)" if part == "head" else ""
                raise UserError(
                    f"mitigations.freeze.parts: the model has no {part} of its own{why}; "
                    f"it has {', '.join(sorted(there))}"
                )

    def _numbers(self, count: int) -> set[int]:
        """The layers' numbers in a model of ``count`` layers."""
        if self.layers == ALL:
            return set(range(count))
        found: set[int] = set()
        for one in self.layers.split(","):
            numbers = [int(number) for number in re.findall(r"\d+", one)]
            if "last" in one or "first" in one:
                few = numbers[0]
                found |= set(range(count - few, count) if "last" in one else range(few))
            else:
                found |= set(range(numbers[0], numbers[-1] + 1))
        if not found or not found <= set(range(count)):
            raise UserError(
                f'mitigations.freeze.layers: "{self.layers}" is not within the model\'s {count} layers, '
                f"0 to {count - 1}"
            )
        return found
