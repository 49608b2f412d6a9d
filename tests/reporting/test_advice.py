"""An advice's reports: the same numbers in the terminal, in markdown and in HTML; foreign text is text."""

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from retain.advice_records import Advised, Nature, Tried
from retain.reporting.advice import render_advice, summary
from retain.reporting.advice_chart import advice_figure
from retain.reporting.advice_html import render_advice_html
from retain.reporting.advice_rows import size, tried_rows
from retain.reporting.write import write_advice

from .advice_makers import make_advice, make_rung
from .test_html import Page

EVIL = "</script><script>alert('x')</script><img src=http://e/x onerror=alert(1)>\"' {{ 7*7 }} {% raw %} | `x` [a](b)"


def test_the_terminal_shows_the_table_and_the_reason():
    text = summary(make_advice(), Path("advice/x"), width=100)
    assert text.splitlines()[:4] == [
        "rung        score  95% interval  against the rung below  tokens a request  training  storage",
        "zero-shot    10.0   1.0 to 18.0                                        40      none  none",
        "few-shot     60.0  51.0 to 68.0   +20.0 (+9.0 to +31.0)             1,240      none  none",
        "training *   80.0  71.0 to 88.0   +20.0 (+9.0 to +31.0)                40     1 min  4.7 MB",
    ]
    assert "* Stop at training: every rung below scores more than 5 points less." in text
    assert "Behaviour: training helps.\n  - Training: +20.0 points." in text
    assert "Train: retain run advice/x/recommended.yaml" in text and "Report: advice/x/advice.html" in text
    assert "Train:" not in summary(make_advice(stop="few_shot"), Path("x"))


@pytest.mark.parametrize("width", [60, 80])
def test_no_line_is_wider_than_the_terminal(width):
    reason = "every rung below scores less: " + "日本語の長い文には空白がない" * 5
    record = make_advice(advised=Advised(rung="lora", basis="last", reason=reason))
    lines = summary(record, Path("advice/x"), width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert lines[3].startswith("training *") and "tokens a request" in lines[0]


def test_markdown_has_all_of_it():
    text = render_advice(make_advice())
    assert "**Stop at training.** every rung below" in text and "recommended.yaml" in text
    assert "| **training** | 80.0 | 71.0 to 88.0 | +20.0 (+9.0 to +31.0) | 40 | 1 min | 4.7 MB |" in text
    assert "| few-shot | training | +20.0 | +33.0 | " in text and "estimated, not proven | 412 |" in text
    assert "| few-shot | **4 similar examples** | 62.0 | 240 |" in text
    assert "### few-shot: 4 similar examples\n\nSearched: 28 training rows, bm25." in text
    assert "assistant: late" in text and "- few-shot: a note" in text
    assert (
        "- few-shot: examples and passages left out of requests" in text
        and "least like the question first): 3." in text
    )
    assert "lost their beginning: 1." in text and "What it forgets was not measured" in text
    without = render_advice(make_advice([make_rung("zero_shot"), make_rung("few_shot")], "few_shot"))
    assert "What it forgets was not measured" not in without and "## Notes" not in without


def test_the_page_is_well_formed_and_loads_nothing():
    text = render_advice_html(make_advice())
    page = Page(text)
    assert text.startswith("<!doctype html>") and len(page.ids) == len(set(page.ids))
    assert {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")} <= set(page.ids)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    assert "http" not in re.sub(r'xmlns="http://www.w3.org/2000/svg"|http-equiv', "", text)
    assert "Stop at training" in page.words.replace("Stop attraining", "Stop at training")
    assert "80.0 71.0 to 88.0 +20.0 +9.0 to +31.0 40 1 min 4.7 MB" in page.words
    assert "retain run recommended.yaml" in page.words and "least like the question first): 3." in page.words
    assert "margin: 5.0" in page.words and "torch 2.13.0" in page.words
    assert "retain run" not in render_advice_html(make_advice(stop="few_shot", basis="estimated")).split("<nav")[0]


def test_where_nothing_works_no_rung_is_marked():
    advised = Advised(rung="", basis="nothing", reason="no rung is shown to answer more")
    record = make_advice(advised=advised, recommended_recipe=False)
    assert "* No rung is shown to work: no rung is shown to answer more." in summary(record, Path("x"))
    assert " *  " not in summary(record, Path("x")) and "Train:" not in summary(record, Path("x"))
    assert "**No rung is shown to work.** no rung" in render_advice(record)
    page = Page(render_advice_html(record))
    assert "No rung is shown to work" in page.words and "pooled" not in [a.get("class") for a in page.all("tr")][:4]
    assert "banner bad" in render_advice_html(record) and "<polygon" not in advice_figure(record)


def test_what_the_stop_is_read_off_is_not_hidden():
    for text in (render_advice(make_advice()), Page(render_advice_html(make_advice())).words):
        assert "no choice has seen a test item" not in text
        assert "the rung to stop at is read off the test items" in text and "in at most 7 of 100 advices" in text


@pytest.mark.parametrize(
    "where", ["title", "chosen", "label", "example", "note", "source", "reason", "statement", "metric"]
)
def test_foreign_text_is_text(where):
    def evil(place, otherwise):
        return EVIL if where == place else otherwise

    rung = make_rung(
        "few_shot",
        chosen=evil("chosen", "c"),
        tried=[Tried(label=evil("label", "l"), value=1, tokens=2)],
        example=evil("example", "e"),
        notes=[evil("note", "n")],
        source=evil("source", "s"),
    )
    record = make_advice(
        [make_rung("zero_shot"), rung],
        title=evil("title", "t"),
        task_metric=evil("metric", "exact match"),
        advised=Advised(rung="few_shot", basis="proven", reason=evil("reason", "r")),
        nature=Nature(kind="open", statement=evil("statement", "s"), evidence=[evil("statement", "e")]),
        recommended_recipe=False,
    )
    page, plain = (
        Page(render_advice_html(record)),
        Page(render_advice_html(make_advice([make_rung("zero_shot"), rung]))),
    )
    assert [tag for tag, _ in page.tags].count("script") == [tag for tag, _ in plain.tags].count("script") == 1
    assert "alert('x')" in render_advice_html(record).replace("&#39;", "'") or where == "metric"
    assert "img" not in {tag for tag, _ in page.tags}
    assert "{{ 7*7 }}" in page.words or where == "metric"
    text = render_advice(record)
    outside = re.sub(r"(?s)^(`{3,})text\n.*?\n\1$", "", text, flags=re.MULTILINE)
    assert "<img" not in outside.replace("\\<img", "") and "[a](b)" not in outside


def test_the_figure_shows_every_rung_and_what_had_to_be_reached():
    last = advice_figure(make_advice())
    assert last.count("<circle") == 2 and last.count("<polygon") == 1 and "stroke-dasharray" not in last
    assert "training: 80.0 (71.0 to 88.0)" in last
    stopped = advice_figure(make_advice(stop="few_shot"))
    assert "stroke-dasharray" in stopped, "the margin below the best above"
    for width in (1000, 330):
        ElementTree.fromstring(advice_figure(make_advice(), width))
    assert advice_figure(make_advice([make_rung("zero_shot", value=float("nan")), make_rung()])) == ""


def test_the_way_taken_is_marked_once():
    tied = [
        Tried(label="a", value=50, tokens=90),
        Tried(label="a", value=50, tokens=40),
        Tried(label="b", value=9, tokens=1),
    ]
    rows = tried_rows(make_advice([make_rung("zero_shot"), make_rung("few_shot", tried=tied)]))
    assert [row.chosen for row in rows if row.rung == "few-shot"] == [False, True, False]


@pytest.mark.parametrize(
    ("number", "text"), [(0, "none"), (999, "999 bytes"), (1000, "1.0 kB"), (4_718_592, "4.7 MB"), (3e12, "3,000.0 GB")]
)
def test_sizes(number, text):
    assert size(int(number)) == text


def test_all_files_are_written(tmp_path):
    paths = write_advice(make_advice(), tmp_path)
    assert sorted(path.name for path in paths) == ["advice.html", "advice.md", "advice.svg"]
    assert all(path.read_text() for path in paths)
