"""What becomes of arms whose worker dies, or whose machine fails."""

from functools import partial
from types import SimpleNamespace

import pytest

from retain.errors import BrokenError, FaultError
from retain.frontier_records import ArmResult
from retain.progress import Progress
from retain.sweep import arm_run
from retain.sweep.arms import arms_of
from retain.sweep.ray_arms import in_parallel


class RayError(Exception):
    """As Ray raises it; ``cause`` is what the worker raised."""

    def __init__(self, said, cause=None):
        super().__init__(said)
        self.cause = cause


class FakeRay:
    """A cluster of one machine that does the work when its result is asked for."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self):
        self.options = {}

    def cluster_resources(self):
        return {"CPU": 2}

    def remote(self, **options):
        self.options = options
        return lambda function: SimpleNamespace(remote=partial(partial, function))

    def wait(self, waiting):
        return waiting[-1:], waiting[:-1]

    def get(self, asked):
        return asked()


@pytest.fixture
def arms(toy_recipe):
    from retain.recipe import parse_recipe

    named = {"one": {}, "two": {"training.learning_rate": 1e-5}}
    values = toy_recipe(mitigations=[{"kind": "lora", "rank": 2}], frontier={"arms": named, "strengths": [1.0]})
    return arms_of(parse_recipe(values), [None] * 40)


def test_a_worker_that_dies_is_tried_again_and_then_a_result_that_says_so(arms, tmp_path):
    def work(arm, folder, progress):
        if arm.name.startswith("one"):
            raise RayError("The worker died unexpectedly.\nSIGKILL")
        return arm_run.unfinished(arm)

    ray = FakeRay()
    one, two = in_parallel(ray, work, arms, tmp_path, Progress(quiet=True))
    assert ray.options["max_retries"] == 1
    assert one.failed == "the worker broke: SIGKILL" and two.failed == ""
    assert isinstance(two, ArmResult)


def test_a_fault_of_a_workers_machine_ends_the_frontier_in_words(arms, tmp_path):
    def work(arm, folder, progress):
        raise RayError("RayTaskError", FaultError("The disk is full: x could not be written."))

    with pytest.raises(FaultError, match="The disk is full"):
        in_parallel(FakeRay(), work, arms, tmp_path, Progress(quiet=True))


@pytest.mark.parametrize("work", ["run_arm", "try_arm"])
def test_a_fault_of_the_machine_is_no_result_of_an_arm(arms, tmp_path, monkeypatch, work):
    def fail(error):
        def failing(*arguments, **named):
            raise error

        monkeypatch.setattr(arm_run, "run_recipe", failing)
        monkeypatch.setattr(arm_run, "RunFolder", failing)
        do, more = getattr(arm_run, work), (0.5,) if work == "try_arm" else ()
        return do(arms[0], tmp_path, Progress(quiet=True), *more)

    assert fail(BrokenError("The loss became NaN")).failed == "The loss became NaN"
    with pytest.raises(FaultError, match="full"):
        fail(FaultError("The disk is full"))
