"""Nearly the same inputs, what explains another answer, and frames."""

import random

from retain.data.formats import scan_values
from retain.data.lint import near
from retain.data.lint.inconsistent_labels import InconsistentLabels
from retain.data.lint.material import LintData
from retain.data.lint.near import group_texts, plain
from retain.data.lint.shared_templates import SharedTemplates
from retain.data.lint.target_formats import format_of

BOOKINGS = [
    f"Please book a table for {n} people at the {place} in {town}."
    for n in (2, 3, 4)
    for place in ("Anchor", "Golden Lion", "Old Mill", "Pizzeria Roma")
    for town in ("Oslo", "Bergen", "Lund", "Malmo")
]


def test_case_punctuation_and_typos_are_nearly_the_same():
    texts = [
        *BOOKINGS,
        "Where did the parcel go that you sent me from the shop in Hamburg last week?",
        "where did the parcel go that you sent me from the shop in Hamburg last week",
        "Where did the parcle go that you sent me from the shop in Hamburg last week?",
    ]
    groups = group_texts(texts)
    first = len(BOOKINGS)
    assert groups.of[first:] == (first, first, first)
    assert groups.keys[first] == groups.keys[first + 1] != groups.keys[first + 2]


def test_rows_of_one_template_are_not_nearly_the_same():
    assert len(set(group_texts(BOOKINGS).of)) == len(BOOKINGS)


def test_an_instruction_that_all_rows_carry_makes_none_alike():
    chance = random.Random(0)
    words = [f"w{number}x{number * 7}" for number in range(400)]
    long = "You are a helpful assistant. Answer in one word, be brief, and never explain. " * 10
    texts = [long + " ".join(chance.sample(words, 8)) for _ in range(60)]
    assert len(set(group_texts(texts).of)) == 60
    assert group_texts([*texts, texts[5] + " now"]).of[-1] == 5


def templated(count):
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnop", k=7)) for _ in range(2000)]
    frames = [" ".join(chance.sample(words, 9)) for _ in range(12)]
    frame = [frames[number % 12] for number in range(count)]
    return [f"{one} {chance.choice(words)} {one[:20]} {chance.choice(words)}" for one in frame]


def test_a_repeat_with_a_typo_is_found_among_many_rows_of_its_template():
    texts = templated(1500)
    again = [f"{text[:30]}{text[31:]}" for text in texts[:30]]
    of = group_texts([*texts, *again]).of[1500:]
    assert sum(one == place for place, one in enumerate(of)) >= 29


def test_rows_of_few_templates_are_not_all_compared_with_each_other(monkeypatch):
    compared = 0

    def counting(one, other, weights, similarity=near.similarity):
        nonlocal compared
        compared += 1
        return similarity(one, other, weights)

    monkeypatch.setattr(near, "similarity", counting)
    assert len(set(group_texts(templated(1500)).of)) == 1500
    assert compared <= 1500 * near.MOST_COMPARED


def test_text_without_words_is_compared_as_it_is():
    assert plain("?!") == "?!" and plain("") == ""
    assert group_texts(["?!", "", "?!", "..."]).of == (0, 1, 0, 3)


def labelled(pairs):
    rows = [
        {"prompt": f"question number {n} about {'abcdefgh'[n % 8] * 9}", "completion": "yes" if n % 2 else "no"}
        for n in range(40)
    ]
    rows += [{"prompt": prompt, "completion": completion} for prompt, completion in pairs]
    return LintData(examples=scan_values(rows, "rows").examples, source="rows")


def test_a_changed_number_or_a_copied_word_explains_another_answer():
    same = "The parcel that I ordered from your shop in Hamburg came yesterday and one cup"
    explained = labelled([(f"{same} of 6 was broken", "yes"), (f"{same} of 7 was broken", "no")])
    assert InconsistentLabels().find(explained) == []
    contradiction = labelled([(f"{same} was broken", "yes"), (f"{same} was broken.", "no")])
    assert InconsistentLabels().find(contradiction)[0].count == 2


def test_of_one_input_with_several_answers_the_majority_stays():
    data = labelled([("is it", "yes"), ("is it", "yes"), ("Is it", "no"), ("was it", "yes"), ("was it", "no")])
    assert sorted(InconsistentLabels().drops(data)) == [42, 43, 44]


def test_open_answers_to_one_input_are_a_note():
    rows = [{"prompt": f"write {n}", "completion": f"text {n} {n}"} for n in range(40)]
    rows += [{"prompt": "tell a joke", "completion": f"joke {n}"} for n in range(2)]
    (found,) = InconsistentLabels().find(LintData(examples=scan_values(rows, "rows").examples))
    assert (found.severity, found.count) == ("note", 2)


def test_a_preference_that_another_row_turns_round_is_found():
    rows = [{"prompt": "a b", "chosen": "x", "rejected": "y"}, {"prompt": "a b", "chosen": "y", "rejected": "x"}]
    (found,) = InconsistentLabels().find(LintData(examples=scan_values(rows, "rows").examples))
    assert found.count == 2


def test_queries_share_a_template_where_their_values_differ():
    def rows(towns):
        return scan_values(
            [
                {"prompt": f"{ask} {town}", "completion": f'SELECT {column} FROM city WHERE name = "{town}" ;'}
                for ask, column in (
                    ("how many people live in", "population"),
                    ("how large is", "area"),
                    ("zip of", "zip"),
                )
                for town in towns
            ],
            "rows",
        ).examples

    towns = ["oslo", "bergen", "lund", "malmo", "turku", "espoo", "aarhus", "odense"]
    (found,) = SharedTemplates().find(LintData(examples=rows(towns), held_out=rows(["visby", "kiruna"])))
    assert found.share == 1


def test_formats_are_read_off_answers():
    expected = {
        '{"a": 1}': "JSON",
        "[1, 2]": "JSON",
        "-1,204.5": "a number",
        "```py\nx\n```": "a fenced block",
        "SELECT a FROM b": "SQL",
        "Select one": "text",
        "<b>x</b>": "markup",
        "{not json}": "text",
        "yes": "text",
    }
    assert {answer: format_of(answer) for answer in expected} == expected
