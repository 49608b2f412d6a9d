"""A sequence's report: the matrix with words and colours, and no foreign text that is markup."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from retain.comparison.gate import judge
from retain.records import Comparison, Gate, Measurement
from retain.reporting.sequence import render_sequence, sequence_summary
from retain.reporting.sequence_chart import Line, stage_plot, tasks_figure
from retain.reporting.sequence_html import render_sequence_html
from retain.reporting.sequence_rows import matrix_rows, numbers
from retain.reporting.write import write_sequence
from retain.sequence_records import Capability, Estimate, Forgetting, SequenceRecord, SequenceTask, StageResult

HOSTILE = '<script>alert("1")</script>|x`'


def sequence_record(names=("emotions", "facts"), outcome_losses=None, **changes):
    from retain.comparison.compare import compare

    def measured(task, right):
        scores = {str(place): float(place < right) for place in range(100)}
        return Measurement(probe=task, capability=task, metric="exact match", value=right / 100, unit="share",
                           higher_is_better=True, split="test", scores=scores, model="m")  # fmt: skip

    lost = compare([measured(names[0], 90), measured("say", 60)], [measured(names[0], 30), measured("say", 60)])
    gains = compare([measured(name, 5) for name in names], [measured(name, 90) for name in names], names).gains
    comparison = Comparison(base="base", tuned="end", gains=gains[:1], losses=lost.losses, pooled=lost.pooled)
    estimate = Estimate(value=61.5, low=55.0, high=68.0, tasks=2)
    values = {
        "title": "x: run",
        "recipe": {"model": {"base": "x"}, "gate": {}},
        "provenance": {"seed": 0},
        "plan": "in_turn",
        "tasks": [SequenceTask(name=one, metric="exact match", unit="share", items=100, counted=True) for one in names],
        "rows": ["base", *names],
        "matrix": [[5.0, 4.0], [90.0, None], [30.0, 93.0]],
        "accuracy": estimate,
        "backward": Estimate(value=-60.0, low=-70.0, high=-48.0, tasks=1),
        "forward": Estimate(value=0.0, low=-3.0, high=3.0, tasks=1),
        "learned": estimate,
        "forgetting": [Forgetting(task=names[0], value=60.0, low=45.0, high=72.0, best=names[0])],
        "general": [Estimate(value=-1.0, low=-4.0, high=2.0, tasks=1), None],
        "gains": gains,
        "capabilities": [
            Capability(probe="say", capability="repeating", metric="contains", unit="points", values=[60.0, 59.0, 60.0],
                       change=lost.losses[1])
        ],
        "stages": [StageResult(name=name, folder=f"stages/{place}", rows=300, memory={names[0]: 30}, strength=0.6,
                               learned=gains[0], outcome="forgot", notes=["a note"])
                   for place, name in enumerate(names)],
        "measurements": [],
        "comparison": comparison,
        "verdict": judge(comparison, Gate()),
        "output": "stages/2/tuned",
    }  # fmt: skip
    return SequenceRecord(**{**values, **changes})


def test_the_matrix_says_where_a_task_was_learned_and_what_became_of_it():
    rows = matrix_rows(sequence_record())
    assert [cell.value for cell in rows[2].cells] == ["30.0", "93.0"]
    assert rows[1].cells[0].own and rows[2].cells[1].own and not rows[0].cells[0].yet
    assert rows[2].cells[0].change == "-60.0" and rows[2].cells[0].outcome == "forgot"
    assert rows[2].cells[0].tone == "bad" and rows[2].cells[1].tone is None
    assert rows[1].cells[1].value == "n/a"


def test_markdown_and_summary_hold_the_numbers(tmp_path):
    record = sequence_record()
    text = render_sequence(record)
    assert "| facts | 30.0 (-60.0, forgot) | **93.0** |" in text
    assert re.search(r"\| BWT \| .*60\.0 \| .*70\.0 to", text)
    assert "emotions, facts: a note" in text and text.count("a note") == 1
    said = sequence_summary(record, tmp_path)
    assert said.startswith("FORGOT   1 of 2 tasks were learned and lost again.")
    assert "BWT -60.0 (-70.0 to -48.0)" in said and "ACC 61.5 (55.0 to 68.0)" in said
    assert str(tmp_path / "stages/2/tuned") in said
    assert [one.name for one in numbers(record)] == ["ACC", "BWT", "FWT", "Gain"]


@pytest.mark.parametrize("width", [60, 80])
def test_no_line_of_the_summary_is_wider_than_the_terminal(width):
    said = sequence_summary(sequence_record(), Path("sequences/x"), width)
    assert max(map(cell_len, said.splitlines())) <= width


def test_the_page_has_the_matrix_the_curves_and_links(tmp_path):
    (tmp_path / "stages/0").mkdir(parents=True)
    (tmp_path / "stages/0/report.html").write_text("x")
    paths = write_sequence(sequence_record(), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert [path.name for path in paths] == ["report.md", "report.html"]
    assert 'href="stages/0/report.html"' in page and 'href="stages/1' not in page
    assert "--shade: 30" in page and '<td class="own"' in page and '<td class="before"' in page
    assert page.count("<svg") >= 4 and "default-src 'none'" in page


@pytest.mark.parametrize("render", [render_sequence, render_sequence_html])
def test_hostile_names_are_text(render):
    record = sequence_record(names=(HOSTILE, "facts"), title=HOSTILE, notes=[HOSTILE])
    text = render(record)
    assert "<script>alert" not in text and "alert" in text


def test_a_plan_of_one_training_and_a_demonstration():
    record = sequence_record(
        plan="together", rows=["base", "together"], matrix=[[5.0, 4.0], [90.0, 91.0]], backward=None, forward=None,
        forgetting=[], general=[], capabilities=[], verdict=judge(sequence_record().comparison,
                                                                  Gate(demonstration=True)),
    )  # fmt: skip
    page, text = render_sequence_html(record), render_sequence(record)
    assert "demonstration only" in page and "demonstration only" in text
    assert "Forgetting by task" not in page and "## Capabilities" not in text


def test_curves_are_drawn_for_many_and_for_no_tasks():
    many = [Line(f"task number {place}", [1.0, None, 50.0 + place], 2) for place in range(12)]
    for width in (330, 1000):
        drawn = stage_plot(many, ["base", "a", "b"], "title", "points", width)
        assert drawn.count("<polyline") == 12 and "stroke-dasharray" in drawn
    assert stage_plot([Line("x", [None])], ["base"], "title", "points") == ""
    assert "emotions" in tasks_figure(sequence_record())
