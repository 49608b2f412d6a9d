import torch
import toys

from retain.scoring import room
from retain.scoring.room import CPU_TOKENS, LEAST_TOKENS, MOST_ROWS, batch_tokens_for, rows_that_fit


def test_rows_follow_the_free_memory_and_the_length(monkeypatch):
    module = toys.llama()
    monkeypatch.setattr(room, "free_memory", lambda device: 2**20)
    few, fewer = rows_that_fit(module, 100, 512), rows_that_fit(module, 200, 512)
    assert 1 < fewer < few < MOST_ROWS["cpu"]
    assert few * 100 * 512 <= 2**19
    assert rows_that_fit(module, 10**6, 512) == 1
    monkeypatch.undo()
    assert rows_that_fit(module, 10, 512) == MOST_ROWS["cpu"]


def test_tokens_of_a_pass_follow_the_free_memory(monkeypatch):
    module = toys.llama()
    monkeypatch.setattr(room, "free_memory", lambda device: 2**40)
    assert batch_tokens_for(module) == CPU_TOKENS
    monkeypatch.setattr(room, "free_memory", lambda device: 2 * 500 * room.bytes_per_token(module))
    assert batch_tokens_for(module) == 500
    monkeypatch.setattr(room, "free_memory", lambda device: 0)
    assert batch_tokens_for(module) == LEAST_TOKENS


def test_a_limit_of_the_group_counts(monkeypatch):
    cpu = torch.device("cpu")
    machine = room.free_memory(cpu)
    monkeypatch.setattr(room, "left_in_group", lambda: 300)
    assert room.free_memory(cpu) == 300
    monkeypatch.setattr(room, "left_in_group", lambda: 2**60)
    assert room.free_memory(cpu) > 0.5 * machine
