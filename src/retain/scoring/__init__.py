"""Engines that score and generate in batches."""

ENGINE_VERSION = 3
"""Part of every key under which measurements are kept. Raise it with each change of the engines, the models' interface
or the probes after which the same model could get another score: what was measured before is then measured again. A
change of a probe's own rule has a number of its own (``rule``), and so have the libraries."""
