import pytest

from retain.errors import UserError
from retain.mitigations.rehearsal import Rehearsal


def test_the_share_counts_tokens(make_setup, task_rows):
    setup = make_setup()
    mixed = Rehearsal(share=0.3).mix_data(task_rows, setup)
    task = sum(setup.tokens(one) for one in task_rows)
    general = sum(setup.tokens(one) for one in mixed) - task
    longest = max(setup.tokens(one) for one in setup.general["own"].examples)
    assert 0.3 * task <= general < 0.3 * task + longest
    assert set(task_rows) <= set(mixed)


def test_rows_are_never_repeated_and_shuffled_by_the_seed(make_setup, task_rows):
    first = Rehearsal(share=0.3).mix_data(task_rows, make_setup())
    assert len(first) == len({one.id for one in first})
    assert first == Rehearsal(share=0.3).mix_data(task_rows, make_setup())
    assert first != Rehearsal(share=0.3).mix_data(task_rows, make_setup(seed=5))


def test_a_set_too_small_is_refused_with_the_share_that_fits(make_setup, task_rows):
    with pytest.raises(UserError, match="Lower the share to"):
        Rehearsal(share=5).mix_data(task_rows, make_setup())


def test_kept_back_rows_are_not_used(make_setup, task_rows):
    setup = make_setup()
    mixed = {one.id for one in Rehearsal(share=0.5).mix_data(task_rows, setup)}
    assert not mixed & {one.id for one in setup.general["own"].kept_back}


def test_a_recipe_without_general_text_is_told_what_to_add(make_setup, task_rows):
    with pytest.raises(UserError, match="source: base_model"):
        Rehearsal().mix_data(task_rows, make_setup(rows=0))
