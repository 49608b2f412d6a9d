"""The action, the hooks and the examples for other trainers: parsed, and run on toys where that is possible."""

import ast
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from retain.cli import app
from retain.commands.check import check
from retain.commands.init_from import init_from
from retain.recipe import load_recipe
from retain.reporting.pull_request import MARK
from tests.reporting.makers import make_full_record

ROOT = Path(__file__).parents[1]
GROUP = typer.main.get_command(app)


def steps():
    return yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]


def test_the_actions_judging_step_runs(tmp_path):
    (script,) = [step["run"] for step in steps() if step.get("id") == "judge"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "record.json").write_text(make_full_record().model_dump_json())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "retain").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m retain.cli "$@"\n')
    (tmp_path / "bin" / "retain").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "COMPARISON": "run", "MARGIN": "5", "MEAN_MARGIN": "", "MIN_GAIN": "",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output"),
    }  # fmt: skip
    done = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == "code=1\n"
    assert sorted(path.name for path in (tmp_path / "retain-gate").iterdir()) == [
        "junit.xml", "retain.sarif", "summary.md"
    ]  # fmt: skip
    assert "forgot" in (tmp_path / "summary").read_text()
    assert "margin 5" in (tmp_path / "retain-gate" / "junit.xml").read_text()


def test_the_action_installs_several_requirements_and_runs_none_of_their_text(tmp_path):
    (step,) = [step for step in steps() if "install" in step.get("if", "")]
    (tmp_path / "pip").write_text(f'#!/bin/sh\necho "$1 $2" > {tmp_path}/words\ncat "$3" > {tmp_path}/asked\n')
    (tmp_path / "pip").chmod(0o755)
    asked = f"retain[probes] @ git+https://host/x\n--no-deps\nb>=1; $(touch {tmp_path}/made) `touch {tmp_path}/made` *"
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "INSTALL": asked}
    subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, check=True)
    assert (tmp_path / "words").read_text() == "install --requirement\n"
    assert (tmp_path / "asked").read_text() == asked + "\n"
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(("earlier", "asked"), [("7\n9\n", "comments/9 -F body=@"), ("", "pr comment 5 --body-file")])
def test_the_action_replaces_its_own_comment_and_no_other(tmp_path, earlier, asked):
    (step,) = [step for step in steps() if "comment" in step.get("if", "")]
    assert f'startswith("{MARK}")' in step["run"] and "--edit-last" not in step["run"]
    (tmp_path / "gh").write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncase "$*" in *--jq*) printf "{earlier}" ;; esac\n'
    )
    (tmp_path / "gh").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "GH_REPO": "o/r", "NUMBER": "5"}
    subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, check=True)
    first, last = (tmp_path / "calls").read_text().splitlines()
    assert "repos/o/r/issues/5/comments" in first and asked in last


def test_inputs_reach_scripts_through_the_environment_alone():
    for step in steps():
        assert "${{" not in step.get("run", ""), "an input in a script is run as a part of it"
        assert ("run" in step) == ("shell" in step)


def test_hooks_call_commands_that_there_are():
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["retain-lint", "retain-check", "retain-gate"]
    for hook in hooks:
        words = shlex.split(hook["entry"])
        assert words[0] == "retain"
        GROUP.commands[words[1]].make_context(words[1], [*words[2:], "place"])


@pytest.mark.parametrize("name", ["axolotl/config.yml", "llama_factory/train.yml"])
def test_a_configuration_becomes_a_recipe_that_check_accepts(name, toy_folder, toy_suite, tmp_path):
    place = ROOT / "examples" / name
    imported = init_from(place, tmp_path / "recipe.yaml", suite=toy_suite, model=str(toy_folder))
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert os.path.samefile(recipe.data.train, ROOT / "examples" / "quickstart" / "tickets.jsonl")
    assert (recipe.training.epochs, recipe.training.max_length, recipe.data.held_out) == (2, 512, 0.15)
    assert not [one for one in imported.left if one.why.startswith("unknown")]
    assert check(tmp_path / "recipe.yaml").data["train"] > 0
    own = load_recipe(init_from(place, tmp_path / "own.yaml").recipe)
    assert own.model.base == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_the_trl_script_runs_on_a_toy(toy_folder, toy_suite, colour_file, tmp_path):
    script = ROOT / "examples" / "trl" / "train.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, script, toy_folder, colour_file, tmp_path / "out", toy_suite]
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1, 3), done.stderr[-2000:]
    assert {*done.stdout.splitlines()} & {"retained", "forgot", "inconclusive", "not learned"}
    assert (tmp_path / "out" / "comparison" / "report.html").is_file()


def test_the_unsloth_script_compiles_and_calls_what_there_is():
    import retain

    tree = ast.parse((ROOT / "examples" / "unsloth" / "train.py").read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "retain"
    }
    assert used == {"RetentionCallback"}
    assert used <= set(retain.__all__)
