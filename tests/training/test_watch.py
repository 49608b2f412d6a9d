"""What stands beside the bar of a training."""

import io
from types import SimpleNamespace

from rich.console import Console

from retain.mitigations.dev_guard import changes_of
from retain.progress import Progress
from retain.records import Measurement
from retain.training.watch import ShowProgress


class Guard:
    def note(self):
        return "KL 0.012, repeating -2.1"


def told(log, monkeypatch, **options):
    monkeypatch.setattr("retain.progress.PLAIN_SECONDS", 0)
    out = io.StringIO()
    callback = ShowProgress(Progress(console=Console(file=out, width=200)), **options)
    callback.on_step_end(None, SimpleNamespace(global_step=3, max_steps=9, log_history=log), None)
    return out.getvalue()


def test_the_loss_the_penalties_and_what_callbacks_say(monkeypatch):
    log = [{"loss": 2.0, "kl_to_base": 0.5}, {"loss": 1.234, "kl_to_base": 0.125}, {"eval": 1}]
    said = told(log, monkeypatch, penalties=["kl_to_base"], watching=[Guard(), object()])
    assert "training: 3/9" in said and said.rstrip().endswith("loss 1.23, kl_to_base 0.12, KL 0.012, repeating -2.1")


def test_before_the_first_entry_of_the_log_there_is_no_loss(monkeypatch):
    assert told([], monkeypatch, penalties=["kl_to_base"]).rstrip().endswith("training: 3/9")


def measured(capability, value, **values):
    usual = {
        "metric": "m",
        "higher_is_better": True,
        "unit": "share",
        "split": "dev",
        "scores": {"a": 1.0},
        "model": "f",
    }
    return Measurement(**{**usual, "probe": capability, "capability": capability, "value": value, **values})


def test_a_change_is_in_points_or_percent_and_more_is_better():
    bits = {"unit": "bits per byte", "higher_is_better": False}
    before = [measured("facts", 0.5), measured("text", 2.0, **bits)]
    after = [measured("facts", 0.45), measured("text", 1.9, **bits), measured("new", 1.0)]
    assert changes_of(before, after) == ["facts -5.0", "text +5.0%"]
