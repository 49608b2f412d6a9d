"""The reference pages, made from the code when the site is built: commands, recipe, units, Python."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import typer
import yaml
from docstrings import as_markdown, cell, inline

import retain
import retain.probes
import retain.probes.rules
from retain import registry
from retain.cli import app
from retain.commands.list_units import PLACES, TITLES, list_units
from retain.commands.schema import schema

Schema = Mapping[str, Any]
HELPERS = frozenset({"item"})
"""Modules among the rules that are no rule."""
NUMBERS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
SINGLE = {"": ("data",), "data": ("train",)}
"""Keys that a recipe must hold unless it has stages, by the group that they are in."""
LINKED = {"mitigations": "Ways to forget less: [each kind](mitigations.md)."}
"""Help for keys whose schema has none."""
BESIDE = {
    "items": "The file with the items, beside the suite, or `hub:owner/name:config:split`.",
    "fields": "Names of the columns, where they differ: `{query: question}`.",
}
"""Keys of a suite's entry that are read before the probe is made."""


@cache
def pages() -> dict[str, str]:
    """Every reference page: its name -> its Markdown."""
    return {
        "commands": commands(),
        "recipe": recipe(),
        "mitigations": units_page("mitigations", "Mitigations"),
        "probes": probes(),
        "rules": rules(),
        "suites": suites(),
        "checks": units_page("checks", "Checks of the data lint"),
        "symptoms": units_page("symptoms", "Symptoms"),
        "alarms": units_page("alarms", "Overfitting alarms"),
        "python": python(),
    }


def commands() -> str:
    """Every command with its arguments and options, as ``--help`` says them."""
    group: Any = typer.main.get_command(app)
    parts = [
        "# Commands",
        "Exit codes: `run`, `compare`, `gate`, `frontier` and `export` exit by verdict: 0 retained, 1 forgot or not "
        "learned, 3 inconclusive. `lint` exits with 2 where a finding is an error. Every command: 2 the input is "
        "wrong, 4 something broke, 130 interrupted. `--json` prints the result for machines.",
    ]
    for name, command in sorted(group.commands.items()):
        places = [one for one in command.params if one.param_type_name == "argument"]
        usage = " ".join(_named(one) if one.required else f"[{_named(one)}]" for one in places)
        parts.append(
            f"## retain {name}\n\n{inline(command.help or '')}\n\n```\nretain {name} {usage} [OPTIONS]\n```".replace(
                "  ", " "
            )
        )
        rows = [_parameter(one) for one in command.params if one.name != "help"]
        parts += [_table(("argument or option", "default", "what it is"), rows)] if rows else []
    return "\n\n".join(parts) + "\n"


def _named(argument: Any) -> str:
    return str(argument.name).upper()


def _parameter(one: Any) -> tuple[str, str, str]:
    names = _named(one) if one.param_type_name == "argument" else ", ".join(one.opts)
    default = "required" if one.required else "" if one.default in (None, False, ()) else f"`{one.default}`"
    return f"`{names}`", default, cell(one.help or "")


def recipe() -> str:
    """Every key of the recipe, from its JSON schema."""
    whole = schema()
    defs = whole["$defs"]
    parts = [
        "# The recipe",
        "One YAML file. Unknown keys are refused with the nearest valid name, and all errors of a file are reported at "
        "once. `--set training.epochs=1` replaces a key. `retain schema` prints the JSON schema that this page is made "
        "from. Kinds of `mitigations`: [their own page](mitigations.md).",
        _table(
            ("key", "type", "default", "what it is"),
            [_key(name, one, whole, "") for name, one in whole["properties"].items()],
        ),
    ]
    for name, one in whole["properties"].items():
        if name != "mitigations":
            parts += _sections(name, one, defs)
    return "\n\n".join(parts) + "\n"


def _sections(path: str, one: Schema, defs: Schema) -> Iterable[str]:
    """A section for each group of keys that a key holds, and for those within."""
    for name in _references(one):
        group = defs[name]
        if "properties" not in group:
            continue
        yield f"## {path}" + (f": {name}" if len(_references(one)) > 1 else "")
        yield as_markdown(group.get("description", ""))
        yield _table(
            ("key", "type", "default", "what it is"),
            [_key(key, value, group, path) for key, value in group["properties"].items()],
        )
        for key, value in group["properties"].items():
            yield from _sections(f"{path}.{key}", value, defs)


def _references(one: Schema) -> list[str]:
    """Names of the groups of keys that a key may hold."""
    found = [one["$ref"].rsplit("/", 1)[-1]] if "$ref" in one else []
    for inner in (*one.get("anyOf", ()), *one.get("oneOf", ()), *([one["items"]] if "items" in one else [])):
        found += _references(inner)
    return found


def _key(name: str, one: Schema, group: Schema, path: str) -> tuple[str, str, str, str]:
    asked = {*group.get("required", ()), *(SINGLE.get(path, ()))}
    about = one.get("description") or _first_words(one, group.get("$defs", {})) or LINKED.get(name, "")
    return f"`{name}`", kind(one), "required" if name in asked else _default(one), cell(about)


def _first_words(one: Schema, defs: Schema) -> str:
    """The first sentence about a group of keys."""
    names = [name for name in _references(one) if name in defs]
    return str(defs[names[0]].get("description", "")).split("\n\n")[0] if len(names) == 1 else ""


def _default(one: Schema) -> str:
    value = one.get("default")
    if value is None:
        return "" if "default" in one or "$ref" not in one else "its defaults"
    if isinstance(value, dict):
        return "its defaults" if value else "none"
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).strip().removesuffix("...").strip()
    return f"`{text}`".replace("|", "\\|")


def kind(one: Schema) -> str:
    """What a key may hold, in words."""
    if "$ref" in one:
        return "keys below"
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in one:
            return " or ".join(dict.fromkeys(kind(inner) for inner in one[choice] if inner.get("type") != "null"))
    if one.get("type") == "array":
        return f"list: {kind(one.get('items', {}))}" if one.get("items") else "list"
    if one.get("type") == "object":
        return "keys and values"
    bounds = [f"{sign} {one[key]:,}" for key, sign in NUMBERS.items() if key in one]
    words = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true or false"}
    return " ".join(
        [words.get(one.get("type", ""), "anything"), *bounds[:1], *(f"and {bound}" for bound in bounds[1:])]
    )


def units_page(folder: str, title: str) -> str:
    """Every unit of a folder: its whole docstring and its keys."""
    parts = [f"# {title}", f"{TITLES[folder]}.", *_advice(folder)]
    for name, unit in sorted(registry.units(PLACES.get(folder, folder)).items()):
        parts += [f"## {name}", as_markdown(unit.__doc__ or "")]
        if folder == "alarms":
            parts.append(f"What it says to do: {inline(unit.advice)}")
        if folder == "checks":
            parts.append(
                f"Rows: {', '.join(unit.shapes)}." + (f" Needs: {', '.join(unit.needs)}." if unit.needs else "")
            )
        if folder == "mitigations":
            parts += _keys_of(unit, {})
    return "\n\n".join(parts) + "\n"


def _advice(folder: str) -> list[str]:
    choosing = "How to choose one, with what each was measured to keep: [mitigations](../mitigations.md)."
    return [choosing] if folder == "mitigations" else []


def _keys_of(unit: Any, more: Mapping[str, str]) -> list[str]:
    """The keys of a unit's entry, ``kind`` first."""
    found = unit.model_json_schema()
    rows = [("`kind`", f"`{unit.__module__.rsplit('.', 1)[-1]}`", "required", "")]
    rows += [(f"`{name}`", "text", "required" if name == "items" else "", about) for name, about in more.items()]
    rows += [
        _key(name, one, found, unit.__name__)
        for name, one in found["properties"].items()
        if name not in ("kind", "items", "documents")
    ]
    return [_table(("key", "type", "default", "what it is"), rows)]


def probes() -> str:
    """Every probe, and what an entry of a suite says."""
    parts = [
        "# Probes",
        f"{TITLES['probes']}. Suites are made of them: [suites](suites.md); a suite of your own: "
        "[extending](../extending.md#a-suite-of-your-own).",
    ]
    for name, unit in sorted(registry.units("probes").items()):
        own = (
            {}
            if "items" not in unit.model_fields
            else BESIDE
            if name != "ranking"
            else {"items": "The rankings: see above."}
        )
        parts += [f"## {name}", as_markdown(unit.__doc__ or ""), *_keys_of(unit, own)]
    return "\n\n".join(parts) + "\n"


def rules() -> str:
    """Every rule that says whether an answer is right."""
    parts = [
        "# Rules of scoring",
        "`score` of the probe [answers](probes.md#answers) and of `measure.task` names one. An empty "
        "answer is never right. `auto` reads json, number or exact off the accepted answers.",
    ]
    for info in sorted(pkgutil.iter_modules(retain.probes.rules.__path__), key=lambda one: one.name):
        if info.name not in HELPERS:
            rule = importlib.import_module(f"retain.probes.rules.{info.name}")
            parts += [f"## {info.name}", as_markdown(rule.__doc__ or ""), as_markdown(rule.right.__doc__ or "")]
    return "\n\n".join(parts) + "\n"


def suites() -> str:
    """Every built-in suite with its probes."""
    parts = ["# Suites", f"{TITLES['suites']}. Several at once: `core+safety`."]
    for name, about in list_units("suites")["suites"].items():
        parts += [f"## {name}", inline(about)]
        text = (Path(retain.probes.__path__[0]) / "suites" / f"{name}.yaml").read_text("utf-8")
        rows = [
            (f"`{one['name']}`", one["capability"], f"[{one['kind']}](probes.md#{one['kind']})", one.get("score", ""))
            for one in yaml.safe_load(text)["probes"]
        ]
        parts.append(_table(("probe", "capability", "kind", "score"), rows))
    return "\n\n".join(parts) + "\n"


def python() -> str:
    """Every public function and class of the package."""
    parts = [
        "# Python",
        "Each command is a function of the same name (`retain list` is `list_units`). The other two are for "
        "[scripts with a trainer of their own](../guides/own_trainer.md).",
    ]
    for name in retain.__all__:
        unit = getattr(retain, name)
        parts += [f"## retain.{name}", f"```python\n{signature(name, unit)}\n```", as_markdown(unit.__doc__ or "")]
    return "\n\n".join(parts) + "\n"


def signature(name: str, unit: Any) -> str:
    """A function's signature, a parameter a line."""
    found = inspect.signature(unit)
    lines = [f"    {str(one).replace(repr(one.annotation), str(one.annotation))}," for one in found.parameters.values()]
    gives = (
        "" if found.return_annotation in (inspect.Signature.empty, None, "None") else f" -> {found.return_annotation}"
    )
    inner = "\n".join(["(", *lines, ")"]) if lines else "()"
    return f"{name}{inner}{gives}"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
