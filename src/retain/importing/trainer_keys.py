"""What a configuration of another trainer says, in the words of a recipe: taken over, or left out with a reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retain.errors import UserError, nearest

_NO = ("false", "no", "off")
SCHEDULES = ("linear", "cosine", "constant", "constant_with_warmup", "cosine_with_min_lr", "warmup_stable_decay")
"""The recipe's, which bear transformers' names."""
LEFT_ALONE = "Retain does without it"
HELD_OUT = 0.15
"""A recipe's share of rows that are kept from training."""
OPTIMIZERS = {
    "adamw": "adamw_torch",
    "adamw_hf": "adamw_torch",
    "adamw_apex_fused": "adamw_torch_fused",
    "optimi_adamw": "adamw_torch",
    "ao_adamw_4bit": "adamw_torch_4bit",
    "ao_adamw_8bit": "adamw_torch_8bit",
}
"""Trainers' and earlier transformers' names of optimizers -> today's name of the same one."""
ONE_SOURCE = (
    "Retain trains on one source: join the files; or, where it stands for old abilities, name it under data.general "
    "and add {kind: rehearsal, share: 0.25}"
)
FIELDS = "Retain reads the usual names of fields; rename them where 'retain check' asks for it"
EACH_DEVICE = "of each device; in a recipe it is what all of them share, so multiply it by their number"
MISSPELLED = 0.85
"""How alike an unknown key is to a known one that is named as meant: keys of one family share most letters."""
DATA = (".jsonl", ".json", ".csv", ".parquet", ".txt", ".md")
Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Taken:
    """One setting of a recipe."""

    path: str
    """``training.epochs``; ``lora.rank`` for a knob of the mitigation."""
    value: Any
    source: str
    """The key it was read from, or why it is what it is."""


@dataclass(frozen=True)
class Left:
    """One key without a counterpart."""

    key: str
    value: Any
    why: str


@dataclass
class Foreign:
    """A configuration while it is read: what has been taken, what is left out, and what nobody has looked at yet."""

    trainer: str
    keys: dict[str, Any]
    """What is not read yet. A key without a value (``wandb_project:``) is as good as absent."""
    folder: Path
    """Of the configuration; its paths are meant from here or from where the trainer was started."""
    taken: list[Taken] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    """Values that are paths from here, of files that need not be here yet."""
    asked: set[str] = field(default_factory=set)
    """Names of keys that the reader looks for, whether they are there or not."""

    def __post_init__(self) -> None:
        self.keys = {str(key): value for key, value in self.keys.items() if value is not None and value != ""}

    def take(self, key: str, path: str, convert: Convert, default: Any = None) -> Any:
        """Read a key as a setting; its value, or the trainer's own default, or None.

        A default that is not None is a setting too, since the recipe's own may be another one. What cannot be converted
        is left out, and said.
        """
        self.asked.add(key)
        if key not in self.keys:
            if default is not None:
                self.set(path, default, f"{self.trainer}'s default for {key}")
            return default
        value = self.keys.pop(key)
        try:
            found = convert(value)
        except (TypeError, ValueError, OverflowError) as error:
            self.leave(key, value, f"it cannot be read: {error}")
            return None
        self.set(path, found, key)
        return found

    def read(self, key: str) -> Any:
        """A key's value, which is then no longer open; None where it is absent."""
        self.asked.add(key)
        return self.keys.pop(key, None)

    def set(self, path: str, value: Any, source: str) -> None:
        """Say what a setting is; the last word counts."""
        self.taken = [one for one in self.taken if one.path != path]
        self.taken.append(Taken(path, value, source))

    def leave(self, key: str, value: Any, why: str) -> None:
        """Say that a key has no counterpart."""
        self.left.append(Left(key, value, why))

    def value(self, path: str) -> Any:
        """A setting that was taken, or None."""
        return next((one.value for one in self.taken if one.path == path), None)

    def finish(self, reasons: Mapping[str, str]) -> None:
        """Give every key that is still open its reason.

        Args:
            reasons: key, or the beginning of keys where it ends in ``*`` -> why it has no counterpart. A key that is
                switched off (false, 0, an empty list) needs none. An unknown key's nearest name is looked for among
                these and those that were asked for.
        """
        names = [name for name in (*reasons, *self.asked) if not name.endswith("*")]
        for key in list(self.keys):
            value = self.keys.pop(key)
            fitting = [one for one in reasons if one == key or (one.endswith("*") and key.startswith(one[:-1]))]
            if not fitting:
                hint = nearest(key, names, MISSPELLED)
                self.leave(key, value, f"unknown here ({hint})" if hint.startswith("did") else "unknown here")
            elif not is_off(value):
                self.leave(key, value, reasons[max(fitting, key=len)])

    def place(self, named: str) -> str:
        """A file or folder that a configuration names, as it is found from here; a name that is none as it is."""
        for start in (self.folder, Path()):
            path = os.path.expanduser(start / named)
            if os.path.exists(path):
                return path
        if not named.endswith(DATA) and not named.startswith(("./", "../")):
            return named
        self.files.add(path := str(self.folder / named))
        return path


def is_off(value: Any) -> bool:
    """Whether a value says no."""
    return value in (False, 0, "", [], {}, None) or (isinstance(value, str) and value.lower() in (*_NO, "none"))


def whole(value: Any) -> int:
    """A whole number, at least 1.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or float(value) != int(float(value)) or int(float(value)) < 1:
        raise ValueError("a whole number above 0 was expected")
    return int(float(value))


def number(low: float = 0.0, high: float = float("inf"), above: bool = False) -> Convert:
    """A reader of finite numbers from ``low`` to ``high``, or above ``low``."""

    def read(value: Any) -> float:
        found = float("nan") if isinstance(value, bool) else float(value)
        if not low <= found <= high or found == float("inf") or (above and found == low):
            raise ValueError(f"a number {'above' if above else 'from'} {low:g}{f' to {high:g}' if high < 1e9 else ''}")
        return found

    return read


def seed(value: Any) -> int:
    """A whole number, also 0.

    Raises:
        ValueError: it is none.
    """
    return 0 if not isinstance(value, bool) and float(value) == 0 else whole(value)


def text(value: Any) -> str:
    """A string.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError("a text was expected")
    return value


def names(value: Any) -> list[str]:
    """``a,b`` or ``[a, b]`` as a list of names.

    Raises:
        ValueError: it is neither.
    """
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(one, str) for one in parts):
        raise ValueError("names were expected")
    return [one.strip() for one in parts if one.strip()]


def layers(value: Any) -> str | list[str]:
    """Names of layers as a list, or one regular expression where any of them is one: a recipe's names are literal.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str) and _is_pattern(value):
        return value
    found = names(value)
    if not any(_is_pattern(one) for one in found):
        return found
    if len(found) == 1:
        return found[0]
    return "|".join(f"(?:{one})" if _is_pattern(one) else rf"(?:.*\.)?{re.escape(one)}" for one in found)


def _is_pattern(name: str) -> bool:
    """Whether a name is a regular expression; a dot alone separates parts of a name."""
    return any(sign in r"\*+?[](){}|^$" for sign in name)


def batch_size(foreign: Foreign, key: str, default: int) -> int | None:
    """Rows of a forward pass, which these trainers count on each device."""
    rows: int | None = foreign.take(key, "training.batch_size", whole, default)
    for one in [one for one in foreign.taken if one.path == "training.batch_size"]:
        foreign.set(one.path, one.value, f"{one.source}, {EACH_DEVICE}")
    return rows


def schedule(foreign: Foreign, key: str, default: str) -> None:
    """The learning rate's schedule, and how it warms up."""
    named = foreign.read(key)
    if named is not None and named not in SCHEDULES:
        foreign.leave(key, named, f"Retain has {', '.join(SCHEDULES)}; {default} is written instead")
        named = None
    source = key if named is not None else f"{foreign.trainer}'s default for {key}"
    foreign.set("training.schedule", named or default, source)


def warmup(foreign: Foreign, default: float) -> None:
    """Retain's warmup is a share of the updates; a number of steps is one where their total is known.

    Args:
        foreign: the configuration, whose schedule is read.
        default: the trainer's own share, where the configuration names none.
    """
    if foreign.value("training.schedule") == "constant":
        for key in ("warmup_ratio", "warmup_steps"):
            if not is_off(value := foreign.read(key)):
                foreign.leave(key, value, "transformers' constant knows no warmup; with one: constant_with_warmup")
        return
    steps = foreign.read("warmup_steps")
    total = foreign.value("training.extra.max_steps")
    share = foreign.take("warmup_ratio", "training.warmup", number(0, 0.999), None if steps is not None else default)
    if steps is None or share is not None:
        return
    if isinstance(steps, int | float) and 0 <= steps < 1:  # transformers 5 reads a share here
        foreign.set("training.warmup", float(steps), "warmup_steps")
    elif isinstance(steps, int) and total and steps < total:
        foreign.set("training.warmup", round(steps / total, 4), "warmup_steps / max_steps")
    else:
        foreign.leave("warmup_steps", steps, "Retain's warmup is a share of all updates; 0.05 where it says nothing")


def held_out(foreign: Foreign, key: str, test: tuple[str, str] | None) -> None:
    """What is kept from training. Retain needs a share of the rows, and a number of rows is none.

    Args:
        foreign: the configuration.
        key: names the share.
        test: the key that names rows of their own, and where they lie.
    """
    value = foreign.read(key)
    try:
        share = float(value) if value is not None else 0.0
    except (TypeError, ValueError):
        share = -1.0
    given = 0 < share < 1
    if test is not None:
        files = {"dev": share if given else 0.1, "test": test[1]}
        foreign.set("data.held_out", files, f"{test[0]}; dev is a share of the training rows")
    elif given:
        foreign.set("data.held_out", share, f"{key}; halved into dev and test")
    else:
        foreign.set("data.held_out", HELD_OUT, f"of the training rows, to measure what was learned; {key} names none")
    if not given and value is not None:
        written = foreign.value("data.held_out")
        share_of = written["dev"] if isinstance(written, dict) else written
        foreign.leave(key, value, f"Retain holds out a share of the rows, to measure with; {share_of} is written")


def optimizer(foreign: Foreign, key: str) -> None:
    """The optimizer by transformers' name; another is left out, and the recipe's default stays."""
    from transformers.training_args import OptimizerNames

    named = foreign.read(key)
    if named is None:
        return
    known = [one.value for one in OptimizerNames]
    found = OPTIMIZERS.get(str(named), str(named))
    if found in known:
        foreign.set("training.optimizer", found, key if found == named else f"{key}: {named}, by transformers' name")
    else:
        hint = nearest(str(named), known, MISSPELLED)
        why = "Retain has transformers' optimizers; adamw_torch_fused is written instead"
        foreign.leave(key, named, f"{why} ({hint})" if hint.startswith("did") else why)


def lora_variant(foreign: Foreign, switches: Mapping[str, str]) -> None:
    """Which kind of adapter: the first switch that is on names the variant, a second has no counterpart."""
    for key, variant in switches.items():
        value = foreign.read(key)
        if is_off(value):
            continue
        if foreign.value("lora.variant") is None:
            foreign.set("lora.variant", variant, key)
        else:
            foreign.leave(key, value, f"the adapter is of variant {foreign.value('lora.variant')} already")


def precision(foreign: Foreign, four_bit: str | None) -> None:
    """``model.load_in`` from the keys ``bf16`` and ``fp16``, where no key asks for four bits."""
    half, brain = foreign.read("fp16"), foreign.read("bf16")
    if not is_off(half):
        foreign.leave("fp16", half, "Retain trains in bf16 or fp32; bf16 is written")
    if four_bit:
        foreign.set("model.load_in", "4bit", four_bit)
    elif brain is not None and is_off(brain) and is_off(half):
        foreign.set("model.load_in", "fp32", "bf16: false")
    else:
        foreign.set("model.load_in", "bf16", "bf16" if brain is not None else "the default")


def refuse_method(trainer: str, key: str, value: Any, trained: str) -> UserError:
    """The error for a configuration of a method that Retain does not train."""
    return UserError(
        f"{key}: {value} in this {trainer} configuration; Retain trains {trained}.\n"
        "  Train with your tool, and compare what it wrote: retain compare BASE TUNED"
    )
