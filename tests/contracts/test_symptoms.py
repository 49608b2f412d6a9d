"""What holds for every symptom there is, and must hold for the next one."""

import inspect
import re
import sys
from pathlib import Path

import pytest

from retain.comparison.read_symptoms import FOLDER, read_symptoms
from retain.comparison.symptoms.rule import SymptomRule
from retain.comparison.symptoms.side_by_side import Material, material_of
from retain.records import Comparison, Measurement, Response, Symptom
from retain.registry import summary, units
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown
from retain.reporting.summary import render_summary
from tests.reporting.makers import make_record

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "symptoms"))

from worlds import PLANTED, material, recited_in, world

KINDS = sorted(units(FOLDER))
NOTHING = Comparison(base="base", tuned="tuned", gains=[], losses=[], pooled=None)
EVIL = "<script>alert(1)</script>\x1b[31m| `x` \u202e <|im_end|> \ufffd"


def rule(kind: str) -> SymptomRule:
    return units(FOLDER)[kind]()


def planted(kind: str) -> str:
    return next(name for name, one in PLANTED.items() if one.symptom == kind)


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_is_from_which_number_on_it_counts_and_what_else_there_is(kind):
    unit = units(FOLDER)[kind]
    assert issubclass(unit, SymptomRule)
    assert summary(unit).endswith("."), "the first sentence of the docstring goes into tables"
    text = " ".join(inspect.getdoc(unit).split())
    assert "Main number" in text and "Relations:" in text
    assert re.search(r"lower is better|higher = worse", text), "which way is better"
    assert "Found " in text and re.search(r"\d+ (points|percent)|\d+%", text), "the threshold, and why"


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_case_is_found_with_numbers_and_with_an_example(kind):
    found = [one for one in rule(kind).read(material(planted(kind), 0, changes=True)) if one.found]
    assert found
    for one in found:
        assert (one.name, one.found) == (kind, True)
        assert one.before is not None and one.low <= one.after - one.before <= one.high
        assert one.example.prompt and one.example.base and one.example.tuned
        assert one.statement.endswith(".") and all(len(text) < 400 for text in one.example.model_dump().values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_against_itself_shows_nothing(kind):
    before, _ = world("healthy", 3)
    given = material_of(before, before, NOTHING, ["card declined"] * 20, recited_in("itself", 0))
    assert not [one for one in rule(kind).read(given) if one.found]


@pytest.mark.parametrize("kind", KINDS)
def test_where_there_is_nothing_to_read_it_says_why(kind):
    entries = rule(kind).read(Material(comparison=NOTHING))
    assert entries
    for one in entries:
        assert (one.name, one.found, one.low, one.example) == (kind, None, None, None)
        assert len(one.statement) > 20 and one.statement.endswith(".")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("items", [1, 2, 3])
def test_a_few_items_break_nothing_and_a_healthy_model_stays_healthy(kind, items):
    given = material("healthy", 5, items=items, changes=True)
    assert not [one for one in rule(kind).read(given) if one.found]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_comparison_is_read_alike_each_time(kind):
    assert rule(kind).read(material(planted(kind), 1)) == rule(kind).read(material(planted(kind), 1))


def strange(text: str, score: float) -> Measurement:
    return Measurement(
        probe=EVIL,
        capability=EVIL,
        metric="exact match",
        value=score,
        higher_is_better=True,
        unit="share",
        split="test",
        scores={f"i{n}": score for n in range(60)},
        generates=True,
        responses={f"i{n}": Response(text=text, tokens=None, stopped=True) for n in range(60)},
        prompts={f"i{n}": EVIL.replace("<|im_end|> \ufffd", "") for n in range(60)},
        model="m",
    )


def test_foreign_text_of_symptoms_is_shown_and_never_obeyed():
    before, after = [strange("A calm and quiet answer.", 1.0)], [strange(EVIL, 0.0)]
    compared = read_symptoms(NOTHING, before, after)
    assert [one.name for one in compared.symptoms if one.found]
    record = make_record(before=before, after=after, comparison=compared)
    page, text, short = render_html(record), render_markdown(record), render_summary(record)
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    assert not any("\x1b" in shown or "\u202e" in shown for shown in (page, text, short))
    assert "<summary>Worst example</summary>" in page and "\nTuned: " in text and "    tuned     " in short
    assert "Broken answers" in page and "Broken answers" in text and "Broken answers" in short
    assert "cannot be told" in page and "cannot be told" in text


def test_symptoms_are_read_without_changing_anything_else():
    before, after = world("labels", 0)
    compared = read_symptoms(NOTHING, before, after, ["card declined"] * 20)
    assert compared.model_copy(update={"symptoms": []}) == NOTHING
    assert {one.name for one in compared.symptoms} == set(KINDS)
    assert all(isinstance(one, Symptom) for one in compared.symptoms)
    assert Comparison.model_validate_json(compared.model_dump_json()) == compared
