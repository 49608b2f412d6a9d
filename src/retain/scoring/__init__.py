"""Engines that score and generate in batches."""
