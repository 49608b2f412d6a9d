"""Wrong inputs: exit code 2, one clear message on standard error, no traceback. And the exit codes of verdicts."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from retain import cli
from retain.errors import UserError


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command in this process: (exit code, standard output, standard error)."""

    def run(*words: str):
        monkeypatch.setattr(sys, "argv", ["retain", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def recipe_file(tmp_path, toy_recipe):
    def write(**sections):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(toy_recipe(**sections)))
        return path

    return write


def assert_clear(code, err, *parts):
    assert code == 2
    assert "Traceback" not in err
    for part in parts:
        assert part in err


def test_missing_recipe(call, tmp_path):
    code, _, err = call("check", tmp_path / "none.yaml")
    assert_clear(code, err, "There is no recipe")


def test_missing_data_file_names_the_nearest(call, recipe_file, colour_file):
    code, _, err = call("check", recipe_file(data={"train": str(colour_file.with_name("colors.jsonl"))}))
    assert_clear(code, err, "colors.jsonl", "colours.jsonl")


def test_malformed_json_on_line_17(call, recipe_file, colour_file):
    lines = colour_file.read_text().splitlines()
    lines[16] = lines[16][:-5]
    colour_file.write_text("\n".join(lines))
    code, _, err = call("check", recipe_file(data={"train": str(colour_file)}))
    assert_clear(code, err, "17")


def test_mixed_row_shapes(call, recipe_file, colour_file):
    colour_file.write_text(colour_file.read_text() + '{"instruction": "a b", "output": "c"}\n')
    code, _, err = call("check", recipe_file(data={"train": str(colour_file)}))
    assert_clear(code, err, "41")


def test_empty_data(call, recipe_file, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    code, _, err = call("check", recipe_file(data={"train": str(tmp_path / "empty.jsonl")}))
    assert_clear(code, err, "empty")


def test_three_errors_at_once(call, recipe_file):
    path = recipe_file(training={"epoch": 1, "batch_size": 0}, mitigations=[{"kind": "ewx"}])
    code, _, err = call("check", path)
    assert_clear(code, err, "3 errors", 'did you mean "epochs"', "training.batch_size", "ewx")


def test_unknown_model(call, recipe_file, tmp_path):
    recipe = recipe_file(model={"base": "builtin:smollm3", "load_in": "fp32"})
    code, _, err = call("run", recipe, "--quiet", "--folder", tmp_path / "run")
    assert_clear(code, err, "no embedded model", "smollm2-135m")


def test_unknown_model_is_found_before_anything_is_measured(call, tmp_path):
    code, _, err = call("measure", tmp_path / "nowhere", "--quiet")
    assert_clear(code, err, "there is no model folder")


def test_a_probe_with_no_items(call, recipe_file, toy_suite):
    (toy_suite.parent / "say.jsonl").write_text("")
    code, _, err = call("check", recipe_file())
    assert_clear(code, err, "say")


def test_unknown_suite(call, recipe_file):
    code, _, err = call("check", recipe_file(measure={"suite": "cora"}))
    assert_clear(code, err, 'did you mean "core"')


def test_a_run_folder_of_another_recipe(call, recipe_file, tmp_path):
    assert call("run", recipe_file(), "--folder", tmp_path / "run", "--quiet")[0] in (0, 1, 3)
    code, _, err = call("run", recipe_file(seed=4), "--folder", tmp_path / "run", "--quiet")
    assert_clear(code, err, "another recipe", "seed: there 0, here 4")


def test_a_full_disk(call, recipe_file, tmp_path, monkeypatch):
    import errno

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    recipe = recipe_file()
    monkeypatch.setattr("retain.folder.os.fsync", full)
    code, _, err = call("run", recipe, "--folder", tmp_path / "run", "--quiet")
    assert_clear(code, err, "The disk is full")
    assert not list((tmp_path / "run").glob("*.tmp")), "no half-written file is left"


def test_a_nan_loss_exits_with_4(call, recipe_file, tmp_path):
    training = {"learning_rate": 1e30, "epochs": 3, "batch_size": 4, "max_length": 64, "max_grad_norm": 1e30}
    code, _, err = call("run", recipe_file(training=training), "--folder", tmp_path / "run", "--quiet")
    assert code == 4
    assert "Traceback" not in err
    assert "last_good" in err


@pytest.mark.parametrize("setting", [{"report_to": ["nonsense"]}, {"extra": {"fp8": 1}}])
def test_what_only_the_trainer_can_judge_is_still_the_users_mistake(call, recipe_file, tmp_path, setting):
    training = {"epochs": 1, "batch_size": 4, "max_length": 64, **setting}
    code, _, err = call("run", recipe_file(training=training), "--folder", tmp_path / "run", "--quiet")
    assert_clear(code, err, "training")


def test_anything_unforeseen_exits_with_4(call, recipe_file, monkeypatch):
    monkeypatch.setattr("retain.commands.check.read_values", lambda *a: 1 / 0)
    code, _, err = call("check", recipe_file())
    assert code == 4
    assert "fault in Retain" in err


def test_run_report_gate_and_compare_agree(call, recipe_file, tmp_path):
    folder = tmp_path / "run"
    recipe = recipe_file(mitigations=[{"kind": "lora", "rank": 2}])
    code, out, _ = call("run", recipe, "--folder", folder, "--quiet", "--json")
    record = json.loads(out)
    assert code == {"retained": 0, "forgot": 1, "not learned": 1, "inconclusive": 3}[record["verdict"]["outcome"]]
    assert call("gate", folder)[0] == code
    assert call("gate", folder, "--margin", "0.001", "--min-gain", "100")[0] in (1, 3)
    (folder / "report.html").unlink()
    assert call("report", folder)[0] == 0
    assert (folder / "report.html").is_file()
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    suite = yaml.safe_load(recipe.read_text())["measure"]["suite"]
    base = yaml.safe_load(recipe.read_text())["model"]["base"]
    for model, output in ((base, before), (folder / "tuned", after)):
        arguments = ("--suite", suite, "--load-in", "fp32", "--quiet")
        assert call("measure", model, "--output", output, *arguments)[0] == 0
    code, out, _ = call("compare", before, after, "--folder", tmp_path / "comparison", "--json")
    compared = {one["probe"]: one["delta"] for one in json.loads(out)["comparison"]["losses"]}
    assert compared == {one["probe"]: one["delta"] for one in record["comparison"]["losses"]}
    assert (tmp_path / "comparison" / "report.html").is_file()


def test_measurements_in_other_precisions_are_not_compared(call, tmp_path, toy_folder, toy_suite):
    for precision in ("fp32", "bf16"):
        output = tmp_path / f"{precision}.json"
        call("measure", toy_folder, "--suite", toy_suite, "--load-in", precision, "--output", output, "--quiet")
    code, _, err = call("compare", tmp_path / "fp32.json", tmp_path / "bf16.json", "--folder", tmp_path / "c")
    assert_clear(code, err, "precision")


def test_gate_on_an_unfinished_run(call, tmp_path):
    (tmp_path / "recipe.yaml").write_text("{}")
    code, _, err = call("gate", tmp_path)
    assert_clear(code, err, "not finished")


def test_init_writes_a_recipe_that_check_accepts(call, tmp_path, colour_file):
    path = tmp_path / "new.yaml"
    assert call("init", "builtin:smollm2-135m", colour_file, "--output", path)[0] == 0
    assert call("check", path, "--set", "data.held_out=0.3")[0] == 0
    code, _, err = call("init", "builtin:smollm2-135m", colour_file, "--output", path)
    assert_clear(code, err, "--force")


@pytest.mark.parametrize("command", [["list"], ["list", "mitigations"], ["schema"], ["doctor"], ["--help"]])
def test_what_needs_no_model_works(call, command):
    code, out, _ = call(*command)
    assert code in (0, 4) if command == ["doctor"] else code == 0
    assert out.strip()


def test_the_installed_command_runs():
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run([sys.executable, "-m", "retain.cli", "--help"], capture_output=True, env=environment)
    assert done.returncode == 0
    for command in ("run", "check", "measure", "compare", "gate", "report", "list", "doctor", "init", "schema"):
        assert command in done.stdout.decode()


@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
def test_a_margin_that_means_nothing_is_refused(call, tmp_path, value):
    code, _, err = call("compare", tmp_path / "a.json", tmp_path / "b.json", "--mean-margin", value)
    assert_clear(code, err, "--mean-margin", value)


def rows_file(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def with_general(tmp_path, colour_file, rows):
    general = rows_file(tmp_path / "extra.jsonl", rows)
    return {"train": str(colour_file), "held_out": 0.3, "general": [{"name": "own", "source": general}]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"prompt": "say one two", "completion": "one"}] * 3 + [{"prompt": "a", "completion": "b"}], "contain"),
        ([{"prompt": "a b", "completion": "c"}] * 9, "at least 2 different rows"),
        ([{"prompt": "a", "chosen": "b", "rejected": "c"}], "preference"),
        ([{"prompt": "a"}], "extra.jsonl"),
    ],
)
def test_check_reads_general_text_too(call, recipe_file, tmp_path, colour_file, rows, message):
    code, _, err = call("check", recipe_file(data=with_general(tmp_path, colour_file, rows)))
    assert_clear(code, err, message)


def test_held_out_rows_need_the_training_rows_shape(call, recipe_file, tmp_path, colour_file):
    dev = rows_file(tmp_path / "dev.jsonl", [{"text": "a b"}, {"text": "c d"}])
    test = rows_file(tmp_path / "test.jsonl", [{"text": "a b e"}])
    data = {"train": str(colour_file), "held_out": {"dev": dev, "test": test}}
    code, _, err = call("check", recipe_file(data=data))
    assert_clear(code, err, "need one shape", "test.jsonl: text")


def test_a_probe_must_not_be_called_task(call, recipe_file, toy_suite):
    toy_suite.write_text(toy_suite.read_text().replace("name: say", "name: task"))
    code, _, err = call("check", recipe_file())
    assert_clear(code, err, "rename that probe")


def test_a_rule_that_cannot_score_the_rows_is_found_by_check(call, recipe_file, toy_suite, tmp_path):
    measure = {"suite": str(toy_suite), "task": {"score": "sql", "database": str(tmp_path / "none.db")}}
    code, _, err = call("check", recipe_file(measure=measure))
    assert_clear(code, err, "measure.task.score: sql", "none.db")


def test_a_place_that_cannot_be_written_is_refused_first(call, tmp_path, toy_suite):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file" / "out.json"):
        code, _, err = call("measure", "no-such-model", "--suite", toy_suite, "--output", place)
        assert_clear(code, err, "could not be written")


def test_a_run_is_not_overwritten_by_a_comparison(call, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("seed: 0\n")
    code, _, err = call("compare", "a.json", "b.json", "--folder", tmp_path / "run")
    assert_clear(code, err, "holds a run")


NOISY = """
import os, subprocess, sys
import retain.commands.list_units as units
from retain.cli import main

def noisy(what):
    print("a library's word")
    os.write(1, b"native code's\\n")
    subprocess.run(["echo", "a process's"], check=True)
    return {"found": [what]}

units.list_units = noisy
sys.argv = ["retain", "list", "probes", "--json"]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no echo")
def test_json_stands_alone_on_standard_output_whatever_libraries_print():
    environment = {**os.environ, "PYTHONPATH": "src"}
    done = subprocess.run([sys.executable, "-c", NOISY], capture_output=True, text=True, env=environment)
    assert json.loads(done.stdout) == {"found": ["probes"]} and done.returncode == 0
    for word in ("a library's word", "native code's", "a process's"):
        assert word in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_of_json_that_has_gone_is_no_error():
    environment = {**os.environ, "PYTHONPATH": "src"}
    process = subprocess.Popen(
        [sys.executable, "-c", NOISY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait() == 0 and "Traceback" not in said and "BrokenPipe" not in said


@pytest.mark.parametrize("words", [("gate",), ("report",), ("measure",), ("check",)])
def test_an_endless_path_is_a_wrong_input(call, words):
    code, _, err = call(*words, "a" * 5000)
    assert_clear(code, err, "longer than the system allows")


EVIL = "\x1b]0;owned\x07"


def unsafe(text):
    return [letter for letter in text if letter != "\n" and not letter.isprintable()]


def test_a_split_without_items_is_a_wrong_input(call, tmp_path, toy_folder):
    suite = tmp_path / "suite"
    suite.mkdir()
    rows_file(suite / "say.jsonl", [{"prompt": "say one", "answer": "one", "split": "test"}])
    given = ("--suite", suite, "--split", "dev", "--load-in", "fp32", "--output", tmp_path / "new.json", "--quiet")
    code, out, err = call("measure", toy_folder, *given)
    assert_clear(code, err, "--split dev", str(suite), "has dev items")
    assert out == "" and not (tmp_path / "new.json").exists()


def test_a_path_without_permission_is_a_wrong_input(call, recipe_file, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied", "/secret/rows.jsonl")

    monkeypatch.setattr("retain.commands.check.read_values", refuse)
    code, _, err = call("check", recipe_file())
    assert_clear(code, err, "/secret/rows.jsonl cannot be used: Permission denied. Check the path")


def test_a_terminal_obeys_no_name_of_a_probe_or_model(call, tmp_path, toy_folder):
    suite = tmp_path / "suite.yaml"
    rows_file(tmp_path / "say.jsonl", [{"prompt": f"say one {w}", "answer": "one", "split": "test"} for w in "abcde"])
    probe = {"kind": "answers", "name": f"{EVIL}evil", "capability": "x", "items": "say.jsonl"}
    suite.write_text(yaml.safe_dump({"probes": [probe]}))
    measure = ("measure", toy_folder, "--suite", suite, "--load-in", "fp32", "--quiet")
    code, out, _ = call(*measure, "--output", tmp_path / "one.json")
    assert (code, unsafe(out)) == (0, [])
    assert "owned" in out
    code, out, _ = call(*measure, "--json")
    assert json.loads(out)["measurements"][0]["probe"] == f"{EVIL}evil", "JSON is left as it is"
    (tmp_path / "two.json").write_text((tmp_path / "one.json").read_text())
    assert call("compare", tmp_path / "one.json", tmp_path / "two.json", "--folder", tmp_path / "c", "--quiet")[0] == 3
    code, out, _ = call("gate", tmp_path / "c")
    assert (code, unsafe(out)) == (3, [])
    assert "owned" in out


@pytest.mark.parametrize("kind", [UserError, ValueError])
def test_a_terminal_obeys_no_error(call, recipe_file, monkeypatch, kind):
    def fail(*args):
        raise kind(f"first {EVIL}\nsecond")

    monkeypatch.setattr("retain.commands.check.read_values", fail)
    code, _, err = call("check", recipe_file())
    assert code == (2 if kind is UserError else 4)
    assert unsafe(err) == []
    assert "owned" in err
    assert "\nsecond\n" in err, "line ends stay"


def test_advise_shows_a_table_and_where_to_stop(call, recipe_file, tmp_path):
    advise = {"rungs": ["few_shot"], "shots": [1], "picks": ["fixed"], "margin": 100.0}
    path, place = recipe_file(advise=advise), tmp_path / "advice"
    code, out, err = call("advise", path, "--folder", place)
    assert code == 0 and "Rung few-shot" in err
    assert out.startswith("rung") and "* No rung is shown to work: " in out
    assert f"Report: {place / 'advice.html'}" in out
    code, out, _ = call("advise", path, "--folder", place, "--json", "--quiet")
    assert code == 0 and json.loads(out)["advised"] == {
        **json.loads(out)["advised"],
        "rung": "",
        "basis": "nothing",
    }
    code, _, err = call("advise", path, "--folder", place, "--set", "advise.shots=[0]")
    assert_clear(code, err, "advise.shots.0")


def test_the_libraries_bars_are_off_before_a_command_imports_them(monkeypatch):
    from retain.cli import start
    from retain.quiet import SWITCHES

    for name in SWITCHES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    seen = []
    monkeypatch.setattr(start, "app", lambda **_: seen.append({name: os.environ.get(name) for name in SWITCHES}))
    start.main()
    assert seen == [SWITCHES]


def test_a_path_that_is_almost_right_is_asked_after(call, tmp_path, toy_folder, recipe_file, monkeypatch):
    recipe_file()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.yaml").write_text("seed: 0\nmodel: [1\n")
    (tmp_path / "models").mkdir()
    for words, part in (
        (["check", "recipe.yml"], "did you mean recipe.yaml?"),
        (["check", "."], ". is a folder. Name a recipe, a YAML file, such as recipe.yaml."),
        (["check", "broken.yaml"], "line 3, column 1 while parsing a flow sequence: expected ',' or ']'"),
        (["compare", str(toy_folder), "model", "--quiet"], "did you mean models?"),
        (["gate", "nowhere"], "There is no file or folder nowhere. Name a folder that 'retain run'"),
        (["gate", "models"], "models holds no record.json: name a folder"),
    ):
        code, _, err = call(*words)
        assert_clear(code, err, part)


def test_a_record_of_another_version_says_so(call, tmp_path):
    (tmp_path / "record.json").write_text('{"title": "t", "of_the_future": 1}')
    code, _, err = call("gate", tmp_path)
    assert_clear(
        code,
        err,
        "does not hold what Retain reads there: ",
        "another version of Retain (this is 0.1.0)",
        "Make it again",
    )


def test_the_version_is_said(call):
    assert call("--version")[:2] == (0, "retain 0.1.0\n")


def test_help_fits_80_columns(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = call("--help")
    assert code == 0 and max(map(len, out.splitlines())) <= 80 and "..." not in out.split("Commands:")[1]


def test_the_version_is_told_to_several_processes_too(monkeypatch, capsys):
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["retain", "--version"])
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert capsys.readouterr().out.startswith("retain ")


@pytest.mark.parametrize(
    ("rank", "size", "said"),
    [("one", "2", "RANK='one'"), ("0", "", "WORLD_SIZE=''"), ("2", "2", "RANK=2 of WORLD_SIZE=2"), ("-1", "2", "RANK")],
)
def test_numbers_of_processes_that_are_none(monkeypatch, capsys, rank, size, said):
    for name, value in {"RANK": rank, "LOCAL_RANK": "0", "WORLD_SIZE": size}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["retain", "schema"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    found = capsys.readouterr().err
    assert said in found and "unset RANK, LOCAL_RANK, WORLD_SIZE" in found
