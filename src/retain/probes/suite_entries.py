"""One entry of a suite file as a probe, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from retain import registry
from retain.errors import UserError, nearest
from retain.probes.base import Probe
from retain.probes.item_files import hub_rows, read_rows, reasons, validated
from retain.probes.items import ItemProbe
from retain.probes.ranking import Ranking
from retain.probes.ranking_sets import ranking_from


def probe_from_entry(entry: Any, folder: Path, where: str) -> tuple[Probe | None, list[str]]:
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
        return ranking_probe(source, values, folder, where)
    if issubclass(unit, ItemProbe):
        values["items"], problems = _items(unit, source, fields, folder)
    for path in ("database", "include_path"):
        if isinstance(values.get(path), str):
            values[path] = folder / values[path]
    return built(unit, values, where, [f"{where}: {one}" for one in problems])


def ranking_probe(source: Any, values: Mapping[str, Any], folder: Path, where: str) -> tuple[Probe | None, list[str]]:
    """A ranking probe, or what is wrong with it: ``source`` as a suite's ``items``, ``values`` its other keys."""
    try:
        return ranking_from(source, values, folder), []
    except ValidationError as error:
        return None, [f"{where}: {reason}" for reason in reasons(error, Ranking)]
    except UserError as error:
        return None, [f"{where}: {error}"]


def built(
    unit: type[Any], values: Mapping[str, Any], where: str, problems: list[str]
) -> tuple[Probe | None, list[str]]:
    """A probe of a kind with these settings; none where there are problems, known before or new."""
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
    return tuple(items), first_few(problems, source)


def _are_fields(fields: Any) -> bool:
    """True for field -> column, or a list of columns."""
    if not isinstance(fields, dict):
        return False
    columns = [column for one in fields.values() for column in (one if isinstance(one, list) else [one])]
    return all(isinstance(column, str) for column in columns)


def first_few(problems: list[str], source: str) -> list[str]:
    """The first problems of a file, so that they do not hide those of the others."""
    more = len(problems) - _MOST
    return [*problems[:_MOST], f"{source}: and {more} more"] if more > 0 else problems


_MOST = 5
