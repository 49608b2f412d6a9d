"""The recipe: one YAML file that says everything. All its errors are reported at once, with their paths."""

from __future__ import annotations

import operator
import os
from functools import cache, reduce
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, create_model

from retain.advice_settings import AdviseSettings
from retain.errors import UserError, listed, nearest
from retain.folder import read_text
from retain.frontier_settings import FrontierSettings
from retain.method_rules import method_problems
from retain.mitigations.base import Mitigation
from retain.models.load import Precision, near
from retain.models.rerank_prompt import RerankSettings
from retain.no_recipe import is_data_file, no_recipe
from retain.overrides import override
from retain.paths import absolute, portable_path
from retain.records import Gate
from retain.registry import units
from retain.sequence_settings import SequenceKeys
from retain.settings import Settings
from retain.training.ranking_settings import ROWS
from retain.training.settings import TrainingSettings
from retain.wrong_values import Location, problems_of
from retain.yaml_text import parse_yaml


class ModelSettings(Settings):
    """The base model."""

    base: str
    """``builtin:smollm2-135m``, a Hub id, a folder or a .gguf file."""
    load_in: Precision = "bf16"
    """Precision of the weights, before and after: ``fp32``, ``bf16`` or ``4bit`` (QLoRA)."""
    rerank: RerankSettings | None = None
    """Rerankers that are language models: what they are asked. By default what the model's folder says, else whether
    the document answers the query, yes or no."""


class HeldOutFiles(Settings):
    """Held-out task rows in files of their own."""

    dev: Annotated[float, Field(gt=0, lt=1)] | str
    """Rows for choices: a file, or a share of the training rows."""
    test: str
    """Rows for the report; no choice sees them."""
    shifted: str | None = None
    """Rows from another source or time, reported beside the test rows."""


class GeneralSettings(Settings):
    """One set of general text."""

    name: str = "own"
    """What mitigations call it."""
    source: str = "base_model"
    """``base_model`` (self-written), a file, or a Hub data set."""
    count: int = Field(200, ge=2)
    """How many rows are written, or at most taken from the file."""
    max_tokens: int = Field(128, ge=8)
    """Self-written: longest answer."""
    temperature: float = Field(0.7, gt=0)
    """Self-written: sampling temperature."""
    top_p: float = Field(0.9, gt=0, le=1)
    """Self-written: nucleus."""


class DataSettings(Settings):
    """The rows."""

    train: str
    """A file (JSONL, JSON, CSV, Parquet, text) or a Hub data set; the shape is detected. ``method: pretrain``: also
    .md files, and folders of text. Rerankers: also a BEIR folder, one of its qrels, or MS MARCO's triples."""
    held_out: Annotated[float, Field(gt=0, lt=1)] | HeldOutFiles = 0.15
    """Share held out by a hash of the input and halved into dev and test, or files."""
    limit: int | None = Field(None, ge=1)
    """Train on at most this many rows, drawn by the seed."""
    loss_on: Literal["completion", "all"] = "completion"
    """Which tokens are trained: the assistant's turns, or everything."""
    general: list[GeneralSettings] = []
    """General text, one or several sets; mitigations take the first unless they name one."""


class TaskSettings(Settings):
    """How the held-out answers of the task are scored."""

    score: Literal["auto", "exact", "contains", "number", "json", "regex", "length", "sql", "python"] = "auto"
    """The rule; ``auto`` reads it off the held-out answers and says which."""
    max_tokens: int | None = Field(None, ge=1)
    """Longest answer; from the held-out answers' lengths when empty."""
    database: str | None = None
    """``sql``: the SQLite file that queries run against, opened read-only."""
    limit: int | None = Field(None, ge=2)
    """At most this many test rows, and 3/7 as many dev rows."""
    metric: str = "nDCG@10"
    """Rerankers: nDCG, MRR, recall or MAP at any rank."""
    candidates: int = Field(50, ge=2)
    """Rerankers: documents of the first stage that are ranked for each query, at most."""
    first_stage: str = "auto"
    """Rerankers: ``bm25``, ``given`` (the rows' own documents), a run in TREC's format, or ``auto``: given where rows
    bring relevant documents and others, else BM25 over the source."""


class MeasureSettings(Settings):
    """What is measured."""

    suite: str = "core"
    """A built-in suite or several (``core+safety``), a YAML file, a folder of JSONL files, or ``lm-eval:task,task``.
    Rerankers: a YAML file of ranking probes, or a folder of BEIR folders."""
    limit: int | None = Field(None, ge=2)
    """At most this many test items per probe."""
    task: TaskSettings = TaskSettings()
    """How the task itself is scored."""
    recitation: int | None = Field(None, ge=0)
    """Training rows whose beginnings both models continue, and as many held-out ones. When empty 64 where an
    overfitting alarm was raised or none could be judged; 0 = never."""


class RecipeBase(Settings):
    """A whole recipe, but for the mitigations, whose kinds are found in their folder."""

    model: ModelSettings
    data: DataSettings
    training: TrainingSettings = TrainingSettings()
    measure: MeasureSettings = MeasureSettings()
    gate: Gate = Gate()
    frontier: FrontierSettings | None = None
    """The arms of ``retain frontier``; ``retain run`` does not read them."""
    advise: AdviseSettings | None = None
    """What ``retain advise`` tries; ``retain run`` does not read it."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of everything that is drawn."""


@cache
def recipe_type() -> type[RecipeBase]:
    """The recipe's type with every mitigation there is as a kind of ``mitigations``."""
    kinds = list(units("mitigations").values())
    kind: Any = Annotated[reduce(operator.or_, kinds), Field(discriminator="kind")]
    return create_model("Recipe", __base__=RecipeBase, mitigations=(list[kind], []))


class Recipe(RecipeBase):
    """A recipe as the rest of the code sees it."""

    mitigations: list[Mitigation] = []
    origin: str = ""
    """The folder that relative paths were meant from; not part of what a recipe says."""

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """The JSON schema, for editors; of recipes with ``stages`` too, in which these bring the training rows."""
        schema, stages = recipe_type().model_json_schema(), SequenceKeys.model_json_schema()
        schema["$defs"] |= stages["$defs"]
        schema["properties"] |= stages["properties"]
        schema["required"] = [key for key in schema["required"] if key != "data"]
        rows = schema["$defs"]["DataSettings"].pop("required")
        one_task = {"required": ["data"], "properties": {"data": {"required": rows}}}
        return {**schema, "if": {"required": ["stages"]}, "else": one_task}


def load_recipe(path: str | Path, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe file; its relative paths are meant from the recipe's folder.

    Args:
        path: the YAML file.
        overrides: ``a.b.c=value`` settings that replace the file's.

    Raises:
        UserError: everything that is wrong with it, all at once, each with its path.
    """
    path = Path(path)
    return parse_recipe(read_values(path, overrides), str(path), path.parent)


def _where(error: yaml.YAMLError) -> str:
    """What is wrong with a YAML text, and in which line."""
    names = ("problem_mark", "problem", "context")
    mark, problem, about = (getattr(error, name, None) for name in names)
    if mark is None or problem is None:
        return " ".join(str(error).split())
    context = f" {about}" if about else ""
    return f"line {mark.line + 1}, column {mark.column + 1}{context}: {problem}"


def read_values(path: Path, overrides: list[str] | None = None) -> dict[str, Any]:
    """The plain values of a recipe file, not yet checked.

    Args:
        path: the YAML file.
        overrides: ``a.b.c=value`` settings that replace the file's.

    Raises:
        UserError: there is no such file, or it holds no keys.
    """
    try:
        values = parse_yaml(read_text(path))
    except FileNotFoundError:
        raise UserError(f"There is no recipe {path}{near(path) or '.'} Make one: retain init MODEL DATA") from None
    except IsADirectoryError:
        inside = f", such as {path / 'recipe.yaml'}" if (path / "recipe.yaml").is_file() else ""
        raise UserError(f"{path} is a folder. Name a recipe, a YAML file{inside}.") from None
    except UnicodeDecodeError as error:
        raise no_recipe(path, "", error) from None
    except yaml.YAMLError as error:
        raise no_recipe(path, f"is not valid YAML: {_where(error)}", error) from None
    if not isinstance(values, dict) or is_data_file(path, values):
        raise no_recipe(path, "is not a recipe: it should hold keys such as model and data")
    for one in overrides or []:
        override(values, one)
    return values


def parse_recipe(values: dict[str, Any], where: str = "recipe", folder: Path | None = None) -> Recipe:
    """Check plain values and make a recipe of them.

    Raises:
        UserError: as :func:`load_recipe`.
    """
    if "stages" in values:
        raise UserError(
            f"{where} has stages, tasks that are learned one after another, and one task is wanted here.\n"
            "  `retain run` and `retain check` take such a recipe; for the others write one of a single task."
        )
    recipe, problems = recipe_problems(values)
    if recipe is None or problems:
        raise UserError(f"{where} has {len(problems)} error{'s' * (len(problems) > 1)}:\n{listed(problems)}")
    return recipe if folder is None else with_paths(recipe, folder)


def recipe_problems(values: dict[str, Any]) -> tuple[Recipe | None, list[str]]:
    """The recipe that plain values make, and everything that is wrong with them; none where a key is."""
    try:
        checked = recipe_type().model_validate(values)
    except ValidationError as error:
        kinds = {"mitigations": ("mitigation", sorted(units("mitigations")))}
        return None, problems_of(error, values, _siblings, kinds)
    recipe = Recipe.model_construct(**{name: getattr(checked, name) for name in type(checked).model_fields})
    return recipe, contradictions(recipe)


def contradictions(recipe: Recipe) -> list[str]:
    """What no single key shows: things that do not go together."""
    problems = []
    kinds = [str(getattr(mitigation, "kind", "")) for mitigation in recipe.mitigations]
    problems += [
        f"mitigations: {kind} is given {kinds.count(kind)} times" for kind in {*kinds} if kinds.count(kind) > 1
    ]
    if recipe.model.load_in == "4bit" and "lora" not in kinds:
        problems.append("model.load_in: 4bit weights cannot be trained; add {kind: lora} to mitigations")
    names = [general.name for general in recipe.data.general]
    problems += [f'data.general: the name "{name}" is given twice' for name in {*names} if names.count(name) > 1]
    problems += method_problems(recipe)
    for index, mitigation in enumerate(recipe.mitigations):
        problems += [f"mitigations.{index} ({kinds[index]}): {one}" for one in mitigation.conflicts(recipe)]
        wants = mitigation.wants_general()
        named = getattr(mitigation, "general", None)
        if wants and not names:
            problems.append(
                f"mitigations.{index} ({kinds[index]}): needs general text; add under data: "
                "general: [{name: own, source: base_model, count: 4000, max_tokens: 32}]"
            )
        elif wants and named is not None and named not in names:
            problems.append(f'mitigations.{index}.general: there is no general set "{named}"; {nearest(named, names)}')
    if recipe.measure.task.score == "sql" and not recipe.measure.task.database:
        problems.append("measure.task.database: score: sql needs the SQLite file that queries run against")
    return problems


def as_plain(recipe: Recipe) -> dict[str, Any]:
    """The resolved recipe as plain values, every default written out."""
    plain = recipe.model_dump(mode="json", exclude={"mitigations", "origin"})
    plain["mitigations"] = [mitigation.model_dump(mode="json") for mitigation in recipe.mitigations]
    return plain


def portable(recipe: Recipe) -> dict[str, Any]:
    """:func:`as_plain` with paths relative to the recipe's folder again, for records that leave this machine."""

    def shortened(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shortened(part) for key, part in value.items()}
        if isinstance(value, list):
            return [shortened(part) for part in value]
        return portable_path(value, recipe.origin) if isinstance(value, str) else value

    return {key: shortened(value) for key, value in as_plain(recipe).items()}


def with_paths(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with paths that lie beside it made absolute; names that are no files stay as they are."""

    def found(value: str) -> str:
        candidate = folder / os.path.expanduser(value)
        looks_like_path = value.startswith((".", "/", "~")) or Path(value).suffix != "" or os.path.exists(candidate)
        return absolute(candidate) if looks_like_path and ":" not in value else value

    data = recipe.data
    held_out = data.held_out
    if isinstance(held_out, HeldOutFiles):
        parts = {key: value for key, value in held_out.model_dump().items() if value is not None}
        files = {key: found(value) if isinstance(value, str) else value for key, value in parts.items()}
        held_out = HeldOutFiles(**files)
    general = [
        one if one.source == "base_model" else one.model_copy(update={"source": found(one.source)})
        for one in data.general
    ]
    task = recipe.measure.task
    task = task.model_copy(update={"database": found(task.database)}) if task.database else task
    task = task.model_copy(update={"first_stage": found(task.first_stage)})
    advise = recipe.advise
    if advise is not None and advise.documents is not None:
        advise = advise.model_copy(update={"documents": found(advise.documents)})
    base = recipe.model.base
    is_file = os.path.exists(folder / base)
    return recipe.model_copy(
        update={
            "origin": absolute(folder),
            "model": recipe.model.model_copy(update={"base": absolute(folder / base) if is_file else base}),
            "data": data.model_copy(update={"train": found(data.train), "held_out": held_out, "general": general}),
            "training": _with_models(recipe.training, folder),
            "measure": recipe.measure.model_copy(update={"suite": found(recipe.measure.suite), "task": task}),
            "advise": advise,
        }
    )


def _with_models(training: TrainingSettings, folder: Path) -> TrainingSettings:
    """The settings with the models that they name beside the recipe made absolute."""
    groups = training.ranking
    if groups is None:
        return training

    def found(name: str | None) -> str | None:
        return absolute(folder / name) if name is not None and os.path.exists(folder / name) else name

    teacher = groups.teacher if groups.teacher == ROWS else found(groups.teacher)
    negatives = groups.negatives.model_copy(update={"embedder": found(groups.negatives.embedder)})
    groups = groups.model_copy(update={"teacher": teacher, "negatives": negatives})
    return training.model_copy(update={"ranking": groups})


def _siblings(location: Location) -> list[str]:
    """The keys that are allowed where an unknown one was found."""
    kind: Any = recipe_type()
    if len(location) == 1:
        return sorted([*kind.model_fields, "stages"])
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        if part in units("mitigations"):
            kind = units("mitigations")[part]
        elif part in ("HeldOutFiles",):
            kind = HeldOutFiles
        elif hasattr(kind, "model_fields") and part in kind.model_fields:
            kind = _inner(kind.model_fields[part].annotation)
    return sorted(getattr(kind, "model_fields", {}))


def _inner(annotation: Any) -> Any:
    """The settings class inside ``list[X]`` or ``X | None``."""
    for argument in getattr(annotation, "__args__", ()):
        if hasattr(argument, "model_fields"):
            return argument
    return annotation
