"""Statistics: intervals, power, comparison, gate."""
