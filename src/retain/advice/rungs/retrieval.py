"""The fourth rung: passages of documents, or of training rows, before the question."""

from __future__ import annotations

from dataclasses import replace

from retain.advice.bench import Bench, best
from retain.advice.documents import read_passages
from retain.advice.plan import Passages, Plan
from retain.advice.retrievers.chosen import retriever_over
from retain.advice.rungs import few_shot
from retain.advice_records import Rung


def climb(bench: Bench) -> Rung:
    """Try each number of passages: alone, with the instruction that helped, and with the examples of the rung below.

    Examples are shown with the passage most like them, so that they show how passages are used. Where the passages are
    training rows there are no examples beside them: they would be their own passages.

    Raises:
        UserError: the documents cannot be read.
    """
    texts, source = searched(bench)
    index = retriever_over(texts, bench.settings)
    counts = dict.fromkeys(min(count, len(texts)) for count in bench.settings.passages)
    shown = [Passages(texts, count, index) for count in counts]
    plans = [replace(plan, passages=one) for plan in _starts(bench) for one in shown]
    stored = sum(len(text.encode()) for text in texts) + index.storage_bytes
    return bench.finish(
        "retrieval",
        bench.try_plans(plans),
        storage=lambda plan: stored,
        source=f"{len(texts)} {source}, {index.name}",
        from_documents=bench.settings.documents is not None,
    )


def searched(bench: Bench) -> tuple[list[str], str]:
    """The passages, and what they are: those of the documents, or the training rows with their answers."""
    documents = bench.settings.documents
    if documents is not None:
        return read_passages(documents, bench.settings.passage_words), "passages of the documents"
    rows = [f"{bench.plan().question_of(row.prompt)}\n{row.target}" for row in bench.distinct]
    return list(dict.fromkeys(rows)), "training rows"


def _starts(bench: Bench) -> list[Plan]:
    plans = few_shot.starts(bench)
    if bench.settings.documents is None or "few_shot" not in bench.settings.rungs:
        return plans
    return [*plans, best(bench.try_plans(few_shot.plans(bench))).plan]
