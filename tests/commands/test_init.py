import os
import shutil
import subprocess
import sys

import pytest

from retain.commands.check import check
from retain.commands.init import init
from retain.errors import UserError
from retain.recipe import load_recipe


def test_a_model_folder_is_named_from_the_recipes_folder(toy_folder, colour_file, tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "model").symlink_to(toy_folder)
    monkeypatch.chdir(tmp_path)
    path = init("model", colour_file.name, tmp_path / "recipes" / "recipe.yaml")
    monkeypatch.chdir("/")
    recipe = load_recipe(path)
    assert os.path.samefile(recipe.model.base, toy_folder)
    assert os.path.samefile(recipe.data.train, colour_file)


def test_a_models_name_is_kept(colour_file, tmp_path):
    path = init("builtin:smollm2-135m", colour_file, tmp_path / "recipe.yaml")
    assert load_recipe(path).model.base == "builtin:smollm2-135m"


def test_the_recipe_says_how_it_is_checked_and_run(colour_file, tmp_path):
    path = init("builtin:smollm2-135m", colour_file, tmp_path / "mine of today.yaml")
    lines = path.read_text().splitlines()
    assert f"# Check it: retain check '{path}'     Run it: retain run '{path}'" in lines


def test_a_suite_and_general_rows_of_ones_own(toy_folder, colour_file, toy_suite, tmp_path):
    general = tmp_path / "general.jsonl"
    general.write_text('{"prompt": "tell me", "completion": "red"}\n')
    recipe = load_recipe(init(toy_folder, colour_file, tmp_path / "r.yaml", suite=toy_suite, general=general))
    assert os.path.samefile(recipe.measure.suite, toy_suite)
    assert [(one.name, os.path.samefile(one.source, general)) for one in recipe.data.general] == [("general", True)]


@pytest.mark.parametrize("general", ["own.jsonl", None])
def test_rankings_get_a_recipe_for_a_reranker(ranking_recipe, toy_reranker_folder, tmp_path, general):
    ranking_recipe()
    named = None if general is None else tmp_path / general
    (tmp_path / "there").mkdir()
    path = init(
        toy_reranker_folder, tmp_path / "task.jsonl", tmp_path / "there" / "recipe.yaml",
        suite=tmp_path / "ood.yaml", general=named,
    )  # fmt: skip
    assert "42 queries with relevant documents, detected as ranking" in path.read_text()
    recipe = load_recipe(path)
    assert recipe.training.method == "rank"
    kinds = [one.kind for one in recipe.mitigations]
    assert kinds == (["score_to_base", "strength"] if general else ["strength"])
    assert len(recipe.data.general) == (general is not None)
    assert check(path).probes["task"]["test"] > 0


def test_a_beir_folder_is_known_as_rankings(tmp_path, toy_reranker_folder):
    folder = tmp_path / "legal"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "text": "red cats"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "who sing"}\n')
    (folder / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")
    shutil.copytree(folder, tmp_path / "kept" / "other")
    path = init(toy_reranker_folder, folder, tmp_path / "recipe.yaml", suite=tmp_path / "kept")
    assert "1 queries with relevant documents, detected as BEIR" in path.read_text()


def test_rankings_without_a_suite_are_refused(ranking_recipe, toy_reranker_folder, tmp_path):
    ranking_recipe()
    with pytest.raises(UserError, match="--suite"):
        init(toy_reranker_folder, tmp_path / "task.jsonl", tmp_path / "new.yaml")
    assert not (tmp_path / "new.yaml").exists()


def test_a_reader_that_has_gone_changes_no_exit_code():
    """``retain schema | head -0`` must not look like a verdict."""
    read, write = os.pipe()
    os.close(read)
    code = "from retain.cli import main; import sys; sys.argv = ['retain', 'schema']; main()"
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("builtin:nonsense", "known: builtin:smollm2-135m"),
        ("builtin:smolm2", 'did you mean "builtin:smollm2-135m"'),
        ("builtin:", "there is no embedded model"),
        ("smollm2-135m", 'the embedded model is "builtin:smollm2-135m"'),
        ("./models/none", "there is no model folder ./models/none"),
        ("none.gguf", "there is no file none.gguf"),
    ],
)
def test_a_model_that_there_is_not_gets_no_recipe(colour_file, tmp_path, model, said):
    with pytest.raises(UserError, match=said):
        init(model, colour_file, tmp_path / "recipe.yaml")
    assert not (tmp_path / "recipe.yaml").exists()


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        ("builtin:smollm2-135m", 2e-3),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 2e-3),
        ("Qwen/Qwen3-8B", 2e-4),
        ("own/unnamed-size", 2e-4),
    ],
)
def test_the_learning_rate_follows_the_models_size(model, rate, colour_file, tmp_path):
    assert load_recipe(init(model, colour_file, tmp_path / "recipe.yaml")).training.learning_rate == rate
