"""What can be compared with what, and the verdicts on models that lm-eval measured."""

import itertools
import json
import shutil
import sys
from pathlib import Path

import pytest

from retain import cli
from retain.commands.compare import compare
from retain.commands.measure import measure
from retain.errors import UserError
from retain.models.base import Limits, Request
from retain.models.load import load_causal
from retain.progress import Progress
from retain.record_files import read_record, write_record
from retain.records import RunRecord

QUIET = Progress(quiet=True)


@pytest.fixture
def call(monkeypatch, capsys):
    """Run ``retain compare`` in this process: (exit code, standard output, standard error)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["retain", "compare", *map(str, words), "--quiet"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory, toy_folder):
    """A toy model of the same shape that knows nothing of what the first one does."""
    import torch

    toy = load_causal(str(toy_folder), "fp32")
    folder = tmp_path_factory.mktemp("other-model")
    torch.manual_seed(1)
    type(toy.module)(toy.module.config).save_pretrained(folder)
    toy.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def adapter_folder(tmp_path, toy_folder):
    """An adapter on the toy model, of random weights."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = load_causal(str(toy_folder), "fp32").module
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapted.peft_config["default"].base_model_name_or_path = str(toy_folder)
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def compared(before, after, suite, **options) -> RunRecord:
    return compare(str(before), after and str(after), str(suite), "fp32", progress=QUIET, **options)


def test_an_adapter_and_its_base(toy_folder, toy_suite, adapter_folder):
    both = compared(toy_folder, adapter_folder, toy_suite)
    alone = compared(adapter_folder, None, toy_suite)
    assert alone.comparison.losses == both.comparison.losses
    assert not any("as its base" in note for note in both.comparison.notes)


def test_an_adapter_and_another_base_is_noted(toy_suite, adapter_folder, other_folder):
    record = compared(other_folder, adapter_folder, toy_suite)
    assert any("as its base" in note for note in record.comparison.notes)


def test_a_merged_model_is_its_adapter(tmp_path, toy_folder, toy_suite, adapter_folder):
    merged = load_causal(str(adapter_folder), "fp32")
    merged.module.merge_and_unload().save_pretrained(tmp_path / "merged")
    merged.tokenizer.save_pretrained(tmp_path / "merged")
    record = compared(adapter_folder, tmp_path / "merged", toy_suite)
    assert all(change.delta == 0 for change in record.comparison.losses)


def test_one_model_alone_names_no_base(toy_folder, toy_suite):
    with pytest.raises(UserError, match="is no adapter"):
        compared(toy_folder, None, toy_suite)


def measured(folder, suite, path, **changes):
    """A file of measurements, with settings of all of them changed."""
    found = measure(str(folder), str(suite), "fp32", progress=QUIET)
    settings = [{**one.settings, **changes} for one in found.measurements]
    ones = [one.model_copy(update={"settings": new}) for one, new in zip(found.measurements, settings, strict=True)]
    write_record(path, found.model_copy(update={"measurements": ones}))
    return path


def test_files_and_models_mix(tmp_path, toy_folder, other_folder, toy_suite):
    before = measured(toy_folder, toy_suite, tmp_path / "before.json")
    after = measured(other_folder, toy_suite, tmp_path / "after.json")
    assert (
        compared(before, after, toy_suite).comparison.losses
        == compared(before, other_folder, toy_suite).comparison.losses
    )


@pytest.mark.parametrize(
    "changes", [{"template": "other"}, {"shots": 3}, {"precision": "bf16"}, {"fingerprint": "another"}]
)
def test_files_measured_in_another_way_are_refused(tmp_path, toy_folder, other_folder, toy_suite, changes):
    before = measured(toy_folder, toy_suite, tmp_path / "before.json")
    after = measured(other_folder, toy_suite, tmp_path / "after.json", **changes)
    (setting,) = changes
    with pytest.raises(UserError, match=f"(?s)say.*the setting {setting} is .*choose|say.*choose.* {setting} is"):
        compared(before, after, toy_suite)
    record = compared(before, after, toy_suite, allow_different=[setting])
    assert any(f"Allowed to differ: {setting} (say, choose)" in note for note in record.comparison.notes)


def test_a_file_of_fewer_items_is_reduced_to_the_common_ones(tmp_path, toy_folder, other_folder, toy_suite):
    before = measured(toy_folder, toy_suite, tmp_path / "before.json")
    few = measure(str(other_folder), str(toy_suite), "fp32", limit=10, progress=QUIET)
    write_record(tmp_path / "few.json", few)
    record = compared(before, tmp_path / "few.json", toy_suite)
    assert [change.items for change in record.comparison.losses] == [10, 10]
    assert any("compared on the 10 items" in note for note in record.comparison.notes)


@pytest.fixture
def run_folder(tmp_path, toy_folder, other_folder, toy_suite):
    """A finished run, as far as comparing it goes: its record, with a task probe, beside a recipe."""
    folder = tmp_path / "run"
    compared(toy_folder, other_folder, toy_suite, task=["say"], folder=folder)
    (folder / "recipe.yaml").write_text("seed: 0\n")
    return folder


def test_a_run_folder_is_the_model_that_it_made(run_folder, tmp_path, toy_folder, toy_suite):
    before = measured(toy_folder, toy_suite, tmp_path / "before.json")
    record = compared(before, run_folder, toy_suite)
    written = read_record(run_folder / "record.json", RunRecord)
    assert record.comparison.losses == written.comparison.losses
    assert [change.probe for change in record.comparison.gains] == ["say"]
    assert any("is a run" in note for note in record.comparison.notes)
    shutil.copytree(run_folder, tmp_path / "second")
    releases = compared(run_folder, tmp_path / "second", toy_suite).comparison
    assert all(change.delta == 0 for change in releases.losses)
    assert not releases.gains and "say" in {change.probe for change in releases.losses}, (
        "both learned it: it is to stay"
    )
    assert any("say was learned by both" in note for note in releases.notes)


def test_what_says_how_models_are_measured_is_told_to_be_unused_where_all_is_read(
    tmp_path, toy_folder, toy_suite, capsys
):
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    for file in files:
        measured(toy_folder, toy_suite, file)
    compare(*map(str, files), "quick", progress=Progress())
    assert "--suite has no effect" in capsys.readouterr().err
    compare(*map(str, files), progress=Progress())
    assert "no effect" not in capsys.readouterr().err
    for wrong in ({"load_in": "8bit"}, {"limit": 0}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            compare(*map(str, files), progress=QUIET, **wrong)


def test_half_a_record_is_no_finished_comparison(run_folder, tmp_path, toy_folder):
    (tmp_path / "half").mkdir()
    whole = (run_folder / "record.json").read_text()
    (tmp_path / "half" / "record.json").write_text(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cut short"):
        compare(str(toy_folder), str(tmp_path / "half"), progress=QUIET)


def test_what_stands_for_two_models_is_refused(run_folder, tmp_path, toy_folder, toy_suite):
    (run_folder / "recipe.yaml").unlink()
    for place in (run_folder, run_folder / "record.json"):
        with pytest.raises(UserError, match="finished comparison"):
            compared(toy_folder, place, toy_suite)
    (run_folder / "record.json").unlink()
    (run_folder / "recipe.yaml").write_text("seed: 0\n")
    with pytest.raises(UserError, match="not finished"):
        compared(toy_folder, run_folder, toy_suite)
    with pytest.raises(UserError, match="--metric"):
        compared(toy_folder, toy_folder, toy_suite, metric="acc")


TASKS = """task: toy_{name}
output_type: {kind}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
doc_to_text: "{{{{q}}}}"
{more}
metadata: {{version: 1.0}}
"""
CHOOSE = 'doc_to_choice: "{{options}}"\ndoc_to_target: gold\nmetric_list: [{metric: acc}, {metric: acc_norm}]'
SAY = (
    'doc_to_target: "{{a}}"\nmetric_list: [{metric: exact_match}]\n'
    'generation_kwargs: {until: ["."], max_gen_toks: 4, do_sample: false}'
)
LAST = 'doc_to_target: " {{word}}"\nmetric_list: [{metric: perplexity}, {metric: acc}]'
TEXT = 'doc_to_target: "{{q}}"\nmetric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]'
OPTIONS = ("blue", "green", "red")


@pytest.fixture(scope="module")
def lm_eval_tasks(tmp_path_factory, toy_folder) -> Path:
    """Tasks of four kinds whose right answers are what the toy model says: it can do them."""
    folder = tmp_path_factory.mktemp("tasks")
    toy = load_causal(str(toy_folder), "fp32")
    words = "what is the colour of sky grass snow sun night one two three a b c d e yes no".split()
    asked = [f"tell me {x} {y}" for x, y in itertools.permutations(words, 2)][:340]
    pairs = [Request(context=q, continuation=" " + option) for q in asked for option in OPTIONS]
    found = [one.logprob / len(pair.continuation) for one, pair in zip(toy.loglikelihood(pairs), pairs, strict=True)]
    best = [max(range(3), key=found[3 * n : 3 * n + 3].__getitem__) for n in range(len(asked))]
    said = [one.text.strip() for one in toy.generate(asked[:60], Limits(max_tokens=4, stop=(".",)))]
    rows = {
        "choose": [{"q": q, "options": OPTIONS, "gold": gold} for q, gold in zip(asked, best, strict=True)],
        "say": [{"q": q, "a": answer} for q, answer in zip(asked[:60], said, strict=True)],
        "last": [{"q": q, "word": answer.split()[0]} for q, answer in zip(asked[:60], said, strict=True) if answer],
        "text": [{"q": q} for q in asked[:60]],
    }
    kinds = {
        "choose": ("multiple_choice", CHOOSE),
        "say": ("generate_until", SAY),
        "last": ("loglikelihood", LAST),
        "text": ("loglikelihood_rolling", TEXT),
    }
    for name, found in rows.items():
        file = folder / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in found))
        kind, more = kinds[name]
        (folder / f"toy_{name}.yaml").write_text(TASKS.format(name=name, kind=kind, file=file, more=more))
    return folder


@pytest.fixture(scope="module")
def logged(lm_eval_tasks, tmp_path_factory):
    """A function that has lm_eval measure a model, as its command line does, and returns the output path."""
    pytest.importorskip("lm_eval")
    from datasets import config
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("datasets"))
        patch.setattr(config, "HF_HUB_OFFLINE", True)
        manager = TaskManager(include_path=str(lm_eval_tasks), include_defaults=False)

        def run(model, names=("toy_choose", "toy_say", "toy_last", "toy_text"), **options):
            output = tmp_path_factory.mktemp("lm-eval")
            tracker = EvaluationTracker(output_path=str(output))
            results = simple_evaluate(
                "hf",
                model_args=f"pretrained={model},dtype=float32",
                tasks=list(names),
                task_manager=manager,
                evaluation_tracker=tracker,
                bootstrap_iters=0,
                device="cpu",
                **{"batch_size": 32, **options},
            )
            samples = results.pop("samples")
            tracker.save_results_aggregated(results=results, samples=samples)
            for name, found in samples.items():
                tracker.save_results_samples(task_name=name, samples=found)
            return output

        yield run


def test_an_unchanged_model_never_forgot(logged, toy_folder, call, tmp_path):
    first, second = logged(toy_folder), logged(toy_folder, batch_size=7)
    choose = logged(toy_folder, ["toy_choose"]), logged(toy_folder, ["toy_choose"], batch_size=16)
    code, out, _ = call(*choose, "--folder", tmp_path / "out")
    assert code == 0, "340 items without a flip prove that less than one point was lost"
    assert "RETAINED" in out
    code, out, _ = call(first, second, "--folder", tmp_path / "out", "--json")
    record = json.loads(out)
    assert (code, record["verdict"]["outcome"]) == (3, "inconclusive"), "60 items prove little"
    assert record["verdict"]["items_needed"] > 60
    assert [change["lost"] for change in record["comparison"]["losses"]][:3] == [0, 0, 0]
    assert {one["probe"]: one["metric"] for one in record["before"]} == {
        "toy_choose": "acc_norm",
        "toy_say": "exact_match",
        "toy_last": "acc",
        "toy_text": "bits per byte",
    }
    assert any("batch_size is 32 before and 7 after" in note for note in record["comparison"]["notes"])


def test_a_model_that_lost_everything_forgot(logged, toy_folder, other_folder, call, tmp_path):
    code, out, _ = call(logged(toy_folder), logged(other_folder), "--folder", tmp_path / "out")
    assert code == 1
    assert "FORGOT" in out
    html = (tmp_path / "out" / "report.html").read_text()
    for name in ("toy_choose", "toy_say", "toy_last", "toy_text"):
        assert name in html
        assert name in out


def test_our_values_are_those_of_lm_eval(logged, toy_folder):
    from retain.importing.lm_eval import read_lm_eval

    output = logged(toy_folder)
    results = json.loads(next(output.rglob("results_*.json")).read_text())["results"]
    found = {one.probe: one.value for one in read_lm_eval(output).measurements}
    assert found["toy_choose"] == pytest.approx(results["toy_choose"]["acc_norm,none"])
    assert found["toy_say"] == pytest.approx(results["toy_say"]["exact_match,none"])
    assert found["toy_last"] == pytest.approx(results["toy_last"]["acc,none"])
    assert found["toy_text"] == pytest.approx(results["toy_text"]["bits_per_byte,none"])


def test_logs_with_another_template_are_refused(logged, toy_folder, call, tmp_path):
    plain = logged(toy_folder, ["toy_say"], limit=5)
    chat = logged(toy_folder, ["toy_say"], limit=5, apply_chat_template=True)
    code, _, err = call(plain, chat, "--folder", tmp_path / "out")
    assert code == 2
    assert "5 of 5 items had another prompt" in err
    assert "Traceback" not in err
