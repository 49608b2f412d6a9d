import re

import pytest
from rich.cells import cell_len

from retain.records import Comparison, Gate
from retain.reporting.summary import render_summary
from retain.reporting.terms import headline

from .makers import (
    make_change,
    make_full_record,
    make_measurement,
    make_probe_verdict,
    make_record,
    make_verdict,
)


def test_it_says_the_verdict_the_numbers_the_example_and_where_the_report_is():
    text = render_summary(make_full_record(), "runs/x/report.html", width=100)
    assert text.startswith("FORGOT   builtin:smollm2-135m -> tickets\n")
    assert "  - facts: lost 13.1 points, at least 9.4 (margin 3.0)\n" in text
    assert re.search(r"^intent of a ticket +0\.0 +46\.9 +\+46\.9 +\+33\.4 to \+60\.2 +53 +learned$", text, re.M)
    assert re.search(r"^facts +54\.3 +41\.2 +-13\.1 +-17\.4 to -8\.7 +16\.8 +3\.0 +351 +forgot$", text, re.M)
    assert re.search(r"^Mean \(pooled\) +45\.4 +40\.2 +-5\.2 ", text, re.M)
    assert "  - instructions: 2,674 items would decide (measured: 287)\n" in text
    assert "Worst example (facts, score 1.00 to 0.00):\n  prompt  What is the capital of France?\n" in text
    assert "  base    Paris.\n  tuned   country_support\n" in text
    assert text.endswith("\nReport: runs/x/report.html\n")


def test_columns_stand_under_each_other():
    lines = render_summary(make_full_record()).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("kept or lost"))
    table = lines[start : start + 7]
    assert len({line.index(" " + line.split("  ")[-1]) for line in table}) == 1


def test_only_symptoms_that_were_found_are_named():
    text = render_summary(make_full_record())
    assert "mode collapse" in text
    assert "refusal drift" not in text


def test_a_demonstration_is_called_one():
    record = make_record(verdict=make_verdict(outcome="retained", gate=Gate(demonstration=True)))
    text = render_summary(record)
    assert text.startswith("RETAINED (DEMONSTRATION ONLY)   base-model")
    assert "prove nothing about whether this model should ship" in " ".join(text.split())
    assert "emonstration" not in render_summary(make_record())


def test_a_retained_mean_is_not_told_as_a_proof_of_each_capability():
    probes = [make_probe_verdict(name, outcome="retained") for name in ("facts", "sums")]
    open_one = [*probes, make_probe_verdict("code", outcome="inconclusive", items_needed=90)]
    lines = [
        headline(make_record(verdict=make_verdict(outcome="retained", gain="learned", probes=each)))
        for each in (probes, open_one)
    ]
    assert lines[0].endswith("kept what the base could do, within the margins.")
    assert lines[1].endswith("on average kept what the base could do; 1 of 3 capabilities is not proven alone.")


def test_an_inconclusive_verdict_says_how_many_items_would_decide():
    text = render_summary(make_record(verdict=make_verdict(outcome="inconclusive", items_needed=2674)))
    assert "About 2,674 items would decide it." in " ".join(text.split())


@pytest.mark.parametrize(
    "gain, mean_loss, open_",
    [
        ("inconclusive", 0.5, "the tuned model learned the task."),
        ("inconclusive", 2.0, "the tuned model learned the task and kept what the base could do."),
        ("learned", 2.0, "the tuned model kept what the base could do."),
    ],
)
def test_an_inconclusive_verdict_says_what_is_open(gain, mean_loss, open_):
    pooled = make_change("mean").model_copy(update={"loss_high": mean_loss})
    comparison = Comparison(base="base", tuned="tuned", gains=[], losses=[make_change()], pooled=pooled)
    verdict = make_verdict(outcome="inconclusive", gain=gain, gate=Gate(mean_margin=1.0))
    text = " ".join(render_summary(make_record(comparison=comparison, verdict=verdict)).split())
    assert f"cannot decide whether {open_}" in text


def test_no_task_no_capability_and_no_example_are_said_or_left_out():
    nothing = Comparison(base="b", tuned="t", gains=[], losses=[], pooled=None)
    text = render_summary(make_record(comparison=nothing))
    assert "No gain is judged" in text
    assert "No capability was measured" in text
    assert "Worst example" not in text
    assert "Not proven" not in text
    assert "Report" not in text


def test_a_models_answer_cannot_colour_the_terminal_or_add_lines():
    prompt = "\x1b[2J\u202eevil\nRETAINED"
    record = make_record(
        before=[make_measurement(texts=[(prompt, "x", 1.0)])],
        after=[make_measurement(texts=[(prompt, "\x1b]0;title\x07\r\nRETAINED", 0.0)])],
    )
    text = render_summary(record)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    assert sum(line.startswith("RETAINED") for line in text.splitlines()) == 0


def test_very_many_capabilities_and_very_long_answers_stay_short():
    changes = [make_change(f"c{i}") for i in range(60)]
    record = make_record(
        before=[make_measurement("c0", [("p" * 9000, "a" * 9000, 1.0)])],
        after=[make_measurement("c0", [("p" * 9000, "b" * 9000, 0.0)])],
        comparison=Comparison(base="b", tuned="t", gains=[], losses=changes, pooled=None),
        verdict=make_verdict(probes=[make_probe_verdict(change.probe) for change in changes]),
    )
    text = render_summary(record)
    assert "... and 40 more in the report" in text
    assert max(len(line) for line in text.splitlines()) <= 120
    assert "8,740 more characters" in " ".join(text.split())


@pytest.mark.parametrize("columns", [70, 80, 100])
def test_no_line_is_wider_than_the_terminal(columns):
    lines = render_summary(make_full_record(), width=columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert any(line.startswith("facts") and line.endswith("forgot") and " 3.0 " in line for line in lines)


@pytest.mark.parametrize("columns", [60, 80])
def test_wide_characters_take_two_columns(columns):
    wide = make_change("日本語の質問に対する正確な答え")
    record = make_record(
        before=[make_measurement(wide.probe, [("首都はどこですか" * 20, "東京です" * 30, 1.0)])],
        after=[make_measurement(wide.probe, [("首都はどこですか" * 20, "サポート" * 30, 0.0)])],
        comparison=Comparison(
            base="基礎モデル", tuned="調整済み", gains=[], losses=[wide, make_change("facts")], pooled=None
        ),
        verdict=make_verdict(probes=[make_probe_verdict(wide.probe), make_probe_verdict("facts")]),
    )
    lines = render_summary(record, width=columns).splitlines()
    assert max(map(cell_len, lines)) <= columns
    header, first, second = next(lines[i : i + 3] for i, line in enumerate(lines) if line.startswith("kept or lost"))
    at = cell_len(header[: header.index("  verdict")])
    assert {cell_len(row[: row.rindex("  ")]) for row in (first, second)} == {at}


def test_what_has_no_room_is_left_out_in_the_order_of_its_worth():
    def header(columns):
        text = render_summary(make_full_record(), width=columns)
        return next(line for line in text.splitlines() if re.match("kept or", line)).split()

    assert {"interval", "items", "before"} <= set(header(100))
    assert "interval" not in header(80) and {"before", "items"} <= set(header(80))
    assert {"after", "change", "most", "margin", "verdict"} <= set(header(70))
    assert render_summary(make_full_record(), width=10) == render_summary(make_full_record(), width=60)
    assert max(map(len, render_summary(make_full_record(), width=60).splitlines())) <= 60
    assert render_summary(make_full_record(), width=500) == render_summary(make_full_record(), width=100)
