"""The sentences of a sequence's report, the same in all its kinds."""

from __future__ import annotations

from retain.sequence_records import SequenceRecord

MATRIX = (
    "Rows are models in the order in which they came to be; columns are tasks in the order in which they are learned. "
    "Points of 100 on test items (open-ended units as they are). What stands beside a number is the change since the "
    "task was learned."
)
CURVES = "Each task over the rows of the matrix, on test items. A ring marks the row right after its own stage."
CAPABILITIES = (
    "What the base could do, after each row, on the suite's test items. The mean is the pooled change against the base "
    "with its 95% interval; capabilities near chance on the base are left out of it."
)
JUDGED = (
    "Earlier tasks are held against the row right after their own stage, capabilities of the suite against the base; "
    "both count as what should be kept, with the gate's margins."
)
FORGETTING = (
    "The best that any row had of a task, minus the last row. The greatest of several means is too high by chance; the "
    "interval allows for that (Bonferroni over the rows)."
)
STAGES = (
    "A stage begins with the whole model that the one before left behind, and is held against that model: its own "
    "verdict says what this stage did, with earlier tasks among the capabilities."
)
NUMBERS = {
    "accuracy": ("ACC", "mean over tasks at the end"),
    "backward": ("BWT", "mean change of earlier tasks since they were learned"),
    "forward": ("FWT", "mean change of later tasks before they were learned"),
    "learned": ("Gain", "mean over tasks, right after each was learned"),
}
"""Field of the record -> its short name and what it is."""


def headline(record: SequenceRecord) -> str:
    """The verdict in a sentence."""
    verdict, lost = record.verdict, lost_tasks(record)
    several = len(record.comparison.gains) > 1
    if verdict.outcome == "forgot" and lost:
        return f"{len(lost)} of {len(record.tasks)} tasks were learned and lost again."
    return {
        "forgot": "What the base could do was lost on the way.",
        "retained": "All that was learned and known before is still there, within the margins.",
        "not learned": "Not all tasks were learned." if several else "The tasks were not learned.",
        "inconclusive": "The items do not decide whether everything was kept.",
    }[verdict.outcome]


def lost_tasks(record: SequenceRecord) -> list[str]:
    """Earlier tasks that are judged as forgotten."""
    names = {task.name for task in record.tasks}
    return [one.probe for one in record.verdict.probes if one.outcome == "forgot" and one.probe in names]
