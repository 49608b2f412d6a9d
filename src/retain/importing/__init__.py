"""Measurements that other tools made: one file reads one kind of log. Nothing in a log is ever executed."""
