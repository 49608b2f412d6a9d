import json
import math

import pytest
from lm_eval_logs import choice, rolling, write_logs, written

from retain.errors import UserError
from retain.importing.lm_eval import read_lm_eval
from retain.importing.lm_eval_files import is_lm_eval


def read(folder, **options):
    return read_lm_eval(folder, **options).measurements


def only(folder, **options):
    (found,) = read(folder, **options)
    return found


def test_choices_are_scored_per_character_unless_asked_otherwise(tmp_path):
    rows = [choice(n, right=n % 2, norm=n % 4 == 0, choices=4) for n in range(8)]
    folder = write_logs(tmp_path, {"quiz": rows})
    found = only(folder)
    assert (found.probe, found.capability, found.metric, found.split) == ("quiz", "quiz", "acc_norm", "test")
    assert (found.value, found.chance, found.unit, found.generates) == (0.25, 0.25, "share", False)
    assert sum(found.scores.values()) == 2
    assert only(folder, metric="acc").value == 0.5
    assert only(folder, metric="acc,none").value == 0.5


def test_ids_are_of_the_document_and_not_of_its_place(tmp_path):
    rows = [choice(n, right=n < 3) for n in range(6)]
    first = only(write_logs(tmp_path / "a", {"quiz": rows}))
    second = only(write_logs(tmp_path / "b", {"quiz": rows[::-1]}))
    assert first.scores == second.scores
    assert len(first.scores) == 6


def test_chance_follows_the_items_number_of_choices(tmp_path):
    rows = [choice(0, 1, choices=2), choice(1, 0, choices=4)]
    assert only(write_logs(tmp_path, {"quiz": rows})).chance == pytest.approx(0.375)


def test_scores_between_right_and_wrong_have_no_chance(tmp_path):
    found = only(write_logs(tmp_path, {"mc2": [choice(n, right=0.3) for n in range(3)]}))
    assert found.chance is None
    assert found.value == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("metric", "value", "filter_"),
    [(None, 1.0, "flexible-extract"), ("exact_match,strict-match", 0.0, "strict-match")],
)
def test_the_filter_of_a_written_answer(tmp_path, metric, value, filter_):
    rows = [row for n in range(4) for row in written(n, {"strict-match": 0.0, "flexible-extract": 1.0}, f"it is {n}")]
    rows.sort(key=lambda row: row["filter"], reverse=True)
    found = only(write_logs(tmp_path, {"sums": rows}), metric=metric)
    assert (found.value, found.settings["filter"], found.generates) == (value, filter_, True)
    assert len(found.scores) == 4
    texts = {found.prompts[item]: (found.responses[item].text, found.references[item]) for item in found.scores}
    assert texts["Say 2"] == ("it is 2", "2")
    assert all(one.tokens is None for one in found.responses.values())


@pytest.mark.parametrize(
    ("metrics", "chosen"),
    [
        ({"prompt_level_strict_acc": True, "inst_level_strict_acc": [True, False]}, "prompt_level_strict_acc"),
        ({"pass@1": 1.0}, "pass@1"),
        ({"bleu": ["a", "b"], "rougeL": 0.25, "exact_match": 1.0}, "exact_match"),
        ({"bleu": ["a", "b"], "rougeL": 0.25}, "rougeL"),
        ({"length": 55.0, "f1": 0.25}, "f1"),
    ],
)
def test_the_main_metric_of_a_written_answer(tmp_path, metrics, chosen):
    assert only(write_logs(tmp_path, {"task": written(0, {"none": metrics})})).metric == chosen


def test_instructions_of_one_prompt_are_averaged_when_asked_for(tmp_path):
    rows = written(0, {"none": {"prompt_level_strict_acc": False, "inst_level_strict_acc": [True, False, True, True]}})
    assert only(write_logs(tmp_path, {"ifeval": rows}), metric="inst_level_strict_acc").value == 0.75


def test_a_document_that_occurs_several_times_is_averaged(tmp_path):
    rows = [written(0, {"none": score}, answer)[0] for score, answer in ((1.0, "a"), (0.0, "b"), (0.0, "c"))]
    found = only(write_logs(tmp_path, {"drawn": rows}))
    assert list(found.scores.values()) == [pytest.approx(1 / 3)]
    assert next(iter(found.responses.values())).text == "a"


def test_repeats_are_a_setting(tmp_path):
    rows = written(0, {"none": 1.0}, ["a", "b", "c"])
    found = only(write_logs(tmp_path, {"drawn": rows}, task={"repeats": 3, "generation_kwargs": {"do_sample": True}}))
    assert found.settings["repeats"] == 3
    assert found.settings["torch_seed"] == 1234


def test_texts_are_bits_per_byte_weighted_by_bytes(tmp_path):
    found = only(write_logs(tmp_path, {"text": [rolling(0, -10.0, 10), rolling(1, -90.0, 30)]}))
    assert (found.unit, found.higher_is_better) == ("bits per byte", False)
    assert found.value == pytest.approx(100 / 40 / math.log(2))
    assert sorted(found.scores.values()) == pytest.approx([1 / math.log(2), 3 / math.log(2)])


def test_words_alone_become_bytes_of_the_text(tmp_path):
    row = rolling(0, -10.0, 20)
    row["metrics"] = ["word_perplexity"]
    del row["bits_per_byte"]
    folder = write_logs(tmp_path, {"text": [row]}, task={"output_type": "loglikelihood_rolling"})
    assert only(folder).value == pytest.approx(10 / 20 / math.log(2))


def test_missing_scores_are_left_out_and_never_zero(tmp_path):
    rows = [*written(0, {"none": 1.0}), *written(1, {"none": None}), *written(2, {"none": math.nan})]
    found = only(write_logs(tmp_path, {"sums": rows}))
    assert found.value == 1.0
    assert sorted(found.left_out.values()) == ["lm-eval gave no score", "lm-eval's score is not a number"]


def test_a_task_without_a_score_per_item_is_left_out_with_its_reason(tmp_path):
    pair = choice(0, 1)
    pair |= {"metrics": ["mcc"], "mcc": [1, 0]}
    del pair["acc"]
    found = read_lm_eval(write_logs(tmp_path / "a", {"cola": [pair], "quiz": [choice(0, 1)]}))
    assert [one.probe for one in found.measurements] == ["quiz"]
    assert "cola: no metric is a number between 0 and 1 for each item (found: mcc)" in found.notes[0]
    with pytest.raises(UserError, match="no task can be compared"):
        read(write_logs(tmp_path / "b", {"cola": [pair]}))


GROUPS = {
    "groups": {"mmlu": {"acc,none": 0.5}, "mmlu_stem": {"acc,none": 0.5}},
    "group_subtasks": {"mmlu": ["mmlu_stem", "mmlu_law"], "mmlu_stem": ["mmlu_maths", "mmlu_physics"]},
}


def subjects(**extra):
    names = ("mmlu_maths", "mmlu_physics", "mmlu_law")
    return {name: [choice(n, right=n % 2, choices=4, task=name) for n in range(6)] for name in names} | extra


def test_a_group_is_one_capability(tmp_path):
    folder = write_logs(tmp_path, subjects(quiz=[choice(n, 1) for n in range(3)]), **GROUPS)
    found = {one.probe: one for one in read(folder)}
    assert sorted(found) == ["mmlu", "quiz"]
    assert len(found["mmlu"].scores) == 18
    assert found["mmlu"].settings["version"] == "1.0"
    assert not found["mmlu"].clusters


def test_a_group_of_unlike_tasks_falls_apart_into_those_that_are_alike(tmp_path):
    other = [choice(n, right=1, norm=1, task="law") for n in range(6)]
    folder = write_logs(tmp_path, subjects(mmlu_law=other), **GROUPS)
    assert [one.probe for one in read(folder)] == ["mmlu_law", "mmlu_stem"]


def test_a_tag_is_no_capability(tmp_path):
    folder = write_logs(tmp_path, subjects(), group_subtasks=GROUPS["group_subtasks"])
    assert len(read(folder)) == 3


def test_settings_that_change_scores_are_kept(tmp_path):
    config = {"model_args": "pretrained=a/b,dtype=auto,load_in_8bit=True,add_bos_token=True", "limit": 5}
    config |= {"model_dtype": "torch.bfloat16"}
    rows = written(0, {"none": 1.0})
    folder = write_logs(tmp_path, {"sums": rows}, config=config, chat_template="{{x}}", system_instruction="Be kind.")
    found = only(folder).settings
    assert found["precision"] == "bf16"
    assert found["template"] == "chat"
    assert found["model_args.load_in_8bit"] == "True"
    assert found["model_args.add_bos_token"] == "True"
    assert found["generation"] == {"until": ["."]}
    assert {"chat_template", "system_prompt", "limit", "lm_eval", "version", "engine", "max_length"} <= found.keys()
    assert "model_args.pretrained" not in found


def test_four_bit_weights_are_a_precision(tmp_path):
    config = {"model_args": {"pretrained": "a/b", "load_in_4bit": True}, "model_dtype": "torch.bfloat16"}
    assert only(write_logs(tmp_path, {"quiz": [choice(0, 1)]}, config=config)).settings["precision"] == "4bit"


def test_the_newest_of_several_dates(tmp_path):
    write_logs(tmp_path, {"quiz": [choice(0, 0)], "old": [choice(0, 0)]})
    newer = "2026-11-21T09-00-00"
    write_logs(tmp_path, {"quiz": [choice(0, 1)]}, date=newer)
    found = read_lm_eval(tmp_path)
    assert {one.probe: one.value for one in found.measurements} == {"quiz": 1.0, "old": 0.0}
    assert len(found.notes) == 1
    assert "2 logs of quiz" in found.notes[0]
    assert newer in found.notes[0]
    older = next(path for path in tmp_path.glob("results_*.json") if newer not in path.name)
    assert {one.probe: one.value for one in read(older)} == {"quiz": 0.0, "old": 0.0}


def test_the_model_is_another_for_another_run(tmp_path):
    first = only(write_logs(tmp_path / "a", {"quiz": [choice(0, 1)]}))
    second = only(write_logs(tmp_path / "b", {"quiz": [choice(0, 1)]}, date="2026-11-21T09-00-00"))
    assert first.model != second.model


def test_the_models_folder_is_found(tmp_path):
    write_logs(tmp_path / "some__model", {"quiz": [choice(0, 1)]})
    found = read_lm_eval(tmp_path)
    assert found.name == "some/model"
    write_logs(tmp_path / "other__model", {"quiz": [choice(0, 1)]})
    with pytest.raises(UserError, match=r"(?s)2 models.*other__model.*some__model"):
        read_lm_eval(tmp_path)


def test_results_without_samples(tmp_path):
    write_logs(tmp_path, {"quiz": [choice(0, 1)]})
    next(tmp_path.glob("samples_*")).unlink()
    with pytest.raises(UserError, match="--log_samples"):
        read(tmp_path)


def test_samples_without_results(tmp_path):
    write_logs(tmp_path, {"quiz": [choice(0, 1)]})
    next(tmp_path.glob("results_*")).unlink()
    with pytest.raises(UserError, match="no results_2026"):
        read(tmp_path)


def damage(folder, change):
    path = next(folder.glob("samples_*"))
    lines = path.read_text().splitlines()
    change(lines)
    path.write_text("\n".join(lines) + "\n")


def torn(lines):
    lines[4] = lines[4][:40]


def keyless(lines):
    row = json.loads(lines[4])
    del row["doc"]
    lines[4] = json.dumps(row)


def no_object(lines):
    lines[4] = "[" * 100_000


def listed(lines):
    lines[4] = "[]"


@pytest.mark.parametrize("change", [torn, keyless, no_object, listed])
def test_a_damaged_line_is_named(tmp_path, change):
    write_logs(tmp_path, {"quiz": [choice(n, 1) for n in range(6)]})
    damage(tmp_path, change)
    with pytest.raises(UserError, match=r"samples_quiz_.*line 5"):
        read(tmp_path)


def test_a_file_that_was_cut_off_between_lines(tmp_path):
    write_logs(tmp_path, {"quiz": [choice(n, 1) for n in range(6)]})
    damage(tmp_path, lambda lines: lines.pop())
    with pytest.raises(UserError, match="cut off or changed"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"results": {}, "configs": []}', '{"results": {}, "configs": {}}'])
def test_damaged_results(tmp_path, text):
    write_logs(tmp_path, {"quiz": [choice(0, 1)]})
    next(tmp_path.glob("results_*")).write_text(text)
    with pytest.raises(UserError, match="results_"):
        read(tmp_path)


def test_an_empty_file(tmp_path):
    write_logs(tmp_path, {"quiz": [choice(0, 1)]})
    next(tmp_path.glob("samples_*")).write_text("")
    with pytest.raises(UserError, match="is empty"):
        read(tmp_path)


def test_an_unknown_metric_names_the_nearest(tmp_path):
    with pytest.raises(UserError, match='did you mean "acc_norm"'):
        read(write_logs(tmp_path, {"quiz": [choice(0, 1, norm=1)]}), metric="acc_nrm")


def results_of(folder):
    return next(folder.glob("results_*"))


def changed_results(folder, **values):
    path = results_of(folder)
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return folder


def changed_samples(folder, **values):
    """The samples with other values, and without the hashes that would tell."""
    path = next(folder.glob("samples_*"))
    rows = [{**json.loads(row), **values} for row in path.read_text().splitlines()]
    for row in rows:
        del row["doc_hash"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize("groups", [5, "abc", [["quiz"]], {"quiz": []}])
def test_groups_that_are_no_lists_of_tasks_are_named(tmp_path, groups):
    folder = write_logs(tmp_path, {"quiz": [choice(0, 1)]}, groups={"g": {}}, group_subtasks={"g": groups})
    with pytest.raises(UserError, match=r'results_.*"group_subtasks" of g is .*not a list of tasks'):
        read(folder)


def test_groups_in_each_other_without_end_are_refused(tmp_path):
    tree = {f"g{n}": [f"g{n + 1}"] for n in range(5000)}
    folder = write_logs(tmp_path, {"quiz": [choice(0, 1)]}, groups={"g0": {}}, group_subtasks=tree)
    with pytest.raises(UserError, match="what lm-eval does not write"):
        read(folder)


def test_a_number_beyond_all_bounds_is_refused(tmp_path):
    folder = changed_samples(write_logs(tmp_path, {"quiz": [choice(0, 1)]}), acc=10**400)
    with pytest.raises(UserError, match="what lm-eval does not write"):
        read(folder)


def test_results_nested_too_deeply_are_damaged(tmp_path):
    folder = write_logs(tmp_path, {"quiz": [choice(0, 1)]})
    results_of(folder).write_text("[" * 200_000)
    assert is_lm_eval(results_of(folder))
    with pytest.raises(UserError, match=r"results_.* is damaged"):
        read(folder)


def test_a_folder_in_the_place_of_samples_is_named(tmp_path):
    folder = write_logs(tmp_path, {"quiz": [choice(0, 1)]})
    samples = next(folder.glob("samples_*"))
    samples.unlink()
    samples.mkdir()
    with pytest.raises(UserError, match=r"samples_quiz.* could not be read: Is a directory"):
        read(folder)


@pytest.mark.parametrize("arguments", [{}, []])
def test_a_sample_that_asked_nothing_is_named(tmp_path, arguments):
    folder = changed_samples(write_logs(tmp_path, {"quiz": [choice(0, 1)]}), arguments=arguments)
    with pytest.raises(UserError, match='line 1 is no sample of lm-eval: "arguments" is missing or wrong'):
        read(folder)


def test_half_a_character_can_be_written_down(tmp_path):
    half = "\ud83d"
    folder = write_logs(tmp_path, {"sums": written(0, {"none": 1.0}, answer=f"yes {half}")})
    changed_samples(folder, target=half, prompt_hash=half, arguments={"gen_args_0": {"arg_0": f"Say {half}"}})
    found = only(changed_results(folder, model_name=half))
    (item,) = found.scores
    assert (found.prompts[item], found.responses[item].text, found.references[item]) == ("Say ?", "yes ?", "?")
    assert found.model_dump_json()
    assert read_lm_eval(folder).name == "?"


def test_half_a_character_is_no_metrics_name(tmp_path):
    folder = changed_samples(write_logs(tmp_path, {"quiz": [choice(0, 1)]}), metrics=["\ud83d"])
    with pytest.raises(UserError, match='"metrics" is missing or wrong'):
        read(folder)
