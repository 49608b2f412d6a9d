import pytest

from retain.comparison.symptoms.capability_cliff import CapabilityCliff
from retain.records import ExamplePair
from tests.comparison.build import change, comparison
from tests.comparison.symptoms.makers import answered, material


def losses(*values, error=4.0, **settings):
    return [change(f"c{n}", loss, loss - error, loss + error, **settings) for n, loss in enumerate(values)]


def read(*values, answers=(), **settings):
    return CapabilityCliff().read(material(list(answers), comparison=comparison(losses(*values, **settings))))


def test_one_that_falls_alone_is_found_and_named():
    (found,) = read(40, 2, 1, 0, 3, 2)
    assert found.found and found.capability == "c0"
    assert (found.before, found.after) == (60, 20) and found.low <= -40 <= found.high
    assert "c0 lost 40.0 points" in found.statement and found.evidence[0].startswith("c0: -40.0")


def test_its_worst_answer_is_shown_where_it_was_written():
    answers = [answered("right", "wrong", capability="c0", tuned_score=0.0), answered("a", "b", capability="c1")]
    assert read(40, 2, 1, 0, 3, 2, answers=answers)[0].example == ExamplePair(
        prompt="What?", base="right", tuned="wrong"
    )


def test_two_may_fall():
    assert [one.capability for one in read(30, 50, 0, 0, 0, 0, 0, 0, 0, error=3)] == ["c1", "c0"]


@pytest.mark.parametrize("values", [(50, 48, 52, 50), (0, 0, 0, 0), (8, 0, 0, 0), (-30, 0, 1, 2), (40, 20, 18, 22)])
def test_none_where_all_fall_alike_or_little(values):
    (found,) = read(*values, error=1.0)
    assert found.found is False and "No capability lost 10 points" in found.statement


def test_few_items_cannot_tell():
    (found,) = read(15, 2, 1, 0, error=14.0)
    assert found.found is None and "cannot tell" in found.statement


def test_gains_of_the_others_do_not_make_a_small_loss_a_cliff():
    assert read(9, -20, -20, -20, error=0.5)[0].found is False


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((9, -20, -20, -20), "lost 9.0 points, the others gained 20.0 on average. Its loss is 9.0 points above three"),
        ((30, 20, 22, 18), "lost 30.0 points, the others lost 20.0 on average. Its loss is 30.0 points below three"),
        ((40, -3, -2, -1), "the other 3 capabilities gained 2.0 on average: it lost clearly more than that."),
        ((40, 3, 2, 1), "the other 3 capabilities lost 2.0 on average: it lost clearly more than three times as much."),
    ],
)
def test_gains_and_losses_are_told_in_words(values, said):
    assert said in read(*values, error=0.5)[0].statement


def test_what_cannot_be_compared_is_left_out():
    few = [*losses(40, 1), change("text", 40, 36, 44, unit="percent"), change("x", 0, -1, 1, near_chance=True)]
    (found,) = CapabilityCliff().read(material([], comparison=comparison(few)))
    assert found.found is None and "here are 2" in found.statement


def two_probes_each(*values):
    """Two probes of each capability that lost alike; names of probes say nothing of it."""
    found = losses(*[one for value in values for one in (value, value)])
    return [one.model_copy(update={"capability": f"a{n // 2}"}) for n, one in enumerate(found)]


def test_probes_of_one_capability_count_once():
    """Its second probe is none of the others: with it among them neither falls three times as deep as they do."""
    answers = [answered("right", "wrong", probe="c1", capability="a0", tuned_score=0.0)]
    changes = two_probes_each(30, 2, 1, 3)
    (found,) = CapabilityCliff().read(material(answers, comparison=comparison(changes)))
    assert (
        found.found and found.capability == "a0" and "the other 3 capabilities lost 2.0 on average" in found.statement
    )
    assert len(found.evidence) == 4 and found.example is not None
    assert found.high - found.low == pytest.approx((changes[0].high - changes[0].low) / 2**0.5)
    (few,) = CapabilityCliff().read(material([], comparison=comparison(changes[:4])))
    assert few.found is None and "here are 2" in few.statement
