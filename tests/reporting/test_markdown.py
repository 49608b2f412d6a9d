import re

import pytest
import yaml
from markdown_it import MarkdownIt

from retain.records import Comparison, Gate
from retain.reporting.fitting import cut
from retain.reporting.markdown import render_markdown

from .makers import make_change, make_full_record, make_measurement, make_record, make_verdict

EVIL = "<script>alert(1)</script> | `x` **b** [l](http://e) \x1b[31m \u202e ```\n# not a heading\n| a | b |"


def tokens_of(text):
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)


def headings(text):
    tokens = tokens_of(text)
    return [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]


def rows(text, start):
    """Cells of the table whose header starts with ``start``, one mapping per row."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(f"| {start}"))
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[first:]]
    header, body = cells[0], []
    for line, row in zip(lines[first + 2 :], cells[2:], strict=False):
        if not line.startswith("|"):
            break
        body.append(dict(zip(header, row, strict=True)))
    return body


def test_the_verdict_with_its_reasons_comes_first():
    text = render_markdown(make_full_record())
    assert text.startswith("# Bank tickets on SmolLM2-135M\n\n**Verdict: forgot.** ")
    assert text.index("facts: lost 13.1 points") < text.index("## What was learned")


def test_every_number_of_the_tables_is_the_records():
    text = render_markdown(make_full_record())
    gain = rows(text, "Task")[0]
    assert (gain["Gain"], gain["95% interval"], gain["Items"], gain["Outcome"]) == (
        "+46.9",
        "+33.4 to +60.2",
        "53",
        "✓ learned",
    )
    losses = {row["Capability"]: row for row in rows(text, "Capability")}
    facts = losses["facts"]
    expected = {
        "Before": "54.3",
        "After": "41.2",
        "Change": "-13.1",
        "95% interval": "-17.4 to -8.7",
        "Loss at most": "16.8",
        "Margin": "3.0",
        "Items": "351",
        "Won / lost": "12 / 58",
        "Flipped or spread": "19.9%",
        "Detectable": "5.7",
        "Outcome": "✗ forgot",
    }
    assert {name: facts[name] for name in expected} == expected
    assert losses["**Mean (pooled)**"]["Margin"] == "1.0"
    assert losses["arithmetic"]["Outcome"] == "– near chance"
    assert rows(text, "Capability | Items measured")[0]["Items that decide"] == "2,674"


def test_a_whole_run_has_every_section():
    assert [title for title in headings(render_markdown(make_full_record())) if "score" not in title] == [
        "Bank tickets on SmolLM2-135M",
        "What was learned",
        "What was kept and what was lost",
        "Not proven",
        "Notes",
        "Symptoms",
        "Answers that got worse",
        "Choices",
        "Strength: 0.75",
        "Training",
        "Data",
        "General text",
        "How it was measured",
        "Provenance",
        "Recipe",
    ]


def test_a_bare_comparison_has_no_empty_sections():
    text = render_markdown(make_record())
    assert headings(text) == [
        "Comparison of two models",
        "What was kept and what was lost",
        "How it was measured",
    ]
    assert "No gain is judged" in text


def test_the_recipe_can_be_copied_out():
    block = next(token for token in tokens_of(render_markdown(make_full_record())) if token.info == "yaml")
    assert yaml.safe_load(block.content) == make_full_record().recipe


def test_terms_are_explained_where_they_are_used():
    assert "The margin is the largest loss you accept" in render_markdown(make_full_record())
    assert "Near chance:" in render_markdown(make_full_record())
    assert "Near chance:" not in render_markdown(make_record())


def test_a_demonstration_is_called_one():
    text = render_markdown(make_record(verdict=make_verdict(outcome="retained", gate=Gate(demonstration=True))))
    assert "**Verdict: retained (demonstration only).**" in text
    assert "prove nothing" in text


@pytest.mark.parametrize("where", ["title", "base", "reason", "note", "probe", "data", "recipe", "answer"])
def test_foreign_text_is_never_markup(where):
    def evil(place, otherwise):
        return EVIL if where == place else otherwise

    probe = evil("probe", "facts")
    record = make_record(
        title=evil("title", "t"),
        recipe={evil("recipe", "k"): EVIL},
        data={evil("data", "rows"): evil("data", "x"), "refused": [{"reason": evil("data", "y")}]},
        before=[make_measurement(probe, [(evil("answer", "p"), evil("answer", "a"), 1.0)], references={"i0": EVIL})],
        after=[make_measurement(probe, [(evil("answer", "p"), evil("answer", "b"), 0.0)], references={"i0": EVIL})],
        comparison=Comparison(
            base=evil("base", "b"),
            tuned="t",
            gains=[],
            losses=[make_change(probe)],
            pooled=None,
            notes=[evil("note", "n")],
        ),
        verdict=make_verdict(reasons=[evil("reason", "r")], probes=[]),
    )
    text = render_markdown(record)
    tokens = tokens_of(text)
    children = [child for token in tokens for child in token.children or []]
    assert not [token for token in [*tokens, *children] if token.type in ("html_inline", "link_open", "image")]
    own = re.compile(r"<details>\n<summary>[\w ;,]+</summary>\n|</details>\n")
    assert all(own.fullmatch(token.content) for token in tokens if token.type == "html_block")
    assert not any("not a heading" in title and not title.startswith("\\<") for title in headings(text)[1:])
    assert "\x1b" not in text
    assert "\u202e" not in text
    columns = [
        len([cell for cell in tokens[i:] if cell.type == "td_open"])
        for i, t in enumerate(tokens)
        if t.type == "tr_open"
    ]
    assert columns
    assert text.count("alert(1)") >= 1


def test_missing_numbers_are_said_to_be_missing():
    change = make_change(delta=float("nan"), low=float("-inf"), high=float("inf"), before=float("nan"))
    comparison = Comparison(base="b", tuned="t", gains=[], losses=[change], pooled=None)
    row = rows(render_markdown(make_record(comparison=comparison)), "Capability")[0]
    assert (row["Before"], row["Change"], row["95% interval"]) == ("n/a", "n/a", "n/a")
    assert not re.search(r"\bnan\b", render_markdown(make_record(comparison=comparison)).lower())


def test_what_decides_comes_first_and_details_are_folded():
    text = render_markdown(make_full_record())
    opened = re.sub(r"(?s)<details>.*?</details>", "", text)
    assert [title for title in headings(opened)] == [
        "Bank tickets on SmolLM2-135M",
        "What was learned",
        "What was kept and what was lost",
        "Not proven",
        "Notes",
    ]
    assert text.count("<details>") == text.count("</details>") == 4
    assert "<summary>1 symptom found; 2 answers that got worse</summary>" in text


def test_the_report_fits_a_comment_whatever_it_holds():
    long = "\n".join(f"line {i} " + "`" * 3 for i in range(4000))
    data = {f"k{i}": "v" * 500 for i in range(400)}
    record = make_full_record(recipe={"text": long, **data}, data=data, provenance=data)
    text = render_markdown(record)
    assert 60_000 < len(text) <= 65_536
    assert text.count("more characters are in report.html.*") == 3
    assert headings(text)[-3:] == ["How it was measured", "Provenance", "Recipe"]
    assert text.count("<details>") == text.count("</details>") == 4 and text.endswith("</details>\n")
    assert "Verdict: forgot" in text and "| facts |" in text
    assert not [token for token in tokens_of(text) if token.type == "fence" and "Cut here" in token.content]


def test_a_cut_closes_the_code_block_that_it_falls_into():
    section = "## T\n\n````text\n" + "a\n```\n" * 300 + "````\n\nend"
    short = cut(section, 400)
    assert len(short) <= 400
    fences = [token for token in tokens_of(short) if token.type == "fence"]
    assert len(fences) == 1 and "Cut here" not in fences[0].content
    assert cut(section, len(section)) == section
