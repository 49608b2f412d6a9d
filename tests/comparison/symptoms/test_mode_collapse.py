from retain.comparison.symptoms.mode_collapse import ModeCollapse
from tests.comparison.symptoms.makers import answered, many, material

LABELS = [f"card {what}" for what in ("arrival", "declined", "lost", "stolen", "limit", "fee")] * 5
PROSE = "The answer to number {n} is a long and careful sentence."


def read(answers, targets=()):
    (found,) = ModeCollapse().read(material(answers, targets))
    return found


def test_labels_to_open_prompts_are_found_and_the_example_shows_one():
    found = read(many(PROSE, "card {n} fee", tuned_score=0.0), LABELS)
    assert found.found and found.before == 0 and found.after == 100
    assert found.example.base.startswith("The answer") and found.example.tuned.startswith("card ")
    assert "0 of the tuned model's answers are an answer of the task, word for word." in found.statement


def test_an_answer_that_is_right_is_not_collapsed_whatever_its_form():
    assert read(many(PROSE, "card {n} fee", tuned_score=1.0), LABELS).after == 0


def test_where_the_base_writes_in_the_tasks_form_the_form_tells_nothing():
    targets = [PROSE.format(n=n) for n in range(40)]
    answers = many(PROSE, "Number {n} needs quite another and shorter answer.", base_score=0, tuned_score=0)
    assert read(answers, targets).found is False


def test_without_targets_equal_answers_to_different_capabilities_are_found_and_that_is_said():
    found = read(many(PROSE, "card arrival", tuned_score=0.0))
    assert found.found and "not known here" in found.statement
    different = read(many(PROSE, "card {n} fee", count=120, tuned_score=0.0))
    assert different.found is False and "would not show" in different.statement


def test_equal_answers_within_one_capability_are_no_sign_of_collapse():
    answers = [
        answered(PROSE.format(n=n), "seven" if n % 2 else "Rome", str(n), "sums" if n % 2 else "facts", tuned_score=0)
        for n in range(60)
    ]
    assert read(answers).after == 0
    assert read([one for one in answers if one.capability == "sums"]).after == 100, "there is no other capability"


def test_a_training_answer_word_for_word_counts_whatever_its_case():
    found = read(many(PROSE, "Card arrival.", count=60, tuned_score=0.0), LABELS[:3])
    assert found.after == 100 and "60 of the tuned" in found.statement


def letters(text_of, right_until):
    """Two hundred multiple-choice questions of two capabilities, answered in letters; the first ones rightly."""
    return [
        answered(
            "ABCD"[n % 4],
            text_of(n),
            str(n),
            capability=("science", "history")[n % 2],
            tuned_score=float(n < right_until),
        )
        for n in range(200)
    ]


def test_words_that_the_prompts_ask_for_are_no_sign_however_often_they_are_wrong():
    wrong = letters(lambda n: "BCDA"[n % 4], right_until=80)
    assert read(wrong, ["A", "B", "C", "D"] * 5).after == 0
    always = read(letters(lambda n: "B", right_until=80), ["A", "B", "C", "D"] * 5)
    assert always.found and always.after == 60
