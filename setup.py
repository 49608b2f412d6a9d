"""Everything is said in pyproject.toml; this file only makes ``pip install -e .`` install ``retain_lm_eval.pth`` too.

setuptools asks a distribution for ``has_data`` when it builds an editable wheel, and a distribution calls that
``has_data_files``, so that data files would be left out of editable installations.
"""

import setuptools


class Distribution(setuptools.Distribution):
    """A distribution whose data files are installed in editable mode as well."""

    def has_data(self) -> bool:
        """True where there are data files."""
        return bool(self.has_data_files())


setuptools.setup(distclass=Distribution)
