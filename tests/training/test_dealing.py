"""Rows of a pass, dealt over processes."""

import pytest
from torch.utils.data import BatchSampler, SequentialSampler

from retain.training.dealing import DealtBatches, part_of, share_of


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_parts_cover_a_pass_and_a_mean_over_processes_is_one_over_rows(rows, count):
    parts = [part_of(rows, count, process) for process in range(count)]
    assert [place for part in parts for place in part] == list(range(rows))
    values = [float(place**2) for place in range(rows)]
    means = [sum(values[place] for place in part) / len(part) if part else 0.0 for part in parts]
    shared = [mean * share_of(rows, count, process) for process, mean in enumerate(means)]
    assert sum(shared) / count == pytest.approx(sum(values) / rows)


@pytest.mark.parametrize("rows", [8, 9, 10, 11])
def test_processes_together_see_the_passes_of_one(rows):
    alone = list(BatchSampler(SequentialSampler(range(rows)), 4, drop_last=False))
    inner = BatchSampler(SequentialSampler(range(rows)), 2, drop_last=False)
    two = [DealtBatches(inner, 2, process) for process in range(2)]
    assert len(two[0]) == len(two[1]) == len(alone)
    for number, batches in enumerate(zip(*two, strict=True)):
        mine = [
            row for process, batch in enumerate(batches) if share_of(len(alone[number]), 2, process) for row in batch
        ]
        assert mine == alone[number]
        assert all(batches), "a process without rows gets one that stands in"
