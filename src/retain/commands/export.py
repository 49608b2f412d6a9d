"""``retain export``: ships what was measured, and measures what is shipped."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

from retain.at_work import working_in
from retain.commands.measure import one_of
from retain.errors import UserError
from retain.export_records import FORMS, ExportRecord, Form
from retain.exporting.export import AS_TRAINED, default_folder, export_source
from retain.exporting.gguf_types import check_type
from retain.exporting.merged import DTYPES, Dtype
from retain.exporting.source import Source, find_source
from retain.progress import Progress

GGUF_TYPE = "q8_0"


def export(
    run: str | Path,
    to: str = "merged",
    type: str | None = None,
    output: str | Path | None = None,
    load_in: str | None = None,
    measure: bool = True,
    suite: str | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> ExportRecord:
    """Write a tuned model in the form that is shipped, measure that, and judge it twice.

    Against the base: did it forget? Against the model before the export: was quality lost in the export? A run's items,
    settings, margins and stored measurements are used; a model of another origin is measured here.

    Args:
        run: a finished run's folder, or the folder of a model or an adapter.
        to: ``merged`` (safetensors, base + strength * update), ``adapter`` (as PEFT loads it, the strength in it) or
            ``gguf`` (one file, as llama.cpp serves it).
        type: of GGUF: ``f16``, ``bf16``, ``f32`` or ``q8_0``; with the extra ``gguf`` also ``q6_k``,
            ``q5_k_m``, ``q5_k_s``, ``q4_k_m`` and ``q4_k_s``. ``q8_0`` when None.
        output: a folder that is not there yet, or empty; in the run's folder (beside a model's) when None.
        load_in: ``fp32`` or ``bf16``. Merged: the type of the weights, the run's when None. GGUF: the type in which the
            update is merged before it is stored, fp32 when None.
        measure: False writes only, and judges nothing.
        suite: what a model of another origin is measured with, ``core`` when None; a run has its own.
        limit: at most this many test items per probe, for such a model.
        progress: where work is shown; on standard error when None.

    Raises:
        UserError: the run is not finished, an option or the place is wrong, or the model cannot be exported so.
        FaultError: the export lies in the run's folder, and another process works there.
        MissingExtraError: the type takes llama.cpp, which is not installed.
        BrokenError: llama.cpp failed.
    """
    form: Form = one_of("--to", to, FORMS)
    source = find_source(run, suite or "core", limit)
    _check_options(source, form, type, load_in, suite, limit)
    dtype: Dtype = one_of("--load-in", load_in or _own(source, form), DTYPES)
    kind = check_type(type or GGUF_TYPE) if form == "gguf" else AS_TRAINED if form == "adapter" else dtype
    folder = Path(os.path.expanduser(output)) if output is not None else default_folder(source, form, kind)
    own = source.run
    inside = own is not None and folder.resolve().is_relative_to(own.resolve())
    with working_in(own, "--output") if own is not None and inside else nullcontext():
        return export_source(source, form, kind, dtype, folder, measure, progress or Progress())


def _own(source: Source, form: Form) -> str:
    """The precision of the merged weights where none is named."""
    if form == "gguf":
        return "fp32"
    return "bf16" if source.load_in == "4bit" else source.load_in


def _check_options(
    source: Source, form: Form, kind: str | None, load_in: str | None, suite: str | None, limit: int | None
) -> None:
    """Refuse options that nothing would read.

    Raises:
        UserError: there is one.
    """
    if kind is not None and form != "gguf":
        raise UserError(f"--type: types are for --to gguf; the type of a merged model is --load-in (found --to {form})")
    if load_in is not None and form == "adapter":
        raise UserError("--load-in: an adapter is written as it was trained; leave it out")
    if source.run is not None and (suite is not None or limit is not None):
        raise UserError("--suite and --limit: a run is measured on its own items again; leave them out")
