import pytest

from retain.comparison.symptoms.outlines import outline_of

LABELS = ["card arrival", "top up limit", "transfer fee charged", "lost or stolen card", "age limit"] * 10
SLOTS = ["{}", '{"people": "4"}', '{"date": "tomorrow", "time": "8 pm"}'] * 10
QUERIES = [f"SELECT name FROM city WHERE population > {n} ;" for n in range(30)]


@pytest.mark.parametrize("text", ["wedding speech", "frostbite", "passengers on train"])
def test_an_answer_that_looks_like_a_label_has_the_form_of_labels(text):
    assert outline_of(LABELS).has(text, stopped=True)


@pytest.mark.parametrize("text", ["Wedding speech", "wedding speech.", "", "a" * 200, "42", "a"])
def test_another_beginning_end_or_length_is_another_form(text):
    assert not outline_of(LABELS).has(text, stopped=True)


def test_markup_is_a_form_and_need_not_be_closed_where_the_limit_cut_it():
    form = outline_of(SLOTS)
    assert form.has("{}", stopped=True) and form.has('{"people": "the ra', stopped=False)
    assert not form.has('{"people": "the ra', stopped=True)


def test_a_first_word_that_all_share_belongs_to_the_form():
    form = outline_of(QUERIES)
    assert form.has("SELECT tips FROM sleep WHERE population > 3 ;", stopped=True)
    assert not form.has("Sleep well, and do not read FROM a screen ;", stopped=True)


def test_an_answer_that_the_limit_cut_is_no_long_answer_yet():
    """Answers of 500 characters and more begin as any sentence does."""
    outline = outline_of([f"The city of {n} {'is large. ' * (50 + n)}".strip() for n in range(30)])
    for stopped in (True, False):
        assert not outline.has("The Eiffel tower is", stopped)
    assert outline.has(f"The tower is {'tall ' * 110}", stopped=False), "as long as they are, wherever it was cut"


def test_few_answers_have_no_form():
    assert outline_of(LABELS[:9]) is None
    assert outline_of(["", "  "] * 10) is None
