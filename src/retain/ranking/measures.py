"""Measures of one query's ranking, by ir-measures (pytrec_eval): nDCG@k, MRR@k, recall@k, MAP@k."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from retain.errors import UserError, from_extra

NAMES = {"ndcg": "nDCG", "mrr": "RR", "recall": "R", "map": "AP"}
"""What people write -> ir-measures' name."""
SHOWN = {"ndcg": "nDCG", "mrr": "MRR", "recall": "recall", "map": "MAP"}
_FORM = re.compile(r"(ndcg|mrr|recall|map)@([1-9]\d*)", re.IGNORECASE)


def measure_name(text: str) -> str:
    """A measure as reports show it: ``ndcg@10`` -> ``nDCG@10``.

    Raises:
        ValueError: it is none.
    """
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no measure; write nDCG@10, MRR@10, recall@50 or MAP@100, any number")
    return f"{SHOWN[found[1].lower()]}@{found[2]}"


def measured(
    measures: Sequence[str], grades: Mapping[str, Mapping[str, float]], rankings: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Each measure of each query: measure -> query -> value from 0 to 1.

    nDCG's gain is the grade, discounted by log2(1 + rank), and its ideal ranking and recall's count take every document
    that was judged relevant, those that the first stage missed as well. MRR, recall and MAP take any grade above 0.

    Args:
        measures: as :func:`measure_name` gives them.
        grades: query -> document -> grade.
        rankings: query -> documents, the best first.

    Raises:
        UserError: a query has no relevant document.
    """
    ir = from_extra("ir_measures", "rerank")
    for query, judged in grades.items():
        if not any(grade > 0 for grade in judged.values()):
            raise UserError(f"the query {query} has no relevant document, so that no ranking of it can be measured")
    known = {name: ir.parse_measure(_ir_name(name)) for name in measures}
    qrels = [ir.Qrel(query, doc, int(grade)) for query, judged in grades.items() for doc, grade in judged.items()]
    # Scores from ranks: without ties, every provider orders alike.
    run = [
        ir.ScoredDoc(query, doc, float(len(ranked) - rank))
        for query, ranked in rankings.items()
        for rank, doc in enumerate(ranked)
    ]
    found: dict[str, dict[str, float]] = {name: dict.fromkeys(grades, 0.0) for name in measures}
    if run:
        names: dict[Any, str] = {measure: name for name, measure in known.items()}
        for one in ir.iter_calc(list(known.values()), qrels, run):
            found[names[one.measure]][one.query_id] = float(one.value)
    return found


def _ir_name(name: str) -> str:
    kind, _, cutoff = name.partition("@")
    return f"{NAMES[kind.lower()]}@{cutoff}"
