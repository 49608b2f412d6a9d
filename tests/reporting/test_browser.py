"""The report in a real browser, where there is one: it loads nothing, obeys no foreign text and its filters work.

With ``AXE`` naming the file ``axe.min.js`` of the npm package axe-core its rules are tried in both themes too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from retain.reporting.advice_html import render_advice_html
from retain.reporting.frontier_html import render_frontier_html
from retain.reporting.html import render_html
from retain.reporting.items import as_island
from retain.reporting.runs import runs_of
from retain.reporting.runs_html import render_runs_html
from retain.reporting.sequence_html import render_sequence_html

from .advice_makers import make_advice
from .devtools import CHROMIUM, Browser
from .frontier_makers import make_frontier
from .makers import make_full_record, make_measurement, make_record
from .test_sequence import sequence_record

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
HOSTILE = (
    "</script><img src=x onerror=\"document.title='obeyed'\"><script>document.title='obeyed'</script>\u202e\u2028\x1b"
)
WIDTHS = (360, 1024, 1600)


@pytest.fixture(scope="module")
def browser():
    with Browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(make_full_record()), "utf-8")
    return path


def texts(browser, selector):
    return browser.run(f"[...document.querySelectorAll({selector!r})].map(one => one.textContent.trim())")


def choose(browser, field, value):
    browser.run(
        f"(() => {{ const f = document.querySelector({field!r}); f.value = {value!r};"
        "for (const kind of ['input', 'change']) f.dispatchEvent(new Event(kind, {bubbles: true})); })()"
    )
    browser.run("new Promise(done => setTimeout(done, 250))")


def test_it_asks_for_nothing_and_has_no_error(browser, page):
    browser.open(page)
    assert browser.requests == [page.as_uri()]
    assert browser.errors == []


@pytest.mark.parametrize("width", WIDTHS)
def test_it_needs_no_scrolling_sideways(browser, page, width):
    browser.resize(width, 800)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_answers_are_filtered_searched_and_sorted(browser, page):
    browser.resize(1024, 800)
    browser.open(page)
    cards = "#answer-list article"
    assert len(texts(browser, cards)) == 2 and texts(browser, "#filter-count") == ["2 of 2 shown"]
    browser.run("document.querySelector('input[name=way][value=\"\"]').click()")
    assert len(texts(browser, cards)) == 6
    choose(browser, "#filter-probe", "0")
    assert {one.split()[0] for one in texts(browser, cards)} == {"facts"}
    choose(browser, "#filter-probe", "")
    choose(browser, "#filter-text", "HAMLET")
    assert texts(browser, f"{cards} [data-at=prompt]") == ["Who wrote Hamlet?"]
    choose(browser, "#filter-text", "")
    choose(browser, "#filter-order", "prompt")
    prompts = texts(browser, f"{cards} [data-at=prompt]")
    assert prompts == sorted(prompts) and len(prompts) == 6
    choose(browser, "#filter-order", "rise")
    assert "won" in texts(browser, f"{cards} .pill")[0]
    choose(browser, "#filter-text", "no such words")
    assert texts(browser, "#filter-count") == ["No item fits."] and texts(browser, cards) == []


def test_what_differs_is_marked(browser, page):
    browser.open(page)
    browser.run("document.querySelector('input[name=way][value=\"\"]').click()")
    choose(browser, "#filter-text", "sky")
    assert texts(browser, "[data-at=base]")[0] == "Air scatters." and texts(browser, "[data-at=base] mark") == []
    assert texts(browser, "[data-at=tuned] mark") == ["Blue most."]


def test_the_theme_follows_the_system_and_can_be_switched(browser, page):
    paper = "getComputedStyle(document.body).backgroundColor"
    browser.theme(dark=False)
    browser.open(page)
    light = browser.run(paper)
    browser.theme(dark=True)
    dark = browser.run(paper)
    assert light != dark
    browser.run("document.getElementById('theme').click()")
    assert browser.run(paper) == light and texts(browser, "#theme span") == ["Dark theme"]
    browser.open(page)
    assert browser.run(paper) == light, "the choice is kept"
    browser.run("document.getElementById('theme').click()")
    assert browser.run(paper) == dark
    browser.theme(dark=False)


def test_everything_can_be_reached_by_keys_and_shows_where_they_are(browser, page):
    browser.open(page)
    reached = []
    for _ in range(60):
        browser.press("Tab")
        reached.append(
            browser.run(
                "(e => [e.id || e.className || e.tagName, getComputedStyle(e).outlineStyle].join(' '))"
                "(document.activeElement)"
            )
        )
    assert reached[0].startswith("skip ")
    for name in ("theme", "filter-text", "filter-probe", "filter-order"):
        assert any(one.startswith(f"{name} ") and not one.endswith(" none") for one in reached), name


def test_more_answers_are_added_on_demand(browser, tmp_path):
    count = 50
    before = make_measurement(texts=[(f"p{i}", "x", 1.0) for i in range(count)])
    after = make_measurement(texts=[(f"p{i}", "y", 0.0) for i in range(count)])
    path = tmp_path / "many.html"
    path.write_text(render_html(make_record(before=[before], after=[after])), "utf-8")
    browser.open(path)
    assert len(texts(browser, "#answer-list article")) == 12
    browser.run("document.getElementById('more').click()")
    assert len(texts(browser, "#answer-list article")) == 24
    assert browser.run("document.activeElement.className") == "card answer", "the first new one has the focus"


def test_hostile_answers_are_shown_as_they_are(browser, tmp_path):
    before = make_measurement("facts", [(HOSTILE, HOSTILE, 1.0)], references={"i0": HOSTILE})
    after = make_measurement("facts", [(HOSTILE, f"{HOSTILE} more", 0.0)], references={"i0": HOSTILE})
    path = tmp_path / "hostile.html"
    path.write_text(render_html(make_record(title=HOSTILE, before=[before], after=[after])), "utf-8")
    browser.open(path)
    assert "obeyed'" in browser.run("document.title"), "the title is text"
    assert browser.run("document.title") != "obeyed" and browser.errors == []
    assert browser.requests == [path.as_uri()]
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert "</script><img src=x" in texts(browser, "[data-at=prompt]")[0]


def test_fifty_thousand_items_open_in_two_seconds(browser, page, tmp_path):
    numbers = [1.0, 0.0, -1.0, 9, False, 3, False]
    answer = "Milltown, as everybody there knows and all will tell you. " * 2
    items = [
        [
            0,
            f"{i:016x}",
            f"Question {i}: what is the largest town of it?",
            "Milltown",
            answer,
            "late delivery",
            *numbers,
        ]
        for i in range(50_000)
    ]
    data = as_island({"probes": [["facts", "general knowledge", False]], "items": items})
    whole = page.read_text("utf-8")
    start = whole.index('id="answer-data">') + len('id="answer-data">')
    path = tmp_path / "large.html"
    path.write_text(whole[:start] + str(data) + whole[whole.index("</script>", start) :], "utf-8")
    browser.open(path)
    assert min(browser.open(path) for _ in range(2)) < 2.0
    assert texts(browser, "#filter-count") == ["12 of 50,000 shown"]
    took = browser.run(
        "(() => { const begun = performance.now(), f = document.getElementById('filter-text'); f.value = '49999';"
        "f.form.requestSubmit(); return performance.now() - begun; })()"
    )
    assert took < 2000 and texts(browser, "#filter-count") == ["1 of 1 shown"]


PAGES = {
    "run": lambda: render_html(make_full_record()),
    "runs": lambda: render_runs_html(runs_of([("a", make_full_record()), ("b", make_record())]), {"a": "a.html"}),
    "frontier": lambda: render_frontier_html(make_frontier(), {}),
    "sequence": lambda: render_sequence_html(sequence_record()),
    "advice": lambda: render_advice_html(make_advice()),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 1600])
def test_no_page_needs_scrolling_sideways_or_has_an_error(browser, tmp_path, name, width):
    (tmp_path / "page.html").write_text(PAGES[name](), "utf-8")
    browser.resize(width, 900)
    browser.open(tmp_path / "page.html")
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.errors == [] and browser.requests == [(tmp_path / "page.html").as_uri()]


@pytest.mark.skipif("AXE" not in os.environ, reason="AXE does not name axe.min.js")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("name", PAGES)
def test_no_rule_of_accessibility_is_broken(browser, tmp_path, name, dark, width):
    (tmp_path / "page.html").write_text(PAGES[name](), "utf-8")
    browser.resize(width, 900)
    browser.theme(dark)
    browser.open(tmp_path / "page.html")
    browser.run("localStorage.clear()")
    browser.open(tmp_path / "page.html")
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    browser.run(Path(os.environ["AXE"]).read_text("utf-8") + "; 0")
    found = browser.run(
        "axe.run().then(r => [r.passes.length, ...r.violations.map(v => v.id + ': ' + "
        "v.nodes.map(n => n.html.slice(0, 200)).join(' | '))])"
    )
    assert found[0] > 20 and found[1:] == []
