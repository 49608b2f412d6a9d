from __future__ import annotations

import numpy as np
import pytest

from retain.errors import UserError
from retain.ranking import embedder
from retain.ranking.embedder import Embedder, nearest

DOCUMENTS = ["cats chase mice", "dogs bark loudly", "fish swim", "cats chase mice"]


def test_the_same_text_is_nearest_and_of_equals_the_earlier(embedder_folder):
    found = Embedder(DOCUMENTS, embedder_folder).search(["cats chase mice", "fish swim"], 2)
    assert found[0] == [0, 3]
    assert found[1][0] == 2


@pytest.mark.parametrize("count", [0, 1, 5, 49, 50])
def test_the_nearest_are_those_of_a_whole_stable_sort(count):
    for near in np.random.default_rng(0).integers(0, 9, size=(40, 50)).astype(np.float32):
        assert nearest(near, count) == np.argsort(-near, kind="stable")[:count].tolist()


def test_queries_are_answered_alike_in_blocks(embedder_folder, monkeypatch):
    asked = ["fish", "cats", "dogs bark", "mice", "swim"]
    monkeypatch.setattr(embedder.Store, "read", lambda *args: None)
    whole = Embedder(DOCUMENTS, embedder_folder).search(asked, 3)
    monkeypatch.setattr(embedder, "BLOCK", 2)
    assert Embedder(DOCUMENTS, embedder_folder).search(asked, 3) == whole


def test_what_was_found_is_kept(embedder_folder, monkeypatch):
    first = Embedder(DOCUMENTS, embedder_folder).search(["fish"], 4)
    monkeypatch.setattr(Embedder, "_encoded", lambda *args: pytest.fail("encoded again"))
    assert Embedder(DOCUMENTS, embedder_folder).search(["fish"], 4) == first


def test_no_such_model_is_said(tmp_path):
    with pytest.raises(UserError, match="embedder"):
        Embedder(DOCUMENTS, str(tmp_path / "nothing"))
