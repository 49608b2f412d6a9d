import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from retain.records import Alarm, Comparison, Gate
from retain.reporting.html import render_html
from retain.reporting.text import clean

from .makers import make_change, make_full_record, make_measurement, make_record, make_verdict

VOID = {"meta", "input", "br", "hr", "img", "link"}
EVIL = "</script><script>alert('x')</script><img src=http://e/x onerror=alert(1)>\"' {{ 7*7 }} {% raw %}"


class Page(HTMLParser):
    """Collects the tags of a page and checks that they nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.text, self.ids, self.declared = [], [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_decl(self, declaration):
        self.declared = declaration

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(f"{data} " if self.open and self.open[-1] in ("th", "small", "td", "dt") else data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self):
        return " ".join("".join(self.text).split())


def island(text):
    """The data of the answers, as a browser reads it: up to the first end of a script."""
    return json.loads(re.search(r'<script type="application/json" id="answer-data">(.*?)</script', text, re.DOTALL)[1])


@pytest.fixture(params=["full", "bare"])
def record(request):
    return make_full_record() if request.param == "full" else make_record()


def test_the_page_is_well_formed(record):
    page = Page(render_html(record).lstrip())
    assert page.declared.lower() == "doctype html"
    assert len(page.ids) == len(set(page.ids))
    assert {"html", "head", "body", "main", "h1"} <= {tag for tag, _ in page.tags}


def test_the_doctype_comes_first(record):
    assert render_html(record).startswith("<!doctype html>")


def test_nothing_is_loaded_from_anywhere(record):
    text = render_html(record)
    page = Page(text)
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    assert re.sub(r'xmlns="http://www.w3.org/2000/svg"', "", text).count("http") == len(re.findall("http-equiv", text))
    assert "@import" not in text
    assert "url(" not in text


def test_the_page_forbids_itself_to_load_anything(record):
    policy = next(m["content"] for m in Page(render_html(record)).all("meta") if "http-equiv" in m)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def test_every_number_of_the_tables_is_the_records():
    words = Page(render_html(make_full_record())).words
    assert "facts exact match forgot 54.3 41.2 −13.1 −17.4 to −8.7 16.8 3.0 351 12 / 58 19.9% 5.7" in words
    assert "intents: exact match learned 0.0 46.9 +46.9 +33.4 to +60.2 0.0 53 25 / 0 47.2%" in words
    assert "Mean (pooled) mean forgot 45.4 40.2 −5.2 −7.3 to −3.1 6.9 1.0 1,842" in words
    assert "instructions: 287 items measured, 2,674 would decide" in words
    assert "0.75 (chosen) +45.7 0.8 2.6 (facts) yes" in words
    assert "general tokens 12,053 (20.0% of all)" in words


def test_a_bare_comparison_has_no_empty_headings():
    page = Page(render_html(make_record()))
    assert [a["id"] for a in page.all("section") if "id" in a] == ["kept", "measured", "repeat"]
    assert {a["href"] for a in page.all("a")} == {"#main", "#kept", "#measured", "#repeat"}
    assert "No gain is judged" in page.words


def test_links_within_the_page_lead_somewhere(record):
    page = Page(render_html(record))
    assert {a["href"][1:] for a in page.all("a")} <= set(page.ids)
    for attributes in (a for _, a in page.tags):
        assert attributes.get("aria-labelledby", page.ids[0]) in page.ids


@pytest.mark.parametrize(
    ("outcome", "tone"),
    [("retained", "good"), ("forgot", "bad"), ("not learned", "open"), ("inconclusive", "open")],
)
def test_the_banner_has_a_colour_a_word_and_an_icon(outcome, tone):
    text = render_html(make_record(verdict=make_verdict(outcome=outcome)))
    banner = text[text.index('<section class="banner') :][:1500]
    assert banner.startswith(f'<section class="banner {tone}"')
    assert f"</span>{outcome.capitalize()}</h2>" in banner
    assert '<svg class="icon"' in banner
    assert f"<title>{outcome.capitalize()}: Comparison" in text


def test_a_demonstration_is_called_one_and_is_never_green():
    text = render_html(make_record(verdict=make_verdict(outcome="retained", gate=Gate(demonstration=True))))
    assert '<section class="banner open"' in text
    assert "<title>Retained (demonstration only):" in text
    assert "prove nothing about whether this model should ship" in Page(text).words


def test_tables_have_headers_and_charts_have_words(record):
    page = Page(render_html(record))
    assert all(a.get("scope") in ("col", "row") for a in page.all("th"))
    charts = [a for a in page.all("svg") if "aria-hidden" not in a]
    assert charts
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    assert page.all("html")[0]["lang"] == "en"
    assert all(a.get("tabindex") == "0" and a.get("aria-label") for a in page.all("div") if a.get("class") == "scroll")


def test_headings_do_not_skip_a_level(record):
    levels = [int(tag[1]) for tag, _ in Page(render_html(record)).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("where", ["title", "names", "reason", "probe", "answer", "data", "recipe", "note"])
def test_foreign_text_is_text(where):
    def evil(place, otherwise):
        return EVIL if where == place else otherwise

    probe = evil("probe", "facts")
    texts = evil("answer", "p"), evil("answer", "a")
    record = make_record(
        title=evil("title", "t"),
        recipe={"key": evil("recipe", "v")},
        provenance={evil("data", "k"): evil("data", "v")},
        data={"refused": [{evil("data", "reason"): evil("data", "v")}]},
        before=[make_measurement(probe, [(*texts, 1.0)], references={"i0": evil("answer", "r")})],
        after=[make_measurement(probe, [(*texts, 0.0)])],
        comparison=Comparison(
            base=evil("names", "b"),
            tuned=evil("names", "t"),
            gains=[],
            losses=[make_change(probe)],
            pooled=None,
            notes=[evil("note", "n")],
        ),
        verdict=make_verdict(reasons=[evil("reason", "r")], probes=[]),
    )
    page = Page(render_html(record))
    assert [a.get("type") for a in page.all("script")] == ["application/json"] * (len(page.all("script")) - 1) + [None]
    assert not page.all("img")
    assert "{{ 7*7 }} {% raw %}" in page.words


def test_control_characters_and_direction_overrides_are_shown_and_not_obeyed():
    prompt = "a\x00b\x1b[31m\u202egnp.exe"
    record = make_record(
        before=[make_measurement(texts=[(prompt, "x", 1.0)])],
        after=[make_measurement(texts=[(prompt, "y", 0.0)])],
    )
    text = render_html(record)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "a␀b␛[31m⟨U+202E⟩gnp.exe" in text
    assert 'dir="auto"' in text


def test_every_answer_is_in_the_page_and_can_be_filtered():
    page = Page(render_html(make_full_record()))
    data = island(render_html(make_full_record()))
    assert data["probes"] == [
        ["facts", "facts", False],
        ["instructions", "instructions", False],
        ["intents", "intents", True],
    ]
    assert sorted((data["probes"][one[0]][0], one[8]) for one in data["items"]) == [
        ("facts", -1.0),
        ("facts", 0.0),
        ("instructions", -1.0),
        ("instructions", 1.0),
        ("intents", 1.0),
        ("intents", 1.0),
    ]
    ways = [a["value"] for a in page.all("input") if a.get("type") == "radio"]
    assert ways == ["lost", "won", "unchanged", ""]
    assert "hidden" in next(a for a in page.all("form"))
    assert "6 items that both models answered" in page.words


def test_without_a_script_the_greatest_falls_and_a_rise_of_each_probe_are_there():
    page = Page(render_html(make_full_record()))
    assert len(page.all("template")) == 3
    assert len(page.all("article")) == 3 + 4
    assert "getting_enough_sleep" in page.words


def test_every_input_has_a_label_and_every_button_a_name():
    text = render_html(make_full_record())
    page = Page(text)
    fields = [a for tag, a in page.tags if tag in ("input", "select")]
    assert len(fields) == 7
    labels = re.findall(r"(?s)<label.*?</label>", text)
    assert sum(len(re.findall("<(?:input|select)", label)) for label in labels) == len(fields)
    assert all(re.sub("<[^>]*>", "", label).strip() for label in labels)
    assert {a["id"] for a in page.all("button")} == {"theme", "more"}


def test_an_answer_that_hit_the_limit_says_so():
    cut = make_measurement(texts=[("p", "and and and", 0.0)])
    response = cut.responses["i0"].model_copy(update={"stopped": False})
    record = make_record(
        before=[make_measurement(texts=[("p", "x", 1.0)])],
        after=[cut.model_copy(update={"responses": {"i0": response}})],
    )
    assert "3 tokens, cut off at the limit" in Page(render_html(record)).words


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e308])
def test_numbers_that_are_none_break_nothing(bad):
    change = make_change(
        before=bad,
        after=bad,
        delta=bad,
        low=bad,
        high=bad,
        loss_low=bad,
        loss_high=bad,
        variance=bad,
        binary=False,
    )
    comparison = Comparison(base="b", tuned="t", gains=[change], losses=[change], pooled=change)
    page = Page(render_html(make_record(comparison=comparison)))
    assert not re.search(r"\b(nan|inf)\b", page.words.lower())
    for name, attributes in page.tags:
        assert name not in ("line", "rect", "circle") or "nan" not in str(attributes)


def test_charts_come_in_two_sizes_only_where_there_is_something_to_draw():
    text = render_html(make_full_record())
    assert text.count('<div class="wide">') == text.count('<div class="narrow">') == 6
    nothing = Comparison(base="b", tuned="t", gains=[], losses=[], pooled=None)
    assert "<figure>" not in render_html(make_record(comparison=nothing))


def test_the_loss_and_each_penalty_have_a_curve():
    labels = [a["aria-label"] for a in Page(render_html(make_full_record())).all("svg") if "aria-label" in a]
    assert [label.split(".")[0] for label in labels[-3:]] == ["loss", "kl to base", "learning rate"]


def test_the_data_cannot_end_its_element():
    prompt = "</script><script>alert(1)</script><!--<script>]]>\u2028\u2029\x00\x1b\u202e\ud800&amp;"
    record = make_record(
        before=[make_measurement(texts=[(prompt, prompt, 1.0)])],
        after=[make_measurement(texts=[(prompt, "y", 0.0)])],
    )
    text = render_html(record)
    assert len(Page(text).all("script")) == 2
    raw = re.search(r'id="answer-data">(.*?)</script', text, re.DOTALL)[1]
    assert not re.search("[<>&\u2028\u2029\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", raw)
    assert island(text)["items"][0][2] == clean(prompt)


def test_a_text_of_a_megabyte_is_cut_and_one_without_blanks_is_text():
    long = "a" * 1_000_000
    record = make_record(
        before=[make_measurement(texts=[(long, "x", 1.0)])], after=[make_measurement(texts=[(long, long, 0.0)])]
    )
    text = render_html(record)
    assert len(text) < 100_000
    assert island(text)["items"][0][2].endswith(" ... (996,000 more characters)")


def test_scores_that_are_no_numbers_are_missing_in_the_data():
    record = make_record(
        before=[make_measurement(texts=[("p", "x", float("nan"))])], after=[make_measurement(texts=[("p", "y", 1.0)])]
    )
    assert island(render_html(record))["items"][0][6:9] == [None, 1.0, None]


def test_what_has_no_room_is_left_off_unchanged_items_first(monkeypatch):
    monkeypatch.setattr("retain.reporting.items.MOST_CHARACTERS", 6)
    before = make_measurement(texts=[("p", "x", 1.0), ("q", "x", 1.0), ("r", "x", 0.0)])
    after = make_measurement(texts=[("p", "y", 1.0), ("q", "y", 0.0), ("r", "y", 1.0)])
    text = render_html(make_record(before=[before], after=[after]))
    assert [one[2] for one in island(text)["items"]] == ["q", "r"]
    assert "2 items that both models answered; 1 more, unchanged ones first, have no room" in Page(text).words


def test_what_is_not_known_has_a_section():
    words = Page(render_html(make_full_record())).words
    part = words[words.index("What is not known") :]
    assert "arithmetic: the base scores 2.1" in part
    assert "recitation, training rows: Not tried." in part
    assert "science: 1 item without a score" in part


def test_the_commands_that_repeat_a_run_are_shown_and_secrets_in_them_masked():
    secret = "sk-proj-" + "a1B2c3D4e5" * 5
    record = make_full_record(provenance={"command": f"retain run r.yaml --set key={secret}"})
    words = Page(render_html(record)).words
    assert "retain run r.yaml --set key=[" in words and secret not in words
    assert "retain run recipe.yaml --folder again" in words
    assert "retain run recipe.yaml" not in Page(render_html(make_record())).words


def test_an_alarm_that_was_raised_is_marked_in_the_chart_of_the_losses():
    record = make_full_record()
    raised = Alarm(name="growing_gap", raised=True, statement="It grew.", step=40)
    silent = Alarm(name="stairs", raised=False, statement="No.", step=40)
    training = record.training.model_copy(update={"alarms": [raised, silent]})
    labels = [
        a.get("aria-label", "") for a in Page(render_html(record.model_copy(update={"training": training}))).all("svg")
    ]
    assert any(label.startswith("loss.") and label.endswith("growing gap at step 40") for label in labels)
    assert not any("stairs" in label for label in labels)


def test_findings_of_the_lint_are_cards_with_their_severity():
    found = {"severity": "warning", "check": "near_duplicates", "rows": 3, "share": 0.05, "what was found": "Three.",
             "what to do": "Drop them.", "examples": ["a.jsonl:1 <b>"]}  # fmt: skip
    words = Page(render_html(make_full_record(data={"lint": [found]}))).words
    assert "near duplicates warning 3 rows, 5.0% Three. What to do: Drop them. Rowsa.jsonl:1 <b>" in words
    odd = Page(render_html(make_full_record(data={"lint": [{"x": 1}]}))).words
    assert "lint x 1" in odd
