"""What a case of the catalogue is."""

from dataclasses import dataclass
from enum import StrEnum

from tests.effectiveness.changes import Change


class Kind(StrEnum):
    """How a change is hidden or made."""

    FLIPPED = "flipped"
    WEAKENED = "weakened"
    REMOVED = "removed"
    STRING = "written as a string"
    PARAMETER = "behind a parameter"
    CONDITION = "behind a condition"
    MAPPING = "behind a mapping"
    IMPORT = "imported"
    OVERRIDE = "raw override"
    SECOND = "second resource"
    NESTED = "nested stack"
    SPELLING = "spelt differently"
    DEPENDENCY = "dependency removed"
    ASSEMBLY = "setting of the stack"


@dataclass(frozen=True, slots=True)
class Violation:
    """A change that breaks a requirement, and what it does in one sentence; `name` is unique in the catalogue."""

    requirement: str
    name: str
    kind: Kind
    does: str
    change: Change


@dataclass(frozen=True, slots=True)
class Harmless:
    """A change that breaks nothing, and what it does in one sentence; `name` is unique in the catalogue."""

    name: str
    does: str
    change: Change
