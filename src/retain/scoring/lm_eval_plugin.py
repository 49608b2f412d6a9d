"""Makes ``--model retain`` known to the command ``lm_eval``.

lm-evaluation-harness (0.4.13) looks models up in a registry and has no entry points, so nothing outside it is
imported when its command starts. The installed file ``retain_lm_eval.pth`` imports this module at the start of a
Python process, and only where that process is the ``lm_eval`` command; ``docs/decisions/lm-eval-command.md`` says why.
In a program of your own, import it before ``lm_eval.simple_evaluate(model="retain", ...)``.
"""

from __future__ import annotations

import importlib.util

TARGET = "retain.scoring.lm_eval_model:LmEvalModel"
"""Loaded by lm-eval when somebody asks for the model, not before."""

if importlib.util.find_spec("lm_eval") is not None:
    import lm_eval.models  # noqa: F401 - lm-eval registers its own models first: it does so only while there are none
    from lm_eval.api.registry import model_registry

    model_registry.register("retain", target=TARGET)
