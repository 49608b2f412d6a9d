"""Reports: markdown and html, pure functions of a record."""
