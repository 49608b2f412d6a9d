"""A GGUF export from the adapter to the verdicts; licences and tokenizers go with it."""

import pytest
import torch

from retain.commands.export import export
from retain.commands.sides import kind_of
from retain.errors import UserError
from retain.export_records import AGAINST_TUNED
from retain.exporting import llama_cpp
from retain.models.load import load_causal
from retain.progress import Progress
from retain.record_files import read_record
from retain.records import RunRecord

QUIET = Progress(quiet=True)


def test_a_gguf_file_is_measured_as_it_ships(bpe_folder, adapter_on, bpe_suite, tmp_path):
    adapter = adapter_on(bpe_folder)
    record = export(adapter, "gguf", suite=str(bpe_suite), progress=QUIET)
    folder = tmp_path / "adapter-gguf-q8_0"
    assert record.file == "adapter-Q8_0.gguf"
    assert record.tensors == {"F32": 5, "Q8_0": 15}
    assert "unpacked" in record.measured_through
    base, tuned = (read_record(place / "record.json", RunRecord) for place in (folder, folder / AGAINST_TUNED))
    assert base.after[0].model == load_causal(str(folder / record.file), "bf16").fingerprint
    assert tuned.before[0].model == load_causal(str(adapter), "bf16").fingerprint
    assert not any("Allowed to differ" in note for note in tuned.comparison.notes), "asked with the same template"
    assert record.same.largest > 0
    assert record.same.split_otherwise == 0
    assert any("The file's weights were rounded to bf16 to measure them" in note for note in record.notes)
    assert (folder / "LICENSE.txt").read_text() == "Use it well.\n"
    card = (folder / "README.md").read_text()
    assert "license: mit" in card
    assert "library_name: gguf" in card
    assert f"llama-server -m {record.file}" in card
    assert (record.runtime is not None) == llama_cpp.here()
    with pytest.raises(UserError, match="holds a finished comparison, and so two models"):
        kind_of(str(folder))


@pytest.mark.skipif(not llama_cpp.here(), reason="llama.cpp is not here: the extra gguf")
def test_llama_cpp_is_asked_too(bpe_folder, adapter_on, bpe_suite, tmp_path):
    record = export(
        adapter_on(bpe_folder), "gguf", "f32", suite=str(bpe_suite), output=tmp_path / "out", progress=QUIET
    )
    assert record.runtime.split_otherwise == 0
    assert record.runtime.agreement > 0.9
    assert record.runtime.largest < 0.1, "fp32 here and there, with an f16 cache there"
    assert record.measured_in == "fp32", "as the file holds its weights, whatever the model was measured in"
    assert not any("llama.cpp" in note for note in record.notes)


def test_without_llama_cpp_a_note_says_so(bpe_folder, adapter_on, bpe_suite, tmp_path, monkeypatch):
    monkeypatch.setattr(llama_cpp, "here", lambda: False)
    record = export(
        adapter_on(bpe_folder), "gguf", "f16", suite=str(bpe_suite), output=tmp_path / "out", limit=5, progress=QUIET
    )
    assert record.runtime is None
    assert any("llama.cpp is not installed here" in note for note in record.notes)


def test_the_precision_of_the_merge_is_read(bpe_folder, adapter_on, tmp_path):
    adapter = adapter_on(bpe_folder)
    for name in ("fp32", "bf16"):
        export(adapter, "gguf", "f32", tmp_path / name, load_in=name, measure=False, progress=QUIET)
    whole, rounded = (
        load_causal(str(tmp_path / name / "adapter-F32.gguf"), "fp32").module.state_dict() for name in ("fp32", "bf16")
    )
    name = "model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(whole[name].bfloat16().float(), rounded[name])
    assert not torch.equal(whole[name], rounded[name])
