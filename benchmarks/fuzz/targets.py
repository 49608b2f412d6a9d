"""What each kind of input is fed to: the functions behind the commands, as a person would call them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from retain.commands.check import check
from retain.commands.compare import compare
from retain.commands.init import init
from retain.commands.lint import lint, render_linted
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.recipe import as_plain, load_recipe, portable
from retain.reporting.summary import render_summary

QUIET = Progress(quiet=True)


def read_recipe(folder: Path) -> None:
    """``retain check`` of a recipe whose rows and suite lie beside it, and what a run would write of it."""
    overrides = json.loads((folder / "overrides").read_text())
    recipe = load_recipe(folder / "recipe.yaml", overrides)
    yaml.safe_dump(as_plain(recipe), sort_keys=False, allow_unicode=True).encode()
    json.dumps(portable(recipe))
    check(folder / "recipe.yaml", overrides).model_dump_json()


def read_rows(folder: Path) -> None:
    """``retain lint`` with a cleaned copy, and ``retain init``."""
    file = next(one for one in folder.iterdir())
    out = folder / "out"
    found = lint(str(file), suite=None, fix=out / "clean.jsonl")
    render_linted(found).encode()
    found.model_dump_json()
    init("builtin:smollm2-135m", str(file), out / "recipe.yaml", suite="suite")


def read_logs(folder: Path) -> None:
    """``retain compare`` of two folders of lm-eval's logs, with its reports."""
    record = compare(str(folder / "before"), str(folder / "after"), folder=folder / "out", progress=QUIET)
    render_summary(record).encode()


def read_suite(folder: Path) -> None:
    """A suite, as ``retain measure`` and ``retain check`` read it."""
    load_suite(folder / "suite.yaml").fingerprint()


def read_measurements(folder: Path) -> None:
    """``retain compare`` of two files of measurements, with its reports."""
    compare(str(folder / "before.json"), str(folder / "after.json"), folder=folder / "out", progress=QUIET)


TARGETS: dict[str, Callable[[Path], None]] = {
    "recipes": read_recipe,
    "data files": read_rows,
    "lm-eval logs": read_logs,
    "suites": read_suite,
    "measurements": read_measurements,
}
