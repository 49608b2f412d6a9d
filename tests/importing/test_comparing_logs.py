"""What two folders of logs may and may not differ in."""

import pytest
from lm_eval_logs import choice, rolling, write_logs, written

from retain.commands.compare import compare
from retain.errors import UserError
from retain.progress import Progress

LATER = "2026-11-21T10-00-00.000001"


def quiz(right=lambda n: 1, items=range(40), **options):
    return {"quiz": [choice(n, right=right(n), choices=4, **options) for n in items]}


@pytest.fixture
def both(tmp_path):
    """Compare two sets of logs: each is (tasks, keys of the results)."""

    def run(before, after, **options):
        first = write_logs(tmp_path / "before", before[0], **before[1])
        second = write_logs(tmp_path / "after", after[0], **{"date": LATER, **after[1]})
        return compare(str(first), str(second), progress=Progress(quiet=True), **options)

    return run


def test_a_drop_is_found_item_by_item(both):
    record = both((quiz(), {}), (quiz(lambda n: n % 2), {}))
    assert record.verdict.outcome == "forgot"
    (change,) = record.comparison.losses
    assert (change.lost, change.won, change.items, change.before, change.after) == (20, 0, 40, 100, 50)
    assert not record.comparison.same_weights


def test_few_items_without_a_flip_prove_nothing(both):
    record = both((quiz(), {}), (quiz(), {}))
    assert record.verdict.outcome == "inconclusive"
    assert record.verdict.items_needed > 40


def test_mmlu_counts_as_one_capability(both):
    def tasks(right):
        subjects = {f"mmlu_{s}": [choice(n, right, choices=4, task=s) for n in range(4)] for s in "abcdefgh"}
        return subjects | {"quiz": [choice(n, 1, choices=4) for n in range(32)]}

    groups = {"groups": {"mmlu": {}}, "group_subtasks": {"mmlu": [f"mmlu_{s}" for s in "abcdefgh"]}}
    record = both((tasks(1), groups), (tasks(0), groups))
    assert record.comparison.pooled.metric == "mean of 2 probes"
    assert record.comparison.pooled.delta == -50


def test_other_items_are_reduced_to_the_common_ones_and_said(both):
    more, fewer = {"config": {"limit": None}}, {"config": {"limit": 30}}
    record = both((quiz(), more), (quiz(items=range(10, 50)), fewer))
    assert record.comparison.losses[0].items == 30
    notes = " ".join(record.comparison.notes)
    assert "compared on the 30 items that both sides scored" in notes
    assert "10 before, 10 after" in notes
    assert "the setting limit is not set before and 30 after" in notes


def test_numbers_of_choices_that_vary_do_not_stand_in_the_way(both):
    def rows(items):
        return {"quiz": [choice(n, 1, choices=3 if n == 0 else 4) for n in items]}

    assert both((rows(range(20)), {}), (rows(range(1, 20)), {})).comparison.losses[0].items == 19


def test_no_common_item_is_an_error(both):
    with pytest.raises(UserError, match="share no item: 5 items before, 5 after"):
        both((quiz(items=range(5)), {}), (quiz(items=range(5, 10)), {}))


def test_no_common_task_is_an_error(both):
    with pytest.raises(UserError, match=r"Before: quiz \(test\)\. After: other \(test\)"):
        both((quiz(), {}), ({"other": quiz()["quiz"]}, {}))


def test_a_task_of_one_side_is_noted(both):
    record = both((quiz() | {"other": [choice(0, 1)]}, {}), (quiz(), {}))
    assert any('"other"' in note and "only before" in note for note in record.comparison.notes)


def test_another_prompt_is_refused_with_its_reasons(both):
    shots = {"n-shot": {"quiz": 5}}
    with pytest.raises(UserError, match="40 of 40 items had another prompt") as error:
        both((quiz(), {}), (quiz(prompt="Solved. Item {n} is"), shots))
    assert "the setting shots is 0 before and 5 after" in str(error.value)


def test_a_template_that_changed_no_prompt_is_only_noted(both):
    record = both((quiz(), {"chat_template": "a"}), (quiz(), {"chat_template": "b"}))
    assert any("chat_template" in note for note in record.comparison.notes)


def test_prompts_may_differ_when_that_is_allowed_and_the_report_says_so(both, tmp_path):
    other = (quiz(prompt="Please: item {n} is"), {"chat_template": "b"})
    record = both((quiz(), {}), other, allow_different=["prompts"], folder=tmp_path / "out")
    note = next(note for note in record.comparison.notes if "Allowed to differ: prompts (quiz)" in note)
    assert note in (tmp_path / "out" / "report.html").read_text()
    assert any("Allowed to differ: template" in note for note in record.comparison.notes)
    assert record.before[0].settings["template"] == "raw"


@pytest.mark.parametrize(
    ("before", "after", "setting"),
    [
        ({}, {"config": {"model_dtype": "torch.bfloat16"}}, "precision"),
        ({}, {"config": {"model_args": "pretrained=a,load_in_8bit=True"}}, "model_args.load_in_8bit"),
        ({}, {"config": {"model": "vllm"}}, "engine"),
        ({}, {"versions": {"quiz": 2.0}}, "version"),
        ({}, {"lm_eval_version": "0.4.9"}, "lm_eval"),
        ({}, {"max_length": 64}, "max_length"),
        ({}, {"task": {"metric_list": [{"metric": "acc", "ignore_case": True}]}}, "scoring"),
    ],
)
def test_settings_that_change_scores_are_refused(both, before, after, setting):
    with pytest.raises(UserError, match=f"the setting {setting} is"):
        both((quiz(), before), (quiz(), after))
    record = both((quiz(), before), (quiz(), after), allow_different=[setting])
    assert any(f"Allowed to differ: {setting} (quiz)" in note for note in record.comparison.notes)


def test_all_problems_come_at_once_and_tasks_share_a_line(both):
    tasks = {name: quiz()["quiz"] for name in ("a", "b", "c", "d", "e")}
    after = {"config": {"model_dtype": "torch.float16"}, "versions": dict.fromkeys(tasks, 2.0)}
    with pytest.raises(UserError, match="2 problems") as error:
        both((tasks, {}), (tasks, after))
    assert '"a", "b", "c" and 2 more: the setting precision is "fp32" before and "fp16" after' in str(error.value)


def test_generation_limits_are_refused(both):
    sums = {"sums": written(0, {"none": 1.0})}
    with pytest.raises(UserError, match="generation"):
        both((sums, {}), (sums, {"task": {"generation_kwargs": {"until": ["."], "max_gen_toks": 9}}}))


def test_seeds_of_drawn_answers_are_noted(both):
    sums = {"sums": written(0, {"none": 1.0})}
    drawn = {"generation_kwargs": {"do_sample": True}}
    record = both((sums, {"task": drawn}), (sums, {"task": drawn, "config": {"torch_seed": 7}}))
    assert any("torch_seed is 1234 before and 7 after" in note for note in record.comparison.notes)


@pytest.mark.parametrize(
    "config",
    [
        {"batch_size": "auto"},
        {"device": "cuda:0"},
        {"fewshot_seed": 5},
        {"model_args": "pretrained=b,parallelize=True"},
    ],
)
def test_what_changes_no_score_does_not_stop_anyone(both, config):
    assert both((quiz(), {}), (quiz(), {"config": config})).comparison.losses[0].items == 40


def test_another_metric_on_one_side_is_refused(both):
    with pytest.raises(UserError, match="metric is 'acc' before and 'acc_norm' after"):
        both((quiz(), {}), ({"quiz": [choice(n, 1, norm=1, choices=4) for n in range(40)]}, {}))


def test_texts_and_answers_reach_the_report(both, tmp_path):
    tasks = {
        "sums": [row for n in range(6) for row in written(n, {"none": 1.0}, f"right {n}")],
        "text": [rolling(n, -10.0 - n, 20) for n in range(6)],
    }
    lost = {
        "sums": [row for n in range(6) for row in written(n, {"none": 0.0}, f"lost {n}")],
        "text": [rolling(n, -20.0 - n, 20) for n in range(6)],
    }
    both((tasks, {}), (lost, {}), folder=tmp_path / "out")
    html = (tmp_path / "out" / "report.html").read_text()
    assert "right 2" in html
    assert "lost 2" in html
    assert "None token" not in html
    assert "sums" in html


def test_unknown_settings_and_mixtures_are_refused(both, tmp_path):
    with pytest.raises(UserError, match='did you mean "precision"'):
        both((quiz(), {}), (quiz(), {}), allow_different=["precison"])
    logs = str(tmp_path / "before")
    for other in ("builtin:smollm2-135m", str(tmp_path / "nowhere")):
        with pytest.raises(UserError, match="with logs of lm-eval only"):
            compare(logs, other)
        with pytest.raises(UserError, match="with logs of lm-eval only"):
            compare(other, logs)
    with pytest.raises(UserError, match="are the same"):
        compare(logs, logs)
    samples = next((tmp_path / "before").glob("samples_*"))
    with pytest.raises(UserError, match="name its folder"):
        compare(str(samples), logs)


def test_a_document_that_occurs_twice_on_one_side_is_no_other_prompt(both):
    twice = {"quiz": [*quiz()["quiz"], choice(3, right=1, choices=4)]}
    assert both((twice, {}), (quiz(), {})).comparison.losses[0].items == 40
