"""Knowledge or behaviour: only what the intervals show is said."""

import pytest

from retain.advice.answer_form import answer_form
from retain.advice.nature import nature_of

from .makers import make_rung

FORM = answer_form(["late", "lost"] * 10)


def ladder(zero=10, few=20, retrieval=None, lora=None, documents=True, **values):
    rungs = [make_rung("zero_shot", zero), make_rung("few_shot", few)]
    if retrieval is not None:
        rungs.append(make_rung("retrieval", retrieval, found=0.9, from_documents=documents, **values))
    if lora is not None:
        rungs.append(make_rung("lora", lora))
    return rungs


@pytest.mark.parametrize(
    ("scores", "kind", "words"),
    [
        ({"retrieval": 80, "lora": 22}, "knowledge", "the documents supply what the prompt lacks, and training is not"),
        ({"retrieval": 22, "lora": 80}, "behaviour", "the documents are not shown to add to it"),
        ({"lora": 80}, "behaviour", "no documents were given"),
        ({"retrieval": 70, "lora": 80}, "both", "both the documents and training"),
        ({"few": 60, "retrieval": 61, "lora": 61}, "prompt", "few-shot supplies it; the documents are not shown"),
        ({"few": 11, "lora": 12}, "open", "these items do not show that anything scores more"),
        ({"few": 60}, "prompt", "training was not tried"),
    ],
)
def test_the_statement_follows_from_what_is_shown(scores, kind, words):
    found = nature_of(ladder(**scores), FORM, 0.4)
    assert found.kind == kind and words in found.statement
    assert ("was not measured" in found.statement) == (kind in ("knowledge", "both"))


def test_training_rows_are_no_documents():
    assert nature_of(ladder(retrieval=80, documents=False), FORM, 0.4).kind == "prompt"


def test_the_best_prompt_is_the_yardstick():
    rungs = [
        make_rung("zero_shot", 10),
        make_rung("instructions", 70),
        make_rung("few_shot", 20),
        make_rung("lora", 72),
    ]
    found = nature_of(rungs, FORM, 0.4)
    assert found.kind == "prompt" and any("Training against instructions: +2.0" in one for one in found.evidence)


def test_the_evidence_is_numbers():
    zero = make_rung("zero_shot", 10, texts=["it is late"] * 100, formed=0.0)
    lora = make_rung("lora", 60, texts=["late"] * 100, formed=1.0)
    retrieval = make_rung("retrieval", 50, found=0.87, from_documents=True)
    evidence = nature_of([zero, retrieval, lora], FORM, 0.25).evidence
    assert evidence[0].startswith("Training answers are one of 2 labels")
    assert "zero-shot 0%" in evidence[0] and "training 100%" in evidence[0]
    assert evidence[1] == "25% of the test items have a right answer that a training row has too."
    assert "Retrieval against zero-shot: +40.0 points (95% interval" in evidence[2] and "87% of the test" in evidence[2]
    assert "40 items won and 0 lost" in evidence[2]
    assert evidence[3].endswith("; 50 of the 50 items that it won had been answered in another form.")
