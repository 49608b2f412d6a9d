"""The tutorial's network forgets and keeps as the page says, and the page shows what the code prints."""

import runpy
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial" / "addition_facts.md"


@pytest.fixture(scope="module")
def addition():
    return runpy.run_path(str(ROOT / "examples" / "addition_facts" / "addition.py"))


@pytest.fixture(scope="module")
def courses(addition):
    return tuple(addition["course"](10, rehearsed) for rehearsed in (False, True))


def test_the_facts_are_those_of_the_paper(addition):
    assert len(addition["ONES"]) == len(set(addition["ONES"])) == 17
    assert len(addition["TWOS"]) == len(set(addition["TWOS"])) == 17
    assert set(addition["ONES"]) - set(addition["OLD"]) == {(1, 2), (2, 1)}
    assert addition["question"]((1, 9)).shape == (28,)
    target = addition["answer"]((9, 2))
    assert target.shape == (24,) and set(target.round(1)) == {0.1, 0.9}
    assert target[:12].argmax() == 1 and target[12:].argmax() == 1


def test_a_step_goes_down_the_gradient(addition):
    network = addition["Network"](np.random.default_rng(0))
    fact, step = (3, 1), 1e-6

    def loss():
        return 0.5 * float(((network.activations(fact)[1] - addition["answer"](fact)) ** 2).sum())

    before = {name: getattr(network, name).copy() for name in ("hidden", "output", "hidden_bias", "output_bias")}
    slopes = {}
    for name, values in before.items():
        here = getattr(network, name)
        first = (0,) * values.ndim
        at = loss()
        here[first] += step
        slopes[name] = (loss() - at) / step
        here[first] -= step
    network.learn(fact)
    for name, values in before.items():
        first = (0,) * values.ndim
        assert values[first] - getattr(network, name)[first] == pytest.approx(slopes[name], rel=1e-3, abs=1e-7), name


def test_the_ones_are_lost_and_rehearsal_keeps_them(courses):
    plain, rehearsed = courses
    known = [plain.ones[passes] for passes in (0, 1, 2, 5, 10)]
    assert known == pytest.approx([100, 58, 32, 4, 0], abs=6)
    assert plain.twos[50] == 100 and plain.twos[0] < 20
    assert rehearsed.ones[50] == rehearsed.twos[50] == 100
    assert min(rehearsed.ones) > 50 > 5 > min(plain.ones)


def test_the_page_shows_what_the_code_gives(addition, courses):
    assert addition["table"](*courses) in PAGE.read_text()
    assert addition["chart"](*courses) == (PAGE.parent / "addition_facts.svg").read_text()


def test_every_command_of_the_page_names_a_file_that_is_there():
    commands = [line.split() for line in PAGE.read_text().splitlines() if line.startswith(("retain ", "python "))]
    files = [word for words in commands for word in words if word.endswith((".py", ".yaml")) and word != "own.yaml"]
    assert len(commands) >= 5 and len(files) >= 4
    assert all((ROOT / file).is_file() for file in files)
    links = [part.split(")")[0].split("#")[0] for part in PAGE.read_text().split("](")[1:]]
    assert all((PAGE.parent / link).exists() for link in links), links
