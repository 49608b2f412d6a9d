"""Every example and benchmark recipe opens with what it does, what it needs and its command, and is valid."""

import json
import runpy
from pathlib import Path

import pytest

from retain.commands.check import check
from retain.recipe import load_recipe, read_values
from retain.sequence_recipe import is_sequence, parse_sequence

ROOT = Path(__file__).parents[1]
SUITES = ("suite.yaml", "arms.yaml", "tasks.yaml", "texts.yaml")
"""YAML files that are no recipes."""
EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.yaml") if not path.name.endswith(SUITES))
BENCHMARKS = sorted(path for path in (ROOT / "benchmarks").rglob("*.yaml") if not path.name.endswith(SUITES))


def test_all_of_them_were_found():
    assert len(EXAMPLES) >= 4
    assert len(BENCHMARKS) >= 2


@pytest.mark.parametrize("path", [*EXAMPLES, *BENCHMARKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_its_header_helps_and_its_keys_are_valid(path):
    lines = path.read_text().splitlines()
    for word in ("# What:", "# Needs:", "# Command:", "# Override:"):
        assert any(line.startswith(word) for line in lines), f"{path} has no line {word}"
    command = next(line for line in lines if line.startswith("# Command:"))
    values = read_values(path)
    if is_sequence(values):
        parse_sequence(values, str(path), path.parent)
        verb = "run"
    else:
        recipe = load_recipe(path)
        verb = "frontier" if recipe.frontier else "advise" if recipe.advise else "run"
    made = path.name == "base.yaml" and (path.parent / "make_base.py").is_file()
    place = path.relative_to(ROOT)
    wanted = f"python {place.parent}/make_base.py" if made else f"retain {verb} {place}"
    assert wanted in command


def base_of_the_hub(path):
    """Another base for a recipe whose own is made by a script, and is in no checkout."""
    values = read_values(path)
    return ["model.base=nobody/nothing"] if "/runs/" in values["model"]["base"] else []


def test_a_base_that_is_not_here_is_remarked():
    """Nothing on this machine can tell whether its name is right."""
    path = next(path for path in EXAMPLES if path.name == "recipe.yaml" and base_of_the_hub(path))
    assert any("nobody/nothing" in note for note in check(path, base_of_the_hub(path)).notes)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_examples_data_pass_the_check(path, tmp_path):
    (tmp_path / "modules.json").touch()
    made = path.name == "base.yaml"  # its script says which teacher
    checked = check(path, [*base_of_the_hub(path), *([f"training.ranking.teacher={tmp_path}"] if made else [])])
    assert checked.data["train"] > 0
    notes = [note for note in checked.notes if "nobody/nothing" not in note]
    assert made or not notes, "at least half of its probes generate, and nothing else is remarked"


def test_the_banking_benchmark_passes_the_check_where_the_data_are():
    if not (ROOT.parent / "shared" / "data").is_dir():
        pytest.skip("the public data samples are not beside the repository (../shared/data)")
    for path in BENCHMARKS:
        if is_sequence(read_values(path)):
            checked = check(path, base_of_the_hub(path))
            assert len(checked.stages) == 5 and all(one.data["train"] == 300 for one in checked.stages.values())
        elif path not in ADVICES and path != SCIFACT and path.parent.name != "pretrain":
            assert check(path, base_of_the_hub(path)).data["train"] == load_recipe(path).data.limit


SCIFACT = ROOT / "benchmarks" / "reranker" / "scifact.yaml"


def test_the_rerankers_benchmark_passes_the_check_where_the_data_are(tmp_path):
    if not (ROOT.parent / "shared" / "data").is_dir():
        pytest.skip("the public data samples are not beside the repository (../shared/data)")
    script = runpy.run_path(str(ROOT / "benchmarks" / "reranker" / "make_base.py"))
    rows = list(script["without_items"](script["general_rows"](), script["load_suite"](script["SUITE"]).probes))
    assert len(rows) > 2000 and all(row["query"] and row["pos"] for row in rows)
    longer = list(script["without_items"](script["longer_rows"](), script["load_suite"](script["SUITE"]).probes))
    several = sum(len(script["sentences_of"](row["query"])) >= script["QUERY"] for row in longer)
    assert len(longer) > 2000 and several > 500 and all(row["query"] not in row["pos"] for row in longer)
    general = tmp_path / "general.jsonl"
    general.write_text("".join(json.dumps(row) + "\n" for row in rows))
    checked = check(SCIFACT, [*base_of_the_hub(SCIFACT), f"data.general.0.source={general}"])
    assert checked.data["test"] == 300 and checked.data["train"] > 600


def test_the_pretraining_benchmark_passes_the_check_where_the_data_are(tmp_path):
    if not (ROOT.parent / "shared" / "data").is_dir():
        pytest.skip("the public data samples are not beside the repository (../shared/data)")
    folder = ROOT / "benchmarks" / "pretrain"
    runpy.run_path(str(folder / "make_texts.py"))["make"](tmp_path)
    files = {
        "data.train": "train", "data.held_out.dev": "dev.jsonl", "data.held_out.test": "test.jsonl",
        "measure.suite": "suite.yaml",
    }  # fmt: skip
    found = sorted(folder.glob("*.yaml"))
    assert [path.stem for path in found] == ["default", "plain", "replay", "replay_kl"]
    for path in found:
        general = ["data.general.0.source=" + str(tmp_path / "general.jsonl")] if path.stem != "plain" else []
        checked = check(path, [*(f"{key}={tmp_path / name}" for key, name in files.items()), *general])
        assert checked.data["train"] == 270 and checked.probes["task"] == {"dev": 60, "test": 120}
        assert checked.probes["web"]["test"] > 50 and checked.task_metric == "bits per byte"


ADVICES = [path for path in BENCHMARKS if path.parent.name == "advise"]


def test_the_advices_pass_the_check_where_the_data_are(tmp_path):
    if not (ROOT.parent / "shared" / "data").is_dir():
        pytest.skip("the public data samples are not beside the repository (../shared/data)")
    script = runpy.run_path(str(ROOT / "benchmarks" / "advise" / "facts.py"))
    found = script["facts"](script["DATABASE"])
    assert len(found) > 400 and all(fact.answer in fact.entry.rstrip(".").split() for fact in found)
    script["write"](found, tmp_path)
    own = [f"data.train={tmp_path / 'rows.jsonl'}", f"advise.documents={tmp_path / 'documents.jsonl'}"]
    assert len(ADVICES) == 3
    for path in ADVICES:
        checked = check(path, own if path.stem == "facts" else [])
        assert checked.data["train"] >= 300 and checked.probes["task"]["test"] == 100
        assert checked.passages == (len(found) if path.stem == "facts" else 0)


def test_committed_records_can_be_read_and_name_no_machine():
    from retain.record_files import read_record
    from retain.records import RunRecord

    found = sorted((ROOT / "benchmarks").rglob("*.json"))
    runs = 0
    for path in found:
        text = path.read_text()
        if {"verdict", "comparison"} <= set(json.loads(text)):
            runs += 1
            assert read_record(path, RunRecord).verdict.outcome
        assert "/home/" not in text and "/root/" not in text and "/tmp/" not in text and "/work/" not in text, path
    assert runs >= 4
