"""The tables of this benchmark's arms."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cells import arms_table

RESULTS = Path(__file__).parent / "results"
TABLES = {
    "dpo table": partial(arms_table, RESULTS, ["plain", "lora_kl"]),
    "dpo long table": partial(arms_table, RESULTS, ["long"]),
}
