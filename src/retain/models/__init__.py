"""Models that can be measured and trained: the protocol and its kinds."""
