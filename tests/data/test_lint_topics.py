"""What a set is about: words that tell subjects apart, topics, and which of them are thin."""

import random

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.preprocessing import normalize

from retain.data.formats import scan_values
from retain.data.lint import about
from retain.data.lint.about import find_topics
from retain.data.lint.material import LintData
from retain.data.lint.sparse_coverage import SparseCoverage

SUBJECTS = {
    "rail": "train platform ticket conductor carriage timetable locomotive".split(),
    "cooking": "oven saucepan recipe flour butter whisk simmer".split(),
    "garden": "tulip compost spade hedge lawn seedling greenhouse".split(),
    "music": "violin concert melody drummer rhythm chorus orchestra".split(),
    "banking": "deposit overdraft mortgage loan teller savings lender".split(),
}
SAID = "please could someone tell explain quickly today again maybe simply really often never always later".split()


def about_subjects(counts, seed=0):
    chance = random.Random(seed)
    texts = []
    for subject, count in counts.items():
        for _ in range(count):
            own, other = chance.sample(SUBJECTS[subject], 3), chance.sample(SAID, 3)
            texts.append((subject, " ".join(chance.sample([*own, *other], 6))))
    chance.shuffle(texts)
    return [subject for subject, _ in texts], [text for _, text in texts]


def test_topics_are_the_subjects_however_they_were_shuffled():
    subjects, texts = about_subjects({"rail": 40, "cooking": 40, "garden": 40, "music": 40, "banking": 8})
    for topics in find_topics(texts):
        pure = [len({subjects[place] for place in topics.rows(topic)}) == 1 for topic in range(len(topics.sizes))]
        assert np.mean(pure) > 0.8
        assert len(topics.own) == len(topics.nearest) == len(topics.sizes)
        assert (topics.nearest >= 0).all() and (topics.nearest <= 1 + 1e-6).all()


def test_a_thin_subject_is_named_with_its_words_and_rows():
    subjects, texts = about_subjects({"rail": 40, "cooking": 40, "garden": 40, "music": 40, "banking": 8})
    examples = scan_values([{"text": text} for text in texts], "rows").examples
    (found,) = SparseCoverage().find(LintData(examples=examples))
    lines = [number for number, subject in enumerate(subjects, 1) if subject == "banking"]
    assert 6 <= found.count <= 8 and found.examples[0].line in lines
    assert found.what.startswith("1 topic of about ") and set(SUBJECTS["banking"]) & set(
        found.what.split('"')[1].split(", ")
    )
    _, even = about_subjects(dict.fromkeys(SUBJECTS, 40))
    assert (
        SparseCoverage().find(LintData(examples=scan_values([{"text": text} for text in even], "rows").examples)) == []
    )


def test_words_of_a_subject_tell_more_than_others():
    _, texts = about_subjects(dict.fromkeys(SUBJECTS, 40))
    matrix, names = about._weights(texts)
    telling = dict(zip(names, about._telling(matrix), strict=True))
    least = min(telling[word] for words in SUBJECTS.values() for word in words)
    assert least > max(telling[word] for word in SAID if word in telling)


@pytest.mark.parametrize("at_once", [3, 2000])
def test_how_much_a_word_tells_is_the_mean_cosine_without_it(monkeypatch, at_once):
    monkeypatch.setattr(about, "AT_ONCE", at_once)
    chance = np.random.default_rng(0)
    dense = normalize(chance.random((12, 8)) * (chance.random((12, 8)) < 0.5)).astype(np.float32)
    expected = []
    for word in range(8):
        rows = dense[dense[:, word] > 0]
        rest = np.delete(rows, word, axis=1)
        pairs = [rest[i] @ rest[j] for i in range(len(rest)) for j in range(len(rest)) if i != j]
        expected.append(np.mean(pairs) if pairs else 0.0)
    assert about._telling(csr_array(dense)) == pytest.approx(expected, abs=1e-5)


def test_of_a_frequent_words_rows_some_are_compared(monkeypatch):
    monkeypatch.setattr(about, "MOST_ALIKE", 3)
    held = about._some_rows(csr_array(np.tril(np.ones((10, 4), dtype=np.float32))))
    assert np.asarray(held.sum(axis=0)).ravel().tolist() == [3, 3, 3, 3]


def test_few_texts_and_texts_without_shared_words_have_no_topics():
    assert find_topics(["a red boat"] * 99) == ()
    assert find_topics([f"w{number}" for number in range(200)]) == ()
    assert find_topics([""] * 200) == ()
