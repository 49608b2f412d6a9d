"""The quickstart's run exported in each form, measured and judged. See README.md.

python benchmarks/export/run.py                                    # results/quickstart.json
python benchmarks/export/run.py --only gguf:q8_0 gguf:q4_k_m
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from retain.commands.export import export
from retain.commands.run import run
from retain.export_records import AGAINST_TUNED, ExportRecord
from retain.exporting.export import default_folder
from retain.exporting.source import find_source
from retain.progress import Progress
from retain.provenance import provenance
from retain.record_files import read_record, write_json
from retain.records import Change, RunRecord

HERE = Path(__file__).parent
RECIPE = HERE.parents[1] / "examples" / "quickstart" / "recipe.yaml"
ADAPTER = [
    "mitigations=[{kind: lora, rank: 8}, {kind: kl_to_base, weight: 3.0, share: 1.0}, "
    "{kind: strength, values: [0.8, 1.0]}]",
    "training.learning_rate=2.0e-3",
]
"""What is changed in the quickstart's recipe: an adapter, and a rate at which it learns the task."""
FORMS: list[dict[str, str]] = [
    {"to": "adapter"},
    {"to": "merged", "load_in": "fp32"},
    {"to": "merged", "load_in": "bf16"},
    {"to": "gguf", "type": "f16"},
    {"to": "gguf", "type": "q8_0"},
    {"to": "gguf", "type": "q4_k_m"},
]
KEPT = {"probe", "capability", "unit", "before", "after", "delta", "low", "high", "loss_high", "items", "won", "lost"}
"""Of each change in the committed results."""


def main() -> None:
    """Run where no finished run is there yet, export in every form, and write the results down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--run", type=Path, default=Path("runs/export"), help="the run's folder; finished ones are read"
    )
    parser.add_argument("--name", default="quickstart", help="of the file of results")
    parser.add_argument(
        "--only", nargs="+", help="forms and types, such as merged:bf16 gguf:q8_0; all of them if left out"
    )
    parser.add_argument("--set", action="append", default=[], help="replaces a setting of the recipe")
    asked = parser.parse_args()
    progress = Progress()
    if not (asked.run / "record.json").is_file():
        run(RECIPE, asked.run, [*ADAPTER, *asked.set], progress)
    record = read_record(asked.run / "record.json", RunRecord)
    found = [exported(asked.run, form, progress) for form in FORMS if not asked.only or named(form) in asked.only]
    write_json(
        HERE / "results" / f"{asked.name}.json",
        {
            "recipe": record.recipe,
            "provenance": provenance(0),
            "run": {"verdict": record.verdict.outcome, **changes(record)},
            "exports": found,
        },
    )


def named(form: dict[str, str]) -> str:
    """``gguf:q8_0``, ``adapter``."""
    return ":".join([form["to"], *(value for key, value in form.items() if key != "to")])


def exported(folder: Path, form: dict[str, str], progress: Progress) -> dict[str, Any]:
    """One export with its two comparisons."""
    found = export(folder, **form, progress=progress)
    place = default_folder(find_source(folder), found.form, found.type)
    base, tuned = (read_record(one / "record.json", RunRecord) for one in (place, place / AGAINST_TUNED))
    return {"export": plain(found), "against base": changes(base), "against tuned": changes(tuned)}


def plain(found: ExportRecord) -> dict[str, Any]:
    """The record without its verdicts' reasons, which repeat the changes."""
    values = found.model_dump(mode="json", exclude={"against_base", "against_tuned"})
    verdicts = (("against base", found.against_base), ("against tuned", found.against_tuned))
    return {**values, "verdicts": {name: one.outcome if one else None for name, one in verdicts}}


def changes(record: RunRecord) -> dict[str, Any]:
    """Gains, losses and their mean."""

    def kept(change: Change | None) -> dict[str, Any] | None:
        return change.model_dump(mode="json", include=KEPT) if change is not None else None

    comparison = record.comparison
    return {
        "gains": [kept(one) for one in comparison.gains],
        "losses": [kept(one) for one in comparison.losses],
        "pooled": kept(comparison.pooled),
    }


if __name__ == "__main__":
    main()
