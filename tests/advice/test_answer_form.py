"""The form of training answers: told, asked for in words, and tested."""

import pytest

from retain.advice.answer_form import answer_form
from retain.errors import UserError


def test_few_answers_are_labels():
    form = answer_form(["late", "lost", "late", "Lost item", "late", "lost", "Lost item", "lost", "lost"])
    assert (form.kind, form.labels) == ("labels", ("lost", "late", "Lost item"))
    assert form.instruction == "Answer with exactly one of these and nothing else: lost, late, Lost item."
    assert form.described == "one of 3 labels"
    assert form.fits("Late.") and form.fits(" lost  item") and not form.fits("it is late")


def test_answers_that_hardly_repeat_are_no_labels():
    assert answer_form(["a b", "c d", "a b", "e f"]).kind == "words"
    assert answer_form(["1", "2", "3", "4"]).kind == "number"
    assert answer_form(["1", "2"] * 3).kind == "labels"
    assert answer_form([f"label {number}" for number in range(101)] * 3).kind == "words", "too many for a prompt"
    assert answer_form(["a label of many more words than any list can hold"] * 9).kind == "words"


def test_json_and_its_keys():
    form = answer_form(['{"people": "3"}', "{}", '{"people": "2", "date": "today"}'] * 2)
    assert (form.kind, form.keys, form.empty) == ("json", ("people", "date"), True)
    assert form.instruction == "Answer with JSON and nothing else. Keys that may occur: people, date. It may be empty."
    assert form.fits('{"date": "x"}') and form.fits("{}") and not form.fits('{"place": 1}')
    assert not form.fits('Here: {"date": "x"}') and not form.fits("date")
    assert "may be empty" not in answer_form(['{"a": 1}', '{"a": 2}']).instruction


def test_numbers():
    form = answer_form([str(number) for number in range(40)])
    assert form.kind == "number" and form.fits("1,200") and not form.fits("about 12")


def test_words_and_how_they_begin():
    targets = [f"SELECT a FROM t WHERE b = {number}" for number in range(40)]
    form = answer_form(targets)
    assert (form.kind, form.longest, form.begins) == ("words", 8, "SELECT")
    assert form.instruction == "Answer in at most 8 words, with nothing else. Begin with SELECT."
    assert form.fits("SELECT a") and not form.fits("a") and not form.fits("SELECT " + "a " * 9) and not form.fits("")
    assert form.sampled_instruction == form.instruction + "\nAnswers to other questions were:\n" + "\n".join(
        f"- {one}" for one in targets[:3]
    )


@pytest.mark.parametrize("share", [0.94, 0.96])
def test_a_form_is_what_nearly_all_have(share):
    many = round(100 * share)
    form = answer_form([f"SELECT {n}" for n in range(many)] + [f"PICK some of {n}" for n in range(100 - many)])
    assert (form.begins, form.longest) == (("SELECT", 2) if share > 0.95 else ("", 4))


REASONED = [f"He has {n} and gets {n} more. {n}+{n}={2 * n} #### {2 * n}" for n in range(40)]


def test_answers_that_reason_before_a_number_are_no_numbers():
    form = answer_form(REASONED)
    assert (form.kind, form.final) == ("words", True)
    assert "nothing else" not in form.instruction and form.instruction.endswith("end with #### and the number.")
    assert form.described.endswith("that begins with He with #### and a number at its end")
    assert all(map(form.fits, REASONED)), "the training answers have the form that is read off them"
    assert not form.fits("42") and not form.fits(REASONED[0].split(" ####")[0])


def test_numbers_and_reasoned_numbers_together_are_words():
    form = answer_form([*REASONED[:20], *map(str, range(20))])
    assert (form.kind, form.final) == ("words", False) and form.fits("7")


def test_empty_answers_do_not_count_and_have_no_form():
    with pytest.raises(UserError, match="no training answer holds any text"):
        answer_form(["", " "])
    assert answer_form(["", "a b", ""]).longest == 2


@pytest.mark.parametrize(
    ("targets", "quotable"),
    [
        ([str(number) for number in range(40)], True),
        ([f"{number} Main Street" for number in range(40)], True),
        (["late", "lost"] * 20, False),
        (['{"a": 1}'] * 9, False),
        ([f"SELECT {number}" for number in range(40)], False),
        (REASONED, False),
    ],
)
def test_some_answers_stand_in_documents(targets, quotable):
    assert answer_form(targets).quotable == quotable
