"""``retain init --from``: a recipe from the configuration of another trainer."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml

from retain.commands.recipe_texts import NEAR, NEAR_LIGHTLY, OWN, WIDE, given, quote
from retain.errors import UserError
from retain.folder import read_text, write_text
from retain.importing.axolotl import is_axolotl, read_axolotl
from retain.importing.llama_factory import is_llama_factory, read_llama_factory
from retain.importing.trainer_keys import Foreign, Left, Taken
from retain.recipe import parse_recipe
from retain.records import Record
from retain.reporting.text import one_line
from retain.training.settings import TRACKERS
from retain.yaml_text import parse_yaml

READERS = {"Axolotl": (is_axolotl, read_axolotl), "LLaMA-Factory": (is_llama_factory, read_llama_factory)}
MOST = 100
"""Characters of a foreign value that is quoted."""


class LeftOut(Record):
    """A key of the other trainer that the recipe does without."""

    key: str
    value: str
    why: str


class Imported(Record):
    """What became of a configuration."""

    recipe: str
    trainer: str
    taken: dict[str, str]
    """Setting of the recipe -> the key it was read from."""
    left: list[LeftOut]

    def lines(self) -> list[str]:
        """What has no counterpart, a line each."""
        return [f"{one.key}: {one.value} -- {one.why}" for one in self.left]


def init_from(
    source: str | Path,
    output: str | Path = "recipe.yaml",
    force: bool = False,
    suite: str | Path | None = None,
    general: str | Path | None = None,
    model: str | None = None,
    data: str | Path | None = None,
) -> Imported:
    """Write a recipe that trains what an Axolotl or LLaMA-Factory configuration trains.

    The configuration is read and nothing in it is run. Every setting of the recipe says which key it comes from; what
    has no counterpart is listed with the reason. Retain's own parts are added: general text, a penalty that stays near
    the base, the choice of a strength, and the gate.

    Args:
        source: the configuration, a YAML file.
        output: where the recipe is written.
        force: replace an existing file.
        suite: what to measure; ``core``, or ``core+safety`` for preference pairs, when None.
        general: rows that stand for the old abilities; by default the base writes them.
        model: the base in place of the configuration's.
        data: training rows in place of the configuration's.

    Raises:
        UserError: the file is no such configuration, trains in a way that Retain does not, or names no rows; or the
            recipe exists and ``force`` is False.
    """
    path = Path(output)
    foreign = _read(Path(source))
    if path.exists() and not force:
        raise UserError(f"{path} exists. Choose another name with --output, or replace it with --force.")
    _leave_trackers(foreign)
    if model is not None:
        foreign.set("model.base", model, "given")
    if data is not None:
        foreign.set("data.train", str(data), "given")
    for needed, key in (("model.base", "MODEL"), ("data.train", "DATA")):
        if not foreign.value(needed):
            raise UserError(f"{source} does not say {needed}. Name it: retain init MODEL DATA --from {source} ({key})")
    text = _text(foreign, str(source), path, suite, general)
    parse_recipe(parse_yaml(text), f"{source}, as a recipe,", path.parent)
    write_text(path, text)
    left = [
        LeftOut(key=one_line(one.key, MOST), value=_short(one.value), why=one_line(one.why)) for one in foreign.left
    ]
    taken = {one.path: one_line(one.source) for one in foreign.taken}
    return Imported(recipe=str(path), trainer=foreign.trainer, taken=taken, left=left)


def _read(path: Path) -> Foreign:
    """The configuration, by whichever trainer's keys it has."""
    try:
        values = parse_yaml(read_text(path))
    except FileNotFoundError:
        raise UserError(f"There is no file {path}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read as YAML: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no keys; a configuration of Axolotl or LLaMA-Factory is expected")
    for trainer, (is_its, read) in READERS.items():
        if is_its(values):
            foreign = Foreign(trainer, values, path.parent)
            try:
                read(foreign)
            except ValueError as error:
                if isinstance(error, UserError):
                    raise
                raise UserError(f"{path}: the base model's name is not a text") from None
            return foreign
    found = ", ".join(one_line(str(key), 40) for key in list(values)[:8])
    raise UserError(
        f"{path} is neither Axolotl's (base_model, datasets) nor LLaMA-Factory's (model_name_or_path, stage, dataset); "
        f"found {found}.\n  A recipe from a model and rows: retain init MODEL DATA"
    )


def _leave_trackers(foreign: Foreign) -> None:
    """Of the trackers keep those that there are; ``all``, which is those that happen to be installed, is none."""
    named = foreign.value("training.report_to") or []
    known = [one for one in named if one in TRACKERS]
    for one in named:
        if one not in TRACKERS:
            foreign.leave("report_to", one, f"Retain has {', '.join(TRACKERS[:4])} and more: see training.report_to")
    if known != named:
        foreign.set("training.report_to", known, "report_to")


def _text(foreign: Foreign, source: str, output: Path, suite: str | Path | None, general: str | Path | None) -> str:
    """The recipe's text."""
    name = one_line(shlex.quote(str(output)))
    preference, named = foreign.value("training.method") == "dpo", one_line(Path(source).name)
    near = NEAR_LIGHTLY if foreign.value("training.method") == "dpo" else NEAR
    lines = [
        f"# What {named} ({foreign.trainer}) trains, with the old abilities measured and kept.",
        f"# Check it: retain check {name}     Run it: retain run {name}",
        *_section(foreign, "model", output),
        *_section(foreign, "data", output),
    ]
    kept = f"# what stands for the old abilities\n    - {given(_from(output.parent, general))}" if general else OWN
    lines += [f"  general:                 {kept}", *_section(foreign, "training", output), "mitigations:"]
    lora = {one.path.removeprefix("lora."): one for one in foreign.taken if one.path.startswith("lora.")}
    if lora:
        knobs = {"kind": "lora", **{knob: one.value for knob, one in lora.items()}}
        lines.append(_commented(f"  - {_flow(knobs)}", ", ".join(one.source for one in lora.values())))
    lines += [
        f"  - {near}    # added: stay near the base on general text",
        "  - {kind: strength}                                # added: keep as much of the update as the margins allow",
        "measure:",
        f"  suite: {_suite(suite, preference, output)}",
        "gate:                      # the largest losses you accept, in points of 100",
        "  mean_margin: 1.0",
        "  margin: 3.0",
        f"  min_gain: {0.0 if foreign.value('training.method') != 'pretrain' else 1.0}",
        *[_line(one, foreign, output, "") for one in foreign.taken if one.path == "seed"],
    ]
    if foreign.left:
        lines += ["", f"# Without a counterpart in a recipe ({len(foreign.left)}):"]
        lines += [_comment(one) for one in foreign.left]
    return "\n".join(lines) + "\n"


def _suite(suite: str | Path | None, preference: bool, output: Path) -> str:
    if suite is not None:
        return quote(_from(output.parent, suite))
    return (
        "core+safety    # pairs move refusals and lengths of answers" if preference else "core    # retain list suites"
    )


def _section(foreign: Foreign, name: str, output: Path) -> list[str]:
    """A section's settings, those of a section within it below its name."""
    lines, inner = [f"{name}:"], ""
    mine = [one for one in foreign.taken if one.path.startswith(f"{name}.")]
    for one in sorted(mine, key=lambda one: one.path.count(".")):
        parts = one.path.split(".")
        if len(parts) == 3 and parts[1] != inner:
            inner = parts[1]
            lines.append(f"  {inner}:")
        lines.append(_line(one, foreign, output, "  " * (len(parts) - 1)))
    return lines


def _line(one: Taken, foreign: Foreign, output: Path, indent: str) -> str:
    paths = one.path in ("model.base", "data.train")
    value = _from(output.parent, one.value, foreign.files) if paths else one.value
    if one.path == "data.held_out" and isinstance(value, dict):
        value = {**value, "test": _from(output.parent, value["test"], foreign.files)}
    return _commented(f"{indent}{one.path.rpartition('.')[2]}: {_flow(value)}", one.source)


def _commented(line: str, comment: str) -> str:
    return f"{line:<30} # {one_line(comment)}"


def _comment(one: Left) -> str:
    return f"#   {one_line(one.key, MOST)}: {_short(one.value)} -- {one_line(one.why)}"


def _short(value: Any) -> str:
    return one_line(_flow(value), MOST)


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    if isinstance(value, str):
        return quote(value)
    return yaml.safe_dump(value, default_flow_style=True, width=WIDE, sort_keys=False).removesuffix("\n...\n").strip()


def _from(folder: Path, place: str | Path, files: Collection[str] = ()) -> str:
    """A path here as one from ``folder``, which is what a recipe means; a name that is no path as it is.

    Args:
        folder: the recipe's.
        place: a path or a name.
        files: paths of files that need not be here yet.
    """
    absent = str(place) in files and not os.path.isabs(place)
    return os.path.relpath(place, folder) if absent or os.path.exists(place) else str(place)


def told(imported: Imported) -> str:
    """What was done, for a terminal."""
    parts: Sequence[str] = [
        f"{imported.recipe} is written: {len(imported.taken)} settings of the {imported.trainer} configuration.",
        *([f"Without a counterpart ({len(imported.left)}):"] if imported.left else []),
        *(f"  {line}" for line in imported.lines()),
        f"Check it: retain check {imported.recipe}\nRun it:   retain run {imported.recipe}",
    ]
    return "\n".join(parts)
