"""Rankings: queries with their judged documents, first-stage candidates, mined negatives and measures."""
