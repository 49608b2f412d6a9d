"""Before stage 4, where the recipe asks for it: the learning rate, found by short runs on dev items."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from retain import processes
from retain.data.splits import sample
from retain.errors import BrokenError, DamagedError
from retain.mitigations.base import GeneralSet
from retain.mitigations.candidates import candidate_on_dev
from retain.models.mid_training import as_it_would_ship
from retain.record_files import read_record, write_record
from retain.records import Candidate
from retain.stages.rate import Rate
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.stages.training import fit
from retain.training.rate_scan import broken_point, default_rates, next_rate, rate_choice, rate_label
from retain.training.settings import RateScan

log = logging.getLogger(__name__)
FOLDER = "scan"
LEAST_ROWS = 8
"""A short run sees at least this many rows."""


def find_rate(run: RunFolder, bench: Workbench, general: Mapping[str, GeneralSet]) -> Rate:
    """The recipe's rate, or the one that short runs speak for. Each point is kept, and not trained again.

    A short run sees a share of the training rows and all that the recipe says of training and mitigations, but for
    those that choose (``early_stop``, ``strength``). Each begins with a freshly loaded base.

    Raises:
        UserError: as :func:`retain.stages.training.train`.
    """
    asked = run.recipe.training.learning_rate
    if not isinstance(asked, RateScan):
        return Rate(rate=asked)

    def make() -> Rate:
        points = _scan(run, bench, general, asked)
        choice = rate_choice(points, run.recipe.gate.min_gain)
        return Rate(rate=choice.chosen, choice=choice)

    return run.once("rate", Rate, make, "Scanning for the learning rate")


def _scan(run: RunFolder, bench: Workbench, general: Mapping[str, GeneralSet], asked: RateScan) -> list[Candidate]:
    min_gain = run.recipe.gate.min_gain
    grid = asked.scan or _default_grid(run, bench)
    points = [_point(run, bench, general, rate, asked.share) for rate in grid]
    while (rate := next_rate(points, grid, min_gain)) is not None:
        points.append(_point(run, bench, general, rate, asked.share))
    return points


def _default_grid(run: RunFolder, bench: Workbench) -> list[float]:
    adapter = any(getattr(one, "kind", "") == "lora" for one in run.recipe.mitigations)
    return default_rates(adapter, bench.base().module.num_parameters(), run.recipe.training.method)


def _known(path: Path) -> Candidate | None:
    """A rate that was tried before."""
    if not path.is_file():
        return None
    try:
        return read_record(path, Candidate)
    except DamagedError as error:
        log.warning("%s; the rate is tried again", error)
        return None


def _point(run: RunFolder, bench: Workbench, general: Mapping[str, GeneralSet], rate: float, share: float) -> Candidate:
    """One short run, measured; read where it was done before."""
    path = run.path / FOLDER / f"{rate_label(rate)}.json"
    if (known := processes.from_first(lambda: _known(path))) is not None:
        return known
    folder = run.path / FOLDER / rate_label(rate)
    point = _trained_and_measured(run, bench, general, rate, share, folder)
    write_record(path, point)
    processes.from_first(lambda: shutil.rmtree(folder, ignore_errors=True))
    return point


def _trained_and_measured(
    run: RunFolder, bench: Workbench, general: Mapping[str, GeneralSet], rate: float, share: float, folder: Path
) -> Candidate:
    setup = replace(bench.setup(general), folder=folder)
    setup.base_dev()  # while the base is still itself
    rows = sample(bench.train_rows, max(LEAST_ROWS, round(share * len(bench.train_rows))), run.recipe.seed)
    settings = bench.training.at_rate(rate).model_copy(update={"checkpoints": 0, "watch": 0, "report_to": []})
    mitigations = [one for one in run.recipe.mitigations if getattr(one, "kind", "") != "early_stop"]
    try:
        model, _ = fit(setup.base, setup, rows, settings, mitigations, run.progress)
        with as_it_would_ship(model) as finished:
            return candidate_on_dev(finished, setup, rate_label(rate), rate)
    except BrokenError as error:
        return broken_point(rate, str(error))
    finally:
        bench.give_up_base()  # its module was trained: the next point loads it again
