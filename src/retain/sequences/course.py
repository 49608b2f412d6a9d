"""The stages of a sequence with their folders, rows and probes: what every part of it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

from retain.data.example import Example
from retain.data.splits import Splits, SplitSummary, folded, sample
from retain.errors import UserError
from retain.mitigations.base import GeneralSet, Setup
from retain.models.transformers_model import TransformersModel
from retain.probes.base import Probe
from retain.probes.suites import Suite
from retain.records import Measurement, Record
from retain.sequences.adapters import check_whole, model_folder
from retain.sequences.folder import SequenceFolder
from retain.stages.prepare import Prepared, prepare, suite_of, task_probes
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench

LEFT_OUT = "left_out.json"
"""File of a stage that has begun."""
ALL = "all tasks"
"""The probe that stands for every task of one training on all of them."""


class LeftOut(Record):
    """What a stage does not train on, decided when it begins: tasks may be added later."""

    rows: list[str]
    """Ids of its training rows."""


class Course:
    """Reads the rows of all stages, so that what is wrong with a later one is said before anything is trained.

    What a stage trained on stays trained on: held-out rows of a task that is added later are not measured where their
    input is among it.

    Args:
        folder: the sequence's.

    Raises:
        UserError: rows or the suite are not usable, or a probe has a task's name.
    """

    def __init__(self, folder: SequenceFolder) -> None:
        self.folder = folder
        self.recipe = folder.recipe
        self.names = folder.recipe.names
        self.runs = [folder.run(number, self.base_of(number)) for number in range(len(self.names))]
        self.data = [prepare(run) for run in self.runs]
        self.notes: list[str] = []
        """Held-out rows that are not measured, of each task that has some."""
        self.data = [self._without_trained(number) for number in range(len(self.names))]
        self.suite: Suite = suite_of(self.recipe.common)
        self.tasks = [
            task_probes(run.recipe, data.splits)[0].model_copy(update={"name": name, "capability": name})
            for run, data, name in zip(self.runs, self.data, self.names, strict=True)
        ]
        refuse_taken(self.names, self.suite)

    @property
    def probes(self) -> list[Probe]:
        """All tasks, those to come too, and the suite."""
        return [*self.tasks, *self.suite.probes]

    @property
    def base(self) -> str:
        """The model that the sequence begins with."""
        return self.recipe.common.model.base

    def base_of(self, number: int) -> str:
        """The model that a stage begins with: what the one before it left behind."""
        return str(model_folder(self.folder.stage(number - 1)).resolve()) if number else self.base

    def _without_trained(self, number: int) -> Prepared:
        """A stage's rows without held-out ones whose input another stage has trained on.

        Raises:
            UserError: none is left.
        """
        data = self.data[number]
        trained = set().union(*(self._trained(place) for place in range(len(self.names)) if place != number))
        kept = {
            part: tuple(row for row in getattr(data.splits, part) if folded(row.input) not in trained)
            for part in ("dev", "test")
        }
        dropped = len(data.splits.dev) + len(data.splits.test) - sum(map(len, kept.values()))
        if not dropped:
            return data
        name = self.names[number]
        if not all(kept.values()):
            raise UserError(
                f'stages.{number} ("{name}"): no held-out row is left to measure on: earlier stages have trained on '
                "the inputs of all of them.\n  Choose another place with --folder: there they are left out of training."
            )
        self.notes.append(
            f"{dropped} held-out rows of {name} are not measured: an earlier stage had trained on their input when the "
            "task was added."
        )
        counts = {part: len(rows) for part, rows in kept.items()}
        summary = {**data.summary, **counts, "held-out rows that an earlier stage trained on": dropped}
        return data.model_copy(update={"splits": data.splits.model_copy(update=kept), "summary": summary})

    def _trained(self, number: int) -> set[str]:
        """The inputs that a stage trains on, once it has begun."""
        if not (self.runs[number].path / LEFT_OUT).is_file():
            return set()
        return {folded(row.input) for row in self._own_rows(number)}

    def _own_rows(self, number: int) -> tuple[Example, ...]:
        """The training rows of a stage, as it was decided when it began: now, if that was not before."""
        rows = self.data[number].splits.train

        def make() -> LeftOut:
            kept = {row.id for row in self._rows_of(number)}
            return LeftOut(rows=[row.id for row in rows if row.id not in kept])

        left = set(self.runs[number].once(Path(LEFT_OUT).stem, LeftOut, make, "Leaving out what is measured").rows)
        return tuple(row for row in rows if row.id not in left)

    @cached_property
    def _held_out(self) -> list[set[str]]:
        """Of each task the inputs that it is measured on."""
        return [{folded(one.input) for one in (*data.splits.dev, *data.splits.test)} for data in self.data]

    def train_rows(self, number: int) -> tuple[Example, ...]:
        """A stage's training rows, without those whose input another task is measured on."""
        others = set().union(*(inputs for place, inputs in enumerate(self._held_out) if place != number))
        return tuple(row for row in self.data[number].splits.train if folded(row.input) not in others)

    def left_out(self, number: int) -> int:
        """How many rows that were."""
        return len(self.data[number].splits.train) - len(self.train_rows(number))

    def bench(self, number: int) -> StageBench:
        """The tools of one stage: it learns its own task, and earlier ones are capabilities to keep."""
        if number:
            check_whole(self.folder.stage(number - 1))
        run = self.folder.run(number, self.base_of(number))
        self.runs[number] = run
        bench = StageBench(run, self.data[number], [*self.tasks[: number + 1][::-1], *self.suite.probes])
        bench.task_names = frozenset({self.names[number]})
        bench.train_rows = self._own_rows(number)
        if left := len(self.data[number].splits.train) - len(bench.train_rows):
            bench.notes.append(f"{left} training rows were left out: another task is measured on their input")
        return bench

    def bench_for_all(self, run: RunFolder) -> StageBench:
        """The tools of one training on everything."""
        bench = AllTasksBench(run, self.all_rows(), self.probes)
        bench.task_names = frozenset(self.names)
        return bench

    def all_rows(self) -> Prepared:
        """The rows of all tasks together, in an order of chance."""
        parts = {
            "train": [row for number in range(len(self.names)) for row in self._rows_of(number)],
            "dev": [row for data in self.data for row in data.splits.dev],
            "test": [row for data in self.data for row in data.splits.test],
        }
        seed = self.recipe.common.seed
        mixed = {part: tuple(sample(rows, len(rows), seed)) for part, rows in parts.items()}
        counts = {part: len(rows) for part, rows in parts.items()}
        return Prepared(
            splits=Splits(**mixed, summary=SplitSummary(**counts, shifted=0)),
            summary={**counts, **{name: len(self._rows_of(place)) for place, name in enumerate(self.names)}},
            hashes={file: digest for data in self.data for file, digest in data.hashes.items()},
            suite=self.data[0].suite,
        )

    def _rows_of(self, number: int) -> tuple[Example, ...]:
        rows = self.train_rows(number)
        if not rows:
            raise UserError(
                f'stages.{number} ("{self.names[number]}"): no training row is left; other tasks are measured on the '
                "inputs of all of them"
            )
        return rows


def refuse_taken(names: Sequence[str], suite: Suite) -> None:
    """Refuse tasks that are called like a probe of the suite.

    Raises:
        UserError: there is one.
    """
    if taken := sorted({*names, ALL} & {probe.name for probe in suite.probes}):
        raise UserError(f'stages: "{taken[0]}" is the name of a probe of the suite {suite.name} too; rename the task')


class StageBench(Workbench):
    """The tools of a run that measures other probes than its recipe's own."""

    def __init__(self, run: RunFolder, data: Prepared, probes: Sequence[Probe]) -> None:
        super().__init__(run, data)
        self.probes = list(probes)


class AllTasksBench(StageBench):
    """The tools of a training on all tasks: choices look at the answers to all of them together."""

    def setup(self, general: Mapping[str, GeneralSet]) -> Setup:
        """As for any run, with one more task probe: all tasks' items, of those that are scored as shares."""
        setup = super().setup(general)
        names = self.task_names

        def measure_dev(model: TransformersModel) -> list[Measurement]:
            return with_all(setup.measure_dev(model), names)

        def base_dev() -> list[Measurement]:
            return with_all(setup.base_dev(), names)

        return replace(setup, measure_dev=measure_dev, base_dev=cache(base_dev), task_probes=frozenset({ALL}))


def with_all(measured: Sequence[Measurement], tasks: frozenset[str]) -> list[Measurement]:
    """The measurements with those of shares among the tasks put together in one, and the others as they are.

    Where no task is a share, they stay the tasks' own.
    """
    mine = [one for one in measured if one.probe in tasks and one.unit == "share"]
    others = [one for one in measured if one.probe not in tasks]
    if not mine:
        return list(measured)
    named = [(one, f"{one.probe}\x1f") for one in mine]
    scores = {f"{name}{item}": score for one, name in named for item, score in one.scores.items()}
    left_out = {f"{name}{item}": why for one, name in named for item, why in one.left_out.items()}
    clusters = {f"{name}{item}": f"{name}{cluster}" for one, name in named for item, cluster in one.clusters.items()}
    whole = Measurement(
        probe=ALL,
        capability=ALL,
        metric=" and ".join(dict.fromkeys(one.metric for one in mine)),
        value=sum(scores.values()) / len(scores),
        higher_is_better=True,
        unit="share",
        split=mine[0].split,
        scores=scores,
        left_out=left_out,
        clusters=clusters,
        generates=any(one.generates for one in mine),
        settings={"precision": mine[0].settings.get("precision")},
        model=mine[0].model,
    )
    return [whole, *others]
