"""A frontier on the toy model: arms are runs, and what was finished is not done again."""

import json

import pytest
import yaml

from retain.commands.frontier import frontier
from retain.commands.run import run
from retain.errors import BrokenError, UserError
from retain.frontier_records import FrontierRecord, Recommendation, frontier_exit
from retain.progress import Progress
from retain.recipe import load_recipe
from retain.record_files import read_record
from retain.records import Candidate, Training
from retain.reporting.frontier_figures import factor_levels
from retain.sweep import arm_run
from retain.sweep import frontier as sweep

QUIET = Progress(quiet=True)


@pytest.fixture
def recipe_file(toy_recipe, tmp_path):
    def make(settings, **sections):
        training = {"learning_rate": 0.02, "epochs": 2, "batch_size": 8, "max_length": 64}
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(toy_recipe(training=training, frontier=settings, **sections), sort_keys=False))
        return path

    return make


ARMS = {
    "plain": {"mitigations": []},
    "kept": {"mitigations": [{"kind": "kl_to_base", "weight": 1.0, "share": 0.25}]},
}


def test_arms_are_measured_at_all_strengths_and_one_is_recommended(recipe_file, tmp_path):
    place = tmp_path / "frontier"
    record = frontier(recipe_file({"arms": ARMS, "strengths": [0.5, 1.0]}), place, progress=QUIET)
    assert [arm.name for arm in record.arms] == ["plain", "kept"]
    assert [(arm.plain, arm.factor, arm.level) for arm in record.arms] == [(True, "", None), (False, "", None)]
    for arm in record.arms:
        assert [one.value for one in arm.curve] == [0.5, 1.0] and arm.strength in (0.5, 1.0)
        assert all(one.gain_error is not None for one in arm.curve)
        assert all((one.loss_error is None) == (one.mean_loss is None) for one in arm.curve)
        assert arm.outcome and arm.gain.items
        assert (place / arm.folder / "tuned").is_dir()
    assert record.arms[0].task_tokens == record.arms[1].task_tokens > 0
    assert record.recommended.variant in ARMS and record.pareto
    assert frontier_exit(record) in (0, 1, 3)
    assert read_record(place / "frontier.json", FrontierRecord) == record
    text = (place / "frontier.md").read_text()
    assert f"Recommended: {record.recommended.variant}" in text and "kept" in text
    page = (place / "frontier.html").read_text()
    for arm in record.arms:
        assert f'href="{arm.folder}/report.html"' in page and (place / arm.folder / "report.html").is_file()
    assert not (place / "frontier-factor.svg").exists()
    again = run(place / "recommended.yaml", tmp_path / "again", progress=QUIET)
    best = next(arm for arm in record.arms if arm.variant == record.recommended.variant)
    assert again.comparison.gains[0].delta == best.gain.delta


def test_what_was_finished_is_not_done_again(recipe_file, tmp_path, monkeypatch):
    path, place = recipe_file({"arms": ARMS, "strengths": [1.0]}), tmp_path / "frontier"
    whole, done = arm_run.run_recipe, []

    def killed(recipe, folder, progress):
        if done:
            raise KeyboardInterrupt
        done.append(folder)
        return whole(recipe, folder, progress)

    monkeypatch.setattr(arm_run, "run_recipe", killed)
    with pytest.raises(KeyboardInterrupt):
        frontier(path, place, progress=QUIET)
    monkeypatch.setattr(arm_run, "run_recipe", whole)
    before = (done[0] / "training.json").stat().st_mtime_ns
    record = frontier(path, place, progress=QUIET)
    assert (done[0] / "training.json").stat().st_mtime_ns == before
    assert len(record.arms) == 2
    with pytest.raises(UserError, match="another recipe"):
        frontier(path, place, ["seed=5"], progress=QUIET)


def test_an_arm_that_breaks_is_a_result_and_the_others_go_on(recipe_file, tmp_path, monkeypatch):
    whole = arm_run.run_recipe

    def broken(recipe, folder, progress):
        if not recipe.mitigations[:-1]:
            raise BrokenError("The loss became NaN in step 3.")
        return whole(recipe, folder, progress)

    monkeypatch.setattr(arm_run, "run_recipe", broken)
    place = tmp_path / "frontier"
    record = frontier(recipe_file({"arms": ARMS, "strengths": [1.0]}), place, progress=QUIET)
    assert [bool(arm.failed) for arm in record.arms] == [True, False]
    assert record.recommended.variant == "kept"
    assert "NaN in step 3" in (place / "frontier.md").read_text()


def test_arms_in_two_processes_at_once_give_the_same(recipe_file, tmp_path):
    pytest.importorskip("ray")
    path = recipe_file({"arms": ARMS, "strengths": [1.0]})
    alone = frontier(path, tmp_path / "alone", progress=QUIET)
    together = frontier(path, tmp_path / "together", progress=QUIET, ray="local")
    assert [arm.failed for arm in together.arms] == ["", ""]
    same = {"name", "curve", "strength", "gain", "mean", "outcome", "task_tokens"}
    for one, other in zip(alone.arms, together.arms, strict=True):
        assert one.model_dump(include=same) == other.model_dump(include=same)


def test_a_ladder_and_a_cluster_that_is_not_there_are_refused(recipe_file, tmp_path):
    with pytest.raises(UserError, match="one rung after the other"):
        frontier(recipe_file({"preset": "ladder", "target": 1}), tmp_path / "a", progress=QUIET, ray="local")
    pytest.importorskip("ray")
    with pytest.raises(UserError, match="there is no Ray cluster"):
        frontier(recipe_file({"arms": ARMS}), tmp_path / "b", progress=QUIET, ray="auto")


def test_the_ladder_ends_at_the_rung_that_is_enough(recipe_file, tmp_path):
    settings = {"preset": "ladder", "target": 0.001, "strengths": [1.0]}
    found = frontier(recipe_file(settings), tmp_path / "low", progress=QUIET)
    reached = [arm.curve[0].gain >= 0.001 for arm in found.arms]
    assert not any(reached[:-1]) and len(found.arms) + len(found.not_run) == 3
    high = frontier(recipe_file({**settings, "target": 100}), tmp_path / "high", progress=QUIET)
    assert [arm.variant for arm in high.arms] == ["lora", "lora of rank 64", "all weights, rehearsal, kl"]


def test_short_runs_drop_arms(recipe_file, tmp_path):
    arms = {**ARMS, "idle": {"training.learning_rate": 1e-9}, "idler": {"training.learning_rate": 1e-9}}
    place = tmp_path / "frontier"
    record = frontier(recipe_file({"arms": arms, "strengths": [1.0], "halving": 0.5}), place, progress=QUIET)
    assert len(record.arms) + len(record.dropped) == 4 and record.dropped
    assert "plain" in [arm.name for arm in record.arms]
    short = [json.loads((one / "training.json").read_text())["task_tokens"] for one in (place / "short").iterdir()]
    assert max(short) < record.arms[0].task_tokens


def test_arms_that_fail_in_their_short_runs_are_results_with_reasons(recipe_file, tmp_path, monkeypatch):
    def broken(run, bench):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(arm_run, "measure_before", broken)
    place = tmp_path / "frontier"
    record = frontier(recipe_file({"arms": ARMS, "strengths": [1.0], "halving": 0.5}), place, progress=QUIET)
    assert [arm.name for arm in record.arms] == ["plain", "kept"] and not record.dropped
    assert all(arm.failed.startswith("in its short run: There is not enough memory") for arm in record.arms)
    assert frontier_exit(record) == 4 and record.recommended is None
    text = (place / "frontier.md").read_text()
    assert text.count("in its short run: There is not enough memory") == 2 and "Dropped" not in text


def test_only_what_short_runs_spoke_against_is_dropped(recipe_file, tmp_path, monkeypatch):
    arms = {**ARMS, "broken": {"training.epochs": 1}}
    gains = {"plain": 1.0, "kept": 50.0}

    def tried(arm, folder, progress, share):
        if arm.name == "broken":
            return arm_run.unfinished(arm, "short").model_copy(update={"failed": "NaN"})
        return done(arm, folder, progress)

    def done(arm, folder, progress):
        taken = Candidate(
            label="1", value=1.0, gain=gains[arm.name], mean_loss=0.0, worst="x", worst_loss=0.0, passing=True
        )
        found = {"curve": [taken], "strength": 1.0, "outcome": "retained", "plain": False}
        return arm_run.unfinished(arm).model_copy(update=found)

    monkeypatch.setattr(sweep, "try_arm", tried)
    monkeypatch.setattr(sweep, "run_arm", done)
    place = tmp_path / "frontier"
    record = frontier(recipe_file({"arms": arms, "strengths": [1.0], "halving": 0.5}), place, progress=QUIET)
    assert [(arm.name, arm.failed) for arm in record.arms] == [("kept", ""), ("broken", "in its short run: NaN")]
    assert record.dropped == ["plain"] and record.recommended.variant == "kept"


def test_a_recommended_recipe_is_one_whatever_its_arm_is_called(recipe_file, tmp_path):
    recipe = load_recipe(recipe_file({"arms": ARMS}))
    name, reason = "lora\nseed: 7\x85model: {base: other}\x07", "it\u2028training: {}"
    taken = Recommendation(variant=name, share=1.0, strength=1.0, reason=reason, passing=True)
    text = sweep.recommended_recipe(recipe, taken, tmp_path)
    assert yaml.safe_load(text)["seed"] == recipe.seed
    assert [line[:6] for line in text.splitlines()[:3]] == ["# lora", "# it t", "model:"]


def test_shares_of_rehearsal_are_drawn_as_a_factor(recipe_file, mastered_suite, tmp_path):
    place = tmp_path / "frontier"
    settings = {"preset": "rehearsal_share", "strengths": [1.0], "seeds": [1, 2]}
    record = frontier(recipe_file(settings, measure={"suite": str(mastered_suite)}), place, progress=QUIET)
    assert [arm.failed for arm in record.arms] == [""] * 10
    assert [arm.level for arm in record.arms[::2]] == [0, 1, 5, 10, 20]
    tokens = [read_record(place / arm.folder / "training.json", Training).general_tokens for arm in record.arms[::2]]
    assert tokens[0] == 0 and tokens == sorted(tokens) and tokens[-1] > tokens[1] > 0
    assert {arm.task_tokens for arm in record.arms} == {record.arms[0].task_tokens}
    levels = factor_levels(record)[1]
    assert [one.value for one in levels] == [0, 1, 5, 10, 20]
    assert levels[4].gain.value == pytest.approx((record.arms[8].gain.delta + record.arms[9].gain.delta) / 2)
    assert "frontier-factor.svg" in (place / "frontier.md").read_text()
    assert "plain fine-tune" in (place / "frontier.svg").read_text(), "no rehearsal, and no other mitigation"
    page = (place / "frontier.html").read_text()
    assert page[page.index('id="strengths"') :].count('class="pooled"') == 2 * len(record.pareto), "of both seeds"
    assert "Retention against rehearsal share (%)" in (place / "frontier.html").read_text()


def test_sources_of_rehearsal_are_drawn_as_a_factor(recipe_file, toy_recipe, tmp_path):
    data = toy_recipe()["data"]
    sets = [{**data["general"][0], "name": name} for name in ("web", "instructions")]
    other = [{"name": "few", "source": sets[0]["source"], "count": 2}]
    path = recipe_file({"preset": "rehearsal_source", "strengths": [1.0]}, data={**data, "general": sets + other})
    record = frontier(path, tmp_path / "frontier", progress=QUIET)
    assert [arm.level for arm in record.arms] == ["web", "instructions", "few", "own"]
    assert not any(arm.failed for arm in record.arms[:2])
    assert "rehearsal source" in (tmp_path / "frontier" / "frontier-factor.svg").read_text()
