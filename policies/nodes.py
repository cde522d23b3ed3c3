"""The values of a template: plain JSON where the template decides, and names for what it does not.

A node is a scalar, a list or an object of nodes, or one of: `ABSENT`, `Reference`, `Unknown`, `Partial` text,
`DynamicReference`, `Choice`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

_LONGEST_SHOWN: Final = 200


class _Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""The property is not there (never written, or `AWS::NoValue`), so CloudFormation's default applies."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A `Ref` (no attribute) or `Fn::GetAtt` to a resource of the same template."""

    target: str
    attribute: str | None = None

    def __str__(self) -> str:
        """`Database` or `Database.Arn`."""
        return self.target if self.attribute is None else f"{self.target}.{self.attribute}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that the template does not decide, and why: a parameter, an import, the account id, a zone."""

    reason: str

    def __str__(self) -> str:
        """The reason in words."""
        return f"undecided ({self.reason})"


@dataclass(frozen=True, slots=True)
class Partial:
    """Text that is known in part: literal pieces, with references and unknowns between them, in order."""

    parts: tuple["str | Reference | Unknown", ...]

    def __str__(self) -> str:
        """The text with `${…}` where a deployment decides."""
        return "".join(part if isinstance(part, str) else f"${{{part}}}" for part in self.parts)

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references inside the text, in order."""
        return tuple(part for part in self.parts if isinstance(part, Reference))


@dataclass(frozen=True, slots=True)
class DynamicReference:
    """A value that CloudFormation fetches while it deploys.

    `text` is the whole `{{resolve:service:…}}`, or text with one inside.
    """

    text: str

    def __str__(self) -> str:
        """The reference as written."""
        return self.text

    @property
    def services(self) -> tuple[str, ...]:
        """The services it fetches from, in order: `secretsmanager`, `ssm`, `ssm-secure`."""
        return tuple(piece.split(":", 1)[0] for piece in self.text.split("{{resolve:")[1:])


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that depends on a condition or on a parameter with stated values.

    Every one of the options is possible.
    """

    options: tuple["Node", ...]


Scalar: TypeAlias = str | int | float | bool
Node: TypeAlias = (
    Scalar | _Absent | Reference | Unknown | Partial | DynamicReference | Choice | dict[str, "Node"] | list["Node"]
)


def possible(node: Node) -> tuple[Node, ...]:
    """Every value the node can take, choices within choices laid flat; never empty."""
    if isinstance(node, Choice):
        return tuple(value for option in node.options for value in possible(option))
    return (node,)


def child(node: Node, key: str) -> Node:
    """The value under `key` of a node that should be an object: absent in nothing, unknown in what is no object."""
    options = tuple(_child_of_one(option, key) for option in possible(node))
    return options[0] if len(options) == 1 else Choice(options)


def _child_of_one(node: Node, key: str) -> Node:
    if isinstance(node, dict):
        return node.get(key, ABSENT)
    return (
        node
        if node is ABSENT or isinstance(node, Unknown | DynamicReference)
        else Unknown(f"{show(node)} is no object with {key}")
    )


def show(node: Node) -> str:
    """The node in words, for messages and evidence: at most 200 characters."""
    text = _show(node)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _show(node: Node) -> str:
    if isinstance(node, Choice):
        return " or ".join(dict.fromkeys(_show(option) for option in possible(node)))
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, dict):
        return "{" + ", ".join(f"{key}: {_show(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(_show(item) for item in node) + "]"
    if isinstance(node, Reference):
        return f"${{{node}}}"
    return "absent" if node is ABSENT else str(node)


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every leaf below a node with its path (`Statement/0/Action`): scalars, references, unknowns, partial text.

    Each option too.
    """
    for option in possible(node):
        if isinstance(option, dict):
            for key, value in option.items():
                yield from walk(value, f"{path}/{key}" if path else key)
        elif isinstance(option, list):
            for index, item in enumerate(option):
                yield from walk(item, f"{path}/{index}" if path else str(index))
        else:
            yield path, option
