from __future__ import annotations

import json
import math

import pytest
from scripted_model import FakeModel

from retain.comparison.compare import compare
from retain.errors import CannotMeasureError, UserError
from retain.probes.base import of_rerankers
from retain.probes.multiple_choice import MultipleChoice
from retain.probes.ranking import Ranking
from retain.probes.suites import load_suite
from retain.records import Measurement


class FakeReranker(FakeModel):
    """Scores a pair by a function of query and document."""

    def __init__(self, score=lambda query, document: float(len(document)), fingerprint="fake-1"):
        super().__init__()
        self.scorer = score
        self.asked = []
        self.fingerprint = fingerprint

    def score_pairs(self, pairs, max_tokens):
        self.asked.append((list(pairs), max_tokens))
        return [self.scorer(query, document) for query, document in pairs]


@pytest.fixture
def rows_file(tmp_path):
    """Forty queries with one relevant and three other documents each, the relevant one the shortest."""
    path = tmp_path / "rows.jsonl"
    rows = [{"query": f"query {n}", "pos": f"r{n}", "neg": [f"other {n} {k}" for k in "abc"]} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def suite(tmp_path, *entries: dict):
    path = tmp_path / "suite.yaml"
    path.write_text(json.dumps({"probes": [{"kind": "ranking", "capability": "c", **one} for one in entries]}))
    return load_suite(path)


@pytest.fixture
def probe(tmp_path, rows_file) -> Ranking:
    (found,) = suite(tmp_path, {"name": "p", "items": "rows.jsonl"}).probes
    return found


def shortest(query: str, document: str) -> float:
    return -float(len(document))


def test_each_query_is_measured_by_its_ranking(probe):
    best, worst = (probe.measure(FakeReranker(score), "test") for score in (shortest, lambda q, d: float(len(d))))
    assert best.metric == "nDCG@10" and best.unit == "share" and best.higher_is_better
    assert set(best.scores) == {item.id for item in probe.select("test")}
    assert set(best.scores.values()) == {1.0}
    assert list(worst.scores.values()) == pytest.approx([1 / math.log2(5)] * len(worst.scores))
    assert set(worst.also["MRR@10"].values()) == {0.25}
    assert set(worst.also["recall@10"].values()) == {1.0}
    assert Measurement.model_validate_json(worst.model_dump_json()) == worst


def test_everything_is_asked_in_one_call_and_no_longer_than_allowed(probe):
    model = FakeReranker()
    probe.model_copy(update={"max_tokens": 77}).measure(model, "test")
    ((pairs, most),) = model.asked
    assert most == 77
    assert len(pairs) == 4 * len(probe.select("test"))


def test_a_model_that_scores_all_alike_gains_nothing_from_the_order_in_the_file(probe):
    same = probe.measure(FakeReranker(lambda q, d: 0.0), "test")
    assert 0.5 < same.value < 0.9


def test_order_limits_and_splits_are_those_of_all_probes(probe):
    turned = probe.model_copy(update={"items": probe.items[::-1]})
    assert turned.measure(FakeReranker(), "test") == probe.measure(FakeReranker(), "test")
    few = probe.model_copy(update={"limit": 10})
    assert (len(few.select("test")), len(few.select("dev"))) == (10, 4)
    dev, test = ({one.id for one in probe.select(part)} for part in ("dev", "test"))
    assert not dev & test and len(dev | test) == 40
    assert {text for _, text in probe.texts()} == {f"query {n}" for n in range(40)}


def test_the_fingerprint_follows_every_setting_and_item_but_not_the_name(probe):
    other = {
        "metric": "MRR@10", "also": ("MAP@5",), "candidates": 7, "first_stage": "bm25", "max_tokens": 9, "limit": 5,
        "items": probe.items[1:],
    }  # fmt: skip
    assert set(other) == set(Ranking.model_fields) - {"name", "capability", "documents", "unjudged"}
    prints = {probe.model_copy(update={key: value}).fingerprint() for key, value in other.items()}
    assert len(prints | {probe.fingerprint()}) == len(other) + 1
    assert probe.model_copy(update={"name": "x", "capability": "y"}).fingerprint() == probe.fingerprint()
    held = probe.measure(FakeReranker(), "test").settings
    assert set(other) - {"items"} | {"kind", "fingerprint"} <= set(held)
    assert "items" not in held and "documents" not in held


def test_beir_folders_are_ranked_from_bm25_and_missed_documents_count(tmp_path):
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    documents = [("d1", "mice eat cheese"), ("d2", "mice mice run"), ("d3", "unrelated words")]
    (folder / "corpus.jsonl").write_text("".join(json.dumps({"_id": i, "text": t}) + "\n" for i, t in documents))
    asked = [("q1", "mice"), ("q2", "cheese"), ("q3", "nobody asked")]
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": i, "text": t}) + "\n" for i, t in asked))
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t1\nq2\td3\t1\nq3\td1\t0\n"
    )
    for source in (folder, folder.parent):
        (probe,) = load_suite(source).probes
        assert (probe.name, probe.capability) == ("set", "set")
        items = {item.query: item for item in probe.items}
        assert set(items) == {"mice", "cheese"}  # nothing is relevant to the third
        assert [probe.documents[key] for key in items["mice"].documents] == ["mice mice run", "mice eat cheese"]
    everything = probe.model_copy(
        update={"items": tuple(one.model_copy(update={"split": "test"}) for one in probe.items)}
    )
    found = everything.measure(FakeReranker(lambda q, d: float("cheese" in d)), "test")
    ideal = 2 + 1 / math.log2(3)
    assert found.scores == {items["mice"].id: pytest.approx(2 / ideal), items["cheese"].id: 0.0}
    assert found.settings["nDCG@10 of the first stage"] == pytest.approx(2 / math.log2(3) / ideal / 2, abs=1e-4)
    assert found.settings["queries whose relevant documents the first stage missed"] == 1
    (few,) = suite(tmp_path, {"name": "p", "items": "set/qrels/test.tsv", "candidates": 2}).probes
    assert max(len(item.documents) for item in few.items) == 2


def test_a_run_is_a_first_stage_wherever_its_file_lies(tmp_path, rows_file):
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "text": "one"}\n{"_id": "d2", "text": "two"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "who"}\n')
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    probes = []
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("q1 Q0 d2 1 9 x\nq1 Q0 d1 2 8 x\n")
        (found,) = suite(tmp_path, {"name": "p", "items": "set", "first_stage": name}).probes
        probes.append(found)
    assert [probes[0].documents[key] for key in probes[0].items[0].documents] == ["two", "one"]
    assert probes[0].fingerprint() == probes[1].fingerprint()
    assert str(tmp_path) not in probes[0].first_stage


@pytest.fixture
def ten_queries(tmp_path):
    """A BEIR folder of ten queries, each with a relevant document of its own."""
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    numbers = range(10)
    (folder / "corpus.jsonl").write_text("".join(f'{{"_id": "d{n}", "text": "text {n}"}}\n' for n in numbers))
    (folder / "queries.jsonl").write_text("".join(f'{{"_id": "q{n}", "text": "query {n}"}}\n' for n in numbers))
    rows = "".join(f"q{n}\td{n}\t1\n" for n in numbers)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    return folder


def test_queries_that_a_run_does_not_have_are_missing_and_not_zero(tmp_path, ten_queries):
    (tmp_path / "run.txt").write_text("".join(f"q{n} Q0 d{n} 1 9 x\n" for n in range(6)))
    found = suite(tmp_path, {"name": "p", "items": {"test": "set"}, "first_stage": "run.txt"})
    (probe,) = found.probes
    measured = probe.measure(FakeReranker(), "test")
    assert set(measured.scores.values()) == {1.0} and len(measured.scores) == 6
    assert len(measured.left_out) == 4 and set(measured.also["MRR@10"]) == set(measured.scores)
    assert all("run does not have this query" in why for why in measured.left_out.values())
    assert measured.value == measured.settings["nDCG@10 of the first stage"] == 1.0
    assert found.notes() == ['"p": 4 of 10 queries are not in the first stage\'s run and have no score']


def test_many_queries_whose_score_cannot_change_are_named(tmp_path, ten_queries):
    for missed, said in ((2, 0), (3, 1)):
        lines = [f"q{n} Q0 d{n if n >= missed else 9} 1 9 x\n" for n in range(10)]
        (tmp_path / "run.txt").write_text("".join(lines))
        (probe,) = suite(tmp_path, {"name": "p", "items": "set", "first_stage": "run.txt"}).probes
        assert len(probe.notes()) == said
    assert "no relevant document for 3 of 10 queries" in probe.notes()[0]


def test_many_queries_without_any_candidate_are_named(tmp_path, ten_queries):
    for count, said in ((1, False), (2, True)):
        rows = [{"_id": f"q{n}", "text": f"unheard{n}" if n < count else f"text {n}"} for n in range(10)]
        (ten_queries / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (probe,) = suite(tmp_path, {"name": "p", "items": "set"}).probes
        assert any(f"no candidate at all was found for {count} of 10" in note for note in probe.notes()) == said


def test_dev_and_test_can_be_sources_of_their_own(tmp_path, rows_file):
    (tmp_path / "dev.jsonl").write_text(
        '{"query": "query 1", "pos": "a", "neg": "b"}\n{"query": "x", "pos": "a", "neg": "b"}'
    )
    (probe,) = suite(tmp_path, {"name": "p", "items": {"dev": "dev.jsonl", "test": "rows.jsonl"}}).probes
    assert [item.query for item in probe.select("dev")] == ["x"]
    assert len(probe.select("test")) == 40


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"metric": "precision@3"}, "is no measure"),
        ({"items": "nothing.jsonl"}, "does not exist"),
        ({"items": 3}, "name a BEIR folder"),
        ({"items": {"train": "rows.jsonl"}}, "name a BEIR folder"),
        ({"candidates": 1}, "candidates"),
        ({"items": "pairs.jsonl"}, "no query has a relevant document"),
        ({"items": "answers.jsonl", "first_stage": "given"}, "Use bm25"),
        ({"unheard": 1}, "unknown key"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, rows_file, entry, says):
    (tmp_path / "pairs.jsonl").write_text('{"query": "q", "document": "a", "label": 0}\n')
    (tmp_path / "answers.jsonl").write_text('{"prompt": "q", "completion": "a"}\n')
    with pytest.raises(UserError, match=says):
        suite(tmp_path, {"name": "p", "items": "rows.jsonl", **entry})


def test_a_score_that_is_no_number_leaves_its_query_out(probe):
    lost = probe.select("test")[0]
    found = probe.measure(FakeReranker(lambda q, d: math.nan if q == lost.query else 1.0), "test")
    assert set(found.left_out) == {lost.id}
    assert lost.id not in found.scores and lost.id not in found.also["MRR@10"]
    with pytest.raises(UserError, match="could be scored"):
        probe.measure(FakeReranker(lambda q, d: math.nan), "test")


def test_language_models_do_not_rank_and_rankings_stand_alone(probe):
    with pytest.raises(CannotMeasureError, match="ranks documents"):
        probe.measure(FakeModel(), "test")
    text = MultipleChoice(name="t", capability="c")
    assert of_rerankers([probe]) and not of_rerankers([text])
    with pytest.raises(UserError, match="two suites"):
        of_rerankers([text, probe])


def test_changes_are_points_with_other_measures_beside_them(probe):
    before = probe.measure(FakeReranker(shortest, "base"), "test")
    after = probe.measure(FakeReranker(lambda q, d: float(len(d)), "tuned"), "test")
    found = compare([before], [after])
    (loss,) = found.losses
    assert loss.delta == pytest.approx(100 * (1 / math.log2(5) - 1))
    assert loss.unit == "points" and loss.loss_low > 50
    assert [(one.metric, one.probe) for one in found.also] == [("MRR@10", "p"), ("recall@10", "p")]
    assert found.also[0].delta == pytest.approx(-75)
    assert found.also[1].delta == 0


def test_the_calibration_of_scores_is_measured(probe):
    sure = probe.measure(FakeReranker(lambda q, d: 9.0 if d.startswith("r") else -9.0), "test").calibration
    wrong = probe.measure(FakeReranker(lambda q, d: -9.0 if d.startswith("r") else 9.0), "test").calibration
    assert sure.error < 0.01 < 0.99 < wrong.error
    assert sure.relevant == 0.25
    assert sure.pairs == 4 * len(probe.select("test"))
