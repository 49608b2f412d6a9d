"""Training: the hooks in order, on TRL."""
