"""The short text that ends an export in the terminal."""

from __future__ import annotations

from retain.export_records import AGAINST_TUNED, ExportRecord, Sameness
from retain.records import Verdict
from retain.reporting.columns import WIDTH, page_of
from retain.reporting.numbers import share
from retain.reporting.terms import outcome_of
from retain.reporting.text import one_line


def render_export(record: ExportRecord, folder: str = "", width: int = WIDTH) -> str:
    """What was written, the two verdicts and how far the export is from what it was made of.

    Lines have at most ``width`` columns, between 60 and 100.
    """
    size = sum(file.size for file in record.files)
    lines = [f"{one_line(record.title)}: {size / 1e6:.1f} MB{f' in {folder}' if folder else ''}"]
    if record.tensors:
        lines.append("  tensors: " + ", ".join(f"{name} {count}" for name, count in record.tensors.items()))
    if record.outcome is None:
        lines.append("  not measured")
    lines += _verdict("against the base", record.against_base, "")
    lines += _verdict("against the model before the export", record.against_tuned, f"{AGAINST_TUNED}/")
    lines += _same("the export's logits", record.same)
    lines += _same("llama.cpp's log-probabilities of likely tokens", record.runtime)
    lines += [f"  note: {one_line(note, 400)}" for note in record.notes]
    return page_of(width).fitted("\n".join(lines))


def _verdict(against: str, verdict: Verdict | None, place: str) -> list[str]:
    if verdict is None:
        return []
    told = [f"  {against}: {outcome_of(verdict).upper()} ({place}report.html)"]
    return told + [f"    - {one_line(reason, 200)}" for reason in verdict.reasons[:5]]


def _same(what: str, same: Sameness | None) -> list[str]:
    if same is None:
        return []
    alike = "" if same.agreement is None else f"; the most likely token is the same at {share(same.agreement, 1)}"
    return [f"  {what} differ by at most {same.largest:.3g} at {same.positions} places{alike}"]
