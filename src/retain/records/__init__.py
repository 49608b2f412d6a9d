"""What flows between the stages: frozen, typed, written as JSON. Item ids are hashes of content.

Scores are in their natural unit (a share lies in 0..1). Changes are in *points* of 100 for shares and in
*percent of the base's value* for open-ended units such as bits per byte. A missing score is missing, never zero.
"""

from retain.records.base import Record, Versioned, content_hash
from retain.records.comparison import Change, Comparison, ExamplePair, NoiseFloor, Recital, Recitation, Rewards, Symptom
from retain.records.measurement import Calibration, CalibrationBin, Measurement, PairLikelihood, Response, Split
from retain.records.run import RunRecord
from retain.records.training import Alarm, Candidate, Choice, HeldOutLosses, KlReading, RowsAtStart, Training
from retain.records.verdict import EXIT_CODES, Gate, Outcome, ProbeVerdict, Verdict

__all__ = [
    "EXIT_CODES",
    "Alarm",
    "Calibration",
    "CalibrationBin",
    "Candidate",
    "Change",
    "Choice",
    "Comparison",
    "ExamplePair",
    "Gate",
    "HeldOutLosses",
    "KlReading",
    "Measurement",
    "NoiseFloor",
    "Outcome",
    "PairLikelihood",
    "ProbeVerdict",
    "Recital",
    "Recitation",
    "Record",
    "Response",
    "Rewards",
    "RowsAtStart",
    "RunRecord",
    "Split",
    "Symptom",
    "Training",
    "Verdict",
    "Versioned",
    "content_hash",
]
