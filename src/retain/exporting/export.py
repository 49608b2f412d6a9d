"""Writes an export, measures it as it ships and judges it; what an earlier go finished is read."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retain.errors import UserError
from retain.export_records import AGAINST_TUNED, EXPORT, ExportedFile, ExportRecord, Form
from retain.exporting import llama_cpp
from retain.exporting.adapter import save_adapter_of
from retain.exporting.gguf_file import write_gguf
from retain.exporting.gguf_types import FILE_TYPES
from retain.exporting.judged import (
    SHIPPED,
    TEST,
    against_base,
    against_tuned,
    may_differ,
    measure_sources,
    measured_in,
    written,
)
from retain.exporting.merged import Dtype, merged_model, save_merged
from retain.exporting.room import check_place, check_room
from retain.exporting.sameness import runtime_sameness, sameness, texts_of
from retain.exporting.source import Source
from retain.folder import whole_folder, write_text
from retain.models.causal import TransformersCausal
from retain.models.licence import AboutBase, about_base
from retain.models.load import Precision
from retain.models.rerank_prompt import FILE as ASKED
from retain.models.rerank_prompt import asked_in
from retain.models.transformers_model import TransformersModel
from retain.progress import Progress
from retain.record_files import read_record, write_record
from retain.records import RunRecord
from retain.reporting.card import render_card
from retain.reporting.write import write_reports
from retain.stages.loading import load_for
from retain.stages.measuring import measure_probes
from retain.sums import file_hash

CARD = "README.md"
BITS_OF = {"fp32": 32.0, "bf16": 16.0}
AS_TRAINED = "as trained"
FOUR_BIT = (
    "The base was loaded in 4 bits. This export holds the numbers that its 4-bit weights stand for, with the update "
    "added, and not the base's original weights: the adapter was trained on the former. It takes as much room as any "
    "model of its type, and packing it into 4 bits again would round once more."
)


def export_source(
    source: Source, form: Form, kind: str, dtype: Dtype, folder: Path, measure: bool, progress: Progress
) -> ExportRecord:
    """Export a model in one form.

    Args:
        source: the model.
        form: merged, adapter or gguf.
        kind: the weights' type, as the record names it.
        dtype: precision in which the update is merged; not read for adapters.
        folder: where it is written; not there yet, empty, or the same export that an earlier go began.
        measure: whether it is measured and judged, too.
        progress: where work is shown.

    Raises:
        UserError: the place is taken, there is no room, or the model cannot be exported in this form.
        BrokenError: llama.cpp failed.
    """
    record = _begun(folder, source, form, kind)
    if record is None:
        check_place(folder)
        check_room(folder, _size(source, form, kind))
        with progress.stage(f"Writing {folder}"):
            record = _written(source, form, kind, dtype, folder)
    if not measure or record.measured_in is not None:
        return record
    return _judged(source, record, folder, progress)


def default_folder(source: Source, form: Form, kind: str) -> Path:
    """Where an export is written when no place is named: in the run's folder, else beside the model's."""
    name = form if form == "adapter" else f"{form}-{kind}"
    if source.run is not None:
        return source.run / "exports" / name
    return source.folder.resolve().with_name(f"{source.name}-{name}")


def _begun(folder: Path, source: Source, form: Form, kind: str) -> ExportRecord | None:
    """What an earlier go of the same export wrote; None where there is nothing.

    Raises:
        UserError: there is another export, or the same of a model that has changed since.
    """
    if not (folder / EXPORT).is_file():
        return None
    found = read_record(folder / EXPORT, ExportRecord)
    mine, theirs = (form, kind, source.fingerprint), (found.form, found.type, found.source)
    if mine != theirs:
        what = "of another model" if mine[:2] == theirs[:2] else f"as {found.form} {found.type}"
        raise UserError(f"--output: {folder} holds an export {what}. Name another place, or remove that folder.")
    return found


def _size(source: Source, form: Form, kind: str) -> int:
    """About how many bytes the export takes at its largest, temporary files included."""
    own = sum(path.stat().st_size for path in source.folder.iterdir() if path.is_file())
    if form == "adapter":
        return own
    from retain.models.size import weights_of

    weights = weights_of(source.base if source.adapter and source.base else str(source.folder)) or 0
    return int(weights * (FILE_TYPES[kind].bits if form == "gguf" else BITS_OF[kind]) / 8)


def _written(source: Source, form: Form, kind: str, dtype: Dtype, folder: Path) -> ExportRecord:
    """Write the files and their record; the folder appears at once or not at all."""
    begun = time.monotonic()
    about = about_base(source.base) if source.base is not None else _about_itself(source)
    file, tensors, notes = ".", {}, _notes(source, form, about)
    with whole_folder(folder) as making:
        if form == "adapter":
            save_adapter_of(source, making)
        else:
            model = merged_model(source, dtype)
            if form == "merged":
                save_merged(model, making)
            else:
                file = f"{_plain(source.name)}-{kind.upper()}.gguf"
                done = write_gguf(
                    _language(model), source.base, kind, making / file, about.licence.lower(), source.name
                )
                tensors, notes = done.tensors, [*notes, *done.notes]
        if form != "gguf" and (source.folder / ASKED).is_file():
            shutil.copyfile(source.folder / ASKED, making / ASKED)
        for text in about.files:
            shutil.copyfile(text, making / text.name)
        record = ExportRecord(
            title=f"{source.name} as {form} {kind}",
            form=form,
            type=kind,
            base=about.hub or about.name if source.base is not None else "",
            source=source.fingerprint,
            file=file,
            files=_files(making),
            tensors=tensors,
            notes=notes,
            seconds={"writing": round(time.monotonic() - begun, 1)},
        )
        write_text(making / CARD, render_card(source.record, about, record, False, asked_in(source.folder)))
        write_record(making / EXPORT, record)
    return record


def _language(model: TransformersModel) -> TransformersModel:
    if not isinstance(model, TransformersCausal):
        from retain.models.yes_no import YesNoReranker

        if not isinstance(model, YesNoReranker):
            raise UserError("--to gguf: a cross-encoder is not written as GGUF here; use --to merged")
    return model


def _about_itself(source: Source) -> AboutBase:
    """A model folder of unknown base: its own licence is kept."""
    return about_base(str(source.folder))


def _notes(source: Source, form: Form, about: AboutBase) -> list[str]:
    found = [] if about.licence else ["The base's licence is not known here: look it up before this is passed on."]
    if about.licence and not about.files:
        found.append(
            f"The text of the base's licence, {about.licence}, is not here: put it beside these files before they are "
            "passed on."
        )
    if source.load_in == "4bit" and form != "adapter":
        found.append(FOUR_BIT)
    if form == "adapter" and source.base is not None and not about.hub:
        found.append(
            f"adapter_config.json names the base as {about.name}, which is on no hub: whoever loads the adapter "
            "elsewhere puts it on that base by hand."
        )
    if form != "adapter" and source.load_in == "bf16" and source.adapter:
        found.append("The base's weights are those that were measured: rounded to bf16.")
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"


def _files(folder: Path) -> list[ExportedFile]:
    return [
        ExportedFile(name=str(path.relative_to(folder)), size=path.stat().st_size, sha256=file_hash(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def _judged(source: Source, record: ExportRecord, folder: Path, progress: Progress) -> ExportRecord:
    """Measure the export and write the reports, the card and the record again."""
    seconds = dict(record.seconds)

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = time.monotonic()
        found = work()
        seconds[name] = round(time.monotonic() - begun, 1)
        return found

    before = timed("before the export", lambda: measure_sources(source, progress))
    precision = measured_in(source, record.form, record.type)
    place = folder if record.file == "." else folder / record.file
    with progress.stage(f"Measuring {place}"):
        model = load_for(source.probes, str(place), precision)
        model.progress = progress.update
        same = sameness(before.answers, model)
        after = timed("measuring", lambda: measure_probes(model, source.probes, TEST, written(folder)))
        runtime = None
        if record.form == "gguf" and llama_cpp.here() and isinstance(model, TransformersCausal):
            texts = texts_of(source.probes)
            runtime = timed("llama.cpp", lambda: runtime_sameness(place, model, texts))
    name = record.title
    allowed = may_differ(source, record.form, precision)
    tuned = against_tuned(source, before, after, name, allowed)
    base = against_base(source, before, after, name, record.file, allowed) if before.base else None
    notes = [*_precision_notes(source, record, precision), *_measured_notes(record, same, runtime)]
    found = record.model_copy(
        update={
            "measured_in": precision,
            "measured_through": _through(record),
            "same": same,
            "runtime": runtime,
            "against_base": base.verdict if base is not None else None,
            "against_tuned": tuned.verdict,
            "seconds": seconds,
            "notes": [*record.notes, *notes],
        }
    )
    _write_reports(folder, base, tuned)
    about = about_base(source.base) if source.base is not None else _about_itself(source)
    write_text(folder / CARD, render_card(base or source.record, about, found, True, asked_in(source.folder)))
    write_record(folder / EXPORT, found)
    return found


def _write_reports(folder: Path, base: RunRecord | None, tuned: RunRecord) -> None:
    """The comparison with the base in the folder itself, the one with the unexported model in a folder of its own.

    Where the base is not known, the latter is all there is, and lies in the folder itself.
    """
    place = folder / AGAINST_TUNED if base is not None else folder
    write_record(place / "record.json", tuned)
    write_reports(tuned, place)
    if base is not None:
        write_record(folder / "record.json", base)
        write_reports(base, folder)


def _through(record: ExportRecord) -> str:
    if record.form == "gguf":
        return "transformers, with the file's weights unpacked (dequantised)"
    return "transformers and PEFT" if record.form == "adapter" else "transformers"


def _precision_notes(source: Source, record: ExportRecord, precision: Precision) -> list[str]:
    """Where the export was measured otherwise than the model before, or otherwise than the file holds its weights."""
    found = []
    if precision != source.load_in:
        found.append(
            f"It was measured in {precision}, and the model before the export in {source.load_in}: a part of the "
            "change may come from that."
        )
    if record.form == "gguf" and precision == "bf16" and SHIPPED.get(record.type) != "bf16":
        found.append(
            f"The file's weights were rounded to bf16 to measure them, as the run's were; what {record.type} holds "
            "beyond that is in no score."
        )
    return found


def _measured_notes(record: ExportRecord, same: Any, runtime: Any) -> list[str]:
    found = []
    if same.split_otherwise:
        found.append(
            f"{same.split_otherwise} of {same.texts} texts are cut into other tokens by the export's tokenizer than "
            "before."
        )
    if runtime is not None and runtime.split_otherwise:
        found.append(
            f"llama.cpp cuts {runtime.split_otherwise} of {runtime.texts} texts into other tokens than transformers "
            "does with the same file: what was measured is not wholly what llama.cpp will answer."
        )
    if record.form == "gguf" and runtime is None:
        found.append(
            "llama.cpp is not installed here (extra gguf): that it reads this file as it was measured is untested."
        )
    return found
