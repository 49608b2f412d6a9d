import pytest

from retain.data.encoding import Encoded
from retain.training.stream import GeneralStream, rate_for

ROWS = [Encoded(input_ids=list(range(n + 3)), labels=[-100, *range(n + 2)]) for n in range(7)]


def test_a_pass_always_gets_the_same_rows():
    stream = GeneralStream(ROWS, 2.5, seed=1)
    later = [stream.indices(i) for i in range(9)]
    assert [GeneralStream(ROWS, 2.5, seed=1).indices(i) for i in reversed(range(9))] == later[::-1]


def test_every_row_comes_once_a_round_in_a_new_order():
    stream = GeneralStream(ROWS, 1, seed=1)
    drawn = [stream.indices(i)[0] for i in range(14)]
    assert sorted(drawn[:7]) == sorted(drawn[7:]) == list(range(7))
    assert drawn[:7] != drawn[7:]


@pytest.mark.parametrize("rate", [0.3, 1.0, 2.5])
def test_a_fraction_is_kept_on_average(rate):
    stream = GeneralStream(ROWS, rate, seed=0)
    assert sum(len(stream.indices(i)) for i in range(100)) == pytest.approx(100 * rate, abs=1)


def test_a_pass_without_rows_has_no_batch():
    assert GeneralStream(ROWS, 0.3, seed=0).batch(0, 0, "cpu") is None


def test_a_batch_is_padded_and_masked():
    batch = GeneralStream(ROWS, 3, seed=0).batch(0, 99, "cpu")
    for place, index in enumerate(batch.rows):
        length = len(ROWS[index].input_ids)
        assert batch.tensors["attention_mask"][place].sum() == length
        assert (batch.tensors["labels"][place, length:] == -100).all()
        assert (batch.tensors["input_ids"][place, length:] == 99).all()


def test_the_rate_gives_the_share_of_tokens():
    rate = rate_for(0.25, task_tokens=4000, passes=13, rows=ROWS)
    mean = sum(len(row.input_ids) for row in ROWS) / len(ROWS)
    assert rate * mean * 13 == pytest.approx(0.25 * 4000)
