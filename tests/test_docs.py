"""What README and the site say is true of the code: links, commands, recipes, Python; and the site builds."""

import ast
import importlib
import importlib.util
import inspect
import re
import sys
from pathlib import Path

import pytest
import typer

import retain
from retain import registry
from retain.cli import app
from retain.commands.list_units import list_units
from retain.commands.schema import schema
from retain.data.example import Example
from retain.recipe import Recipe, parse_recipe
from retain.sequence_recipe import is_sequence, parse_sequence
from retain.sweep.arms import arms_of
from retain.yaml_text import parse_yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs_tools"))
import links  # noqa: E402
import reference  # noqa: E402
from documented import FENCE, blocks, commands, pages  # noqa: E402

PAGES = pages(ROOT)
BESIDE = sorted(path for folder in ("benchmarks", "examples") for path in (ROOT / folder).rglob("*.md"))
GROUP = typer.main.get_command(app)
ROWS = [Example(id=str(number), shape="text", text=f"row {number}") for number in range(400)]
"""Rows that a frontier's shares are taken of."""
WORKFLOW = ROOT / "examples" / "release_gate" / "gate.yml"


def name_of(path):
    return str(path.relative_to(ROOT))


def slugs(text):
    """Anchors of a page, where GitHub and Markdown's own make the same of a heading."""
    plain = FENCE.sub("", text)
    heads = [re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", head) for head in re.findall(r"^#+ (.*)$", plain, re.M)]
    github = {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}
    return github & {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in heads}


@pytest.mark.parametrize("path", [*PAGES, *BESIDE], ids=name_of)
def test_links_lead_somewhere(path):
    text = path.read_text("utf-8")
    made = reference.pages()
    for target in links.targets(text):
        if target.startswith("#"):
            assert target[1:] in slugs(text), f"{target}: no such heading"
        if not links.is_internal(target):
            continue
        there, anchor = links.in_repository(name_of(path), target), target.partition("#")[2]
        if there.startswith("docs/reference/"):
            name = Path(there).stem
            assert name in made, f"{target}: no such page of the reference"
            content = made[name]
        else:
            assert (ROOT / there).exists(), f"{target}: there is no {there}"
            assert there.startswith(("docs", "benchmarks", "examples", "src", "LICENSE")) or "/" not in there
            content = (ROOT / there).read_text("utf-8") if there.endswith(".md") else ""
        if anchor:
            assert anchor in slugs(content), f"{target}: {there} has no such heading"


@pytest.mark.parametrize("path", [*PAGES, *BESIDE], ids=name_of)
def test_commands_parse(path):
    for text in blocks(path):
        for words in commands(text):
            command = GROUP.commands.get(words[0])
            assert command is not None, f"retain {words[0]}: there is no such command"
            command.make_context(words[0], list(words[1:]))


@pytest.mark.parametrize("path", [*PAGES, *BESIDE], ids=name_of)
def test_commands_in_the_text_exist_and_their_options_too(path):
    for quoted in re.findall(r"`retain ([a-z][^`]*)`", FENCE.sub("", path.read_text("utf-8"))):
        words = quoted.split()
        assert words[0] in GROUP.commands, f"retain {quoted}: there is no such command"
        known = {name for one in GROUP.commands[words[0]].params for name in one.opts}
        for word in words[1:]:
            assert not word.startswith("--") or word in known, f"retain {quoted}: there is no option {word}"


def completed(values):
    """A fragment of a recipe as a whole one: what every recipe needs is put where it is not given."""
    whole = {"model": {"base": "builtin:smollm2-135m"}, **values}
    whole["data"] = {"general": [{"name": "own"}], **whole.get("data", {})}
    return whole if "stages" in values else {**whole, "data": {"train": "rows.jsonl", **whole["data"]}}


def check_suite(values):
    """Each probe's kind and keys; its items are not here."""
    for entry in values["probes"]:
        assert {"name", "capability", "items"} <= entry.keys()
        unit = registry.find("probes", entry["kind"])
        unit.model_validate({key: value for key, value in entry.items() if key not in ("kind", "items", "fields")})


def check_recipe(values):
    whole = completed(values)
    if is_sequence(whole):
        assert parse_sequence(whole).names
        return
    recipe = parse_recipe(whole)
    assert isinstance(recipe, Recipe)
    if recipe.frontier:
        assert arms_of(recipe, ROWS)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_recipes_suites_and_workflows_are_valid(path):
    for text in blocks(path, "yaml"):
        values = parse_yaml(text)
        if "jobs" in values:
            check_workflow(values)
        elif "probes" in values:
            check_suite(values)
        else:
            check_recipe(values)


def scripts(workflow):
    return [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]


def check_workflow(values):
    """A part of the example, word by word."""
    whole = scripts(parse_yaml(WORKFLOW.read_text("utf-8")))
    assert scripts(values)
    assert all(script in whole for script in scripts(values))


def test_the_example_workflow_compares_and_gates():
    values = parse_yaml(WORKFLOW.read_text("utf-8"))
    assert {"name", "on", "jobs"} <= values.keys()
    called = [words for script in scripts(values) for words in commands(script)]
    assert [words[0] for words in called] == ["compare", "gate"]
    for words in called:
        GROUP.commands[words[0]].make_context(words[0], list(words[1:]))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_python_compiles_and_what_it_names_is_there(path):
    for text in blocks(path, "python"):
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert all(importlib.util.find_spec(one.name) for one in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "retain":
                module = importlib.import_module(node.module)
                assert all(hasattr(module, one.name) for one in node.names), ast.unparse(node)
            elif isinstance(node, ast.ImportFrom):
                assert importlib.util.find_spec(node.module), ast.unparse(node)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("retain."):
                unit = getattr(retain, ast.unparse(node.func).removeprefix("retain."))
                inspect.signature(unit).bind(*node.args, **{one.arg: one.value for one in node.keywords})


def test_the_reference_holds_every_command_and_option():
    page = reference.pages()["commands"]
    for name, command in GROUP.commands.items():
        part = page.split(f"## retain {name}\n", 1)[1].split("\n## ")[0]
        assert all(f"`{option}`" in part for one in command.params for option in one.opts if option.startswith("--"))


def test_every_key_of_a_recipe_is_in_the_reference_with_help():
    page = reference.pages()["recipe"]
    groups = [schema(), *(one for name, one in schema()["$defs"].items() if name not in KINDS)]
    for group in groups:
        for key in group.get("properties", {}):
            assert f"| `{key}` |" in page, key
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [row for row in rows if not row.split(" | ")[-1].strip(" |")] == []


KINDS = {registry.class_name(kind) for kind in registry.units("mitigations")}


@pytest.mark.parametrize("folder", ["mitigations", "probes", "symptoms", "alarms", "checks", "suites"])
def test_every_unit_is_in_the_reference(folder):
    page = reference.pages()[folder]
    assert all(f"\n## {name}\n" in page for name in list_units(folder)[folder])


def test_every_rule_and_every_public_name_is_in_the_reference():
    made = reference.pages()
    rules = {path.stem for path in (ROOT / "src" / "retain" / "probes" / "rules").glob("[a-z]*.py")} - {"item"}
    assert all(f"\n## {name}\n" in made["rules"] for name in rules)
    assert all(f"\n## retain.{name}\n" in made["python"] for name in retain.__all__)


def test_the_site_builds(tmp_path):
    pytest.importorskip("mkdocs", reason="the site's builder is not installed: pip install -e '.[docs]'")
    pytest.importorskip("material", reason="the site's theme is not installed: pip install -e '.[docs]'")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"), strict=True))
    home = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "<table>" in home and "files/benchmarks/frontier/quickstart.svg" in home
    assert (tmp_path / "site" / "files" / "benchmarks" / "frontier" / "quickstart.svg").is_file()
    assert "kl_to_base" in (tmp_path / "site" / "reference" / "mitigations.html").read_text("utf-8")
