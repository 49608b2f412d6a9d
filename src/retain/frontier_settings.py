"""Which arms a frontier has: the recipe's key ``frontier``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from retain.settings import Settings

Preset = Literal["quick", "standard", "thorough", "ladder", "rehearsal_share", "rehearsal_source"]
Share = Annotated[float, Field(gt=0, le=1)]


class FrontierSettings(Settings):
    """The arms of ``retain frontier``: a preset, arms by name, all combinations of some values, or several of these.

    Each arm is the recipe with some settings replaced. All see the same rows as often, so that they are compared on
    equal task tokens, unless an arm changes ``data`` or ``training.epochs`` itself.
    """

    preset: Preset | None = None
    """``quick`` (4 arms), ``standard`` (7), ``thorough`` (those at three rates), or ``ladder``: LoRA of rank 16, then
    of rank 64, then all weights with rehearsal and KL, until one reaches ``target`` within the margins.
    ``rehearsal_share`` (5) is the recipe with 0, 1, 5, 10 and 20% of rehearsal, ``rehearsal_source`` with 10% from each
    set of ``data.general`` and from text that the base wrote; both are drawn as a figure of that one factor."""
    arms: dict[str, dict[str, Any]] = {}
    """Name -> what the arm replaces: the path of a setting, as in ``--set``, -> its value. Not the seed, the base, what
    is measured or the margins: they are the same for all arms."""
    axes: dict[str, list[Any]] = {}
    """Path of a setting -> values; every combination is an arm. One axis alone is drawn as a figure of that factor."""
    shares: list[Share] = Field([1.0], min_length=1)
    """Shares of the training rows: every arm is trained on each."""
    strengths: list[Annotated[float, Field(gt=0)]] = Field([0.25, 0.5, 0.75, 1.0], min_length=1)
    """Strengths at which each arm is measured, without training it again."""
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = []
    """Every arm is trained with each; the recipe's own when empty."""
    halving: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the rows for short runs after which the worse half of the arms is dropped, but for a plain fine-tune; no
    short runs when empty."""
    target: Annotated[float, Field(gt=0, le=100)] | None = None
    """``ladder``: the gain on dev items, in points of 100, that is enough."""

    @model_validator(mode="after")
    def _consistent(self) -> FrontierSettings:
        if self.preset is None and not self.arms and not self.axes:
            raise ValueError("name a preset, arms or axes")
        if (self.preset == "ladder") != (self.target is not None):
            raise ValueError("preset: ladder and target go together: the ladder ends at the target")
        if self.preset == "ladder" and (self.arms or self.axes or self.halving or len(self.shares) > 1):
            raise ValueError("preset: ladder climbs its own rungs; leave arms, axes, shares and halving out")
        for key in ("shares", "strengths", "seeds"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key} names something twice: {values}")
        if any(not values for values in self.axes.values()):
            raise ValueError("an axis needs values")
        return self
