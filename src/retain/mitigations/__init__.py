"""Mitigations: one file is one way to forget less."""
