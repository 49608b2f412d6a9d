"""The frontier's page: one file, foreign text is text, and all of it is there without scripts."""

import re
from itertools import pairwise

import pytest

from retain.reporting.frontier_html import render_frontier_html

from .frontier_makers import make_arm, make_frontier, make_levels
from .test_html import Page

EVIL = "</script><script>alert('x')</script><img src=http://e/x onerror=alert(1)>\"' {{ 7*7 }} {% raw %}"
RECORDS = {
    "whole": make_frontier(not_run=["rung"], advice="More rows: it still rises."),
    "numbers": make_frontier(make_levels(seeds=(0, 1)), "level 20.0"),
    "names": make_frontier(make_levels(("web", "own")), "level web"),
    "nothing": make_frontier([make_arm("a", failed="no")], taken=None, provenance={}, dropped=[], pareto=[]),
}


@pytest.fixture(params=RECORDS)
def record(request):
    return RECORDS[request.param]


def test_the_page_is_well_formed(record):
    text = render_frontier_html(record)
    page = Page(text)
    assert text.startswith("<!doctype html>") and page.declared.lower() == "doctype html"
    assert len(page.ids) == len(set(page.ids))
    assert {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")} <= set(page.ids)
    assert all(a.get("aria-labelledby", page.ids[0]) in page.ids for _, a in page.tags)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    assert all(a.get("scope") in ("col", "row") for a in page.all("th") if "role" in a)


def test_nothing_is_loaded_from_anywhere(record):
    text = render_frontier_html(record, {arm.folder: f"{arm.folder}/report.html" for arm in record.arms})
    page = Page(text)
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith(("#", "arms/"))
        assert not [name for name in attributes if name.startswith("on")]
    assert "http" not in re.sub(r'xmlns="http://www.w3.org/2000/svg"|http-equiv', "", text)
    assert "@import" not in text and "url(" not in text
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def test_every_number_is_there_without_scripts():
    words = Page(render_frontier_html(RECORDS["whole"])).words
    assert "Recommended kept" in words.replace("Recommendedkept", "Recommended kept")
    assert "it loses least. Verdict on test items: retained. More rows: it still rises." in words
    assert "retain run recommended.yaml" in words
    assert "retained 1 +45.0 0.8 +45.0 +41.0 to +50.0 −0.8 −1.8 to 0.0 48,210 7 min" in words
    assert "plain 1 (chosen) +50.0 20.0 facts 40.0 no Pareto" in words
    assert "failed The loss became NaN." in words
    assert "Dropped after short runs: idle" in words and "Rungs that were not needed: rung" in words
    assert "plain training.epochs 2" in words and "torch 2.13.0" in words
    assert "mean_margin: 1.0" in words


def test_marked_rows_are_the_pareto_points():
    text = render_frontier_html(RECORDS["whole"])
    assert text[text.index('id="strengths"') :].count('class="pooled"') == len(RECORDS["whole"].pareto)


@pytest.mark.parametrize(
    "where", ["title", "arm", "failure", "reason", "changes", "folder", "worst", "level", "dropped"]
)
def test_foreign_text_is_text(where):
    def evil(place, otherwise):
        return EVIL if where == place else otherwise

    name = evil("arm", "kept")
    arm = make_arm(name, changes={evil("changes", "k"): evil("changes", "v")}, folder=evil("folder", "f"))
    worst = [one.model_copy(update={"worst": evil("worst", "facts")}) for one in arm.curve]
    arm = arm.model_copy(update={"curve": worst, "factor": evil("level", "f"), "level": evil("level", "one")})
    arms = [arm, make_arm("b", factor=evil("level", "f"), level="two"), make_arm("c", failed=evil("failure", "no"))]
    record = make_frontier(arms, taken=name, title=evil("title", "t"), dropped=[evil("dropped", "d")])
    taken = record.recommended.model_copy(update={"reason": evil("reason", "r")})
    record = record.model_copy(update={"recommended": taken})
    page = Page(render_frontier_html(record, {arm.folder: "arms/x/report.html"}))
    assert len(page.all("script")) == 1 and not page.all("img")
    assert where == "folder" or "{{ 7*7 }} {% raw %}" in page.words


def test_the_figures_are_inline_for_wide_and_for_narrow_screens():
    text = render_frontier_html(RECORDS["numbers"])
    assert text.count('<div class="wide">') == text.count('<div class="narrow">') == 2
    charts = [a for a in Page(text).all("svg") if "aria-hidden" not in a]
    assert len(charts) == 4 and all(a["role"] == "img" and a["aria-label"] for a in charts)
    assert 'id="factor"' not in render_frontier_html(RECORDS["whole"])
    assert "Levels stand at equal distances" in text
    assert "Colours are the arms' verdicts" in Page(render_frontier_html(RECORDS["names"])).words
    assert "<svg xmlns" not in render_frontier_html(RECORDS["nothing"])


def test_the_script_finds_what_it_works_on():
    text = render_frontier_html(RECORDS["whole"])
    page = Page(text)
    groups = page.all("g")
    arms = {a["data-arm"] for a in groups if a.get("class") == "arm"}
    assert arms == {a["data-arm"] for a in groups if a.get("class") == "key"} == {"0", "1"}
    assert len([a for a in groups if a.get("class") == "point"]) == 8, "two arms, two strengths, two widths"
    assert any("frontier" in a.get("class", "") for a in page.all("figure"))
    assert "hidden" in next(a for a in page.all("span") if a.get("class") == "hint"), "said only where scripts run"


def test_an_arm_leads_to_its_own_report_where_there_is_one():
    record = RECORDS["whole"]
    page = Page(render_frontier_html(record, {"arms/kept-0": "arms/kept-0/report.html"}))
    assert [a["href"] for a in page.all("a") if not a["href"].startswith("#")] == ["arms/kept-0/report.html"]


@pytest.mark.parametrize(
    ("outcome", "gate", "tone"),
    [
        ("retained", {}, "good"),
        ("inconclusive", {}, "open"),
        ("forgot", {}, "bad"),
        ("retained", {"demonstration": True}, "open"),
    ],
)
def test_the_banner_has_the_colour_of_the_verdict_on_test_items(outcome, gate, tone):
    recipe = {"gate": {"mean_margin": 1.0, **gate}}
    text = render_frontier_html(make_frontier([make_arm("kept", outcome=outcome)], recipe=recipe))
    assert f'<section class="banner {tone}"' in text
    assert ("demonstration only" in text) == bool(gate)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e308])
def test_numbers_that_are_none_break_nothing(bad):
    change = make_arm().gain.model_copy(update={"delta": bad, "low": bad, "high": bad})
    candidate = make_arm().curve[0].model_copy(update={"gain": bad, "mean_loss": bad, "gain_error": bad})
    broken = {"curve": [candidate], "strength": 0.5, "gain": change, "mean": change, "factor": "f"}
    arms = [make_arm(str(n)).model_copy(update={**broken, "level": float(n)}) for n in range(2)] + [make_arm("kept")]
    page = Page(render_frontier_html(make_frontier(arms)))
    assert not re.search(r"\b(nan|inf)\b", page.words.lower())
