"""Suites: named sets of probes, from the package, a YAML file, a folder of JSON lines or lm-eval's tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from retain import registry
from retain.errors import UserError, listed, nearest
from retain.folder import parse_yaml
from retain.probes.answers import tokens_for
from retain.probes.base import Probe
from retain.probes.item_files import hub_rows, read_rows, reasons, validated
from retain.probes.items import ItemProbe
from retain.probes.lm_eval_task import LmEvalTask
from retain.probes.ranking import Ranking
from retain.probes.ranking_sets import ranking_from
from retain.probes.rules.item import AnswerItem
from retain.ranking.beir import beir_place
from retain.records import content_hash

BUILT_IN = Path(__file__).parent / "suites"
LM_EVAL = "lm-eval:"


class Suite(BaseModel):
    """A named set of probes."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    name: str
    probes: tuple[Probe, ...]

    def fingerprint(self) -> str:
        """Hash of all probes."""
        return content_hash(sorted((probe.name, probe.fingerprint()) for probe in self.probes))

    def limited(self, limit: int | None) -> Suite:
        """The same suite with at most this many test items for each probe; itself for None."""
        if limit is None:
            return self
        if limit < 1:
            raise UserError(f"limit is {limit}; it must be at least 1")
        return Suite(name=self.name, probes=tuple(one.model_copy(update={"limit": limit}) for one in self.probes))

    def notes(self) -> list[str]:
        """What a reader of its results must know."""
        generating = sum(probe.generates for probe in self.probes)
        if all(probe.ranks for probe in self.probes) or 2 * generating >= len(self.probes):
            return []
        return [
            f"only {generating} of {len(self.probes)} probes of the suite {self.name} generate text; "
            "probes of likelihood can miss a model that answers everything in the task's format"
        ]


def built_in_suites() -> list[str]:
    """Names of the suites in the package."""
    return sorted(path.stem for path in BUILT_IN.glob("*.yaml"))


def load_suite(source: str | Path, limit: int | None = None) -> Suite:
    """A suite by name, names joined by ``+``, YAML file, folder, or ``lm-eval:task,task``.

    Args:
        source: a built-in name (``core``) or several (``core+safety``), a YAML file, a folder of JSON-lines files, or
            lm-eval's tasks.
        limit: at most this many test items for each probe, whatever the suite says.

    Raises:
        UserError: there is no such suite, or it is wrong; all that is wrong is listed.
    """
    name = str(source)
    path = Path(source)
    if name.startswith(LM_EVAL):
        suite = _from_lm_eval(name)
    elif set(name.split("+")) <= set(built_in_suites()):
        suite = _from_package(name)
    elif path.is_dir():
        suite = _from_folder(path)
    elif path.is_file() and path.suffix in (".yaml", ".yml"):
        suite = _from_file(path)
    elif path.is_file():
        raise UserError(f"{path}: a suite is a .yaml file or a folder of .jsonl files")
    else:
        unknown = next((one for one in name.split("+") if one not in built_in_suites()), name)
        raise UserError(
            f'there is no suite "{unknown}" and no such file or folder; {nearest(unknown, built_in_suites())}'
        )
    return suite.limited(limit)


def _checked(name: str, where: str, probes: Sequence[Probe], problems: Sequence[str]) -> Suite:
    found = list(problems)
    found += [f'two probes are named "{one}"' for one, count in Counter(p.name for p in probes).items() if count > 1]
    for probe in probes:
        if isinstance(probe, ItemProbe | LmEvalTask):
            wrong = [f'probe "{probe.name}": {problem}' for problem in probe.problems()]
            found += _few(wrong, f'probe "{probe.name}"')
    if not probes and not found:
        found.append("it has no probes")
    if found:
        raise UserError(f"{where}:\n{listed(found, most=100)}")
    return Suite(name=name, probes=tuple(probes))


def _from_package(name: str) -> Suite:
    suites = [_from_file(BUILT_IN / f"{one}.yaml") for one in name.split("+")]
    return _checked(name, name, [probe for suite in suites for probe in suite.probes], [])


def _from_file(path: Path) -> Suite:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeError) as error:
        raise UserError(f"{path}: not YAML: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: could not be read: {error.strerror}. Name a readable suite.") from None
    if not isinstance(content, dict) or not isinstance(content.get("probes"), list):
        raise UserError(f"{path}: needs a list of probes: probes: [{{kind: ..., name: ..., items: ...}}]")
    problems = [f'unknown key "{key}"; {nearest(str(key), _KEYS)}' for key in content if key not in _KEYS]
    probes = []
    for place, entry in enumerate(content["probes"], start=1):
        probe, wrong = _from_entry(entry, path.parent, f"probes[{place}]")
        probes += [probe] if probe else []
        problems += wrong
    return _checked(str(content.get("name", path.stem)), str(path), probes, problems)


_KEYS = ("name", "description", "probes")


def _from_entry(entry: Any, folder: Path, where: str) -> tuple[Probe | None, list[str]]:
    """The probe that one entry of a suite file describes, and what is wrong with it."""
    if not isinstance(entry, dict):
        return None, [f"{where}: needs keys and values, found {type(entry).__name__}"]
    values: dict[str, Any] = {str(key): value for key, value in entry.items()}
    where = f"{where} ({values['name']})" if "name" in values else where
    kind = str(values.pop("kind", ""))
    known = registry.units("probes")
    if kind not in known:
        return None, [f'{where}: kind: "{kind}" is no probe; {nearest(kind, known)}']
    unit = known[kind]
    source, fields = values.pop("items", None), values.pop("fields", None)
    problems: list[str] = []
    if unit is Ranking:
        return _ranking(source, values, folder, where)
    if issubclass(unit, ItemProbe):
        values["items"], problems = _items(unit, source, fields, folder)
    for path in ("database", "include_path"):
        if isinstance(values.get(path), str):
            values[path] = folder / values[path]
    return _built(unit, values, where, [f"{where}: {one}" for one in problems])


def _ranking(source: Any, values: Mapping[str, Any], folder: Path, where: str) -> tuple[Probe | None, list[str]]:
    try:
        return ranking_from(source, values, folder), []
    except ValidationError as error:
        return None, [f"{where}: {reason}" for reason in reasons(error, Ranking)]
    except UserError as error:
        return None, [f"{where}: {error}"]


def _built(
    unit: type[Any], values: Mapping[str, Any], where: str, problems: list[str]
) -> tuple[Probe | None, list[str]]:
    try:
        probe: Probe = unit.model_validate(values)
    except ValidationError as error:
        return None, problems + [f"{where}: {reason}" for reason in reasons(error, unit)]
    return (None if problems else probe), problems


def _items(unit: type[ItemProbe], source: Any, fields: Any, folder: Path) -> tuple[tuple[Any, ...], list[str]]:
    if not isinstance(source, str):
        return (), ["items: name a .jsonl file or hub:owner/name:config:split"]
    if fields is not None and not _are_fields(fields):
        return (), ["fields: needs the columns of each field, such as {query: question}"]
    try:
        if source.startswith("hub:"):
            rows: Iterable[tuple[int, Any]] = hub_rows(source)
        elif (folder / source).is_file():
            rows = list(read_rows(folder / source))
        else:
            return (), [f"items: there is no file {folder / source}"]
    except (UserError, UnicodeError, OSError) as error:
        return (), [f"items: {error}"]
    items, problems = validated(rows, unit.item_type, source, fields)
    return tuple(items), _few(problems, source)


def _are_fields(fields: Any) -> bool:
    """True for field -> column, or a list of columns."""
    if not isinstance(fields, dict):
        return False
    columns = [column for one in fields.values() for column in (one if isinstance(one, list) else [one])]
    return all(isinstance(column, str) for column in columns)


def _few(problems: list[str], source: str) -> list[str]:
    """The first problems of a file, so that they do not hide those of the others."""
    more = len(problems) - _MOST
    return [*problems[:_MOST], f"{source}: and {more} more"] if more > 0 else problems


_MOST = 5


_KNOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "arc_challenge": ("science", {}),
    "arc_easy": ("science", {}),
    "boolq": ("reading", {}),
    "gsm8k": ("arithmetic", {}),
    "hellaswag": ("commonsense", {}),
    "ifeval": ("instruction following", {}),
    "lambada": ("last word", {}),
    "mmlu": ("knowledge", {"style": "letters"}),
    "openbook_qa": ("science", {}),
    "openbookqa": ("science", {}),
    "piqa": ("commonsense", {}),
    "winogrande": ("commonsense", {}),
}
"""What files of these names measure, and the settings that their format wants."""


def _from_folder(folder: Path) -> Suite:
    sets = [folder] if beir_place(folder) else [one for one in sorted(folder.iterdir()) if beir_place(one)]
    if sets:
        return _of_beir(folder, sets)
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise UserError(f"{folder}: there is no .jsonl file in this folder")
    probes = []
    problems: list[str] = []
    for file in files:
        probe, wrong = probe_from_file(file)
        probes += [probe] if probe else []
        problems += wrong
    return _checked(folder.resolve().name, str(folder), probes, problems)


def _of_beir(folder: Path, sets: Sequence[Path]) -> Suite:
    """A BEIR folder, or a folder of several: a ranking probe for each."""
    probes: list[Probe] = []
    problems: list[str] = []
    for one in sets:
        name = one.resolve().name
        probe, wrong = _ranking(str(one.resolve()), {"name": name, "capability": name}, folder, name)
        probes += [probe] if probe else []
        problems += wrong
    return _checked(folder.resolve().name, str(folder), probes, problems)


def probe_from_file(file: Path, capability: str | None = None) -> tuple[Probe | None, list[str]]:
    """The probe that a file of items is, told by the keys of its first row; and what is wrong with it.

    Args:
        file: JSON lines.
        capability: what it measures; by default what files of this name measure, else the name.
    """
    try:
        rows = list(read_rows(file))
    except UnicodeError as error:
        return None, [f"{file.name}: not UTF-8: {error}"]
    except OSError as error:
        return None, [f"{file.name}: could not be read: {error.strerror}; it must be a readable file of JSON lines"]
    if not rows:
        return None, [f"{file.name}: it has no items"]
    first = next((row for _, row in rows if isinstance(row, dict)), {})
    known, settings = _KNOWN.get(file.stem, (file.stem.replace("_", " "), {}))
    shape = next((shape for shape in _SHAPES if shape.fits(first)), None)
    if shape is None:
        shapes = "; ".join(f"{shape.kind}: {shape.example}" for shape in _SHAPES)
        return None, [f"{file.name}: keys {sorted(first)} fit no probe. Known: {shapes}"]
    unit = registry.find("probes", shape.kind)
    items, problems = validated(rows, unit.item_type, file.name, shape.fields)
    values = {"name": file.stem, "capability": capability or known, "items": tuple(items)}
    found = _few(problems, file.name)
    return _built(unit, {**values, **shape.settings(items), **settings}, file.name, found)


class _Shape(BaseModel):
    """What the keys of a row say about its probe."""

    model_config = ConfigDict(frozen=True)

    kind: str
    keys: tuple[str, ...]
    example: str
    fields: dict[str, str] | None = None
    settings: Callable[[Sequence[Any]], dict[str, Any]] = lambda items: {}

    def fits(self, row: Mapping[str, Any]) -> bool:
        """True when the row has all of the keys; ``a|b`` is one or the other."""
        return all(any(one in row for one in key.split("|")) for key in self.keys)


def _answer_settings(items: Sequence[AnswerItem]) -> dict[str, Any]:
    """The rule and the room that items without settings of their own want."""
    answers = [answer for item in items for answer in item.answer[:1]]
    if items and all(item.pattern for item in items):
        return {"score": "regex", "max_tokens": 64}
    if not answers:
        longest = max((item.max_words or item.min_words or 0 for item in items), default=0)
        return {"score": "length", "max_tokens": max(64, 2 * longest)}
    reasoned = any("####" in answer for answer in answers)
    return {"score": "auto", "max_tokens": 256 if reasoned else max(32, tokens_for(answers))}


_SHAPES = (
    _Shape(kind="multiple_choice", keys=("query", "choices", "gold"), example="query, choices, gold"),
    _Shape(
        kind="multiple_choice",
        keys=("contexts", "continuation", "gold"),
        example="contexts, continuation, gold",
    ),
    _Shape(kind="last_word", keys=("context", "continuation"), example="context, continuation"),
    _Shape(
        kind="instructions",
        keys=("prompt", "instruction_id_list", "kwargs"),
        example="prompt, instruction_id_list, kwargs",
    ),
    _Shape(kind="multi_sentence", keys=("prompt", "about"), example="prompt, about"),
    _Shape(
        kind="answers",
        keys=("question", "answer"),
        example="question, answer",
        fields={"prompt": "question", "answer": "answer"},
        settings=_answer_settings,
    ),
    _Shape(
        kind="answers",
        keys=("prompt|messages", "answer|pattern|min_words|max_words"),
        example="prompt (or messages), answer (or pattern, min_words, max_words)",
        settings=_answer_settings,
    ),
    _Shape(kind="bits_per_byte", keys=("text",), example="text"),
)


def _from_lm_eval(name: str) -> Suite:
    tasks = [task.strip() for task in name.removeprefix(LM_EVAL).split(",") if task.strip()]
    capabilities = {task: _KNOWN.get(task, (task.replace("_", " "), {}))[0] for task in tasks}
    probes = [LmEvalTask(name=task, capability=capabilities[task], task=task) for task in tasks]
    return _checked(name, name, probes, [])
