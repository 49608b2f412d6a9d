"""``retain noise``: a model measured twice, and a comparison that knows its noise floor."""

import pytest
import torch

from retain.commands import noise as module
from retain.commands.compare import compare
from retain.commands.noise import noise, read_noise
from retain.errors import UserError
from retain.progress import Progress
from retain.records import Gate


@pytest.fixture
def quiet():
    return Progress(quiet=True)


def test_another_batch_size_moves_nothing_in_fp32(toy_folder, toy_suite, quiet, tmp_path):
    found = noise(str(toy_folder), "batch", str(toy_suite), "fp32", None, tmp_path / "noise.json", quiet)
    assert [floor.probe for floor in found.floors] == ["say", "choose"]
    assert all(floor.changed == 0 and floor.most > 0 for floor in found.floors)
    assert found.floors[0].null_change == "batches of 256 tokens and 3 answers"
    assert read_noise(tmp_path / "noise.json") == found.floors
    assert found.verdict.outcome in ("retained", "inconclusive")
    assert all(probe.outcome != "forgot" for probe in found.verdict.probes)


def test_the_second_measurement_has_other_batches_and_is_made_anew(toy_folder, toy_suite, quiet, monkeypatch):
    calls, measure = [], module.measure_probes

    def measured(model, probes, split, folder, cached=False):
        calls.append((model.scorer.batch_tokens, model.rows, cached))
        return measure(model, probes, split, folder, cached)

    monkeypatch.setattr(module, "measure_probes", measured)
    noise(str(toy_folder), "batch", str(toy_suite), "fp32", progress=quiet)
    assert calls == [(None, None, True), (module.BATCH_TOKENS, module.BATCH_ROWS, False)]


def test_another_precision_loads_it_anew(toy_folder, toy_suite, quiet):
    found = noise(str(toy_folder), "precision", str(toy_suite), "fp32", progress=quiet)
    assert found.floors[0].null_change == "bf16 instead of fp32"


def test_what_moves_is_found(toy_folder, toy_suite, quiet, monkeypatch):
    measure = module.measure_probes

    def moved(model, probes, split, folder, cached=False):
        found = measure(model, probes, split, folder, cached)
        if cached:
            return found
        item, score = next(iter(found[1].scores.items()))
        return [found[0], found[1].model_copy(update={"scores": {**found[1].scores, item: 1 - score}})]

    monkeypatch.setattr(module, "measure_probes", moved)
    say, choose = noise(str(toy_folder), "batch", str(toy_suite), "fp32", progress=quiet).floors
    assert (say.changed, choose.changed) == (0, 1)
    assert choose.moved == pytest.approx(100 / choose.items)


def test_other_weights_are_no_null_change(toy_folder, toy_suite, quiet, monkeypatch):
    real = module._changed

    def shaken(loaded, *rest):
        with torch.no_grad():
            loaded.module.model.embed_tokens.weight.mul_(1.5)
        return real(loaded, *rest)

    monkeypatch.setattr(module, "_changed", shaken)
    with pytest.raises(UserError, match="different weights"):
        noise(str(toy_folder), "batch", str(toy_suite), "fp32", progress=quiet)


def test_a_comparison_takes_the_file(toy_folder, toy_suite, quiet, tmp_path):
    from retain.models.load import load_causal

    path = tmp_path / "noise.json"
    floors = noise(str(toy_folder), "batch", str(toy_suite), "fp32", None, path, quiet).floors
    other = load_causal(str(toy_folder), "fp32")
    with torch.no_grad():
        other.module.model.embed_tokens.weight.mul_(1.5)
    other.module.save_pretrained(tmp_path / "other")
    other.tokenizer.save_pretrained(tmp_path / "other")
    record = compare(
        str(toy_folder), str(tmp_path / "other"), str(toy_suite), "fp32", gate=Gate(), noise=path, progress=quiet
    )
    assert record.comparison.noise == floors
    assert not record.comparison.same_weights


def test_a_model_with_itself_prints_its_floor(toy_folder, toy_suite, quiet, tmp_path):
    record = compare(str(toy_folder), str(toy_folder), str(toy_suite), "fp32", folder=tmp_path / "out", progress=quiet)
    assert record.comparison.same_weights
    assert "noise floor" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("change", "load_in", "said"),
    [
        ("seed", "fp32", "change: found 'seed'"),
        ("precision", "4bit", "no other precision"),
        ("batch", "fp8", "load_in"),
    ],
)
def test_impossible_changes_are_refused(toy_folder, toy_suite, change, load_in, said):
    with pytest.raises(UserError, match=said):
        noise(str(toy_folder), change, str(toy_suite), load_in)


def test_a_server_and_a_missing_file_are_refused(toy_suite, tmp_path):
    with pytest.raises(UserError, match="server chooses"):
        noise("http://localhost:1/v1#x", "batch", str(toy_suite))
    with pytest.raises(UserError, match="retain noise"):
        read_noise(tmp_path / "none.json")


def test_the_command_prints_the_floor_and_the_verdict(toy_folder, toy_suite, monkeypatch, capsys):
    from retain import cli

    words = ["noise", str(toy_folder), "--suite", str(toy_suite), "--load-in", "fp32", "--quiet"]
    monkeypatch.setattr("sys.argv", ["retain", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    out = capsys.readouterr().out
    assert not end.value.code
    assert "measured again: batches of 256 tokens and 3 answers" in out
    assert "choosing (choose): 0 of" in out
    assert "Compared with itself: " in out
