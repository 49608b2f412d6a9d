"""Trackers: what a run reports beside its loss, with every kind of trainer, and that they are known and installed."""

import json
from pathlib import Path

import pytest
import yaml

from retain.errors import MissingExtraError, UserError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.record_files import read_record
from retain.records import RunRecord
from retain.reporting.tracked import tracked
from retain.training.settings import TRACKERS, TrainingSettings
from retain.training.trackers import check_trackers


def scalars(folder):
    """Name -> [(step, value)] of all event files in a folder."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(folder))
    found.Reload()
    texts = {name: found.Tensors(name) for name in found.Tags()["tensors"]}
    return {name: [(one.step, one.value) for one in found.Scalars(name)] for name in found.Tags()["scalars"]}, texts


def ran(values, folder, **training):
    if isinstance(values, str):
        values = yaml.safe_load(Path(values).read_text())
    values["training"] = {**values.get("training", {}), **training}
    run_recipe(parse_recipe(values, "recipe", folder), folder / "run", Progress(quiet=True))
    return read_record(folder / "run" / "record.json", RunRecord)


def assert_results(found, record):
    wanted = tracked(record)
    assert {name for name in found if name.startswith("retain/")} == set(wanted)
    for name, value in wanted.items():
        ((step, sent),) = found[name]
        assert step == record.training.steps
        assert sent == pytest.approx(value, rel=1e-5, abs=1e-6)


def test_tensorboard_gets_the_log_the_guards_numbers_and_the_verdict(toy_recipe, tmp_path):
    general = {"general": [{"name": "own", "source": "base_model", "count": 12, "max_tokens": 8}]}
    values = toy_recipe(mitigations=[{"kind": "kl_to_base"}, {"kind": "early_stop", "every": 0.5}])
    values["data"] |= general
    record = ran(values, tmp_path, report_to=["tensorboard"])
    found, texts = scalars(tmp_path / "run" / "tensorboard")
    logged = {entry["step"]: entry["loss"] for entry in record.training.history}
    assert dict(found["train/loss"]) == pytest.approx(logged, rel=1e-5)
    assert {"train/kl_to_base", "train/guard/gain", "train/guard/passing"} <= set(found)
    guarded = record.choices[0].candidates
    assert found["train/guard/passing"] == [(one.value, float(one.passing)) for one in guarded]
    gains = [one.gain for one in guarded]
    assert [value for _, value in found["train/guard/gain"]] == pytest.approx(gains, rel=1e-5, abs=1e-5)
    assert_results(found, record)
    assert record.verdict.outcome.encode() in texts["retain/verdict/text_summary"][0].tensor_proto.string_val[0]
    assert json.loads((tmp_path / "run" / "trackers.json").read_text()) == {"tensorboard": None}


def test_pairs_are_tracked(pair_recipe, tmp_path):
    record = ran(pair_recipe(), tmp_path, report_to=["tensorboard"])
    found, _ = scalars(tmp_path / "run" / "tensorboard")
    assert "train/loss" in found
    assert_results(found, record)


def test_rerankers_are_tracked(ranking_recipe, tmp_path):
    record = ran(ranking_recipe(), tmp_path, report_to=["tensorboard"])
    found, _ = scalars(tmp_path / "run" / "tensorboard")
    assert "train/loss" in found
    assert_results(found, record)


def test_nothing_is_tracked_unless_it_is_asked_for(toy_recipe, tmp_path):
    ran(toy_recipe(), tmp_path)
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert not (tmp_path / "run" / "trackers.json").exists()


def test_a_loss_is_positive_where_something_was_lost():
    from tests.reporting.makers import make_change, make_record

    record = make_record()
    change = make_change()
    assert record.comparison.losses == [change]
    found = tracked(record)
    assert (found["retain/loss/facts"], found["retain/loss/facts_low"], found["retain/loss/facts_high"]) == (
        13.1, 8.7, 17.4
    )  # fmt: skip
    assert found["retain/verdict"] == 1.0
    assert not any(other.startswith(f"{name}/") for name in found for other in found), "MLflow keeps each in a file"


def test_a_tracker_that_fails_at_the_end_is_said_and_loses_nothing(toy_recipe, tmp_path, monkeypatch, caplog):
    from retain.training import trackers

    def fail(*_):
        raise ConnectionError("no server")

    monkeypatch.setitem(trackers._SENDERS, "tensorboard", fail)
    record = ran(toy_recipe(), tmp_path, report_to=["tensorboard"])
    assert (tmp_path / "run" / "record.json").is_file() and record.verdict.outcome
    assert "tensorboard was not told how the run ended: no server" in caplog.text


def test_unknown_trackers_are_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match='did you mean "tensorboard"'):
        TrainingSettings(report_to=["tensorbord"])
    for name in ("none", "all"):
        with pytest.raises(ValueError, match="there is no tracker"):
            TrainingSettings(report_to=[name])


def test_all_names_are_transformers():
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    assert set(TRACKERS) <= set(INTEGRATION_TO_CALLBACK)


def test_a_tracker_that_is_not_installed_is_said_before_anything_is_measured(toy_recipe, tmp_path, monkeypatch):
    from retain.training import trackers

    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'training.report_to: wandb.*\n.*pip install -e "\.\[wandb\]"'):
        check_trackers(["wandb"])
    with pytest.raises(UserError, match="pip install comet-ml"):
        ran(toy_recipe(), tmp_path, report_to=["comet_ml"])
    assert not (tmp_path / "run" / "before.json").exists()
