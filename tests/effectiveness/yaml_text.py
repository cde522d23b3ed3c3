"""A template as YAML text."""

from typing import Any

import yaml


class _Short(yaml.SafeDumper):
    """Writes `Ref`, `Fn::GetAtt`, `Fn::Join` in their short forms, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base's own signature
        return True


_TAGS = {"Ref": "!Ref", "Fn::GetAtt": "!GetAtt", "Fn::Join": "!Join"}


def _mapping(dumper: _Short, data: dict[str, Any]) -> yaml.Node:
    if len(data) == 1:
        ((name, value),) = data.items()
        if name == "Fn::GetAtt":
            return dumper.represent_scalar("!GetAtt", ".".join(value))
        if name in _TAGS:
            node = dumper.represent_data(value)
            node.tag = _TAGS[name]
            return node
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=False)


_Short.add_representer(dict, _mapping)


def as_yaml(template: dict[str, Any]) -> str:
    """The template as YAML, intrinsic functions in their long forms."""
    return yaml.safe_dump(template, sort_keys=False)


def as_yaml_with_short_forms(template: dict[str, Any]) -> str:
    """The template as YAML, as people write it."""
    return yaml.dump(template, Dumper=_Short, sort_keys=False)
