"""What the lint says of rankings."""

from __future__ import annotations

from retain.data.formats import scan_values
from retain.data.lint.held_out_duplicates import HeldOutDuplicates
from retain.data.lint.material import LintData
from retain.data.lint.relevant_negatives import RelevantNegatives
from retain.data.lint.unjudged_negatives import UnjudgedNegatives

TEXTS = [
    f"The {thing} of the {place} is kept by the {who} since the great flood of the year." for thing in ("book", "bell")
    for place in ("old tower", "new bridge", "little harbour") for who in ("mayor", "miller", "captain")
]  # fmt: skip


def data(rows: list[dict], held_out: list[dict] = ()) -> LintData:
    found = [scan_values(part, "rows").examples if part else () for part in (rows, held_out)]
    return LintData(examples=found[0], held_out=found[1], source="rows")


def rows() -> list[dict]:
    return [
        {"query": f"who keeps it, question {name} of the list", "pos": text, "neg": [TEXTS[(place + 7) % len(TEXTS)]]}
        for place, (name, text) in enumerate(zip("abcdefghijklmnopqr", TEXTS, strict=True))
    ]


def test_a_relevant_document_among_the_negatives_is_named():
    faulty = rows()
    faulty[4]["neg"].append(f"  {TEXTS[4].upper()}")
    (found,) = RelevantNegatives().find(data(faulty))
    assert (found.count, found.severity, found.examples[0].line) == (1, "warning", 5)
    assert not RelevantNegatives().find(data(rows()))


def test_a_negative_that_another_row_calls_relevant_is_named_also_a_held_out_one():
    again = {"query": rows()[2]["query"].upper(), "pos": TEXTS[4], "neg": [TEXTS[2]]}
    (found,) = UnjudgedNegatives().find(data([*rows(), again]))
    assert (found.count, found.examples[0].line) == (1, 19)
    assert "relevant in row 3" in found.examples[0].text
    other = {"query": rows()[2]["query"], "pos": rows()[2]["neg"][0]}
    (found,) = UnjudgedNegatives().find(data(rows(), [other]))
    assert "relevant in held-out row 1" in found.examples[0].text
    assert not UnjudgedNegatives().find(data(rows()))


def test_queries_in_both_parts_are_named():
    (found,) = HeldOutDuplicates().find(data(rows(), [{"query": rows()[5]["query"] + "!", "pos": TEXTS[0]}]))
    assert found.count == 1 and "training row 6" in found.examples[0].text
