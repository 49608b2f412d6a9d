"""``retain lint`` from the outside: what it prints, exit codes, cleaned files, wrong inputs."""

import json
import sys

import pytest

import retain
from retain import cli
from retain.errors import UserError
from retain.recipe import parse_recipe
from retain.reporting.lint import lint_section, render_lint
from retain.stages.prepare import read_and_split


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["retain", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def row(prompt, completion):
    return {"prompt": prompt, "completion": completion}


GOOD = [
    row(f"what is the {word} of {n}", f"it is {word} {n}")
    for n, word in enumerate("abc def ghi jkl mno pqr".split() * 10)
]


@pytest.fixture
def write(tmp_path):
    def write(name, rows):
        path = tmp_path / name
        path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows))
        return path

    return write


def test_it_says_what_is_wrong_where_and_what_to_do(call, write):
    path = write("rows.jsonl", [*GOOD, GOOD[0], row("who", "N/A")])
    code, out, _ = call("lint", path, "--suite", "none", "--quiet")
    assert code == 0
    assert "exact_duplicates: 1 of 62 rows" in out and "rows.jsonl:61" in out and "the same as line 1" in out
    assert "empty_targets" in out and "What to do:" in out and "Not looked at:" in out


def test_rows_that_cannot_be_read_are_an_error(call, write):
    code, out, _ = call("lint", write("rows.jsonl", [*GOOD, "{broken", row("a", "")]), "--suite", "none", "--quiet")
    assert code == 2
    assert "ERROR unreadable_rows: 2 of 62 rows" in out and "rows.jsonl:61  not JSON" in out


def test_a_probes_items_are_an_error(call, write, toy_suite):
    path = write("rows.jsonl", [*GOOD, row("say one two", "one")])
    code, out, _ = call("lint", path, "--suite", toy_suite, "--quiet")
    assert code == 2 and "contamination" in out


def test_what_a_terminal_would_obey_is_shown_and_json_holds_it(call, write):
    path = write("rows.jsonl", [*GOOD, *[row("who \x1b]0;owned\x07", "x\x1b[2J")] * 2])
    _, out, _ = call("lint", path, "--suite", "none", "--quiet")
    assert "\x1b" not in out and "\x07" not in out
    _, out, _ = call("lint", path, "--suite", "none", "--quiet", "--json")
    assert {one["check"] for one in json.loads(out)["lint"]["findings"]} >= {"exact_duplicates", "mojibake"}


def test_token_checks_use_the_models_tokenizer(call, write, toy_folder):
    path = write("rows.jsonl", [*GOOD, row("sky " * 40, "blue"), row("sky", "blue " * 40)])
    code, out, _ = call("lint", path, "--model", toy_folder, "--max-length", 24, "--suite", "none", "--quiet")
    assert code == 0
    assert "1 of 62 rows (1.6%) have an answer that is beyond max_length" in out
    assert "1 of 62 rows (1.6%) have an answer that is cut at max_length" in out


def test_a_cleaned_file_lacks_the_bad_rows_and_names_each(call, write, tmp_path):
    rows = [
        *GOOD,
        GOOD[3],
        "{broken",
        row("who are you", "N/A"),
        row("le cafe", "un caf\u00c3\u00a9 svp"),
        row("key", "ghp_" + "a1" * 18),
    ]
    path = write("rows.jsonl", rows)
    before = path.read_bytes()
    out_path = tmp_path / "clean.jsonl"
    code, out, _ = call("lint", path, "--suite", "none", "--fix", out_path, "--quiet")
    assert code == 0 and "4 were removed and 1 mended" in out
    assert path.read_bytes() == before
    kept = [json.loads(line) for line in out_path.read_text().splitlines()]
    assert kept == [*GOOD, row("le cafe", "un caf\u00e9 svp")]
    listed = [json.loads(line) for line in (tmp_path / "clean.removed.jsonl").read_text().splitlines()]
    assert [(one["line"], one["done"], one["check"]) for one in listed] == [
        (61, "removed", "exact_duplicates"),
        (62, "removed", "unreadable_rows"),
        (63, "removed", "empty_targets"),
        (64, "mended", "mojibake"),
        (65, "removed", "secrets"),
    ]
    assert "ghp_" not in json.dumps(listed)
    code, _, err = call("lint", path, "--suite", "none", "--fix", out_path, "--quiet")
    assert code == 2 and "exists already" in err


def test_a_good_row_stays_where_only_its_bad_copy_came_first(tmp_path, write):
    rows = [
        row("tell me about the old mill in the valley", "N/A"),
        *GOOD,
        row("tell me about the old mill in the valley", "a mill"),
    ]
    retain.lint(write("rows.jsonl", rows), suite=None, fix=tmp_path / "clean.jsonl")
    assert "a mill" in (tmp_path / "clean.jsonl").read_text()


def test_training_rows_that_are_measured_too_are_cleaned_away(tmp_path, write):
    held_out = write("test.jsonl", [row("what is the ABC of 0?", "it is abc 0")])
    found = retain.lint(write("rows.jsonl", GOOD), held_out, suite=None, fix=tmp_path / "clean.jsonl")
    assert [(one.line, one.check) for one in found.repairs] == [(1, "held_out_duplicates")]
    assert found.kept == 59


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-length", "100"], "needs --model"),
        (["--model", "nowhere/none"], "there is no tokenizer"),
        (["--model", "builtin:smollm3"], "no embedded model"),
        (["--fix", "clean.csv"], "ends in .jsonl"),
        (["--suite", "cora"], 'did you mean "core"'),
        (["--held-out", "none.jsonl"], "does not exist"),
        (["--real", "none.jsonl"], "does not exist"),
        (["--model", "x", "--max-length", "0"], "at least 1"),
    ],
)
def test_wrong_options_are_the_users_mistake(call, write, words, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, _, err = call("lint", write("rows.jsonl", GOOD), "--quiet", *words)
    assert code == 2 and "Traceback" not in err and message in err


def test_wrong_files_are_the_users_mistake(call, write, tmp_path):
    for words in ([tmp_path / "none.jsonl"], [tmp_path], [write("empty.jsonl", [])], [write("odd.jsonl", [{"x": 1}])]):
        code, _, err = call("lint", *words, "--quiet")
        assert code == 2 and "Traceback" not in err
    code, _, err = call("lint", write("a.jsonl", GOOD), "--held-out", write("b.jsonl", [{"text": "a b"}]), "--quiet")
    assert code == 2 and "they need one shape" in err


HALF = '{"prompt": "a", "completion": "b", "id": "\\ud83d"}'
"""Half of a surrogate pair, which JSON can spell and no file can hold, where nothing is trained."""


def test_half_surrogate_pairs_break_neither_json_nor_a_cleaned_file(call, write, tmp_path):
    path = write("rows.jsonl", [*GOOD, '{"\\ud83d": 1}', HALF])
    code, out, err = call("lint", path, "--suite", "none", "--quiet", "--json")
    assert code == 2 and "Traceback" not in err and json.loads(out)["lint"]["rows"] == 61
    code, _, err = call("lint", path, "--suite", "none", "--quiet", "--fix", tmp_path / "clean.jsonl")
    assert code == 0, err
    kept = (tmp_path / "clean.jsonl").read_text("utf-8").splitlines()
    assert json.loads(kept[-1]) == json.loads(HALF)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_file_whose_name_is_not_text_is_linted(call, write, tmp_path):
    path = write("rows.jsonl", GOOD).rename(tmp_path / "r\udcff.jsonl")
    words = ("lint", path, "--suite", "none", "--quiet", "--json", "--fix", tmp_path / "c\udcff.jsonl")
    code, out, err = call(*words)
    assert code == 0, err
    assert json.loads(out)["lint"]["source"].endswith("r?.jsonl") and (tmp_path / "c\udcff.jsonl").exists()


def test_a_row_goes_where_one_of_its_instances_must(write, tmp_path):
    instances = [{"input": "in", "output": "ghp_" + "a1" * 18}, {"input": "other", "output": "good"}]
    rows = [{"instruction": f"do {n}", "instances": [{"input": "in", "output": f"out {n}"}]} for n in range(30)]
    again = {"instruction": "do 1", "instances": [{"input": "in", "output": "out 1"}, {"input": "x", "output": "new"}]}
    path = write("rows.jsonl", [*rows, {"instruction": "do", "instances": instances}, again, again])
    found = retain.lint(path, suite=None, fix=tmp_path / "clean.jsonl")
    assert [(one.line, one.check) for one in found.repairs] == [(31, "secrets"), (33, "exact_duplicates")]
    assert "ghp_" not in (tmp_path / "clean.jsonl").read_text()


def test_an_interrupted_fix_leaves_nothing_behind(write, tmp_path, monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("retain.commands.lint.write_text", interrupted)
    path = write("rows.jsonl", [*GOOD, GOOD[0]])
    with pytest.raises(KeyboardInterrupt):
        retain.lint(path, suite=None, fix=tmp_path / "clean.jsonl")
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(write, tmp_path, monkeypatch):
    def refused(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("retain.folder.tempfile.TemporaryFile", refused)
    monkeypatch.setattr("retain.commands.lint.run_checks", lambda *given: pytest.fail("looked first"))
    with pytest.raises(UserError, match="could not be written"):
        retain.lint(write("rows.jsonl", GOOD), suite=None, fix=tmp_path / "clean.jsonl")


def test_errors_that_a_cleaned_file_still_has_are_errors(call, write, tmp_path, toy_folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(toy_folder)
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
        + tokenizer.chat_template
    )
    tokenizer.save_pretrained(tmp_path / "strict")
    path = write("rows.jsonl", [{**one, "system": "be brief"} for one in [*GOOD, GOOD[0]]])
    words = ("lint", path, "--model", tmp_path / "strict", "--suite", "none", "--quiet", "--fix", tmp_path / "c.jsonl")
    code, out, _ = call(*words)
    assert code == 2 and "refused by the model's chat template" in out
    assert len((tmp_path / "c.jsonl").read_text().splitlines()) == 60


def test_every_row_without_an_answer_goes_however_many_there_are(write, tmp_path, toy_folder, monkeypatch):
    monkeypatch.setattr("retain.data.lint.truncated_targets.MOST_ENCODED", 4)
    long = [row(f"{'sky ' * 60} {letter}", "blue") for letter in "abcdefghij"]
    path = write("rows.jsonl", [*GOOD, *long])
    found = retain.lint(path, model=str(toy_folder), max_length=40, suite=None, fix=tmp_path / "clean.jsonl")
    assert [one.line for one in found.repairs if one.check == "truncated_targets"] == list(range(61, 71))


def test_where_all_answers_are_lost_it_is_an_error_however_many_there_are(write, toy_folder, monkeypatch):
    monkeypatch.setattr("retain.data.lint.truncated_targets.MOST_ENCODED", 4)
    path = write("rows.jsonl", [row(f"{'sky ' * 60} {letter}", "blue") for letter in "abcdefghij"])
    found = retain.lint(path, model=str(toy_folder), max_length=40, suite=None).lint
    assert [(one.check, one.count) for one in found.of("error")] == [("truncated_targets", 10)]


def test_where_no_row_can_be_read_nothing_is_written(call, write, tmp_path):
    path = write("rows.jsonl", [{"messages": [{"role": "user", "content": "hi"}]}])
    code, out, _ = call("lint", path, "--suite", "none", "--quiet")
    assert code == 2 and "no row that can be read" in out and "1 of 1 row (100.0%) cannot be read" in out
    code, _, err = call("lint", path, "--suite", "none", "--quiet", "--fix", tmp_path / "clean.jsonl")
    assert code == 2 and "every row would be removed" in err and not (tmp_path / "clean.jsonl").exists()


def test_one_row_is_called_one_row(call, write):
    _, out, _ = call("lint", write("rows.jsonl", GOOD[:1]), "--suite", "none", "--quiet")
    assert "rows.jsonl: 1 chat row\n" in out
    assert "identical_pairs, length_biased_pairs (for preference rows; these are chat rows)" in " ".join(out.split())


def test_lines_are_those_of_the_file_in_every_format(write, tmp_path):
    double = [GOOD[0], GOOD[1], GOOD[0]]
    lines = [json.dumps(one) for one in double]
    (tmp_path / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n \r\n".join(lines).encode() + b"\r\n")
    (tmp_path / "rows.json").write_text(json.dumps(double))
    cells = [f'"{one["prompt"]}\n?",{one["completion"]}' for one in double]
    (tmp_path / "rows.csv").write_text("prompt,completion\n" + "\n".join(cells) + "\n")
    (tmp_path / "rows.txt").write_text("a b\nc\n\n\nd\n\na b\nc\n")
    for name, first, again in (("bom.jsonl", 1, 5), ("rows.json", 1, 3), ("rows.csv", 2, 6), ("rows.txt", 1, 7)):
        findings = retain.lint(tmp_path / name, suite=None).lint.findings
        found = next(one for one in findings if one.check == "exact_duplicates")
        assert found.examples[0].line == again and f"line {first})" in found.examples[0].text, name


def test_a_file_that_would_be_emptied_is_refused(write, tmp_path):
    with pytest.raises(UserError, match="every row would be removed"):
        retain.lint(write("rows.jsonl", [row("a", "N/A")]), suite=None, fix=tmp_path / "clean.jsonl")
    assert not (tmp_path / "clean.jsonl").exists()


def test_rows_of_a_script_and_real_prompts_of_any_shape(write):
    real = write("real.jsonl", [{"text": f"hey u there {n} ??"} for n in range(40)])
    found = retain.lint(
        [row(f"Dear team, please tell me about item {n}.", f"item {n}") for n in range(60)], real=real, suite=None
    )
    assert "unlike_real_prompts" in {one.check for one in found.lint.findings}
    with pytest.raises(UserError, match="only a file can be cleaned"):
        retain.lint(GOOD, fix="clean.jsonl")


def test_a_report_names_the_file_and_not_its_folder(write):
    lint = retain.lint(write("rows.jsonl", [*GOOD, GOOD[0]]), suite=None).lint
    section = lint_section(lint)
    assert any(
        one["check"] == "exact_duplicates" and one["examples"][0].startswith("rows.jsonl:61") for one in section["lint"]
    )
    assert "/" not in render_lint(lint).split("\n", 1)[1]
    assert lint_section(None) == {} == lint_section(lint.model_copy(update={"findings": []}))


def test_a_checked_recipe_is_linted(call, toy_recipe, tmp_path, colour_file):
    import yaml

    colour_file.write_text(colour_file.read_text() * 2)
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(toy_recipe()))
    code, out, _ = call("check", path)
    assert code == 0 and "WARNING exact_duplicates" in out and "too_few_rows" in out
    code, _, err = call("check", path, "--set", "training.max_length=8")
    assert code == 2 and "ERROR truncated_targets" in err


def test_a_file_of_which_nothing_is_left_says_why_and_repeats_the_command(call, write, tmp_path):
    held_out = write("held out.jsonl", GOOD[:5])
    path = write("rows.jsonl", [row("a", "N/A"), row("b", "ghp_" + "a1" * 18), row("c", "ghp_" + "b2" * 18), "{"])
    words = ("lint", path, "--held-out", held_out, "--suite", "none", "--fix", tmp_path / "clean.jsonl", "--quiet")
    code, _, err = call(*words)
    assert code == 2 and not (tmp_path / "clean.jsonl").exists()
    for said in ("secrets: 2 rows", "empty_targets: 1 row\n", "unreadable_rows: 1 row\n"):
        assert said in err
    assert f"retain lint {path} --held-out '{held_out}' --suite none" in err


@pytest.mark.parametrize(("others", "said"), [(0, "All 60 rows have the same answer"), (3, "57 of 60 rows (95.0%)")])
def test_one_answer_to_everything_stands_out(call, write, others, said):
    rows = [row(f"what is the {n} of {7 * n}", "Please ask again." if n >= others else f"it is {n}") for n in range(60)]
    code, out, _ = call("lint", write("rows.jsonl", rows), "--suite", "none", "--quiet")
    assert code == 0
    assert out.index("WARNING one_answer") < out.index("Not looked at") and said in out
    assert "NOTE one_answer" not in out and "1 different answers" not in out
    few = [row(f"what is the {n} of {7 * n}", "yes" if n % 3 else "no") for n in range(60)]
    assert "WARNING one_answer" not in call("lint", write("few.jsonl", few), "--suite", "none", "--quiet")[1]


def test_a_check_that_needs_a_tokenizer_says_how_to_give_one(call, write):
    _, out, _ = call("lint", write("rows.jsonl", GOOD), "--suite", "none", "--quiet")
    assert "a model's tokenizer must be on this machine: retain lint --model MODEL" in " ".join(out.split())


def test_pairs_of_which_none_is_relevant_are_linted(call, write):
    rows = [{"query": "what is it", "document": "something else", "label": 0}] * 3
    code, out, _ = call("lint", write("pairs.jsonl", rows), "--suite", "none", "--quiet")
    assert code == 0 and "exact_duplicates: 2 of 3 rows" in out and "what is it => something else" in out


def test_rankings_in_folders_and_triples_are_linted(call, tmp_path):
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "text": "the old bell rings"}\n{"_id": "d2", "text": "no"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "what does ring in the old tower"}\n')
    for part in ("train", "test"):
        (folder / "qrels" / f"{part}.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n")
    triples = tmp_path / "triples.tsv"
    triples.write_text("who rings\tthe old bell rings\tthe old bell  RINGS\n")
    code, out, _ = call("lint", folder, "--suite", "none", "--held-out", folder)
    assert code == 0 and "held_out_duplicates" in out
    code, out, _ = call("lint", triples, "--suite", "none")
    assert code == 0 and "relevant_negatives" in out
    code, _, err = call("lint", folder, "--suite", "none", "--fix", tmp_path / "clean.jsonl")
    assert code == 2 and "no file of one row each" in err and not (tmp_path / "clean.jsonl").exists()


def test_a_table_of_texts_and_labels_is_not_taken_for_text_in_silence(call, tmp_path):
    path = tmp_path / "tickets.csv"
    path.write_text("text,label\n" + "".join(f"the {n}th ticket is about money,billing\n" for n in range(60)))
    code, out, _ = call("lint", path, "--suite", "none", "--quiet")
    assert code == 0 and "WARNING unread_answers: 60 of 60 rows" in out and "`label` to `completion`" in out
    recipe = tmp_path / "recipe.yaml"
    code, _, err = call("init", "builtin:smollm2-135m", path, "--output", recipe)
    assert code == 0 and "WARNING unread_answers" in err and "rename `text` to `prompt`" in " ".join(err.split())
    code, out, _ = call("check", recipe)
    assert code == 0 and "WARNING unread_answers" in out


def test_a_renamed_column_is_another_finding(tmp_path, toy_recipe):
    path = tmp_path / "tickets.jsonl"
    found = []
    for name in ("label", "url", "intent"):
        path.write_text("".join(json.dumps({"text": f"ticket {n}", name: "billing"}) + "\n" for n in range(60)))
        lint = read_and_split(parse_recipe(toy_recipe(data={"train": str(path), "held_out": 0.3}))).lint
        found.append([one.what.split("`")[1] for one in lint.findings if one.check == "unread_answers"])
    assert found == [["label"], [], ["intent"]]
