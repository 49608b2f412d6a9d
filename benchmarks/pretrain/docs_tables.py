"""The table of this benchmark's arms."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cells import arms_table

RESULTS = Path(__file__).parent / "results"
TABLES = {"pretrain table": partial(arms_table, RESULTS, ["plain", "replay", "default", "replay_kl"])}
