"""Stage 5: finish the trained model by choices on dev items and save it."""

from __future__ import annotations

from collections.abc import Mapping

from retain import processes
from retain.mitigations.base import GeneralSet
from retain.records import Choice, Record
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.stages.training import AFTER_TRAINING
from retain.training.trained import BASE_WEIGHTS, TRAINED, TUNED, load_trained, save_tuned


class Chosen(Record):
    """Which choices were made."""

    choices: list[Choice]


def choose(run: RunFolder, bench: Workbench, general: Mapping[str, GeneralSet]) -> Chosen:
    """Let each mitigation finish the model, and save the result as ``tuned``."""

    def make() -> Chosen:
        setup = bench.setup(general)
        setup.base_dev()  # while the base is still itself
        model = load_trained(bench.base(), run.path / TRAINED)
        bench.give_up_base()
        choices = []
        for mitigation in sorted(run.recipe.mitigations, key=lambda one: one.finish_order):
            model, choice = mitigation.finish_model(model, setup)
            choices += [choice] if choice else []
        save_tuned(model, run.path / TUNED)
        return Chosen(choices=choices)

    chosen = run.once("chosen", Chosen, make, "Choosing on dev items", before=AFTER_TRAINING[1:])
    processes.from_first(lambda: (run.path / TRAINED / BASE_WEIGHTS).unlink(missing_ok=True))
    return chosen
