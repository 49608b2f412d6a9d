from __future__ import annotations

import pytest

from retain.errors import UserError
from retain.ranking.embedder import Embedder

DOCUMENTS = ["cats chase mice", "dogs bark loudly", "fish swim", "cats chase mice"]


def test_the_same_text_is_nearest_and_of_equals_the_earlier(embedder_folder):
    found = Embedder(DOCUMENTS, embedder_folder).search(["cats chase mice", "fish swim"], 2)
    assert found[0] == [0, 3]
    assert found[1][0] == 2


def test_what_was_found_is_kept(embedder_folder, monkeypatch):
    first = Embedder(DOCUMENTS, embedder_folder).search(["fish"], 4)
    monkeypatch.setattr(Embedder, "_encoded", lambda *args: pytest.fail("encoded again"))
    assert Embedder(DOCUMENTS, embedder_folder).search(["fish"], 4) == first


def test_no_such_model_is_said(tmp_path):
    with pytest.raises(UserError, match="embedder"):
        Embedder(DOCUMENTS, str(tmp_path / "nothing"))
