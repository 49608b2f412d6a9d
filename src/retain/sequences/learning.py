"""One training of a sequence: the stages of a run, on its own rows and those remembered, up to the whole model."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path

from retain.comparison.compare import compare
from retain.comparison.gate import judge
from retain.comparison.read_symptoms import read_symptoms
from retain.data.example import answers_of
from retain.errors import DamagedError
from retain.mitigations.base import Mitigation
from retain.models.transformers_model import TransformersModel
from retain.record_files import read_record
from retain.records import Measurement, RunRecord
from retain.sequences.adapters import check_whole, model_folder, stage_mitigations, write_whole
from retain.sequences.course import Course, StageBench
from retain.sequences.folder import BASE
from retain.sequences.memory import MemoryRows, Remembered, remember
from retain.sequences.rows import measured_row
from retain.stages.choosing import choose
from retain.stages.finishing import finish
from retain.stages.general import general_text
from retain.stages.loading import load_for
from retain.stages.measuring import measure_before
from retain.stages.prepare import Prepared
from retain.stages.run_folder import RunFolder
from retain.stages.scanning import find_rate
from retain.stages.training import train


def begin(course: Course) -> list[Measurement]:
    """Do what only the base can do, before it is changed: its row of the matrix, and the general text of all stages.

    Text that the base writes is written once and shared: every stage is held to how the base wrote, not to how a later
    model did.

    Raises:
        UserError: the model cannot be loaded or is an adapter, or general text is not usable.
    """
    together = course.recipe.settings.plan == "together"
    runs = [course.folder.together()] if together else course.runs
    base = StageBench(course.runs[0], course.data[0], course.probes)
    row = measured_row(course.folder.path / BASE, course.probes, base.base)
    for run in runs:
        general_text(run, base)
    return row


def learn_stage(course: Course, number: int) -> RunRecord:
    """Learn one task where the stage before ended, and write what the whole model is then; read if it was done before.

    The model that the stage begins with is its base in every respect: kl_to_base keeps what it says, strength goes from
    it to what was trained, and the margins on dev items count the earlier tasks among its capabilities.

    Raises:
        UserError: as the stages of a run.
        BrokenError: training broke.
    """
    done = course.folder.stage(number) / "record.json"
    if done.is_file():
        return finished_record(done)
    name, settings = course.names[number], course.recipe.settings
    course.folder.progress.say(f"Stage {number + 1} of {len(course.names)}: {name}")
    bench = course.bench(number)
    run = bench.run
    before = measure_before(run, bench)
    memory = remember(course, number, bench, general_text(run, bench))
    mitigations = stage_mitigations(
        run.recipe.mitigations, settings.adapters, number, course.folder.stage(max(0, number - 1))
    )
    return _learned(course, bench, course.data[number], before, mitigations, memory)


def finished_record(path: Path) -> RunRecord:
    """What a finished stage wrote.

    Raises:
        DamagedError: the file does not hold that; without it the record is put together again.
    """
    try:
        return read_record(path, RunRecord)
    except DamagedError as error:
        raise DamagedError(error.what, [path]) from None


def learn_together(course: Course) -> RunRecord:
    """Learn all tasks in one training; read if it was done before.

    Raises:
        UserError: as the stages of a run.
        BrokenError: training broke.
    """
    run = course.folder.together()
    done = run.path / "record.json"
    if done.is_file():
        return finished_record(done)
    bench = course.bench_for_all(run)
    return _learned(course, bench, course.all_rows(), measure_before(run, bench), run.recipe.mitigations, None)


def _learned(
    course: Course,
    bench: StageBench,
    data: Prepared,
    before: list[Measurement],
    mitigations: Sequence[Mitigation],
    memory: Remembered | None,
) -> RunRecord:
    run = bench.run
    general = general_text(run, bench)
    rows = tuple(row for part in memory.rows.values() for row in part) if memory else ()
    if memory is not None:
        bench.notes += [_told(memory), *memory.notes]
        mitigations = [MemoryRows(rows=rows, own=len(bench.train_rows)), *mitigations]
    at_work = _with(run, mitigations)
    rate = find_rate(at_work, bench, general)
    training = train(at_work, bench, general, rate)
    chosen = choose(at_work, bench, general)
    write_whole(run.path)
    names = [probe.name for probe in bench.probes]
    row = {one.probe: one for one in row_after(course, run)}
    after = [row[name] for name in names]
    comparison = compare(before, after, bench.task_names, "start of the stage", "end of the stage")
    comparison = read_symptoms(comparison, before, after, answers_of(bench.train_rows), None)
    verdict = judge(comparison, run.recipe.gate)
    return finish(run, data, general, rate, training, chosen, before, after, [], None, comparison, verdict)


def row_after(course: Course, run: RunFolder) -> list[Measurement]:
    """The matrix's row of a run's whole model: all tasks, those to come too, and the suite."""
    place = model_folder(run.path)

    def load() -> TransformersModel:
        check_whole(run.path)
        run.progress.say("Measuring all tasks")
        model = load_for(course.probes, str(place), course.recipe.common.model.load_in)
        model.progress = run.progress.update
        return model

    return measured_row(run.path, course.probes, load if (place / "config.json").is_file() else None)


def _with(run: RunFolder, mitigations: Sequence[Mitigation]) -> RunFolder:
    """The run with the mitigations that are really at work; its folder says those of the recipe."""
    at_work = copy(run)
    at_work.recipe = run.recipe.model_copy(update={"mitigations": list(mitigations)})
    return at_work


def _told(memory: Remembered) -> str:
    parts = ", ".join(f"{count} of {name}" for name, count in memory.counts.items())
    return f"rows of earlier tasks that were trained on again: {parts} ({memory.tokens} tokens)"
