"""The stages of a run, in order: prepare, general, measure, train, choose, finish. Each writes one file."""
