"""What processes do together, and what one alone does: the same."""

import pytest

from retain import processes
from retain.errors import UserError


@pytest.fixture
def started(monkeypatch):
    """As torchrun would have started this process among others."""

    def start(rank, size):
        for name, value in (("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", size)):
            monkeypatch.setenv(name, str(value))

    return start


def test_one_process_alone_does_everything_itself():
    with processes.together():
        assert (processes.launched(), processes.size(), processes.rank()) == (1, 1, 0)
        assert processes.is_first() and processes.leads()
        assert processes.gather("a") == ["a"]
        assert processes.split([3, 1, 2], lambda part: [-one for one in part]) == [-3, -1, -2]
        assert processes.from_first(lambda: 5) == 5
        processes.wait()


def test_who_was_started_with_others_knows_it(started):
    started(1, 4)
    assert processes.launched() == 4 and not processes.leads()
    assert processes.size() == 1, "they work together only where a command says so"
    started(0, 4)
    assert processes.leads()


@pytest.mark.parametrize("parts", [1, 2, 3, 8])
def test_every_item_is_dealt_once_and_evenly(parts):
    dealt = processes.dealt(range(20), parts)
    assert sorted(place for part in dealt for place in part) == list(range(20))
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
    assert all(part == list(range(part[0], part[0] + len(part))) for part in dealt), "neighbours stay together"


def test_items_of_one_key_go_to_one_process_in_their_order():
    assert processes.dealt(["a", "b", "a", "c", "a"], 2) == [[0, 2, 4], [1, 3]]
    assert processes.dealt(["a"] * 5, 3) == [[0, 1, 2, 3, 4], [], []]


def test_what_is_missing_is_asked_for_by_one_process(tmp_path):
    def fail():
        raise UserError("no such file")

    with pytest.raises(UserError, match="no such file"):
        processes.from_first(fail)
