"""lm-eval's tasks on our engines: what a probe gets, and the same answers as lm-eval's own ``hf`` model in fp32."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval")

from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager

from retain.errors import UserError
from retain.models.base import Likelihood, Limits, Prompt, Request
from retain.probes.lm_eval_task import LmEvalTask
from retain.records import Response
from retain.scoring.harness import HarnessModel, limits_of
from retain.scoring.lm_eval_model import LmEvalModel

WORDS = "one two three a b c d e yes no".split()
PAIRS = list(itertools.permutations(WORDS, 2))
PTH = Path(__file__).parents[2] / "src" / "retain_lm_eval.pth"
COMMON = "dataset_path: json\ndataset_kwargs: {{data_files: {{test: {rows}, train: {shots}}}}}\ntest_split: test\n"
TASKS = {
    "choices": "output_type: multiple_choice\n"
    'doc_to_text: "{{q}}"\ndoc_to_choice: "{{options}}"\ndoc_to_target: gold\n'
    "fewshot_split: train\nnum_fewshot: 2\n"
    "metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_mutual_info}]\n",
    "endings": "output_type: loglikelihood\n"
    'doc_to_text: "{{q}}"\ndoc_to_target: "{{options[1]}}"\nmetric_list: [{metric: perplexity}, {metric: acc}]\n',
    "texts": "output_type: loglikelihood_rolling\n"
    'doc_to_text: ""\ndoc_to_target: "{{page}}"\nmetric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]\n',
    "sums": "output_type: generate_until\n"
    'doc_to_text: "{{q}}"\ndoc_to_target: "{{options[0]}}"\nfewshot_split: train\nnum_fewshot: 2\n'
    "generation_kwargs: {until: [blue, red], max_gen_toks: 12, do_sample: false}\n"
    "metric_list: [{metric: exact_match}]\n",
    "votes": "output_type: generate_until\n"
    'doc_to_text: "{{q}}"\ndoc_to_target: "{{options[0]}}"\nrepeats: 3\n'
    "generation_kwargs: {max_gen_toks: 6, do_sample: true, temperature: 1.5}\n"
    "metric_list: [{metric: exact_match}]\n"
    "filter_list: [{name: first, filter: [{function: take_first}]}, "
    "{name: vote, filter: [{function: majority_vote}, {function: take_first}]}]\n",
    "prefilled": "output_type: generate_until\n"
    'doc_to_text: "{{q}}"\ndoc_to_target: "{{options[0]}}"\ngen_prefix: "say"\n'
    "generation_kwargs: {max_gen_toks: 6}\nmetric_list: [{metric: exact_match}]\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tasks of every kind over the toy's words, on local files; some rows are longer than its 128 tokens."""
    place = tmp_path_factory.mktemp("tasks")
    rows = [
        {
            "q": f"{x} {y} is" if n % 7 else f"{x} {y} " * 90 + "is",
            "options": ["blue", "red sky", "green"],
            "gold": n % 3,
            "page": f"{y} {x} ." if n % 5 else f"{y} {x} of the " * (30 + n),
        }
        for n, (x, y) in enumerate(PAIRS[:30])
    ]
    for name, part in (("rows", rows), ("shots", rows[1:5])):
        (place / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)))
    common = COMMON.format(rows=place / "rows.jsonl", shots=place / "shots.jsonl")
    for name, text in TASKS.items():
        (place / f"{name}.yaml").write_text(f"task: toy_{name}\n{common}{text}")
    (place / "second.yaml").write_text(f"task: toy_second\n{common}{TASKS['choices']}".replace("{{q}}", "a {{q}}"))
    (place / "group.yaml").write_text(
        "group: toy_group\ntask: [toy_choices, toy_second]\n"
        "aggregate_metric_list: [{metric: acc, weight_by_size: true}]\n"
    )
    return place


@pytest.fixture(autouse=True)
def own_data_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def answers(model: str, arguments: dict[str, Any], folder: Path, tasks: Sequence[str], **told: Any) -> dict[str, Any]:
    """Task -> the responses of every document, from lm-eval's own evaluation."""
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = simple_evaluate(
        model=model,
        model_args=arguments,
        tasks=list(tasks),
        task_manager=manager,
        bootstrap_iters=0,
        device="cpu",
        **told,
    )
    return {task: [sample["resps"] for sample in log] for task, log in found["samples"].items()}


def both(toy_folder: Path, folder: Path, tasks: Sequence[str], more: dict[str, Any] | None = None, **told: Any) -> Any:
    ours = answers("retain", {"pretrained": str(toy_folder), "load_in": "fp32", **(more or {})}, folder, tasks, **told)
    # hf's cache of logits takes the wrong ones where a text's windows repeat each other
    hf = {"pretrained": str(toy_folder), "dtype": "float32", "logits_cache": False, **(more or {})}
    return ours, answers("hf", hf, folder, tasks, batch_size=3, **told)


def close(ours: Any, theirs: Any) -> bool:
    """Equal trees, numbers to 1e-4."""
    if isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(itertools.starmap(close, zip(ours, theirs, strict=True)))
    return abs(ours - theirs) < 1e-4 if isinstance(theirs, float) else bool(ours == theirs)


LIKELIHOODS = ("toy_choices", "toy_endings", "toy_texts")


@pytest.mark.parametrize("more", [{}, {"max_length": 50}, {"add_bos_token": True}, {"add_bos_token": False}], ids=str)
def test_likelihoods_are_those_of_hf_truncation_and_rolling_windows_included(toy_folder, folder, more):
    ours, theirs = both(toy_folder, folder, LIKELIHOODS, more)
    for task in LIKELIHOODS:
        assert close(ours[task], theirs[task]), task
    assert len({str(one) for one in ours["toy_texts"]}) == 30


@pytest.mark.parametrize("told", [{}, {"apply_chat_template": True, "fewshot_as_multiturn": True}], ids=["raw", "chat"])
def test_greedy_texts_are_those_of_hf(toy_folder, folder, told):
    ours, theirs = both(toy_folder, folder, ["toy_sums", "toy_prefilled"], **told)
    assert ours == theirs
    assert len({str(one) for one in ours["toy_sums"]}) > 3


def test_choices_under_a_chat_template_are_those_of_hf(toy_folder, folder):
    told = {"apply_chat_template": True, "fewshot_as_multiturn": True}
    ours, theirs = both(toy_folder, folder, ["toy_choices"], **told)
    assert close(ours["toy_choices"], theirs["toy_choices"])


def test_what_lost_its_beginning_is_counted_and_said(toy_folder, caplog):
    model = LmEvalModel(pretrained=str(toy_folder), load_in="fp32", max_length=8)
    requests = [Instance("loglikelihood", {}, ("one two " * n, " blue"), n) for n in (1, 2, 4, 8)]
    found = model.loglikelihood(requests, disable_tqdm=True)
    assert model.truncated == 1, "eight tokens and the one that is predicted fit exactly"
    assert found[3] == pytest.approx(found[2], abs=1e-5), "both are left with the same eight tokens"
    assert "1 of 4 requests" in caplog.text
    with pytest.raises(UserError, match="has 9 tokens; allowed: 1 to 8"):
        model.loglikelihood([Instance("loglikelihood", {}, ("a", " b" * 9), 0)], disable_tqdm=True)


def test_arguments_that_mean_nothing_are_refused_together(toy_folder):
    with pytest.raises(UserError, match=r"(?s)\"max_lenght\"; did you mean \"max_length\".*load_in: found 'fp8'"):
        LmEvalModel(pretrained=str(toy_folder), load_in="fp8", max_lenght=3)
    with pytest.raises(UserError, match="pretrained is missing"):
        LmEvalModel()
    with pytest.raises(UserError, match="add_bos_token: found 'x'"):
        LmEvalModel(pretrained=str(toy_folder), add_bos_token="x")
    with pytest.raises(UserError, match="--device: found 'banana'"):
        LmEvalModel(pretrained=str(toy_folder), device="banana")
    model = LmEvalModel(pretrained=str(toy_folder), load_in="fp32", max_length=10)
    with pytest.raises(UserError, match="less than the context, 10"):
        model.generate_until([Instance("generate_until", {}, ("a", {"max_gen_toks": 10}), 0)])


def test_limits_are_read_from_what_tasks_say():
    assert limits_of({"until": "x", "max_tokens": 3}, 9) == Limits(max_tokens=3, stop=("x",))
    assert limits_of({"do_sample": False, "temperature": 0.7, "top_k": 5}, 9) == Limits(max_tokens=9)
    sampled = Limits(max_tokens=9, temperature=0.7, top_p=0.9)
    assert limits_of({"temperature": 0.7, "top_p": 0.9, "num_beams": 1}, 9) == sampled
    with pytest.raises(UserError, match="num_beams: 4"):
        limits_of({"num_beams": 4}, 9)
    with pytest.raises(UserError, match="top_k: 5"):
        limits_of({"do_sample": True, "temperature": 1.0, "top_k": 5}, 9)


class Recorded:
    """Answers by rule and remembers what it was asked."""

    fingerprint = "recorded"
    chat = True

    def __init__(self) -> None:
        self.asked: list[Prompt] = []

    def generate(self, prompts: Sequence[Prompt], limits: Limits) -> list[Response]:
        self.asked += prompts
        return [Response(text=f"{n}", tokens=1, stopped=True) for n, _ in enumerate(prompts)]

    def loglikelihood(self, requests: Sequence[Request]) -> list[Likelihood | None]:
        return [Likelihood(logprob=-float(len(one.continuation)), tokens=1, greedy=False) for one in requests]


def probe(folder: Path, task: str, **settings: Any) -> LmEvalTask:
    return LmEvalTask(name="t", capability="c", task=f"toy_{task}", include_path=folder, **settings)


def test_every_kind_of_task_is_measured_by_a_probe(toy, folder):
    for task, metric in (
        ("choices", "acc_norm"),
        ("endings", "acc"),
        ("texts", "bits per byte"),
        ("sums", "exact_match"),
    ):
        measured = probe(folder, task).measure(toy, "test")
        assert measured.metric == metric
        assert len(measured.scores) + len(measured.left_out) > 10
        assert bool(measured.left_out) == (task != "sums"), "what does not fit is left out, an answer's prompt is cut"


def test_chance_is_one_in_the_number_of_choices_though_mutual_information_asks_twice(folder):
    measured = probe(folder, "choices").measure(Recorded(), "test")
    assert measured.chance == pytest.approx(1 / 3)


def test_a_group_is_measured_as_one_with_every_document_of_its_tasks(folder):
    together = probe(folder, "group").measure(Recorded(), "test")
    apart = [probe(folder, task).measure(Recorded(), "test") for task in ("choices", "second")]
    assert together.scores == {**apart[0].scores, **apart[1].scores}
    assert len(together.scores) == sum(len(one.scores) for one in apart)


def test_repeated_questions_and_filters(folder):
    model = Recorded()
    measured = probe(folder, "votes").measure(model, "test")
    assert len(model.asked) == 3 * len(measured.scores)
    assert [one.text for one in measured.responses.values()][:2] == ["0", "3"], "the first of three answers is kept"
    assert measured.settings["filter"] == "first"
    assert probe(folder, "votes", filter="vote").measure(Recorded(), "test").settings["filter"] == "vote"


def test_shots_are_turns_of_the_conversation_under_a_chat_template(folder):
    model = Recorded()
    probe(folder, "sums").measure(model, "test")
    roles = [turn.role for turn in model.asked[0]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]


def test_a_task_that_begins_the_answer_itself_needs_the_raw_format(folder):
    with pytest.raises(UserError, match="template: raw"):
        probe(folder, "prefilled").measure(Recorded(), "test")
    model = Recorded()
    probe(folder, "prefilled", template="raw").measure(model, "test")
    assert all(isinstance(one, str) and one.endswith("say") for one in model.asked)


def test_messages_come_back_from_the_marked_string():
    model = Recorded()
    text = HarnessModel(model).apply_chat_template([{"role": "user", "content": "é \x00"}])
    HarnessModel(model).generate_until([Instance("generate_until", {}, (text, {}), 0)])
    assert [turn.content for turn in model.asked[0]] == ["é \x00"]


def registered(*command: str, folder: Path) -> str:
    """Whether lm-eval knows our model in a process with this command line and the installed file's line."""
    code = (
        f"import site, sys; site.addsitedir({str(folder)!r}); known = sys.modules.get('lm_eval.api.registry'); "
        "print(known is not None and {'retain', 'hf'} <= set(known.model_registry), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.strip()


def test_the_installed_line_names_our_model_to_the_lm_eval_command_and_to_no_other(tmp_path):
    (tmp_path / PTH.name).write_text(PTH.read_text())
    assert registered("/usr/bin/lm_eval", "run", folder=tmp_path) == "True False"
    assert registered("-m", "lm-eval", folder=tmp_path) == "True False"
    assert registered("train.py", "lm_eval_results.json", folder=tmp_path) == "False False"
    assert len(PTH.read_text().splitlines()) == 1


def test_the_command_measures_with_our_engines(toy_folder, folder, tmp_path):
    code = "import retain.scoring.lm_eval_plugin; from lm_eval.__main__ import cli_evaluate; cli_evaluate()"
    told = [f"pretrained={toy_folder},load_in=fp32", "--tasks", "toy_choices", "--include_path", str(folder)]
    where = ["--output_path", str(tmp_path / "out"), "--log_samples", "--limit", "5"]
    command = [sys.executable, "-c", code, "run", "--model", "retain", "--model_args", *told, *where]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=None)
    assert "toy_choices" in done.stdout
    (written,) = (tmp_path / "out").rglob("samples_toy_choices_*.jsonl")
    assert len(written.read_text().splitlines()) == 5
