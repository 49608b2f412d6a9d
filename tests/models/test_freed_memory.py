"""The allocator is set once, and where a user has set it nothing is changed."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, resource, sys
from retain.models.freed_memory import keep_freed_memory
print(keep_freed_memory())
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    import torch
    for _ in range(20):
        torch.ones(16_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
print(os.environ.get("HF_DEACTIVATE_ASYNC_LOAD", "unset"))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_pages_of_freed_tensors_are_used_again():
    """Twenty tensors of 64 MB take the pages of the first one; without the setting each takes fresh ones."""
    found = {}
    for name, environment in (("kept", {}), ("left", {"MALLOC_PERTURB_": "0"})):
        command = [sys.executable, "-c", SCRIPT]
        own = {key: value for key, value in os.environ.items() if not key.startswith(("MALLOC_", "HF_DEACTIVATE_"))}
        done = subprocess.run(command, capture_output=True, text=True, env=own | environment, check=True)
        kept, faults, one_thread = done.stdout.split()
        found[name] = (kept == "True", int(faults))
        assert (one_thread == "1") == (kept == "True"), "weights are read by one thread where freed memory is kept"
    assert found["left"][0] is False
    if found["kept"][0]:
        assert found["kept"][1] * 10 < found["left"][1]
