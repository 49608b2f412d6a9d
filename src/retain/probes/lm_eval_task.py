"""Any task of lm-evaluation-harness as a probe."""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_serializer

from retain.data.splits import hash_order, probe_split
from retain.errors import MissingExtraError, UserError, install_extra, nearest
from retain.models.base import CausalModel
from retain.probes.base import Probe, as_settings
from retain.records import Measurement, Response, Split, content_hash

INSTALL = install_extra("probes")
_FEWSHOT_SEED = 1234
PREFERRED = ("acc_norm", "acc", "exact_match", "bits_per_byte")
"""The metric that is taken where a task has several and none is named, best first."""


class Document(NamedTuple):
    """One document of a task."""

    id: str
    task: str
    row: int
    """Its place among the task's documents."""
    input: str


class LmEvalTask(Probe):
    """A task of lm-evaluation-harness, or a group of tasks, with one score per document.

    The task's own prompts, filters and metrics; our engines and our dev/test split. A task that generates
    goes through the chat template where the model has one (``template: raw`` for lm-eval's own numbers), a
    task of likelihoods never does. The metric is ``metric``, else ``acc_norm`` where the task has it
    (likelihood per character), else ``acc``, ``exact_match``, ``bits_per_byte`` or its first one; scores must
    lie between 0 and 1, or be bits per byte. A document of which any part is longer than the context is left out.

    Requirements: the extra ``probes``, and the Hub for tasks whose data is there. Tasks that run
    generated code are refused. Tasks under ``include_path`` may run Python that stands beside them.

    Relations: ``multiple_choice``, ``last_word``, ``answers`` and ``instructions`` do most of this offline.
    """

    task: str = Field(min_length=1)
    """The task's or group's name, such as ``hellaswag``."""
    include_path: Path | None = None
    """A folder with further task files, relative to the suite file."""
    metric: str | None = None
    """The metric; see above for which one otherwise."""
    filter: str | None = None
    """The filter whose result counts, such as ``flexible-extract``; the task's first one otherwise."""
    shots: int | None = Field(default=None, ge=0)
    """Solved examples before each question; the task's own number otherwise."""
    template: Literal["auto", "raw"] = "auto"
    """``auto``: the chat template for tasks that generate; ``raw``: never."""
    max_tokens: int = Field(default=256, ge=1)
    """Where an answer is cut off when the task does not say."""

    def problems(self) -> list[str]:
        """A name that lm-eval does not know."""
        if self._manager is not None:
            return []
        known = [*_index(None).all_tasks, *(_index(self.include_path).all_tasks if self.include_path else [])]
        return [f'lm-eval has no task "{self.task}"; {nearest(self.task, known)}']

    @cached_property
    def _manager(self) -> Any:
        """The index that has the task: the folder's own, else lm-eval's."""
        for path in (self.include_path, None) if self.include_path else (None,):
            if self.task in _index(path).all_tasks:
                return _index(path)
        return None

    @cached_property
    def _tasks(self) -> Mapping[str, Any]:
        if problems := self.problems():
            raise self._wrong(problems[0])
        try:
            loaded = self._manager.load([self.task])
        except (OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError) as error:
            raise self._wrong(
                f'the task "{self.task}" cannot be loaded: {type(error).__name__}: {error}\n'
                "  Most tasks read data from the Hub: check the connection, or use local files as items."
            ) from None
        return dict(loaded["tasks"])

    def _wrong(self, what: str) -> UserError:
        return UserError(f'probe "{self.name}": {what}')

    @cached_property
    def _documents(self) -> list[Document]:
        found: dict[str, Document] = {}
        for name, task in self._tasks.items():
            for number, row in enumerate(task.eval_docs):
                content = json.dumps(row, sort_keys=True, default=str)
                text = task.doc_to_text(row)
                asked = text if isinstance(text, str) and text.strip() else content
                one = Document(content_hash(name, content), name, number, asked)
                found.setdefault(one.id, one)
        return list(found.values())

    def fingerprint(self) -> str:
        """Covers documents, solved examples, the tasks' files and lm-eval's version, so it loads the task."""
        documents = sorted(one.id for one in self._documents)
        told = (self._configurations, self._solved, self._sources)
        return content_hash("LmEvalTask", _version(), as_settings(self), *told, documents)

    @cached_property
    def _solved(self) -> list[str]:
        """What solved examples are drawn from, where there are any."""
        found = []
        for name, task in sorted(self._tasks.items()):
            shots = task.get_config("num_fewshot") if self.shots is None else self.shots
            drawn = list(task.fewshot_docs()) if shots else []
            found.append(content_hash(name, [json.dumps(row, sort_keys=True, default=str) for row in drawn]))
        return found

    @cached_property
    def _sources(self) -> list[str]:
        """The Python files beside the user's own tasks, which may be called from them."""
        files = sorted(self.include_path.rglob("*.py")) if self.include_path else []
        return [content_hash(path.name, path.read_text("utf-8", "replace")) for path in files]

    @cached_property
    def _configurations(self) -> list[str]:
        """What the task files say, but for where the data lies; taken before anything is set."""
        found = []
        for name, task in sorted(self._tasks.items()):
            settings = task.dump_config()
            told = {key: settings[key] for key in settings if key not in ("dataset_kwargs", "dataset_path")}
            found.append(name + json.dumps(told, sort_keys=True, default=_plain))
        return found

    @field_serializer("include_path")
    def _name_only(self, folder: Path | None) -> str | None:
        return folder.name if folder else None

    def texts(self) -> Iterable[tuple[str, str]]:
        """(item id, text) of every document."""
        return ((one.id, one.input) for one in self._documents)

    def select(self, split: Split) -> list[Document]:
        """The documents of a split that are measured: the first ``limit`` by hash (dev: 3/7 as many)."""
        found = [one for one in self._documents if probe_split(one.input) == split]
        found.sort(key=lambda one: (hash_order(one.input), one.id))
        if self.limit is None:
            return found
        return found[: self.limit if split == "test" else round(self.limit * 3 / 7)]

    def measure(self, model: CausalModel, split: Split) -> Measurement:
        """Score every document of a split.

        Raises:
            UserError: the task cannot be loaded or run, or has no metric that can be paired by item.
        """
        chosen, fingerprint = self.select(split), self.fingerprint()
        if not chosen:
            raise self._wrong(f"the {split} split of {self.task} has no documents")
        kinds = {task.OUTPUT_TYPE for task in self._tasks.values()}
        if len(kinds) > 1:
            raise self._wrong(f"{self.task} mixes tasks of the kinds {sorted(kinds)}; name one task")
        kind = kinds.pop()
        chat = kind == "generate_until" and model.chat and self.template == "auto"
        log = self._evaluate(model, chosen, chat)
        if not log.scores:
            raise self._wrong(f"no document could be scored: {next(iter(log.left_out.values()))}")
        bits = log.metric == "bits_per_byte"
        if not bits and not all(0 <= score <= 1 for score in log.scores.values()):
            raise self._wrong(f"scores of the metric {log.metric} do not lie between 0 and 1; name another")
        direction = next(iter(self._tasks.values())).higher_is_better()
        return Measurement(
            probe=self.name,
            capability=self.capability,
            metric="bits per byte" if bits else log.metric,
            value=sum(log.scores[key] * log.weights[key] for key in log.scores) / sum(log.weights.values()),
            higher_is_better=bool(direction.get(log.metric, not bits)),
            unit="bits per byte" if bits else "share",
            split=split,
            scores=log.scores,
            generates=kind == "generate_until",
            chance=sum(log.chances) / len(log.chances) if kind == "multiple_choice" else None,
            responses=log.responses,
            prompts=log.prompts,
            left_out=log.left_out,
            settings={
                "kind": "lm_eval_task",
                "lm_eval": _version(),
                "task_versions": {name: str(one.VERSION) for name, one in self._tasks.items()},
                "fingerprint": fingerprint,
                "unlimited_fingerprint": self.unlimited_fingerprint(),
                **as_settings(self),
                "metric": log.metric,
                "filter": log.filter,
                "template": "chat" if chat else "raw",
            },
            model=model.fingerprint,
        )

    def _evaluate(self, model: CausalModel, chosen: Sequence[Document], chat: bool) -> _Log:
        """Run lm-eval on the chosen documents."""
        from lm_eval.evaluator import evaluate

        from retain.scoring.harness import HarnessModel

        places: dict[str, list[Document]] = {}
        for one in sorted(chosen, key=lambda one: one.row):  # lm-eval takes them in this order in any case
            places.setdefault(one.task, []).append(one)
        tasks = {name: self._tasks[name] for name in places}
        for task in tasks.values():
            own = task.get_config("num_fewshot")
            task.set_config(key="num_fewshot", value=own or 0 if self.shots is None else self.shots)
            task.set_fewshot_seed(seed=_FEWSHOT_SEED)
        adapter = HarnessModel(model, self.max_tokens)
        try:
            results = evaluate(
                lm=adapter,
                task_dict={"tasks": tasks, "groups": {}, "group_map": {}},
                samples={name: [one.row for one in found] for name, found in places.items()},
                bootstrap_iters=0,
                log_samples=True,
                apply_chat_template=chat,
                fewshot_as_multiturn=chat,
            )
        except ValueError as error:
            raise self._wrong(f"lm-eval cannot run {self.task}: {error}") from None
        return self._read(results["samples"], places, adapter)

    def _read(
        self,
        samples: Mapping[str, list[dict[str, Any]]],
        places: Mapping[str, Sequence[Document]],
        adapter: Any,
    ) -> _Log:
        """Scores by item from lm-eval's log; requests are known by a document's place among the chosen."""
        metric, wanted = self._metric(samples)
        at = {(name, n): one.id for name, found in places.items() for n, one in enumerate(found)}
        ids = {(one.task, one.row): one.id for found in places.values() for one in found}
        log = _Log(
            metric=metric,
            filter=wanted,
            left_out={at[place]: reason for place, reason in adapter.unscorable.items()},
            responses={at[place]: response for place, response in adapter.responses.items()},
            prompts={at[place]: prompt for place, prompt in adapter.prompts.items()},
        )
        for name, found in samples.items():
            for sample in found:
                key = ids[(name, sample["doc_id"])]
                if sample["filter"] == wanted and key not in log.left_out:
                    log.scores[key], log.weights[key] = self._score(sample[metric], metric)
                    log.chances.append(1 / self._choices(name, sample))
        return log

    def _choices(self, task: str, sample: Mapping[str, Any]) -> int:
        """Choices of a document; mutual information asks for each of them twice."""
        if self._tasks[task].OUTPUT_TYPE != "multiple_choice":
            return 1
        return len(self._tasks[task].doc_to_choice(sample["doc"]))

    def _metric(self, samples: Mapping[str, list[dict[str, Any]]]) -> tuple[str, str]:
        """The metric and the filter, as found in the samples of all tasks."""
        logs = [log for log in samples.values() if log]
        metrics = [name for name in logs[0][0]["metrics"] if all(name in log[0]["metrics"] for log in logs)]
        filters = list(dict.fromkeys(sample["filter"] for sample in logs[0]))
        preferred = [name for name in PREFERRED if name in metrics]
        metric = self.metric or next(iter([*preferred, *metrics]), "")
        wanted = self.filter or filters[0]
        for what, value, known in (("metric", metric, metrics), ("filter", wanted, filters)):
            if value not in known:
                raise self._wrong(f'{self.task} has no {what} "{value}"; {nearest(value, known)}')
        return metric, wanted

    def _score(self, value: Any, metric: str) -> tuple[float, float]:
        """One document's score and its weight."""
        if metric == "bits_per_byte" and isinstance(value, tuple | list) and len(value) == 2:
            return -float(value[0]) / (float(value[1]) * math.log(2)), float(value[1])
        try:
            return float(value), 1.0
        except (TypeError, ValueError):
            text = f"the metric {metric} of {self.task} is no number per document; name another"
            raise self._wrong(text) from None


@dataclass
class _Log:
    """What lm-eval's log of samples says, by item."""

    metric: str
    filter: str
    left_out: dict[str, str]
    responses: dict[str, Response]
    prompts: dict[str, str]
    scores: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    chances: list[float] = field(default_factory=list)


@cache
def _index(folder: Path | None) -> Any:
    """The tasks of a folder, or lm-eval's own (some seconds)."""
    try:
        from lm_eval.tasks import TaskManager
    except ImportError:
        raise MissingExtraError("lm-evaluation-harness", INSTALL) from None
    return TaskManager(include_path=str(folder) if folder else None, include_defaults=folder is None)


def _plain(value: Any) -> str:
    """A value that JSON has no word for, without its place in memory."""
    return str(getattr(value, "__qualname__", type(value).__name__))


def _version() -> str:
    return importlib.metadata.version("lm_eval")
