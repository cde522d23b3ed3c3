"""YAML without surprises: no key twice, no dates out of text, no tags that run code."""

from collections.abc import Iterable
from typing import Any

import yaml


def refuse_repetition(keys: Iterable[object]) -> None:
    """Raise `ValueError` when a key stands twice in one object: which of the two counts is undecided."""
    seen: set[str] = set()
    for key in map(str, keys):
        if key in seen:
            raise ValueError(
                f"the key {key!r} stands twice in one object, so what it means is undecided; keep one of them"
            )
        seen.add(key)


class StrictLoader(yaml.CSafeLoader):
    """A safe loader that leaves dates as text and refuses a key that stands twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class declares it without ClassVar
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    # the base class's signature
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Build an object, each key once."""
        refuse_repetition(self.construct_object(key, deep=True) for key, _ in node.value)
        return super().construct_mapping(node, deep=deep)


def load_strict(text: str, loader: type[StrictLoader] = StrictLoader) -> object:
    """The data that a YAML text holds.

    Raises `ValueError`, its message one line, when it is no YAML or a key stands twice.
    """
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - StrictLoader is a SafeLoader
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error
