from retain.mitigations.strength import choose
from retain.records import Candidate


def candidate(value, gain, loss, passing):
    return Candidate(
        label=str(value), value=value, gain=gain, mean_loss=loss, worst="x", worst_loss=loss, passing=passing
    )


def test_the_passing_one_with_the_greatest_gain_is_taken():
    taken, _ = choose([candidate(0.2, 5, 0, True), candidate(0.6, 9, 1, True), candidate(1.0, 12, 8, False)])
    assert taken.value == 0.6


def test_a_tie_goes_to_the_smaller_strength():
    taken, _ = choose([candidate(0.2, 5, 0, True), candidate(0.4, 9, 1, True), candidate(0.6, 9, 1, True)])
    assert taken.value == 0.4


def test_where_none_passes_the_smallest_loss_is_taken_and_said():
    taken, why = choose([candidate(0.5, 9, 7, False), candidate(1.0, 12, 30, False)])
    assert taken.value == 0.5
    assert "no strength passed" in why
