"""Data lint: one file is one check, found by its file name; the other files are what checks share."""
