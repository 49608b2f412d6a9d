"""Rules that say whether an answer is right: one file is one rule, ``score: NAME`` is ``NAME.py``.

A rule is two functions. ``problem(item, options)`` says why an item cannot be scored by it, before any
model is asked; ``right(response, item, options)`` says whether an answer is right, and raises
``CannotScore`` where that cannot be told. An empty answer is never right.
"""
