"""A model is measured once: what finds a measurement again, and what must not."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model

from retain.commands import measure as command
from retain.models import load
from retain.models.load import load_causal
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.stages import kept_measurements, known_models
from retain.stages.kept_measurements import measurement_key
from retain.stages.measuring import measure_probes
from retain.store import Store, store_folder


@pytest.fixture
def probe(toy_suite):
    return load_suite(toy_suite).probes[0]


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files of a test are seconds old."""
    monkeypatch.setattr(known_models, "SETTLED_SECONDS", 0.0)


@pytest.fixture
def copy(toy_folder, tmp_path):
    return shutil.copytree(toy_folder, tmp_path / "copy")


def key(model, probe, split="test"):
    return measurement_key(model.fingerprint, "cpu", probe, split)


def test_the_key_follows_the_model(toy, toy_folder, probe, copy):
    before = key(toy, probe)
    assert key(load_causal(str(copy), "fp32"), probe) == before, "the same model elsewhere"
    assert key(load_causal(str(toy_folder), "bf16"), probe) != before
    toy.module.config.rope_parameters = {**toy.module.config.rope_parameters, "rope_theta": 77.0}
    changed = key(toy.renewed(), probe)
    assert changed != before
    toy.module.generation_config.eos_token_id = [2, 5]
    ends = key(toy.renewed(), probe)
    assert ends != changed
    toy.tokenizer.chat_template = "{{ messages[0]['content'] }}"
    assert key(toy.renewed(), probe) != ends


def test_the_key_follows_the_probe_the_engine_the_libraries_and_the_device(toy, probe, toy_suite, monkeypatch):
    before = key(toy, probe)
    other = load_suite(toy_suite, 7).probes[0]
    keys = {before, key(toy, other), key(toy, probe, "dev"), measurement_key(toy.fingerprint, "cuda:0", probe, "test")}
    keys.add(key(toy, probe.model_copy(update={"max_tokens": 3})))
    monkeypatch.setattr(kept_measurements, "ENGINE_VERSION", 10**6)
    keys.add(key(toy, probe))
    monkeypatch.setattr(kept_measurements, "versions", lambda: {"torch": "99"})
    keys.add(key(toy, probe))
    assert len(keys) == 7


def test_a_release_that_changes_no_score_loses_nothing(toy, probe, monkeypatch):
    before = key(toy, probe)
    installed = kept_measurements.versions()
    monkeypatch.setattr(kept_measurements, "versions", lambda: {**installed, "retain": "99", "trl": "99"})
    assert key(toy, probe) == before


def test_a_damaged_entry_is_measured_anew_and_that_is_said(toy, probe, caplog):
    first = measure_probes(toy, [probe], "test", None, cached=True)
    (file,) = (store_folder() / "measurements").iterdir()
    file.write_bytes(file.read_bytes().replace(b'"value":0', b'"value":1'))
    assert measure_probes(toy, [probe], "test", None, cached=True) == first
    assert "damaged" in caplog.text


def test_an_entry_that_speaks_of_another_model_is_not_taken(toy, probe):
    (first,) = measure_probes(toy, [probe], "test", None, cached=True)
    Store("measurements").write(key(toy, probe), first.model_copy(update={"model": "another", "value": 9.0}))
    assert measure_probes(toy, [probe], "test", None, cached=True) == [first]


def measured(folder, toy_suite, load_in="fp32"):
    return command.measure(str(folder), str(toy_suite), load_in, progress=Progress(quiet=True))


@pytest.fixture
def loads(monkeypatch):
    """The models that were loaded, in order."""
    seen = []
    original = load.load_causal
    monkeypatch.setattr(load, "load_causal", lambda spec, precision: seen.append(spec) or original(spec, precision))
    return seen


def test_a_known_model_is_not_loaded(copy, toy_suite, loads):
    first = measured(copy, toy_suite)
    again = measured(copy, toy_suite)
    assert again == first and len(loads) == 1
    assert measured(f"{copy}/", toy_suite).measurements == first.measurements
    measured(copy, toy_suite, "bf16")
    assert len(loads) == 3, "another spelling and another precision are loaded to be sure"


def touch_same_size(folder):
    """Other weights of the same size, with the old time of change put back."""
    file = folder / "model.safetensors"
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    content = bytearray(file.read_bytes())
    content[-2] ^= 0x40
    file.write_bytes(bytes(content))
    os.utime(file, ns=times)


def change_config(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.25}))


def change_template(folder):
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")


def replace_weights(folder):
    model = load_causal(str(folder), "fp32")
    with torch.no_grad():
        model.module.model.embed_tokens.weight.mul_(1.5)
    model.module.save_pretrained(folder)


@pytest.mark.parametrize("change", [touch_same_size, change_config, change_template, replace_weights])
def test_any_changed_file_means_loading_and_measuring_again(copy, toy_suite, loads, change):
    first = measured(copy, toy_suite)
    change(copy)
    again = measured(copy, toy_suite)
    assert len(loads) == 2
    assert again.measurements[0].model != first.measurements[0].model


def test_a_changed_base_of_an_adapter_means_loading_again(toy, copy, toy_suite, tmp_path, loads):
    module = get_peft_model(toy.module, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    module.peft_config["default"].base_model_name_or_path = str(copy)
    module.save_pretrained(tmp_path / "adapter")
    first = measured(tmp_path / "adapter", toy_suite)
    count = len(loads)
    assert measured(tmp_path / "adapter", toy_suite) == first and len(loads) == count
    with torch.no_grad():
        base = load_causal(str(copy), "fp32")
        base.module.model.embed_tokens.weight.mul_(1.5)
    base.module.save_pretrained(copy)
    assert measured(tmp_path / "adapter", toy_suite).measurements[0].model != first.measurements[0].model


def test_files_that_changed_just_now_are_not_trusted(copy, toy_suite, loads, monkeypatch):
    monkeypatch.setattr(known_models, "SETTLED_SECONDS", 3600.0)
    measured(copy, toy_suite)
    measured(copy, toy_suite)
    assert len(loads) == 2


def test_files_that_change_while_they_are_loaded_are_not_remembered(copy, toy_suite, monkeypatch):
    original = load.load_causal

    def slow(spec, precision):
        model = original(spec, precision)
        change_config(copy)
        return model

    monkeypatch.setattr(load, "load_causal", slow)
    measured(copy, toy_suite)
    assert not (store_folder() / "fingerprints").exists()


def test_a_damaged_index_means_loading_again(copy, toy_suite, loads, caplog):
    first = measured(copy, toy_suite)
    (file,) = (store_folder() / "fingerprints").iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert measured(copy, toy_suite) == first
    assert len(loads) == 2 and "made anew" in caplog.text


def test_another_accelerator_in_sight_means_loading_again(copy, toy_suite, loads, monkeypatch):
    measured(copy, toy_suite)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    measured(copy, toy_suite)
    assert len(loads) == 2


def test_a_hub_id_has_no_files_to_look_at():
    assert known_models.files_state("someone/some-model", "bf16") is None
    assert known_models.files_state("builtin:no-such", "bf16") is None
