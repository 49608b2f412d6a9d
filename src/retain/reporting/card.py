"""The model card: what the model is, what was measured of it, how to repeat that, and what it is not for."""

from __future__ import annotations

import re
from typing import Any

import yaml

from retain.export_records import AGAINST_TUNED, ExportRecord, Sameness
from retain.models.licence import AboutBase
from retain.records import RunRecord
from retain.reporting import terms
from retain.reporting.facts import as_plain, as_yaml
from retain.reporting.markdown_table import markdown_table
from retain.reporting.numbers import count, number_of, share
from retain.reporting.tables import Row, gain_rows, loss_rows, pooled_row, unproven
from retain.reporting.text import fenced, markdown, words

LIBRARIES = {"merged": "transformers", "adapter": "peft", "gguf": "gguf"}
COUNTED = ("shape", "train", "dev", "test", "shifted", "queries", "documents")
"""What a card says of the data: counts, never a row."""


def render_card(
    record: RunRecord | None,
    about: AboutBase,
    export: ExportRecord | None = None,
    measured: bool = True,
    asked: str = "",
) -> str:
    """The card as markdown with the front matter that model hubs read; all foreign text is escaped.

    Args:
        record: base against the model; None where there is no such comparison.
        about: the base.
        export: the export that the card lies in; None for a run's own card.
        measured: whether ``record`` measured this very model; False for an export that was not measured.
        asked: how a language model that reranks is asked; empty for any other model.
    """
    title = export.title if export is not None else record.title if record is not None else about.name
    sections = [
        _front(about, export, record, bool(asked)),
        f"# {markdown(title)}",
        _about(record, about, export),
        _made(record),
        _asked(asked),
        _scores(record, measured),
        _exported(export),
        _repeat(record, export),
        _limits(record, measured),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _front(about: AboutBase, export: ExportRecord | None, record: RunRecord | None, asked: bool) -> str:
    """No ``model-index``: hubs would show its scores beside benchmarks that were measured in other ways."""
    ranks = record is not None and any(one.metric.split("@")[0] in _RANKING for one in record.after)
    form = export.form if export is not None else "merged"
    library = "sentence-transformers" if ranks and not asked and form == "merged" else LIBRARIES[form]
    values: dict[str, Any] = {}
    if _LICENCE.fullmatch(about.licence):
        values["license"] = about.licence.lower()
    if about.hub:
        values["base_model"] = about.hub
        values["base_model_relation"] = {"adapter": "adapter", "gguf": "quantized"}.get(form, "finetune")
    values["library_name"] = library
    values["pipeline_tag"] = "text-ranking" if ranks else "text-generation"
    values["tags"] = ["retain"]
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True).rstrip()}\n---"


_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
"""What front matter takes for a licence's name; anything longer is in the text alone."""
_RANKING = ("nDCG", "MRR", "MAP", "recall")


def _about(record: RunRecord | None, about: AboutBase, export: ExportRecord | None) -> str:
    named = export.base if export is not None else about.hub or about.name
    licence = (
        f"its licence is {markdown(about.licence)}" if about.licence else "its licence is not known here: look it up"
    )
    if not named:
        return f"The base of this model is not known; {licence.replace('its', 'the')}."
    made = "" if record is None or record.training is None else f" by {markdown(record.training.method)} with Retain"
    return f"Fine-tuned from **{markdown(named)}**{made}; {licence}."


def _made(record: RunRecord | None) -> str:
    """Data in counts, method, mitigations and choices."""
    if record is None or record.training is None:
        return ""
    training = record.training
    lines = [
        f"- {markdown(words(name))}: {markdown(str(record.data[name]))}" for name in COUNTED if record.data.get(name)
    ]
    lines += [
        f"- method: {markdown(training.method)}, {number_of(training.steps, 'step')} on "
        f"{number_of(training.examples, 'example')}; {count(training.trained_parameters)} weights were trained"
    ]
    lines += [f"- mitigation: {markdown(_one_line(one), 600)}" for one in (record.recipe or {}).get("mitigations", [])]
    lines += [f"- {words(one.what)}: {one.chosen:.6g}, chosen on dev items" for one in record.choices]
    return _section("How it was made", "\n".join(lines))


def _asked(asked: str) -> str:
    """The prompt of a language model that reranks, without which its scores mean nothing."""
    if not asked:
        return ""
    told = (
        "A pair's score is the logit of the token `yes` less that of the token `no` after this question. Where the "
        "question is null the pair is two turns of the chat template, `query` and `document`. The instruction is the "
        "system's turn."
    )
    return _section("How it is asked", told, fenced(asked, "json"))


def _one_line(mitigation: Any) -> str:
    """``lora (rank 16, variant lora)``."""
    values = dict(as_plain(mitigation))
    kind = values.pop("kind", "")
    told = ", ".join(f"{words(key)} {value}" for key, value in values.items() if value is not None)
    return f"{kind} ({told})" if told else str(kind)


def _scores(record: RunRecord | None, measured: bool) -> str:
    if record is None:
        return _section("What was measured", "Nothing: no comparison with its base is here.")
    told = f"**Verdict: {terms.outcome(record)}.** {terms.headline(record)}"
    if not measured:
        told = f"**These files were not measured.** The numbers are of the run's own model. {told}"
    demonstration = f"> {terms.DEMONSTRATION}" if record.verdict.gate.demonstration else ""
    pooled = pooled_row(record)
    rows = [*gain_rows(record), *([pooled] if pooled else []), *loss_rows(record)]
    columns = ["Ability", "Measured by", "Base", "This model", "Change", "95% interval", "Items", "Outcome"]
    table = markdown_table(columns, map(_row, rows), numbers=range(2, 7))
    return _section("What was measured", *filter(None, [told, demonstration, table, f"{terms.UNITS} {terms.INTERVAL}"]))


def _row(row: Row) -> list[str]:
    label = f"**{markdown(row.label)}**" if row.pooled else markdown(row.label)
    return [label, markdown(row.source), row.before, row.after, row.delta, row.interval, row.items, row.outcome]


def _exported(export: ExportRecord | None) -> str:
    if export is None:
        return ""
    told = [f"- form: {export.form}, {markdown(export.type)}"]
    if export.tensors:
        told.append(
            "- tensors: " + ", ".join(f"{count(many)} in {markdown(kind)}" for kind, many in export.tensors.items())
        )
    if export.measured_in is not None:
        told.append(f"- measured through {export.measured_through}, arithmetic in {export.measured_in}")
    if export.same is not None:
        told.append(f"- against the model before the export: {_same(export.same)}")
    if export.runtime is not None:
        told.append(f"- llama.cpp against what was measured: {_same(export.runtime, 'log-probabilities')}")
    if export.against_tuned is not None:
        told.append(f"- verdict on the export alone: **{export.against_tuned.outcome}** (`{AGAINST_TUNED}/report.md`)")
    told += [f"- {markdown(note, 600)}" for note in export.notes]
    return _section("This export", "\n".join(told), *_use(export))


def _same(same: Sameness, what: str = "logits") -> str:
    if same.agreement is None:
        return f"scores of {number_of(same.positions, 'pair')} differ by at most {same.largest:.3g}"
    kept = share(same.agreement, 1)
    return (
        f"{what} after {number_of(same.positions, 'token')} differ by at most {same.largest:.3g}, and the most likely "
        f"token is the same at {kept} of them"
    )


def _use(export: ExportRecord) -> list[str]:
    if export.form == "gguf":
        return [fenced(f"llama-server -m {export.file}", "sh")]
    if export.form == "adapter":
        code = (
            "from peft import PeftModel\nmodel = PeftModel.from_pretrained(base, FOLDER)  # base: the model named above"
        )
        return [fenced(code, "python")]
    return []


def _repeat(record: RunRecord | None, export: ExportRecord | None) -> str:
    if record is None or not record.recipe:
        return ""
    parts = ["The recipe, with every default filled in:", fenced(as_yaml(record.recipe), "yaml", most=100_000)]
    commands = ["retain run recipe.yaml --folder RUN"]
    if export is not None:
        kind = f" --type {export.type}" if export.form == "gguf" else ""
        commands.append(f"retain export RUN --to {export.form}{kind}")
    versions = record.provenance.get("versions", {})
    installed = (
        ", ".join(f"{name} {version}" for name, version in versions.items()) if isinstance(versions, dict) else ""
    )
    told = f"Measured with {markdown(installed, 1000)}." if installed else ""
    return _section("How to repeat it", fenced("\n".join(commands), "sh"), *parts, *filter(None, [told]))


def _limits(record: RunRecord | None, measured: bool) -> str:
    """What no number here speaks for."""
    lines = []
    if record is not None:
        lines = [
            "- Any ability that is not in the table above: it was not measured, and may be better or worse than the "
            "base's."
        ]
        lines += [
            f"- {markdown(row.label)}: {row.items} items cannot show whether it is still there."
            for row in unproven(record)
        ]
        lost = [row for row in loss_rows(record) if row.outcome == "forgot"]
        lines += [
            f"- {markdown(row.label)}: forgotten (a change of {row.delta}; the margin is {row.margin})." for row in lost
        ]
        if record.verdict.gate.demonstration:
            lines.append("- Any use: this is a demonstration.")
    elif measured:
        lines.append("- Any claim about what its base could do: nothing was compared with a base.")
    if not measured:
        lines.append("- Anything, before it is measured: these files were written and not measured.")
    return _section("What it is not for", "\n".join(lines))


def _section(title: str, *parts: str) -> str:
    return "\n\n".join([f"## {title}", *parts])
