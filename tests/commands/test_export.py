"""Exports are what was measured, and are measured as they ship."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

import retain
from retain import cli
from retain.at_work import working_in
from retain.commands.export import export
from retain.commands.gate import gate
from retain.commands.report import report
from retain.errors import FaultError, UserError
from retain.export_records import AGAINST_TUNED, ExportRecord
from retain.exporting.merged import save_merged as write_merged
from retain.models.licence import AboutBase
from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import load_recipe, parse_recipe
from retain.record_files import read_record
from retain.records import Gate, RunRecord
from retain.sums import write_sums

QUIET = Progress(quiet=True)
LORA = [{"kind": "lora", "rank": 4}, {"kind": "strength", "values": [0.5]}]
FULL = [{"kind": "strength", "values": [0.5]}]


@pytest.fixture(scope="module")
def finished():
    """Finished run folders by what was asked of them; they are copied, not changed."""
    return {}


@pytest.fixture
def ran(toy_recipe, tmp_path, finished):
    """Run a toy recipe to its end; gives its folder."""

    def make(mitigations=LORA, **sections):
        training = {"learning_rate": 0.02, "epochs": 2, "batch_size": 4, "max_length": 64, "checkpoints": 0}
        recipe = toy_recipe(mitigations=mitigations, training=training, **sections)
        asked = None if sections else repr(mitigations)
        if asked not in finished:
            run_recipe(parse_recipe(recipe), tmp_path / "run", QUIET)
            if asked is None:
                return tmp_path / "run"
            finished[asked] = tmp_path / "finished"
            shutil.copytree(tmp_path / "run", finished[asked])
        return Path(shutil.copytree(finished[asked], tmp_path / "run", dirs_exist_ok=True))

    return make


@pytest.fixture
def call(monkeypatch, capsys):
    """Run ``retain`` in this process: (exit code, standard output, standard error)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["retain", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def no_measuring(monkeypatch):
    """Fails where anything is measured."""
    monkeypatch.setattr("retain.exporting.export.measure_probes", None)
    monkeypatch.setattr("retain.exporting.judged.measure_probes", None)


def exported(run, to="merged", **options) -> ExportRecord:
    return export(run, to, progress=QUIET, **options)


def test_export_and_report_hold_the_runs_folder_while_they_write_into_it(ran, tmp_path):
    run = ran()
    with working_in(run):
        for command in (exported, report):
            with pytest.raises(FaultError, match=r"is in use(.|\n)*choose another place with --output"):
                command(run)
        assert not (run / "exports").exists()
        assert exported(run, output=tmp_path / "elsewhere", measure=False).files
        assert report(run, output=tmp_path / "reports")
    seen = []

    def another(*args, **named):
        with pytest.raises(FaultError, match="is in use"):
            run_recipe(load_recipe(run / "recipe.yaml"), run, QUIET)
        seen.append("refused")
        return write_merged(*args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retain.exporting.export.save_merged", another)
        assert exported(run, measure=False).files
    assert seen == ["refused"]


@pytest.mark.parametrize("mitigations", [LORA, FULL], ids=["lora", "full"])
def test_a_merged_run_is_measured_and_judged_twice(ran, mitigations):
    run = ran(mitigations)
    record = exported(run)
    folder = run / "exports" / "merged-fp32"
    old = read_record(run / "record.json", RunRecord)
    base, tuned = (read_record(place / "record.json", RunRecord) for place in (folder, folder / AGAINST_TUNED))
    assert base.before == old.before, "what was measured is not measured again"
    assert tuned.before == old.after
    assert base.after == tuned.after
    assert base.after[0].model == load_causal(str(folder), "fp32").fingerprint
    assert {one.probe: one.scores.keys() for one in base.after} == {one.probe: one.scores.keys() for one in old.after}
    assert [change.probe for change in base.comparison.gains] == ["task"]
    assert {change.probe for change in tuned.comparison.losses} == {"task", "say", "choose"}
    assert record.same.largest < 1e-4
    assert record.same.agreement == 1
    assert record.same.positions > 10
    assert record.against_base == base.verdict
    assert record.against_tuned == tuned.verdict
    assert record.against_base.gate == old.verdict.gate
    assert {"report.md", "report.html", "README.md", "export.json"} <= {path.name for path in folder.iterdir()}
    assert (folder / AGAINST_TUNED / "report.html").is_file()
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja"} <= {file.name for file in record.files}
    assert (record.measured_in, record.measured_through) == ("fp32", "transformers")


def test_what_the_export_loses_is_seen(ran, monkeypatch, mastered_suite):
    run = ran(measure={"suite": str(mastered_suite)}, gate={"mean_margin": 20, "margin": 20, "min_gain": -100})
    whole = exported(run)
    from retain.exporting import export as module

    merged = module.merged_model

    def broken(source, dtype):
        model = merged(source, dtype)
        with torch.no_grad():
            for weight in model.module.parameters():
                weight.copy_(weight.roll(1, 0))
        return model

    monkeypatch.setattr(module, "merged_model", broken)
    record = exported(run, output=run / "broken")
    assert record.against_tuned.outcome == "forgot"
    assert record.against_base.outcome == "forgot"
    assert record.outcome == "forgot"
    assert record.same.largest > 100 * whole.same.largest
    assert whole.against_tuned.outcome == "retained"


def test_an_adapter_is_exported_and_measured(ran):
    run = ran()
    record = exported(run, "adapter")
    assert record.type == "as trained"
    assert record.same.largest == 0
    base, tuned = (read_record(run / "exports" / "adapter" / p / "record.json", RunRecord) for p in ("", AGAINST_TUNED))
    assert all(change.delta == 0 for change in tuned.comparison.losses)
    assert base.comparison.losses == read_record(run / "record.json", RunRecord).comparison.losses


def test_gate_judges_an_export_by_the_worse_verdict(ran, call, mastered_suite):
    run = ran(measure={"suite": str(mastered_suite)}, gate={"mean_margin": 90, "margin": 90, "min_gain": -100})
    record = exported(run)
    folder = run / "exports" / "merged-fp32"
    assert gate(folder) in (record.against_base, record.against_tuned)
    assert gate(folder).outcome == record.outcome == "retained"
    code, out, _ = call("gate", folder)
    assert (code, out.splitlines()[0]) == (0, "retained")
    assert call("gate", folder, "--min-gain", "99.9")[0] == 1
    lost = folder / AGAINST_TUNED / "record.json"
    broken = read_record(lost, RunRecord)
    worse = [change.model_copy(update={"loss_low": 95.0, "loss_high": 99.0}) for change in broken.comparison.losses]
    comparison = broken.comparison.model_copy(update={"losses": worse})
    lost.write_text(broken.model_copy(update={"comparison": comparison}).model_dump_json())
    assert gate(folder).outcome == "forgot"
    assert gate(folder, Gate(mean_margin=99, margin=100, min_gain=-100)).outcome == "retained"


def test_a_finished_export_is_read_and_a_killed_one_goes_on(ran, monkeypatch):
    run = ran()
    written = exported(run, measure=False)
    assert written.outcome is None
    assert written.against_base is None
    with pytest.raises(UserError, match="holds an export that was not measured"):
        gate(run / "exports" / "merged-fp32")
    monkeypatch.setattr("retain.exporting.export.merged_model", None)
    whole = exported(run)
    assert whole.outcome is not None
    assert whole.files == written.files
    monkeypatch.setattr("retain.exporting.export.measure_sources", None)
    assert exported(run) == whole


def test_nothing_is_written_over(ran, tmp_path):
    run = ran()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match=r"is not empty, and an export is never written over"):
        exported(run, output=tmp_path / "mine")
    with pytest.raises(UserError, match="is a file"):
        exported(run, output=tmp_path / "mine" / "thesis.txt")
    exported(run, output=tmp_path / "out", measure=False)
    with pytest.raises(UserError, match="holds an export as merged fp32"):
        exported(run, "adapter", output=tmp_path / "out")
    weights = run / "tuned" / "adapter_config.json"
    weights.write_text(weights.read_text().replace('"r": 4', '"r":  4'))
    with pytest.raises(UserError, match=r"adapter_config\.json is not what was written"):
        exported(run, output=tmp_path / "out")
    write_sums(run / "tuned")
    with pytest.raises(UserError, match="holds an export of another model"):
        exported(run, output=tmp_path / "out")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_full_disk(ran, monkeypatch):
    run = ran()
    monkeypatch.setattr("retain.exporting.room.shutil.disk_usage", lambda place: SimpleNamespace(free=1))
    with pytest.raises(UserError, match=r"needs about .* GB, and the disk of"):
        exported(run)
    assert not (run / "exports").exists()


def test_room_is_asked_for_where_the_bases_name_says_no_size(ran, toy_folder, monkeypatch):
    from retain.exporting.export import _size
    from retain.exporting.source import find_source

    source = find_source(ran())
    weights = sum(one.numel() for one in load_causal(str(toy_folder), "fp32").module.parameters())
    assert _size(source, "merged", "fp32") == 4 * weights
    monkeypatch.setattr("retain.models.size.cached_folder", lambda spec: toy_folder if spec == "org/plain" else None)
    assert _size(replace(source, base="org/plain"), "merged", "bf16") == 2 * weights


def test_a_licence_whose_text_is_not_here_is_said(ran, monkeypatch):
    monkeypatch.setattr("retain.exporting.export.about_base", lambda spec: AboutBase("base", "org/plain", "llama3.2"))
    record = exported(ran(), measure=False)
    assert any("The text of the base's licence, llama3.2, is not here" in note for note in record.notes)


def test_an_export_that_fails_leaves_nothing(ran, monkeypatch):
    run = ran()

    def fail(*words):
        raise UserError("no")

    monkeypatch.setattr("retain.exporting.export.save_merged", fail)
    with pytest.raises(UserError):
        exported(run)
    assert list((run / "exports").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "onnx"}, "--to: found 'onnx'; allowed: merged, adapter, gguf"),
        ({"type": "q8_0"}, "types are for --to gguf"),
        ({"to": "gguf", "type": "q9"}, "there is no type 'q9' here; known: bf16"),
        ({"load_in": "4bit"}, "--load-in: found '4bit'; allowed: fp32, bf16"),
        ({"to": "adapter", "load_in": "bf16"}, "written as it was trained"),
        ({"suite": "quick"}, "measured on its own items again"),
        ({"limit": 3}, "measured on its own items again"),
    ],
)
def test_options_that_are_wrong(ran, options, message, no_measuring):
    with pytest.raises(UserError, match=message):
        exported(ran(), **options)


def test_a_run_with_all_weights_has_no_adapter(ran):
    with pytest.raises(UserError, match="all of its weights were trained"):
        exported(ran(FULL), "adapter")


def test_places_that_hold_no_model(ran, tmp_path, call):
    run = ran()
    (run / "record.json").rename(run / "gone.json")
    with pytest.raises(UserError, match="not finished"):
        exported(run)
    (run / "frontier.json").write_text("{}")
    with pytest.raises(UserError, match="holds a frontier, and not one model"):
        exported(run)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="neither a run nor a model"):
        exported(tmp_path / "empty")
    (tmp_path / "empty" / "record.json").write_text("{}")
    with pytest.raises(UserError, match="a comparison and no model"):
        exported(tmp_path / "empty")
    code, _, said = call("export", tmp_path / "run0", "--quiet")
    assert code == 2
    assert "did you mean" in said


def test_another_suite_than_the_runs_is_refused(ran, toy_suite):
    run = ran(seed=1)  # a run of its own: the others share one, with its suite
    toy_suite.write_text(toy_suite.read_text().replace("max_tokens: 6", "max_tokens: 7"))
    with pytest.raises(UserError, match="has changed since this run began"):
        exported(run)
    assert exported(run, measure=False, output=run / "unmeasured").outcome is None


def test_bf16_of_an_fp32_run(ran):
    run = ran()
    record = exported(run, load_in="bf16")
    assert (record.type, record.measured_in) == ("bf16", "bf16")
    assert 1e-4 < record.same.largest < 1, "rounding is seen"
    assert sum(file.size for file in record.files if file.name.endswith(".safetensors")) < 40_000


def test_fp32_of_a_bf16_run_is_measured_in_fp32_and_the_difference_said(ran, toy_folder):
    run = ran(model={"base": str(toy_folder), "load_in": "bf16"})
    record = exported(run, load_in="fp32")
    assert (record.type, record.measured_in) == ("fp32", "fp32")
    folder = run / "exports" / "merged-fp32"
    for place in (folder, folder / AGAINST_TUNED):
        kept = read_record(place / "record.json", RunRecord)
        assert any(note.startswith("Allowed to differ: precision") for note in kept.comparison.notes)
    said = "It was measured in fp32, and the model before the export in bf16"
    assert said in " ".join(record.notes) and said in (folder / "README.md").read_text()


def test_an_adapter_of_another_origin(toy_folder, toy_suite, tmp_path):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    module = load_causal(str(toy_folder), "fp32").module
    adapted = get_peft_model(module, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapted.peft_config["default"].base_model_name_or_path = str(toy_folder)
    adapted.save_pretrained(tmp_path / "theirs")
    record = exported(tmp_path / "theirs", suite=str(toy_suite), limit=10)
    folder = tmp_path / "theirs-merged-bf16"
    base = read_record(folder / "record.json", RunRecord)
    assert record.measured_in == "bf16"
    assert record.against_base is not None
    assert {len(one.scores) for one in base.after} == {10}
    assert base.before[0].model == load_causal(str(toy_folder), "bf16").fingerprint
    assert "rounded to bf16" in " ".join(record.notes)


def test_a_model_of_unknown_base_is_judged_against_itself(toy_folder, toy_suite, tmp_path):
    record = exported(toy_folder, suite=str(toy_suite), limit=10, output=tmp_path / "out", load_in="bf16")
    assert record.against_base is None
    assert record.against_tuned.outcome == gate(tmp_path / "out").outcome
    assert (tmp_path / "out" / "report.md").is_file()
    card = (tmp_path / "out" / "README.md").read_text()
    assert "The base of this model is not known" in card
    assert "nothing was compared with a base" in card


def test_a_reranker(ranking_recipe, tmp_path):
    place = ranking_recipe(mitigations=[{"kind": "lora", "rank": 4}, {"kind": "strength", "values": [0.5]}])
    run_recipe(load_recipe(place), tmp_path / "run", QUIET)
    record = exported(tmp_path / "run")
    folder = tmp_path / "run" / "exports" / "merged-fp32"
    from sentence_transformers import CrossEncoder

    theirs = CrossEncoder(str(folder), device="cpu").predict([("who chase cats", "red cats chase")])
    assert theirs.shape == (1,)
    assert record.same.largest < 1e-4
    assert record.same.agreement is None
    assert record.against_tuned is not None
    card = (folder / "README.md").read_text()
    assert "pipeline_tag: text-ranking" in card
    assert "library_name: sentence-transformers" in card
    with pytest.raises(UserError, match="cross-encoder is not written as GGUF"):
        exported(tmp_path / "run", "gguf")


def front(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card(ran, call):
    run = ran(gate={"mean_margin": 90, "margin": 90, "min_gain": -100, "demonstration": True})
    path = run / "tuned" / "README.md"
    path.unlink(missing_ok=True)
    exported(run)
    card = (run / "exports" / "merged-fp32" / "README.md").read_text()
    values = front(card)
    assert values == {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["retain"]}
    for wanted in (
        "its licence is not known here",
        "- mitigation: lora (variant lora, rank 4",
        "- strength: 0.5, chosen on dev items",
        "| Ability | Measured by | Base | This model | Change | 95% interval |",
        "retain export RUN --to merged",
        "kind: strength",
        "it was not measured, and may be better or worse",
        "this is a demonstration",
        "logits after",
    ):
        assert wanted in card, wanted
    record = read_record(run / "exports" / "merged-fp32" / "record.json", RunRecord)
    for one in record.after:
        assert not any(text in card for text in one.prompts.values()), "no row of the data"
    code, out, _ = call("report", run, "--format", "card")
    assert (code, out.strip()) == (0, str(run / "card.md"))
    assert "## This export" not in (run / "card.md").read_text()
    assert report(run / "exports" / "merged-fp32", format="card") == [run / "exports" / "merged-fp32" / "README.md"]
    assert (run / "exports" / "merged-fp32" / "README.md").read_text() == card
    with pytest.raises(UserError, match="--format: found 'pdf'"):
        report(run, format="pdf")


def test_an_unmeasured_card_says_so(ran):
    run = ran()
    exported(run, measure=False)
    card = (run / "exports" / "merged-fp32" / "README.md").read_text()
    assert "These files were not measured" in card
    assert "these files were written and not measured" in card


def test_the_command_line(ran, call, mastered_suite):
    run = ran(measure={"suite": str(mastered_suite)}, gate={"mean_margin": 90, "margin": 90, "min_gain": -100})
    code, out, said = call("export", run, "--quiet")
    assert code == 0, said
    assert "against the base: RETAINED" in out
    assert "against the model before the export: RETAINED" in out
    code, out, _ = call("export", run, "--json", "--quiet")
    assert ExportRecord.model_validate(json.loads(out)).outcome == "retained"
    code, out, _ = call("export", run, "--to", "adapter", "--no-measure", "--quiet")
    assert (code, "not measured" in out) == (0, True)
    assert retain.export is export
