"""Alarms in every report, with what the recitation test found, and foreign text never obeyed."""

import pytest

from retain.records import Alarm, HeldOutLosses, Recitation, Symptom
from retain.reporting.alarms import alarm_block, alarm_intro, alarm_lines, recited
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown
from retain.reporting.summary import render_summary

from .makers import make_full_record, make_record

RAISED = Alarm(
    name="growing_gap",
    raised=True,
    statement="The gap has grown.",
    advice="Stop earlier.",
    step=57,
    epoch=1.5,
)
SILENT = Alarm(name="stairs", raised=False, statement="No clear step.", step=76, epoch=2.0)
UNTOLD = Alarm(name="fast_fall", raised=None, statement="No held-out rows.")


def record(alarms=(SILENT, UNTOLD, RAISED), found=None, **training):
    made = make_full_record()
    symptoms = [Symptom(name="recitation", capability="training rows", found=found, statement="Half came back.")]
    return made.model_copy(
        update={
            "training": made.training.model_copy(update={"alarms": list(alarms), **training}),
            "recitation": None if found is None else Recitation(),
            "comparison": made.comparison.model_copy(update={"symptoms": symptoms}),
        }
    )


@pytest.mark.parametrize("render", [render_markdown, render_html])
def test_reports_show_every_alarm_raised_ones_first(render):
    shown = render(record()).replace("\\", "")
    places = [shown.rindex(one.statement) for one in (RAISED, SILENT, UNTOLD)]
    assert places == sorted(places)
    for text in ("Overfitting alarms", "Stop earlier.", "raised", "silent", "cannot be told", "57", "1.50"):
        assert text in shown


def test_a_record_without_alarms_has_no_such_section():
    for shown in (render_markdown(make_record()), render_html(make_record()), render_summary(make_record())):
        assert "Overfitting" not in shown and "verfitting alarm" not in shown
    assert alarm_block(record(())) is None


def test_there_is_no_column_of_advice_where_none_is_given():
    assert alarm_block(record()).columns[-1] == "What to do"
    silent = alarm_block(record((SILENT, UNTOLD)))
    assert silent.columns[-1] == "What was seen"
    assert {len(row) for row in silent.rows} == {len(silent.columns)}


def test_the_terminal_hears_of_raised_alarms_and_of_what_they_led_to():
    said = render_summary(record(found=True))
    assert "Overfitting alarms:" in said and "growing gap: The gap has grown. Stop earlier." in said
    assert "Recitation test: rows are known by heart. Half came back." in " ".join(said.split())
    assert "No clear step" not in said
    assert alarm_lines(record((SILENT,), found=True)) == []


@pytest.mark.parametrize(
    ("found", "words"), [(True, "are known by heart"), (False, "no row is known by heart"), (None, "")]
)
def test_reports_say_what_the_recitation_test_found(found, words):
    told = recited(record(found=found))
    assert words in told and bool(told) == bool(words)
    assert words in render_markdown(record(found=found)) and words in render_html(record(found=found))


def test_what_reading_held_out_rows_took_is_said():
    read = [HeldOutLosses(step=n, losses=[1.0] * 45, tokens=[2] * 45) for n in (19, 38)]
    told = alarm_intro(record(held_out=read, watch_seconds=3.2))
    assert "The loss of 45 dev rows was read 2 times, which took 3.2 s." in told
    assert "dev rows" not in alarm_intro(record())


def test_the_losses_share_a_chart():
    made = make_full_record()
    history = [{"step": n, "epoch": n / 9, "loss": 2.0, "task_loss": 1.0, "held_out_loss": 1.5} for n in range(9)]
    page = render_html(made.model_copy(update={"training": made.training.model_copy(update={"history": history})}))
    assert "loss from 2.000 to 2.000; task loss from 1.000 to 1.000; held out loss from 1.500 to 1.500" in page
