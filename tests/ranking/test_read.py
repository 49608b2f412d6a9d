from __future__ import annotations

import gzip

import pytest

from retain.errors import UserError
from retain.ranking.groups import training_groups
from retain.ranking.judged import graded, taught_scores
from retain.ranking.read import read_ranking

ROW = {"query": "who", "pos": ["a", "b"], "neg": "c"}


def judged(data) -> list[tuple[str, dict[str, float]]]:
    return [(one.query, graded(one)) for one in data.examples]


WHO = [("who", {"a": 1.0, "b": 1.0, "c": 0.0})]
PAIRS = [
    {"query": "who", "document": "a", "label": 1},
    {"query": "who", "document": "c", "label": "0"},
    {"query": "who", "document": "b", "label": 1.0},
]


@pytest.mark.parametrize(
    ("name", "content", "format_"),
    [
        ("a.jsonl", [ROW], "ranking"),
        (
            "a.jsonl",
            [{"anchor": "who", "positive": "a", "negative": "c"}, {"anchor": "who", "positive": "b"}],
            "ranking",
        ),
        ("a.jsonl", PAIRS, "labelled pairs"),
        ("a.csv", "sentence1,sentence2,score\nwho,a,1\nwho,c,0\nwho,b,1\n", "labelled pairs"),
        ("a.tsv", "query\tpassage\trelevance\nwho\ta\t1\nwho\tb\t1\nwho\tc\t-1\n", "labelled pairs"),
        ("a.tsv", "who\ta\tc\nwho\tb\tc\n", "triples"),
        ("a.tsv.gz", gzip.compress(b"who\ta\tc\nwho\tb\tc\n", mtime=0), "triples"),
        ("a.tsv", "query\tpositive\tnegative\nwho\ta\tc\nwho\tb\tc\n", "ranking"),
    ],
)
def test_every_shape_gives_the_same_judgements_each_query_once(write, name, content, format_):
    data = read_ranking(write(name, content))
    assert data.format == format_
    assert judged(data) == WHO
    assert set(data.documents) == {"a", "b", "c"} and len(data.documents) == 3
    assert data.listed


def test_grades_are_kept_and_change_the_id(write):
    graded_twice = [
        read_ranking(write("a.jsonl", [{"query": "q", "doc": "a", "label": label}])).examples[0] for label in (1, 2)
    ]
    assert [one.grades for one in graded_twice] == [(), (2.0,)]
    assert graded_twice[0].id != graded_twice[1].id


def test_questions_with_answers_are_rankings_without_other_documents(write):
    data = read_ranking(write("a.jsonl", [{"prompt": "why", "completion": "because"}]))
    assert judged(data) == [("why", {"because": 1.0})]
    assert not data.listed


def test_a_teachers_scores_stay_with_their_documents(write):
    rows = [
        {"query": "q", "pos": ["a", "b"], "neg": "c", "pos_scores": [3, 2.5], "neg_scores": [-1]},
        {"query": "q", "pos": ["a"], "neg": ["d", "e"], "pos_scores": 9, "neg_scores": [0, -2]},
        {"query": "other", "pos": ["a"], "neg": ["b"], "pos_scores": [], "neg_scores": None},
        {"query": "partly", "pos": ["a"], "neg": ["b"], "pos_scores": [1], "neg_scores": [0]},
        {"query": "partly", "pos": ["a"], "neg": ["c"]},
    ]
    one, other, partly = read_ranking(write("rows.jsonl", rows)).examples
    assert taught_scores(one) == {"a": 3, "b": 2.5, "c": -1, "d": 0, "e": -2}
    assert taught_scores(other) == taught_scores(partly) == {}
    changed = [{**rows[0], "neg_scores": [-1.5]}, *rows[1:]]
    assert read_ranking(write("changed.jsonl", changed)).examples[0].id != one.id
    for group in training_groups(one, 3, 0, 9):
        assert group.teacher_scores == tuple(taught_scores(one)[text] for text in group.documents)


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ({"pos_scores": [1, 2], "neg_scores": [0]}, "`pos_scores` has 2 scores for 1 documents"),
        ({"pos_scores": [1]}, "`neg_scores` has 0 scores for 1 documents"),
        ({"pos_scores": ["1"], "neg_scores": [0]}, r"`pos_scores\[0\]` is '1', expected a number"),
        ({"pos_scores": [True], "neg_scores": [0]}, r"`pos_scores\[0\]` is True, expected a number"),
        ({"pos_scores": [float("nan")], "neg_scores": [0]}, r"`pos_scores\[0\]` is nan, expected a number"),
        ({"pos_scores": [1], "neg_scores": [1e9]}, r"`neg_scores\[0\]` is 1000000000.0, expected a number"),
    ],
)
def test_a_teachers_scores_are_numbers_one_for_each_document(write, scores, says):
    with pytest.raises(UserError, match=says):
        read_ranking(write("rows.jsonl", [{"query": "q", "pos": ["a"], "neg": ["b"], **scores}]))


def test_a_document_on_both_sides_counts_as_relevant_and_is_counted(write):
    data = read_ranking(write("a.jsonl", [{"query": "q", "pos": ["a"], "neg": ["a", "b"]}]))
    assert judged(data) == [("q", {"a": 1.0, "b": 0.0})]
    assert data.both == 1


def test_quotes_in_triples_are_text(write):
    data = read_ranking(write("a.tsv", 'say "hi\ta "b\t"c\n'))
    assert judged(data) == [('say "hi', {'a "b': 1.0, '"c': 0.0})]


def test_bad_triples_are_all_named(write):
    with pytest.raises(UserError) as caught:
        read_ranking(write("a.tsv", "q\ta\tb\nq\ta\n\nq\t \tb\n"))
    assert "a.tsv:2" in str(caught.value) and "a.tsv:4" in str(caught.value)


@pytest.mark.parametrize("label", ["0.5", "yes", None])
def test_a_label_is_a_whole_number(write, label):
    with pytest.raises(UserError, match=r"label|keys"):
        read_ranking(write("a.jsonl", [{"query": "q", "document": "a", "label": label}]))


def test_plain_text_holds_no_rankings(write):
    with pytest.raises(UserError, match="found text rows"):
        read_ranking(write("a.jsonl", [{"text": "hello"}]))


def test_a_beir_folder_has_titles_grades_and_the_whole_corpus(beir):
    data = read_ranking(str(beir))
    assert data.format == "BEIR"
    assert judged(data) == [("who chases mice", {"dogs bark at cats": 0.0, "Cats cats chase mice": 2.0})]
    assert data.documents == ("Cats cats chase mice", "dogs bark at cats", "Fish fish swim")
    assert data.document_ids["3"] == "Fish fish swim"
    assert list(data.query_ids.values()) == ["q1"]
    assert [one.rsplit("/", 1)[-1] for one in data.files] == ["corpus.jsonl", "queries.jsonl", "train.tsv"]


def test_the_part_or_the_named_qrels_choose(beir):
    assert [one.query for one in read_ranking(str(beir), "test").examples] == ["who does bark"]
    assert [one.query for one in read_ranking(str(beir / "qrels" / "test.tsv")).examples] == ["who does bark"]


def test_a_folder_with_one_part_needs_no_name_and_one_of_others_does(beir):
    (beir / "qrels" / "test.tsv").rename(beir / "qrels" / "validation.tsv")
    with pytest.raises(UserError, match=r"validation\.tsv"):
        read_ranking(str(beir), "test")
    (beir / "qrels" / "train.tsv").unlink()
    assert [one.query for one in read_ranking(str(beir), "test").examples] == ["who does bark"]


def test_without_qrels_every_query_is_read_unjudged(beir):
    for one in (beir / "qrels").iterdir():
        one.unlink()
    data = read_ranking(str(beir))
    assert [one.positives for one in data.examples] == [(), (), ()]


def test_judgements_may_be_written_as_fractions(beir):
    (beir / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2.0\nq1\td2\t0.0\n")
    (found,) = read_ranking(str(beir)).examples
    assert graded(found) == {"Cats cats chase mice": 2.0, "dogs bark at cats": 0.0}


@pytest.mark.parametrize(
    ("line", "says"),
    [("q9\td1\t1", "no query q9"), ("q1\td9\t1", "no document d9"), ("q1\td1\tx", "expected a whole number")]
    + [(f"q1\td1\t{score}", "expected a whole number") for score in ("0.5", "nan", "inf")],
)
def test_judgements_of_what_is_not_there_are_refused(beir, line, says):
    (beir / "qrels" / "train.tsv").write_text(f"query-id\tcorpus-id\tscore\n{line}\n")
    with pytest.raises(UserError, match=says):
        read_ranking(str(beir))


def test_qrels_with_other_columns_and_ids_given_twice_are_refused(beir, write):
    (beir / "qrels" / "train.tsv").write_text("q\td\tscore\nq1\td1\t1\n")
    with pytest.raises(UserError, match="expected query-id, corpus-id, score"):
        read_ranking(str(beir))
    write("set/corpus.jsonl", [{"_id": "d1", "text": "a"}, {"_id": "d1", "text": "b"}])
    with pytest.raises(UserError, match="the _id d1 is there twice"):
        read_ranking(str(beir))


def test_a_folder_that_is_no_beir_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"corpus\.jsonl"):
        read_ranking(str(tmp_path))
