"""oneDNN keeps few kernels, unless the user has said how many."""

import os
import subprocess
import sys

import pytest
import torch

SCRIPT = """
import sys, torch
from retain.models.kernel_cache import keep_few_kernels
keep_few_kernels()
weights = torch.ones(64, 64).bfloat16()
for turn in range(2):
    for rows in range(33, 133):
        torch.ones(rows, 64).bfloat16() @ weights
"""


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize(("environment", "kept"), [({}, False), ({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}, True)])
def test_a_hundred_shapes_are_kept_only_where_a_user_asks_for_it(environment, kept):
    own = {name: value for name, value in os.environ.items() if "PRIMITIVE_CACHE" not in name}
    own |= {"ONEDNN_VERBOSE": "profile_create", "ONEDNN_VERBOSE_TIMESTAMP": "0"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=own | environment)
    assert done.returncode == 0, done.stderr
    made = [line for line in done.stdout.splitlines() if "create:cache_miss" in line]
    if not made:
        pytest.skip("this processor multiplies bf16 without oneDNN")
    assert len(made) < 150 if kept else len(made) >= 200
