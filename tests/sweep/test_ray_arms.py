"""What becomes of arms whose worker dies, or whose machine fails."""

import errno
import sys
from functools import partial
from types import SimpleNamespace

import pytest

from retain.errors import BrokenError, FaultError, UserError
from retain.frontier_records import ArmResult
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.sweep import arm_run
from retain.sweep.arms import arms_of
from retain.sweep.ray_arms import cluster, in_parallel
from retain.sweep.sharing import prepare_arms


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
    named = {"one": {}, "two": {"training.learning_rate": 1e-5}}
    values = toy_recipe(mitigations=[{"kind": "lora", "rank": 2}], frontier={"arms": named, "strengths": [1.0]})
    return arms_of(parse_recipe(values), [None] * 40)


@pytest.mark.parametrize("address", ["local", "auto", "10.0.0.1:6379"])
def test_local_begins_a_cluster_and_joins_none(monkeypatch, address):
    asked = []
    fake = SimpleNamespace(init=lambda **options: asked.append(options["address"]), shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.9:6379")
    with cluster(address):
        assert asked == [address], "without an address Ray joins the cluster of RAY_ADDRESS, or the last one"


def prepared(arms, broken=()):
    """The rounds in which arms are prepared, those that fail at it named."""
    rounds = []

    def do(work, some):
        assert work is arm_run.prepare_arm
        rounds.append([arm.name for arm in some])
        return [arm_run.unfinished(arm).model_copy(update={"failed": "x" * (arm.name in broken)}) for arm in some]

    prepare_arms(do, arms)
    return rounds


def test_each_text_is_written_once_before_arms_run_at_once(toy_recipe):
    values = toy_recipe(frontier={"preset": "quick", "seeds": [1, 2]})
    values["data"]["general"] = []
    arms = arms_of(parse_recipe(values), [None] * 40)
    plain, first, second = "plain, seed 1", "all weights, kl, seed 1", "all weights, kl, seed 2"
    assert prepared(arms) == [[plain], [first, second]], "the base, then the text of each seed"
    assert prepared(arms, {first}) == [[plain], [first, second], ["lora, kl, seed 1"]]
    assert prepared(arms, {plain})[:2] == [[plain], ["plain, seed 2"]]


def test_what_all_arms_share_is_made_by_the_first(arms):
    assert prepared(arms) == [["one"]]
    assert prepared(arms, {"one", "two"}) == [["one"], ["two"]]


@pytest.mark.parametrize("work", ["prepare_arm", "try_arm"])
def test_what_is_wrong_with_an_arm_or_its_memory_is_that_arms_failure(arms, tmp_path, monkeypatch, work):
    def fail(error):
        def failing(run, bench):
            raise error

        row = SimpleNamespace(id="a")
        monkeypatch.setattr(arm_run, "measure_before", failing)
        monkeypatch.setattr(arm_run, "prepare", lambda run: None)
        monkeypatch.setattr(arm_run, "Workbench", lambda run, data: SimpleNamespace(train_rows=[row]))
        more = (0.5,) if work == "try_arm" else ()
        return getattr(arm_run, work)(arms[0], tmp_path, Progress(quiet=True), *more).failed

    assert fail(UserError("no such model")) == "no such model"
    assert fail(RuntimeError("CUDA out of memory.")).startswith("There is not enough memory: CUDA out of memory")
    with pytest.raises(FaultError, match="The disk is full"):
        fail(OSError(errno.ENOSPC, "No space left on device"))


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
