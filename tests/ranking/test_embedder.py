from __future__ import annotations

import pytest

from retain.errors import UserError
from retain.ranking.embedder import Embedder

DOCUMENTS = ["cats chase mice", "dogs bark loudly", "fish swim", "cats chase mice"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request):
    """A sentence-transformers model: a toy BERT whose token vectors are averaged."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    toy = request.getfixturevalue("toy_reranker_folder")
    transformer = Transformer(str(toy))
    model = SentenceTransformer(modules=[transformer, Pooling(32)], device="cpu")
    path = tmp_path_factory.mktemp("embedder")
    model.save_pretrained(str(path))
    return str(path)


def test_the_same_text_is_nearest_and_of_equals_the_earlier(folder):
    found = Embedder(DOCUMENTS, folder).search(["cats chase mice", "fish swim"], 2)
    assert found[0] == [0, 3]
    assert found[1][0] == 2


def test_what_was_found_is_kept(folder, monkeypatch):
    first = Embedder(DOCUMENTS, folder).search(["fish"], 4)
    monkeypatch.setattr(Embedder, "_encoded", lambda *args: pytest.fail("encoded again"))
    assert Embedder(DOCUMENTS, folder).search(["fish"], 4) == first


def test_no_such_model_is_said(tmp_path):
    with pytest.raises(UserError, match="embedder"):
        Embedder(DOCUMENTS, str(tmp_path / "nothing"))
