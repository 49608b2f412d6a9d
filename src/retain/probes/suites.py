"""Suites: named sets of probes, from the package, a YAML file, a folder of JSON lines or lm-eval's tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from retain.errors import UserError, listed, nearest
from retain.folder import read_text
from retain.probes.base import Probe
from retain.probes.item_shapes import KNOWN, probe_from_file
from retain.probes.items import ItemProbe
from retain.probes.lm_eval_task import LmEvalTask
from retain.probes.suite_entries import first_few, probe_from_entry, ranking_probe
from retain.ranking.beir import beir_place
from retain.records import content_hash
from retain.yaml_text import parse_yaml

BUILT_IN = Path(__file__).parent / "suites"
LM_EVAL = "lm-eval:"


def check_limit(limit: int | None) -> None:
    """Refuse a limit of items below one.

    Raises:
        UserError: says what was found.
    """
    if limit is not None and limit < 1:
        raise UserError(f"limit is {limit}; it must be at least 1")


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
        check_limit(limit)
        if limit is None:
            return self
        return Suite(name=self.name, probes=tuple(one.model_copy(update={"limit": limit}) for one in self.probes))

    def notes(self) -> list[str]:
        """What a reader of its results must know."""
        return [*self._generating(), *(note for probe in self.probes for note in probe.notes())]

    def _generating(self) -> list[str]:
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
            found += first_few(wrong, f'probe "{probe.name}"')
    if not probes and not found:
        found.append("it has no probes")
    if found:
        raise UserError(f"{where}:\n{listed(found, most=100)}")
    return Suite(name=name, probes=tuple(probes))


def _from_package(name: str) -> Suite:
    suites = [_from_file(BUILT_IN / f"{one}.yaml") for one in name.split("+")]
    return _checked(name, name, [probe for suite in suites for probe in suite.probes], [])


_KEYS = ("name", "description", "probes")


def _from_file(path: Path) -> Suite:
    try:
        content = parse_yaml(read_text(path))
    except (yaml.YAMLError, UnicodeError) as error:
        raise UserError(f"{path}: not YAML: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: could not be read: {error.strerror}. Name a readable suite.") from None
    if not isinstance(content, dict) or not isinstance(content.get("probes"), list):
        raise UserError(f"{path}: needs a list of probes: probes: [{{kind: ..., name: ..., items: ...}}]")
    problems = [f'unknown key "{key}"; {nearest(str(key), _KEYS)}' for key in content if key not in _KEYS]
    probes = []
    for place, entry in enumerate(content["probes"], start=1):
        probe, wrong = probe_from_entry(entry, path.parent, f"probes[{place}]")
        probes += [probe] if probe else []
        problems += wrong
    return _checked(str(content.get("name", path.stem)), str(path), probes, problems)


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
        probe, wrong = ranking_probe(str(one.resolve()), {"name": name, "capability": name}, folder, name)
        probes += [probe] if probe else []
        problems += wrong
    return _checked(folder.resolve().name, str(folder), probes, problems)


def _from_lm_eval(name: str) -> Suite:
    tasks = [task.strip() for task in name.removeprefix(LM_EVAL).split(",") if task.strip()]
    capabilities = {task: KNOWN.get(task, (task.replace("_", " "), {}))[0] for task in tasks}
    probes = [LmEvalTask(name=task, capability=capabilities[task], task=task) for task in tasks]
    return _checked(name, name, probes, [])
