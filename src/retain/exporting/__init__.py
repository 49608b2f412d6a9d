"""Exports of a finished model, each measured as it ships."""
