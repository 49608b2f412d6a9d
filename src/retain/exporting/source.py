"""What is exported: a finished run's model, or a model or adapter of any origin."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from retain.data.example import answers_of
from retain.errors import UserError
from retain.models.load import Precision, adapter_base, near
from retain.probes.base import Probe
from retain.probes.suites import load_suite
from retain.recipe import Recipe, parse_recipe
from retain.record_files import read_record
from retain.records import RunRecord, content_hash
from retain.stages.prepare import Prepared, suite_of, task_probes
from retain.sums import file_hash
from retain.training.trained import TUNED, tuned_folder
from retain.yaml_text import parse_yaml

OTHERS = {"frontier.json": "frontier", "advice.json": "advice"}
"""Records of folders that hold a recipe and no run -> what they hold."""


@dataclass(frozen=True)
class Source:
    """The model that is exported, and what it is measured with.

    Args:
        folder: the tuned model or adapter.
        base: what the adapter stands on, or what the run began at; None for a model folder of unknown base.
        load_in: the precision in which it was measured, or is.
        name: for people and file names.
        run: the run's folder; None for a model of another origin.
        record: the run's record.
        recipe: the run's recipe.
        suite: what a model of another origin is measured with.
        limit: at most this many test items per probe, then.
    """

    folder: Path
    base: str | None
    load_in: Precision
    name: str
    run: Path | None = None
    record: RunRecord | None = None
    recipe: Recipe | None = None
    suite: str = "core"
    limit: int | None = None

    @property
    def adapter(self) -> bool:
        """True where an adapter was trained, False for all weights."""
        return (self.folder / "adapter_config.json").is_file()

    @cached_property
    def fingerprint(self) -> str:
        """A hash of its files: the same as long as the model is."""
        files = sorted(path for path in self.folder.iterdir() if path.suffix in (".safetensors", ".json", ".jinja"))
        return content_hash([(path.name, file_hash(path)) for path in files], self.load_in, length=24)

    @cached_property
    def prepared(self) -> Prepared | None:
        """The run's rows."""
        return read_record(self.run / "data.json", Prepared) if self.run is not None else None

    @cached_property
    def probes(self) -> Sequence[Probe]:
        """What it is measured with: the run's task items and suite, with the run's settings.

        Raises:
            UserError: the suite has changed since the run began, or there is none of this name.
        """
        if self.recipe is None or self.prepared is None:
            return load_suite(self.suite, self.limit).probes
        suite = suite_of(self.recipe)
        if suite.fingerprint() != self.prepared.suite:
            raise UserError(
                f"The suite {self.recipe.measure.suite} has changed since this run began, so that the export cannot be "
                "measured on the run's items. Put the old suite back, or export with --no-measure."
            )
        return [*task_probes(self.recipe, self.prepared.splits), *suite.probes]

    @property
    def reranker(self) -> bool:
        """True for a model that scores documents and writes nothing; told without loading a suite, where it can be."""
        if self.recipe is not None:
            return self.recipe.training.method == "rank"
        from retain.models.load_reranker import is_language_model

        return not is_language_model(str(self.folder))

    @property
    def tasks(self) -> list[str]:
        """Probes that measure what was learned."""
        return [change.probe for change in self.record.comparison.gains] if self.record is not None else []

    @property
    def answers(self) -> list[str]:
        """The answers that the run trained on."""
        return answers_of(self.prepared.splits.train) if self.prepared is not None else []


def find_source(
    place: str | Path, suite: str = "core", limit: int | None = None, load_in: Precision = "bf16"
) -> Source:
    """The model of a finished run's folder, or of a folder that is a model or an adapter.

    Args:
        place: the folder.
        suite: what a model of another origin is measured with; a run brings its own.
        limit: at most this many test items per probe, then.
        load_in: the precision in which such a model is measured.

    Raises:
        UserError: there is no such folder, the run is not finished, or it holds something else.
    """
    path = Path(os.path.expanduser(place))
    if not path.is_dir():
        what = "a file" if path.exists() else "no folder"
        raise UserError(f"{place} is {what}{near(path)}: name a finished run's folder, or one of a model or an adapter")
    for name, what in OTHERS.items():
        if (path / name).is_file():
            raise UserError(f"{path} holds a {what}, and not one model. Name the folder of one of its runs.")
    if (path / "recipe.yaml").is_file():
        return _of_run(path)
    name = path.resolve().name
    if (path / "adapter_config.json").is_file():
        return Source(path, adapter_base(path), load_in, name, suite=suite, limit=limit)
    if (path / "config.json").is_file():
        return Source(path, None, load_in, name, suite=suite, limit=limit)
    kind = "a comparison and no model" if (path / "record.json").is_file() else "neither a run nor a model"
    raise UserError(f"{path} holds {kind}: name a finished run's folder, or one of a model or an adapter")


def _of_run(path: Path) -> Source:
    if not (path / "record.json").is_file() or not (path / TUNED).is_dir():
        raise UserError(
            f"{path} holds a run that is not finished, or whose model was removed: run the same command again, and "
            "export then"
        )
    tuned_folder(path)  # what is damaged is not shipped
    recipe = _recipe(path)
    record = read_record(path / "record.json", RunRecord)
    return Source(
        folder=path / TUNED,
        base=recipe.model.base,
        load_in=recipe.model.load_in,
        name=path.resolve().name,
        run=path,
        record=record,
        recipe=recipe,
    )


def _recipe(path: Path) -> Recipe:
    import yaml

    written = path / "recipe.yaml"
    try:
        return parse_recipe(parse_yaml(written.read_text("utf-8")), str(written))
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        raise UserError(f"{written} is damaged: {error}") from None
