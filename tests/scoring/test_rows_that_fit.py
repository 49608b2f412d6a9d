import toys

from retain.scoring import rows_that_fit as subject
from retain.scoring.rows_that_fit import MOST_ROWS, rows_that_fit


def test_rows_follow_the_free_memory_and_the_length(monkeypatch):
    module = toys.llama()
    monkeypatch.setattr(subject, "free_memory", lambda device: 2**20)
    few, fewer = rows_that_fit(module, 100, 512), rows_that_fit(module, 200, 512)
    assert 1 < fewer < few < MOST_ROWS["cpu"]
    assert few * 100 * 512 <= 2**19
    assert rows_that_fit(module, 10**6, 512) == 1
    monkeypatch.undo()
    assert rows_that_fit(module, 10, 512) == MOST_ROWS["cpu"]
