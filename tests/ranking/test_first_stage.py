from __future__ import annotations

import bm25s
import pytest

from retain.errors import UserError
from retain.ranking import first_stage
from retain.ranking.first_stage import Bm25, candidates, read_run
from retain.ranking.read import read_ranking

DOCUMENTS = ["cats chase mice", "dogs bark", "mice eat cheese, mice sleep", "birds sing"]


def test_bm25_finds_what_shares_a_word_the_best_first():
    assert Bm25(DOCUMENTS).search(["mice", "barking dogs bark", "nothing here"], 3) == [[2, 0], [1], []]
    assert Bm25(DOCUMENTS).search(["mice"], 1) == [[2]]
    assert Bm25(DOCUMENTS).search([], 1) == []


def test_equal_documents_come_in_the_order_of_the_corpus():
    assert Bm25(["mice run", "mice run", "cheese"]).search(["mice"], 3) == [[0, 1]]


def test_scripts_without_spaces_are_found_by_pairs_of_characters():
    documents = ["猫は魚を食べる", "北京是中国的首都", "กรุงเทพเป็นเมืองหลวง", "iPhone手机 2023年", "plain words"]
    found = Bm25(documents).search(["中国首都在哪里", "魚を食べる", "เมืองหลวง", "手机", "iphone", "plain", "猫"], 2)
    assert found == [[1], [0], [2], [3], [3], [4], []]


def test_other_text_is_read_as_bm25s_reads_it():
    texts = ["The cat's I-95 x_y é naïve ÜBER 한국어 문장, привет мир a b 2023 1 of", "don't\nU.S.A. foo-bar"]
    plain = bm25s.tokenize(texts, stopwords="en", show_progress=False)
    assert Bm25([])._tokens(texts) == plain


def test_a_corpus_without_words_finds_nothing():
    assert Bm25(["the", "of"]).search(["mice"], 3) == [[]]


def test_the_same_question_is_answered_from_the_store(monkeypatch):
    first = Bm25(DOCUMENTS).search(["mice"], 2)
    monkeypatch.setattr(Bm25, "_search", lambda *args: pytest.fail("searched again"))
    assert Bm25(DOCUMENTS).search(["mice"], 2) == first
    with pytest.raises(pytest.fail.Exception):
        Bm25(DOCUMENTS).search(["mice"], 1)


def test_a_run_gives_its_documents_by_score(beir, write):
    run = write("run.txt", "q2 Q0 d4 1 0.5 mine\nq2 Q0 d2 2 0.9 mine\nq2 Q0 3 3 0.1 mine\n\n")
    data = read_ranking(str(beir), "test")
    assert candidates(data, run, 5) == [["dogs bark at cats", "Fish fish swim"]]
    assert candidates(data, run, 1) == [["dogs bark at cats"]]


def test_a_query_that_a_run_does_not_have_is_told_from_one_that_found_nothing(write, beir):
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n")
    run = write("run.txt", "q2 Q0 d4 1 0.5 mine\n")
    assert candidates(read_ranking(str(beir), "test"), run, 5) == [None, ["Fish fish swim"]]


def test_bm25_candidates_are_texts(beir):
    assert candidates(read_ranking(str(beir), "test"), first_stage.BM25, 5) == [["dogs bark at cats"]]


def test_runs_of_something_else_are_refused(beir, write):
    data = read_ranking(str(beir), "test")
    with pytest.raises(UserError, match="none of the queries"):
        candidates(data, write("run.txt", "q7 Q0 d4 1 0.5 mine\n"), 5)
    with pytest.raises(UserError, match="d9 is not in"):
        candidates(data, write("run.txt", "q2 Q0 d9 1 0.5 mine\n"), 5)
    with pytest.raises(UserError, match=r"run\.txt:2"):
        read_run(beir.parent / write("run.txt", "q2 Q0 d9 1 0.5 mine\nq2 d9 1\n"))
    with pytest.raises(UserError, match="cannot be read"):
        read_run(beir / "no.txt")
