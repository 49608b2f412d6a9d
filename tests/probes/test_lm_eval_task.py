"""Tasks of lm-evaluation-harness, defined in files of the test's own."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from scripted_model import FakeModel

pytest.importorskip("lm_eval")

from retain.data.splits import probe_split
from retain.errors import UserError
from retain.models.base import Limits, Message
from retain.probes.lm_eval_task import LmEvalTask
from retain.probes.suites import load_suite
from retain.records import Response


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small tasks on local files: choices, written sums and texts."""
    folder = tmp_path_factory.mktemp("tasks")
    rows = [{"q": f"Which is {n}?", "options": ["yes", "not at all"], "gold": n % 2} for n in range(40)]
    sums = [{"q": f"{n}+1?", "a": str(n + 1)} for n in range(20)]
    texts = [{"page": f"Text number {n} is here."} for n in range(20)]
    for name, content in (("rows", rows), ("sums", sums), ("texts", texts)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, content)))
    common = "dataset_path: json\ndataset_kwargs: {{data_files: {{test: {file}}}}}\ntest_split: test\n"
    (folder / "mine_choices.yaml").write_text(
        "task: mine_choices\noutput_type: multiple_choice\n"
        + common.format(file=folder / "rows.jsonl")
        + 'doc_to_text: "{{q}}"\ndoc_to_choice: "{{options}}"\ndoc_to_target: gold\n'
        + "metric_list: [{metric: acc}, {metric: acc_norm}]\nmetadata: {version: 2}\n"
    )
    (folder / "mine_sums.yaml").write_text(
        "task: mine_sums\noutput_type: generate_until\n"
        + common.format(file=folder / "sums.jsonl")
        + 'doc_to_text: "{{q}}"\ndoc_to_target: "{{a}}"\n'
        + 'generation_kwargs: {until: ["\\n"], max_gen_toks: 9, do_sample: false}\n'
        + "metric_list: [{metric: exact_match}]\n"
    )
    (folder / "mine_texts.yaml").write_text(
        "task: mine_texts\noutput_type: loglikelihood_rolling\n"
        + common.format(file=folder / "texts.jsonl")
        + 'doc_to_text: ""\ndoc_to_target: "{{page}}"\n'
        + "metric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]\n"
    )
    (folder / "mine_hub.yaml").write_text(
        "task: mine_hub\noutput_type: multiple_choice\ndataset_path: nobody/nothing\ntest_split: test\n"
        'doc_to_text: "{{q}}"\ndoc_to_choice: "{{options}}"\ndoc_to_target: gold\n'
        "metric_list: [{metric: acc}]\n"
    )
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def probe(tasks: Path, task: str, **settings: Any) -> LmEvalTask:
    return LmEvalTask(name="t", capability="c", task=task, include_path=tasks, **settings)


def test_choices_have_one_score_per_document(tasks: Path) -> None:
    # ' yes' has -4, ' not at all' -5: plain accuracy takes the first, per character the second
    model = FakeModel(likelihood=lambda context, text: -4.0 if text == " yes" else -5.0)
    measured = probe(tasks, "mine_choices").measure(model, "test")
    chosen = [n for n in range(40) if probe_split(f"Which is {n}?") == "test"]
    assert len(measured.scores) == len(chosen)
    assert measured.metric == "acc_norm"
    assert measured.value == pytest.approx(sum(n % 2 for n in chosen) / len(chosen))
    assert measured.chance == 0.5
    assert not measured.generates
    assert measured.settings["task_versions"] == {"mine_choices": "2"}
    plain = probe(tasks, "mine_choices", metric="acc").measure(model, "test")
    assert plain.value == pytest.approx(sum(n % 2 == 0 for n in chosen) / len(chosen))
    assert len(model.likelihood_calls) == 2


def test_scores_belong_to_their_own_documents(tasks: Path) -> None:
    unit = probe(tasks, "mine_choices", metric="acc", limit=9)
    right = {one.input for one in unit.select("test")[:4]}

    def likelihood(context: str, text: str) -> float:
        n = int(context.split()[-1].strip("?"))
        gold = [" yes", " not at all"][n % 2]
        return -1.0 if (text == gold) == (context in right) else -2.0

    measured = unit.measure(FakeModel(likelihood=likelihood), "test")
    ids = {one.id for one in unit.select("test") if one.input in right}
    assert {key for key, score in measured.scores.items() if score == 1.0} == ids
    assert len(measured.scores) == 9


def test_a_document_that_is_too_long_is_left_out(tasks: Path) -> None:
    unit = probe(tasks, "mine_choices")
    long = unit.select("test")[3]
    model = FakeModel(likelihood=lambda context, text: None if context == long.input else -1.0)
    measured = unit.measure(model, "test")
    assert measured.left_out == {long.id: "longer than the model's context"}
    assert long.id not in measured.scores


def test_a_task_that_generates_uses_the_chat_template(tasks: Path) -> None:
    model = FakeModel(lambda text: str(int(text.split("+")[0]) + 1) if text != "3+1?" else "5")
    unit = probe(tasks, "mine_sums")
    measured = unit.measure(model, "test")
    ((prompts, limits),) = model.generate_calls
    assert limits == Limits(max_tokens=9, stop=("\n",))
    assert all(len(one) == 1 and isinstance(one[0], Message) for one in prompts)
    assert measured.generates
    assert measured.settings["template"] == "chat"
    assert set(measured.responses) == set(measured.scores) == set(measured.prompts)
    key = next(one.id for one in unit.select("test"))
    number = int(measured.prompts[key].split("+")[0])
    assert measured.responses[key].text == str(number + 1)
    wrong = [measured.prompts[key] for key, score in measured.scores.items() if score == 0.0]
    assert wrong == (["3+1?"] if probe_split("3+1?") == "test" else [])


def test_raw_text_where_asked_or_without_a_template(tasks: Path) -> None:
    for unit, model in (
        (probe(tasks, "mine_sums", template="raw"), FakeModel(lambda text: "7")),
        (probe(tasks, "mine_sums"), FakeModel(lambda text: "7", chat=False)),
    ):
        measured = unit.measure(model, "test")
        assert measured.settings["template"] == "raw"
        assert all(isinstance(one, str) for one in model.generate_calls[0][0])


def test_texts_give_bits_per_byte(tasks: Path) -> None:
    model = FakeModel(likelihood=lambda context, text: -math.log(2) * 2 * len(text.encode()))
    measured = probe(tasks, "mine_texts").measure(model, "test")
    assert (measured.metric, measured.unit, measured.higher_is_better) == (
        "bits per byte",
        "bits per byte",
        False,
    )
    assert measured.value == pytest.approx(2.0)
    with pytest.raises(UserError, match=r"no number per document|do not lie between"):
        probe(tasks, "mine_texts", metric="word_perplexity").measure(model, "test")


def test_shots(tasks: Path) -> None:
    model = FakeModel(lambda text: "7", chat=False)
    probe(tasks, "mine_sums", shots=2).measure(model, "test")
    assert all(prompt.count("+1?") == 3 for prompt in model.generate_calls[0][0])
    first = model.generate_calls[0][0]
    probe(tasks, "mine_sums", shots=2).measure(model, "test")
    assert model.generate_calls[1][0] == first


def test_a_stopped_answer_is_kept_as_such(tasks: Path) -> None:
    model = FakeModel({f"{n}+1?": Response(text="x", tokens=9, stopped=False) for n in range(20)})
    measured = probe(tasks, "mine_sums").measure(model, "test")
    assert not any(one.stopped for one in measured.responses.values())


def test_every_setting_changes_the_fingerprint(tasks: Path) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"metric": "acc"},
        {"filter": "none"},
        {"shots": 1},
        {"template": "raw"},
        {"max_tokens": 5},
        {"limit": 3},
    ]
    prints = [probe(tasks, "mine_choices", **change).fingerprint() for change in changes]
    assert len(set(prints)) == len(changes)
    assert probe(tasks, "mine_sums").fingerprint() not in prints
    assert probe(tasks, "mine_choices").fingerprint() == prints[0]
    assert dict(probe(tasks, "mine_sums").texts())
    unit = probe(tasks, "mine_choices")
    unit.measure(FakeModel(), "test")
    assert unit.fingerprint() == prints[0]
    assert str(tasks) not in str(unit.measure(FakeModel(), "test").settings)


def test_what_is_wrong_is_said(tasks: Path) -> None:
    with pytest.raises(UserError, match='did you mean "mine_choices"'):
        probe(tasks, "mine_choises").measure(FakeModel(), "test")
    with pytest.raises(UserError, match="cannot be loaded"):
        probe(tasks, "mine_hub").measure(FakeModel(), "test")
    with pytest.raises(UserError, match='has no metric "accc"; did you mean'):
        probe(tasks, "mine_choices", metric="accc").measure(FakeModel(), "test")
    with pytest.raises(UserError, match='did you mean "hellaswag"'):
        load_suite("lm-eval:hellaswagg")
    with pytest.raises(UserError, match="no probes"):
        load_suite("lm-eval:")


def test_a_suite_of_tasks_by_name() -> None:
    suite = load_suite("lm-eval:hellaswag, arc_easy")
    assert [(one.name, one.capability) for one in suite.probes] == [
        ("hellaswag", "commonsense"),
        ("arc_easy", "science"),
    ]


def test_a_task_in_a_suite_file(tasks: Path) -> None:
    entry = f"{{kind: lm_eval_task, name: t, capability: c, task: mine_sums, include_path: {tasks.name}}}"
    (tasks.parent / "s.yaml").write_text(f"probes: [{entry}]")
    (unit,) = load_suite(tasks.parent / "s.yaml", limit=4).probes
    assert len(unit.measure(FakeModel(lambda text: "7"), "test").scores) == 4


def test_other_solved_examples_or_other_helpers_are_another_probe(tasks: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    for name, answer in (("train", "1"), ("test", "2")):
        rows = [{"q": f"{name} {n}?", "a": answer} for n in range(8)]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    files = f"{{train: {folder / 'train.jsonl'}, test: {folder / 'test.jsonl'}}}"
    (folder / "mine_solved.yaml").write_text(
        f"task: mine_solved\noutput_type: generate_until\ndataset_path: json\ndataset_kwargs: {{data_files: {files}}}\n"
        "training_split: train\ntest_split: test\nfewshot_split: train\n"
        'doc_to_text: "{{q}}"\ndoc_to_target: "{{a}}"\ngeneration_kwargs: {until: ["\\n"]}\n'
        "metric_list: [{metric: exact_match}]\n"
    )

    def prints() -> list[str]:
        return [probe(folder, "mine_solved", shots=shots).fingerprint() for shots in (0, 2)]

    first = prints()
    rows = [{"q": f"train {n}?", "a": "another"} for n in range(8)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    second = prints()
    assert second[0] == first[0], "no solved example is shown"
    assert second[1] != first[1]
    (folder / "utils.py").write_text("WORDS = 3\n")
    assert set(prints()).isdisjoint(second)
