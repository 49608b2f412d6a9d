"""What ``retain export`` writes down of one export, beside the comparisons that judge it."""

from __future__ import annotations

from typing import Literal

from retain.records import EXIT_CODES, Outcome, Record, Verdict, Versioned

Form = Literal["merged", "adapter", "gguf"]
FORMS: tuple[Form, ...] = ("merged", "adapter", "gguf")
EXPORT = "export.json"
"""Name of the record in an export's folder."""
AGAINST_TUNED = "against-tuned"
"""Folder in it, of the comparison with the model that was exported."""


class Sameness(Record):
    """How far two forms of one model differ on the same tokens."""

    texts: int
    positions: int
    """Tokens after which their next-token logits were compared; for rerankers the pairs that were scored."""
    largest: float
    """Largest difference of a logit; for rerankers of a score; for llama.cpp of a log-probability of a likely token."""
    agreement: float | None
    """Share of positions at which both hold the same token for the most likely one; None for rerankers."""
    split_otherwise: int = 0
    """Texts that the two forms' tokenizers do not cut into the same tokens."""


class ExportedFile(Record):
    """One file of an export."""

    name: str
    size: int
    """In bytes."""
    sha256: str


class ExportRecord(Versioned):
    """One export: what was written, how it was measured, and the two verdicts on it."""

    title: str
    form: Form
    type: str
    """The weights' type: ``fp32``, ``bf16`` or a type of GGUF."""
    base: str
    """The base's name; empty where it is not known."""
    source: str
    """Fingerprint of what was exported: another one in the same place is another export."""
    file: str
    """What a program loads, relative to the export's folder; ``.`` for the folder itself."""
    files: list[ExportedFile]
    tensors: dict[str, int] = {}
    """Type -> how many tensors are stored in it."""
    measured_in: str | None = None
    """Precision of the arithmetic in which it was measured; None where it was not measured."""
    measured_through: str = ""
    """The program that answered the items."""
    same: Sameness | None = None
    """The export against the model that was exported."""
    runtime: Sameness | None = None
    """GGUF: llama.cpp's own answers against those that were measured; None where llama.cpp is not installed."""
    against_base: Verdict | None = None
    """Did the export forget? None where it was not measured, or its base is not known."""
    against_tuned: Verdict | None = None
    """Is quality lost in the export? The task's items count as a capability here."""
    notes: list[str] = []
    seconds: dict[str, float] = {}
    """Part -> wall time."""

    @property
    def outcome(self) -> Outcome | None:
        """The worse of the two verdicts; None where nothing was measured."""
        found = [one for one in (self.against_base, self.against_tuned) if one is not None]
        return worse(found).outcome if found else None


def worse(verdicts: list[Verdict]) -> Verdict:
    """The verdict that stands in the way of shipping most; the first of equals."""
    order: list[Outcome] = ["forgot", "not learned", "inconclusive", "retained"]
    return min(verdicts, key=lambda verdict: order.index(verdict.outcome))


def export_exit(record: ExportRecord) -> int:
    """The exit code: that of the worse verdict, and 0 where nothing was to be measured."""
    return EXIT_CODES[record.outcome] if record.outcome else 0
