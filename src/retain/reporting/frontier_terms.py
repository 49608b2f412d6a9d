"""The sentences of a frontier's report, the same in all its kinds."""

from __future__ import annotations

NONE = "No arm could be measured."
FIGURE = (
    "Each curve is an arm over its strengths, on dev items, with 95% intervals; the base stands at zero. Filled points "
    "pass every margin, hollow ones do not. A square is a plain fine-tune at full strength, the diamond the point to "
    "take."
)
ARMS = (
    "Gain and loss in points of 100 (a gain in bits per byte: percent of the base's value), with 95% intervals. "
    "Choices are made on dev items; none has seen a test item."
)
PARETO = (
    "Pareto: no other point beats it in both gain and mean loss; where nothing but bits per byte is measured, in gain "
    "and the loss of the worst capability."
)
INTERVALS = (
    "Means over seeds have the interval of items and of seeds (Student's t); one seed says nothing of other seeds."
)


def factor(numeric: bool) -> str:
    """What the figure of one factor shows."""
    kind = "Levels stand at equal distances." if numeric else "Colours are the arms' verdicts."
    return (
        "Arms that differ in one thing, on test items, with 95% intervals, each at the strength that it chose on dev "
        f"items (one strength, such as strengths: [1.0], leaves the factor alone). {kind}"
    )
