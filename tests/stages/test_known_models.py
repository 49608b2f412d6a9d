import pytest

from retain.stages import known_models
from retain.stages.known_models import files_state


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files of a test are seconds old."""
    monkeypatch.setattr(known_models, "SETTLED_SECONDS", 0.0)


def test_what_our_own_code_loads_decides_as_well(tmp_path, monkeypatch):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    state = files_state(str(file), "fp32")
    (tmp_path / "tokenizer.json").write_text("{}")
    assert files_state(str(file), "fp32") == state is not None, "only the file is read"
    real = known_models.file_hash
    monkeypatch.setattr(known_models, "file_hash", lambda path: real(path) + "x" * (path.name == "gguf.py"))
    assert files_state(str(file), "fp32") != state


def test_an_adapters_config_nested_too_deeply_names_no_base(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adapter_config.json").write_text("[" * 200_000)
    assert files_state(str(tmp_path), "fp32") is None
