from __future__ import annotations

from retain.ranking.first_stage import Bm25
from retain.ranking.judged import ranking_example
from retain.ranking.negatives import add_negatives, without_answers

DOCUMENTS = [f"mice {word}" for word in "eat run hide sleep jump sing play rest".split()] + ["dogs bark", "birds fly"]
ROW = ranking_example("mice", {"mice eat": 1})


class Ranked:
    """A first stage that finds everything in the corpus's order."""

    def search(self, queries, count):
        return [list(range(min(count, len(DOCUMENTS)))) for _ in queries]


def negatives(*rows, each=3, seed=0, **named):
    found, counts = add_negatives(rows or [ROW], DOCUMENTS, each, seed, **named)
    return [row.negatives for row in found], counts


def test_mined_documents_lie_between_the_ranks_and_are_not_relevant():
    (found,), counts = negatives(first_stage=Ranked(), ranks=(2, 5))
    assert set(found) < {"mice hide", "mice sleep", "mice jump", "mice sing"}
    assert len(found) == counts.mined == 3
    (all_of_them,), _ = negatives(first_stage=Ranked(), ranks=(1, 4), each=4)
    assert set(all_of_them) == set(DOCUMENTS[1:5])


def test_given_ones_stay_and_only_what_is_missing_is_added():
    row = ranking_example("mice", {"mice eat": 1, "dogs bark": 0, "birds fly": 0})
    (found,), counts = negatives(row, first_stage=Ranked())
    assert found[:2] == ("dogs bark", "birds fly") and len(found) == 3
    assert (counts.given, counts.mined, counts.drawn) == (2, 1, 0)


def test_what_reads_like_a_relevant_document_is_no_negative():
    row = ranking_example("mice", {"Mice  RUN": 1})
    (found,), _ = negatives(row, first_stage=Ranked(), ranks=(1, 9), each=9)
    assert "mice run" not in found


def test_the_filter_drops_what_the_base_holds_for_an_answer():
    scores = {"mice eat": 1.0, "mice run": 3.0, "mice hide": 1.4}

    def score(pairs):
        return [scores.get(text, 0.0) for _, text in pairs]

    (found,), counts = negatives(first_stage=Ranked(), ranks=(1, 4), each=4, score=score)
    assert {"mice run", "mice hide"}.isdisjoint(found)
    assert counts.filtered == 2 and counts.mined == 2 and counts.drawn == 2 and len(set(found)) == 4
    (found,), counts = negatives(first_stage=Ranked(), ranks=(1, 4), each=4, score=score, margin=0.5)
    assert "mice hide" in found and "mice run" not in found


def test_too_few_are_filled_from_the_whole_source_and_then_missing():
    (found,), counts = negatives(first_stage=Bm25(DOCUMENTS), ranks=(1, 2), each=4)
    assert (counts.mined, counts.drawn, counts.missing) == (2, 2, 0)
    assert len(set(found)) == 4 and "mice eat" not in found
    (found,), counts = negatives(each=20)
    assert (counts.mined, counts.drawn, counts.missing) == (0, 9, 11)
    assert set(found) == set(DOCUMENTS) - {"mice eat"}


def test_the_seed_decides_the_draw_and_more_relevant_documents_want_more():
    drawn = {negatives(first_stage=Ranked(), ranks=(1, 8), seed=seed)[0][0] for seed in range(6)}
    assert len(drawn) > 2
    assert negatives(first_stage=Ranked(), seed=3) == negatives(first_stage=Ranked(), seed=3)
    two = ranking_example("mice", {"mice eat": 1, "mice run": 1})
    (found,), _ = negatives(two, first_stage=Ranked(), each=2)
    assert len(found) == 4
    (found,), _ = negatives(two, first_stage=Ranked(), each=2, most=1)
    assert len(found) == 2


def test_queries_for_which_nothing_could_be_mined_are_counted():
    rows = [ranking_example(query, {"mice eat": 1}) for query in ("mice", "unheard", "unknown")]
    _, counts = negatives(*rows, first_stage=Bm25(DOCUMENTS))
    assert (counts.unmined, counts.wanting) == (2, 3)
    _, counts = negatives(*rows)
    assert (counts.unmined, counts.wanting) == (0, 0)


def test_nothing_is_taken_from_a_query_without_a_relevant_document():
    rows = [ranking_example("mice", {}), ROW]
    pools = without_answers(rows, [["mice run"], ["mice run", "dogs bark"]], lambda pairs: [3.0, 1.0, 2.0, 0.0], 0.0)
    assert pools == [["mice run"], ["dogs bark"]]
