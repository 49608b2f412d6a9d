"""docs/security.md's promises: nothing that is read runs code, and nothing is written outside of the folders named."""

import json
import os
import pickle
import sys
from pathlib import Path

import pytest
import yaml

from retain.advice.documents import read_passages
from retain.commands.check import check
from retain.errors import UserError
from retain.models.load import load_causal
from retain.models.load_reranker import load_reranker
from retain.recipe import parse_recipe
from retain.stages.measuring import file_name
from retain.sweep.arm_run import arm_folder
from retain.sweep.arms import arms_of

MINIMAL = {"model": {"base": "builtin:smollm2-135m"}, "data": {"train": "rows.jsonl"}}


class Touch:
    """Unpickled, it creates a file."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return (open, (str(self.place), "w"))


@pytest.fixture
def trap(tmp_path):
    """(a function that writes a pickle, the file that it creates when it is opened)."""
    place = tmp_path / "it-ran"

    def write(path):
        path.write_bytes(pickle.dumps(Touch(place)))

    write(tmp_path / "tried.bin")
    with (tmp_path / "tried.bin").open("rb") as file:
        pickle.load(file).close()
    assert place.exists(), "the trap works"
    place.unlink()
    return write, place


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl", "model.safetensors"])
@pytest.mark.parametrize("load", [load_causal, load_reranker])
def test_a_pickle_in_the_place_of_weights_is_refused_and_not_opened(toy_folder, tmp_path, trap, name, load):
    write, ran = trap
    folder = tmp_path / "model"
    folder.mkdir()
    for file in toy_folder.iterdir():
        if file.suffix != ".safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    write(folder / name)
    with pytest.raises(UserError) as error:
        load(str(folder), "fp32")
    assert "safetensors" in str(error.value) or "could not be loaded" in str(error.value)
    assert not ran.exists()


def test_a_pickled_adapter_is_refused_and_not_opened(toy_folder, tmp_path, trap):
    write, ran = trap
    folder = tmp_path / "adapter"
    folder.mkdir()
    config = {"base_model_name_or_path": str(toy_folder), "peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    write(folder / "adapter_model.bin")
    with pytest.raises(UserError, match=r"holds no adapter_model\.safetensors"):
        load_causal(str(folder), "fp32")
    assert not ran.exists()


def test_a_models_own_code_is_not_run(toy_folder, tmp_path):
    folder, ran = tmp_path / "model", tmp_path / "it-ran"
    folder.mkdir()
    for file in toy_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(UserError, match="could not be loaded"):
        load_causal(str(folder), "fp32")
    assert not ran.exists() and "own" not in sys.modules


def test_an_adapters_own_tokenizer_code_is_not_run(toy_folder, tmp_path):
    folder, ran = tmp_path / "adapter", tmp_path / "it-ran"
    folder.mkdir()
    adapter = {"base_model_name_or_path": str(toy_folder), "peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    tokenizer = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(UserError, match="Tokenizers that need their own code are not run"):
        load_causal(str(folder), "fp32")
    assert not ran.exists() and "own" not in sys.modules


@pytest.mark.parametrize("file", ["rows.jsonl", "rows.json", "rows.csv", "rows.parquet", "rows.txt", "rows.pkl"])
def test_a_pickle_in_the_place_of_rows_is_refused_and_not_opened(tmp_path, trap, file, toy_recipe):
    write, ran = trap
    write(tmp_path / file)
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(toy_recipe(data={"train": str(tmp_path / file)})))
    with pytest.raises(UserError):
        check(path)
    assert not ran.exists()


@pytest.mark.parametrize(
    "key", ["push_to_hub", "hub_model_id", "hub_token", "logging_dir", "output_dir", "resume_from_checkpoint"]
)
def test_a_recipe_cannot_send_or_write_elsewhere(key):
    with pytest.raises(UserError, match=f"training.extra: {key} would write or send outside"):
        parse_recipe({**MINIMAL, "training": {"extra": {key: "/tmp/x"}}})


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "..", "a/b", "a\x00b", "~/x", "con\n", "\u202e"])
def test_names_of_other_peoples_making_are_no_paths(name):
    assert set("/\\\x00~\n") & set(file_name(name)) == set() and ".." not in file_name(name)
    frontier = {"arms": {name: {"training.epochs": 2}, "other": {"training.epochs": 3}}}
    recipe = parse_recipe({**MINIMAL, "frontier": frontier})
    folders = [arm_folder(one) for one in arms_of(recipe, [object()] * 10)]
    assert all(os.sep not in one and ".." not in one and "\x00" not in one for one in folders)
    assert len(set(folders)) == 2


def test_documents_do_not_lead_out_of_their_folder(tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("the key")
    (folder / "a.txt").write_text("a text")
    (folder / "notes.txt").symlink_to("../secret.txt")
    with pytest.raises(UserError, match="link to a file outside of the folder"):
        read_passages(str(folder), 100)
    (folder / "notes.txt").unlink()
    (folder / "b.txt").symlink_to("a.txt")
    assert read_passages(str(folder), 100) == ["a text"]
