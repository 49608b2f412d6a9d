from __future__ import annotations

from pathlib import Path

import pytest

from retain.errors import UserError
from retain.models.load_reranker import load_reranker
from retain.models.reranker import CrossEncoderReranker
from retain.ranking.teacher import SCALE, EmbedderTeacher, load_teacher


def test_an_embedder_gives_cosines_of_query_and_document(embedder_folder):
    teacher = load_teacher(embedder_folder)
    assert isinstance(teacher, EmbedderTeacher)
    same, other, again = teacher.score_pairs(
        [("red cats", "red cats"), ("red cats", "blue dogs bark"), ("blue dogs bark", "red cats")], 32
    )
    assert same == pytest.approx(SCALE, rel=1e-5)
    assert other == pytest.approx(again, rel=1e-5) and other < same


def test_a_long_text_is_cut_and_the_model_stays_as_it_was(embedder_folder):
    teacher = load_teacher(embedder_folder)
    before = teacher.model.max_seq_length
    short, long = teacher.score_pairs([("red", "cats"), ("red", "cats dogs birds fish")], 3)
    assert short == pytest.approx(long, rel=1e-5)
    assert teacher.model.max_seq_length == before
    assert teacher.score_pairs([("red", "cats dogs birds fish")], 32)[0] != pytest.approx(long, rel=1e-3)


def test_a_reranker_teaches_too(toy_reranker_folder, toy_reranker):
    teacher = load_teacher(str(toy_reranker_folder))
    assert isinstance(teacher, CrossEncoderReranker)
    pairs = [("who sing", "red cats"), ("who", "fish")]
    assert teacher.score_pairs(pairs, 32) == pytest.approx(toy_reranker.score_pairs(pairs, 32))


@pytest.fixture
def decoder_embedder(toy_folder, tmp_path) -> str:
    """An embedder as Qwen3-Embedding is stored: its configuration names a language model."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    modules = [Transformer(str(toy_folder)), Pooling(32, pooling_mode="lasttoken")]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(tmp_path / "embedder"))
    config = tmp_path / "embedder" / "config.json"
    config.write_text(config.read_text().replace("LlamaModel", "LlamaForCausalLM"))
    return str(tmp_path / "embedder")


def test_an_embedder_that_is_stored_as_a_language_model_gives_cosines(decoder_embedder):
    assert "ForCausalLM" in (Path(decoder_embedder) / "config.json").read_text()
    teacher = load_teacher(decoder_embedder)
    assert isinstance(teacher, EmbedderTeacher)
    assert teacher.score_pairs([("blue", "blue")], 32)[0] == pytest.approx(SCALE, rel=1e-4)
    with pytest.raises(UserError, match="is an embedder"):
        load_reranker(decoder_embedder)
