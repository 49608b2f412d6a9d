"""Text that models, data, recipes and logs wrote: every report shows it, and none obeys it; secrets are masked."""

import re

import pytest
from pydantic import ValidationError

from retain.data.lint.base import Finding, Shown
from retain.data.lint.run_checks import Lint
from retain.models.licence import AboutBase
from retain.records import ExamplePair, Symptom
from retain.reporting.advice import render_advice
from retain.reporting.advice import summary as advice_summary
from retain.reporting.advice_chart import advice_figure
from retain.reporting.advice_html import render_advice_html
from retain.reporting.card import render_card
from retain.reporting.frontier import render_frontier
from retain.reporting.frontier import summary as frontier_summary
from retain.reporting.frontier_figures import frontier_figure
from retain.reporting.frontier_html import render_frontier_html
from retain.reporting.html import render_html
from retain.reporting.lint import render_lint
from retain.reporting.markdown import render_markdown
from retain.reporting.summary import render_summary
from retain.reporting.text import clean, clean_json

from .advice_makers import make_advice, make_rung
from .frontier_makers import make_frontier
from .makers import make_full_record, make_measurement, make_record

HOSTILE = (
    "<script>x</script><img src=x onerror=y>[bold red]\x1b[31m\x9b2J\x07\r\u202eabc\u200f\U000e0041|`${7*7}{{7*7}}"
)
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
SECRET = "ghp_" + "a1B2" * 9


def poisoned(record):
    """The record with hostile text in the place of every string that may be any string."""
    content = record.model_dump(mode="json")
    kind = type(record)
    changed = 0

    def walk(place, key):
        nonlocal changed
        value = place[key]
        if isinstance(value, dict | list):
            for inner in list(value) if isinstance(value, dict) else range(len(value)):
                walk(value, inner)
        elif isinstance(value, str):
            place[key] = f"{value}{HOSTILE}"
            try:
                kind.model_validate(content)
                changed += 1
            except (ValidationError, ValueError):
                place[key] = value

    for key in list(content):
        walk(content, key)
    assert changed > 10
    return kind.model_validate(content)


def assert_harmless(text, html=False):
    assert not OBEYED.search(text), ascii(OBEYED.search(text))
    if html:
        assert "<img" not in text and text.count("<script>x") == 0


@pytest.fixture(scope="module")
def advice():
    """Hostile but for the names by which its parts know each other."""
    plain = make_advice()
    hostile = poisoned(plain)
    rungs = [mine.model_copy(update={"name": rung.name}) for mine, rung in zip(hostile.rungs, plain.rungs, strict=True)]
    known = {"rungs": rungs, "differences": plain.differences, "standings": plain.standings}
    advised = hostile.advised.model_copy(update={"rung": plain.advised.rung})
    return hostile.model_copy(update={**known, "advised": advised})


def test_an_advice_shows_hostile_text_and_obeys_none(advice, tmp_path):
    page = render_advice_html(advice)
    assert "&lt;img src=x" in page
    assert_harmless(page, html=True)
    text = render_advice(advice)
    assert_harmless(text)
    outside = re.sub(r"(?s)^(`{3,})\w*\n.*?\n\1$", "", text, flags=re.MULTILINE)
    assert not re.search(r"(?<!\\)<(script|img)", outside)
    assert_harmless(advice_figure(advice), html=True)
    assert_harmless(clean(advice_summary(advice, tmp_path)))


@pytest.mark.parametrize("make", [make_record, make_full_record])
def test_a_runs_report_shows_hostile_text_and_obeys_none(make):
    record = poisoned(make())
    page = render_html(record)
    assert "&lt;img src=x" in page
    assert_harmless(page, html=True)
    text = render_markdown(record)
    assert_harmless(text)
    outside = re.sub(r"(?s)^(`{3,})\w*\n.*?\n\1$", "", text, flags=re.MULTILINE)
    assert not re.search(r"(?<!\\)<(script|img)", outside)
    assert_harmless(clean(render_summary(record)))


def test_a_frontiers_pages_show_hostile_text_and_obey_none(tmp_path):
    record = poisoned(make_frontier())
    assert_harmless(render_frontier_html(record, {}), html=True)
    assert_harmless(render_frontier(record))
    assert_harmless(frontier_figure(record), html=True)
    assert_harmless(clean(frontier_summary(record, tmp_path)))


def test_lint_shows_hostile_text_and_obeys_none():
    finding = Finding(
        check="secrets", severity="warning", count=1, of=2, share=0.5, what=HOSTILE, do="Do.",
        examples=[Shown(source=f"{HOSTILE}.jsonl", line=1, text=HOSTILE)],
    )  # fmt: skip
    lint = Lint(source=HOSTILE, rows=2, held_out=0, shape="chat", findings=[finding], left_out={"x": "why"})
    text = clean(render_lint(lint))
    assert_harmless(text)
    assert "[bold red]" in text and "<script>" in text, "shown as it is: nothing here reads markup"


def test_secrets_in_answers_prompts_and_examples_are_masked_in_every_report():
    said = f"my key is {SECRET} and my card 4539 5787 6362 1486"
    measured, after = (make_measurement(texts=[(said, said, score)] * 3) for score in (1.0, 0.0))
    pair = ExamplePair(prompt=said, expected=said, base=said, tuned=said)
    symptom = Symptom(
        name="verbosity_collapse", capability="facts", found=True, statement="It.", example=pair, evidence=[said]
    )
    record = make_record(before=[measured], after=[after])
    record = record.model_copy(update={"comparison": record.comparison.model_copy(update={"symptoms": [symptom]})})
    advice = make_advice([make_rung("zero_shot"), make_rung("few_shot", example=said)], stop="few_shot")
    shown = [render_html(record), render_markdown(record), render_summary(record)]
    shown += [render_advice_html(advice), render_advice(advice)]
    for text in shown:
        assert "my key is" in text and SECRET not in text and "4539 5787" not in text


def test_secrets_in_the_command_and_the_recipe_are_masked_in_every_report():
    told = {"provenance": {"command": f"retain run r.yaml --set key={SECRET}"}}
    recipe = {"training": {"extra": {"hub_strategy": SECRET, "names": [f"a {SECRET}"]}}, "gate": {"mean_margin": 1}}
    record = make_full_record(recipe=recipe, **told)
    advice = make_advice([make_rung("zero_shot")], stop="zero_shot").model_copy(update={"recipe": recipe, **told})
    about = AboutBase("base")
    for text in (render_html(record), render_markdown(record), render_card(record, about), render_advice_html(advice)):
        assert SECRET not in text and "hub_strategy" in text
    assert "key=\\[" in render_markdown(record)


def test_json_for_machines_says_the_same_and_moves_no_cursor():
    import json

    text = json.dumps({"a": "\x9b2J\u202e\x7f\U000e0041"}, ensure_ascii=False, indent=1)
    assert json.loads(clean_json(text)) == json.loads(text)
    assert_harmless(clean_json(text))
