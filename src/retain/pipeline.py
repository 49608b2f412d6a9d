"""What ``retain run`` does, from the recipe to the report. Arrows never turn back."""

from __future__ import annotations

from pathlib import Path

from retain import processes
from retain.at_work import working_in
from retain.comparison.compare import compare
from retain.comparison.gate import judge
from retain.comparison.read_symptoms import read_symptoms
from retain.data.example import answers_of
from retain.process_rules import check_processes
from retain.progress import Progress
from retain.recipe import Recipe, portable
from retain.records import RunRecord
from retain.stages.choosing import choose
from retain.stages.finishing import finish
from retain.stages.general import general_text
from retain.stages.measuring import measure_after, measure_before
from retain.stages.metering import read_meter
from retain.stages.negatives import find_negatives
from retain.stages.prepare import prepare
from retain.stages.reciting import try_recitation
from retain.stages.run_folder import RunFolder
from retain.stages.scanning import find_rate
from retain.stages.setting_up import Workbench
from retain.stages.training import train


def run_recipe(recipe: Recipe, folder: Path, progress: Progress) -> RunRecord:
    """Measure, train, choose, measure again, compare, judge, report; goes on where an earlier go stopped.

    Raises:
        UserError: the recipe's data, model or folder is not usable.
        FaultError: another process works in the folder, or a file could not be read or written.
        BrokenError: training broke, or memory ran out.
    """
    check_processes(recipe, processes.size())
    with working_in(folder):
        return _run(RunFolder(folder, recipe, progress, unread=("advise", "frontier")))


def _run(run: RunFolder) -> RunRecord:
    data = prepare(run)
    bench = Workbench(run, data)
    before = measure_before(run, bench)
    general = general_text(run, bench)
    find_negatives(run, bench)
    rate = find_rate(run, bench, general)
    training = train(run, bench, general, rate)
    chosen = choose(run, bench, general)
    after = measure_after(run, bench)
    kl = read_meter(run, bench, data, general)
    recitation = try_recitation(run, bench, data, training, before[0].model)
    comparison = compare(before, after, bench.task_names, portable(run.recipe)["model"]["base"], "tuned")
    comparison = read_symptoms(comparison, before, after, answers_of(bench.train_rows), recitation)
    verdict = judge(comparison, run.recipe.gate)
    return finish(run, data, general, rate, training, chosen, before, after, kl, recitation, comparison, verdict)
