import os
import subprocess
import sys

from retain.commands.init import init
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


def test_a_reader_that_has_gone_changes_no_exit_code():
    """``retain schema | head -0`` must not look like a verdict."""
    read, write = os.pipe()
    os.close(read)
    code = "from retain.cli import main; import sys; sys.argv = ['retain', 'schema']; main()"
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
