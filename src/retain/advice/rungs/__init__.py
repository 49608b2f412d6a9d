"""The rungs of the ladder: one file is one rung, with a function ``climb``."""
