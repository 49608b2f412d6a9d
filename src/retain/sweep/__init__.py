"""Many recipes on one base, one task and one set of probes: the frontier of gain against retention."""
