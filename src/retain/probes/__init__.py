"""Probes: one file is one thing measured."""
