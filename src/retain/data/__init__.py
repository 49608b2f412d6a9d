"""Data: formats, sources, splits, overlap, general text."""
