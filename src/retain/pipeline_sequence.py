"""What ``retain run`` does with a recipe that has stages: several tasks, one after another."""

from __future__ import annotations

from pathlib import Path

from retain.at_work import working_in
from retain.progress import Progress
from retain.sequence_recipe import SequenceRecipe
from retain.sequence_records import SequenceRecord
from retain.sequences.course import Course
from retain.sequences.folder import SequenceFolder
from retain.sequences.judging import finish_sequence
from retain.sequences.learning import begin, learn_stage, learn_together, row_after


def run_sequence(recipe: SequenceRecipe, folder: Path, progress: Progress) -> SequenceRecord:
    """Measure, learn each task where the one before ended, measure all tasks after each, judge, report.

    What was finished is read; a stage that was added since the folder was made is learned after the others.

    Raises:
        UserError: the recipe's data, model or folder is not usable, or an earlier stage has changed.
        FaultError: another process works in the folder, or a file could not be read or written.
        BrokenError: training broke, or memory ran out.
    """
    with working_in(folder):
        return _run(Course(SequenceFolder(folder, recipe, progress)))


def _run(course: Course) -> SequenceRecord:
    base = begin(course)
    if course.recipe.settings.plan == "together":
        runs = [learn_together(course)]
        rows = [base, row_after(course, course.folder.together())]
    else:
        runs = [learn_stage(course, number) for number in range(len(course.names))]
        rows = [base, *(row_after(course, run) for run in course.runs)]
    return finish_sequence(course, rows, runs)
