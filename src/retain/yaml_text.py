"""YAML texts as plain values: no surprises, no code, and no text that grows without end."""

from __future__ import annotations

from typing import Any

import yaml

BOOL = "tag:yaml.org,2002:bool"
MOST_YAML = 2**21
"""Characters of a YAML text, which takes seconds to read then."""
MOST_VALUES = 200_000
"""Values of a YAML text with every alias written out; a suite of ten thousand prompts has a tenth of them."""
MOST_DEEP = 100
"""Levels of a YAML text or of a row."""


class _Loader(yaml.SafeLoader):
    """YAML in which ``on`` and ``no`` are words, and a key that is given twice is a mistake, not a value lost."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag != BOOL or first in "tTfF"]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f'"{key.value}" is given twice', key.start_mark)
                seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


def parse_yaml(text: str) -> Any:
    """The plain values of a YAML text.

    Raises:
        yaml.YAMLError: it is not YAML, a key is given twice, a value is not of the kind that it is tagged as, or it is
            too long, nested too deeply, or grows too large by its aliases.
    """
    if len(text) > MOST_YAML:
        raise yaml.YAMLError(f"it has {len(text):,} characters; at most {MOST_YAML:,} are read")
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node)
        return loader.construct_document(node)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
    except (
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
    ) as error:  # such as the date 2001-99-99
        raise yaml.YAMLError(f"a value cannot be read: {error}") from None
    finally:
        loader.dispose()


def _check_size(root: Any) -> None:
    """Refuse what a few aliases make huge (``b: [*a, *a], c: [*b, *b]``), deep or endless: all that reads it would be.

    Raises:
        yaml.YAMLError: it has more than :data:`MOST_VALUES` values or is nested deeper than :data:`MOST_DEEP`.
    """
    known: dict[int, int] = {}

    def size(node: Any, depth: int) -> int:
        if depth > MOST_DEEP:
            raise yaml.YAMLError("it is nested too deeply")
        if id(node) not in known:
            pairs = node.value if isinstance(node, yaml.CollectionNode) else []
            below = [part for pair in pairs for part in (pair if isinstance(pair, tuple) else (pair,))]
            known[id(node)] = 1 + sum(size(part, depth + 1) for part in below)
        if known[id(node)] > MOST_VALUES:
            raise yaml.YAMLError(f"its aliases make it more than {MOST_VALUES:,} values")
        return known[id(node)]

    size(root, 0)
