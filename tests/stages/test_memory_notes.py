"""``retain check`` says what it does not know of the memory, and what does not fit."""

import json

import pytest
import yaml

from retain.cli.preparing import _show_checked
from retain.commands.check import check
from retain.recipe import parse_recipe
from retain.stages import memory_notes as module
from retain.stages.estimating import estimate_memory
from retain.stages.memory_notes import memory_notes


@pytest.fixture
def noted(toy_recipe, tmp_path):
    """The notes on a toy recipe with another base or other training settings."""

    def make(base=None, rows=(), **training):
        values = toy_recipe(training={"batch_size": 4, "max_length": 64, **training})
        if base is not None:
            values["model"]["base"] = base
        recipe = parse_recipe(values, "recipe", tmp_path)
        return memory_notes(recipe, rows, estimate_memory(recipe, rows))

    return make


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("builtin:smollm2-135m", "unpacked when it is first used; retain measure builtin:smollm2-135m --limit 2 does"),
        ("nobody/nothing", "nobody/nothing is not on this machine; hf download nobody/nothing fetches it; check again"),
        ("/models/base.gguf", "/models/base.gguf is a GGUF file; begin with a small training.batch_size"),
    ],
)
def test_it_says_why_nothing_is_known_and_what_to_do(noted, base, said):
    (line,) = noted(base)
    assert line.startswith("memory: not known, since ") and said in line


def test_adapters_and_damaged_folders_have_reasons_of_their_own(noted, tmp_path):
    (tmp_path / "config.json").write_text("{")
    assert "cannot be read" in noted(str(tmp_path))[0]
    (tmp_path / "adapter_config.json").write_text(json.dumps({}))
    assert "is an adapter; merge it first" in noted(str(tmp_path))[0]


def test_what_does_not_fit_is_said_with_what_the_run_will_do(noted, monkeypatch):
    assert noted() == noted(fit_memory=False) == []
    monkeypatch.setattr(module, "room_here", lambda: 2**20)
    assert "training may not fit" in noted()[0]
    assert (
        "1.0 MiB are free here; training.fit_memory: false leaves the batches as they are" in noted(fit_memory=False)[0]
    )


def test_rerankers_are_not_counted(ranking_recipe):
    assert "this trains a reranker" in check(ranking_recipe()).memory_notes[0]


def test_check_shows_the_line(toy_recipe, tmp_path, capsys):
    values = toy_recipe(model={"base": "nobody/nothing"})
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values))
    _show_checked(check(tmp_path / "recipe.yaml"))
    assert "\n  memory: not known, since nobody/nothing is not on this machine;" in capsys.readouterr().out
