"""One file is one command; each holds the Python function of the same name."""
