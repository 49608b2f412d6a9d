"""The form of training answers: told, asked for in words, and tested."""

import pytest

from retain.advice.forms import form_of


def test_few_answers_are_labels():
    form = form_of(["late", "lost", "late", "Lost item", "late", "lost", "Lost item", "lost", "lost"])
    assert (form.kind, form.labels) == ("labels", ("lost", "late", "Lost item"))
    assert form.instruction == "Answer with exactly one of these and nothing else: lost, late, Lost item."
    assert form.described == "one of 3 labels"
    assert form.fits("Late.") and form.fits(" lost  item") and not form.fits("it is late")


def test_answers_that_hardly_repeat_are_no_labels():
    assert form_of(["a b", "c d", "a b", "e f"]).kind == "words"
    assert form_of(["1", "2", "3", "4"]).kind == "number"
    assert form_of(["1", "2"] * 3).kind == "labels"
    assert form_of([f"label {number}" for number in range(101)] * 3).kind == "words", "too many for a prompt"
    assert form_of(["a label of many more words than any list can hold"] * 9).kind == "words"


def test_json_and_its_keys():
    form = form_of(['{"people": "3"}', "{}", '{"people": "2", "date": "today"}'] * 2)
    assert (form.kind, form.keys, form.empty) == ("json", ("people", "date"), True)
    assert form.instruction == "Answer with JSON and nothing else. Keys that may occur: people, date. It may be empty."
    assert form.fits('{"date": "x"}') and form.fits("{}") and not form.fits('{"place": 1}')
    assert not form.fits('Here: {"date": "x"}') and not form.fits("date")
    assert "may be empty" not in form_of(['{"a": 1}', '{"a": 2}']).instruction


def test_numbers():
    form = form_of([str(number) for number in range(40)])
    assert form.kind == "number" and form.fits("1,200") and not form.fits("about 12")


def test_words_and_how_they_begin():
    targets = [f"SELECT a FROM t WHERE b = {number}" for number in range(40)]
    form = form_of(targets)
    assert (form.kind, form.longest, form.begins) == ("words", 8, "SELECT")
    assert form.instruction == "Answer in at most 8 words, with nothing else. Begin with SELECT."
    assert form.fits("SELECT a") and not form.fits("a") and not form.fits("SELECT " + "a " * 9) and not form.fits("")
    assert form.sampled_instruction == form.instruction + "\nAnswers to other questions were:\n" + "\n".join(
        f"- {one}" for one in targets[:3]
    )


@pytest.mark.parametrize("share", [0.94, 0.96])
def test_a_form_is_what_nearly_all_have(share):
    many = round(100 * share)
    form = form_of([f"SELECT {n}" for n in range(many)] + [f"PICK some of {n}" for n in range(100 - many)])
    assert (form.begins, form.longest) == (("SELECT", 2) if share > 0.95 else ("", 4))
