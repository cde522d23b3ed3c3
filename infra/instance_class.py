"""What a DB instance class offers, read from its name ("DB instance classes", RDS User Guide)."""

import re
from dataclasses import dataclass
from typing import Self

GIB = 1024**3

_CLASS = re.compile(
    r"db\.(?P<family>(?P<letter>[cmrtxz])[1-9][0-9]?[a-z]*)\."
    r"(?:(?P<size>micro|small|medium|large)|(?P<times>[1-9][0-9]?)?xlarge)"
)
# A size in quarters of a medium, which has the memory that goes with one virtual CPU of its family.
_QUARTERS = {"micro": 1, "small": 2, "medium": 4, "large": 8}
_QUARTERS_OF_XLARGE = 16
_GIB_FOR_EACH_CPU = {"c": 2, "m": 4, "r": 8, "t": 4, "x": 16, "z": 8}
_GIB_FOR_EACH_CPU_OF_FAMILY = {"x1e": 32, "x2iedn": 32, "x2iezn": 32}
_BYTES_FOR_EACH_CONNECTION = 9_531_392
_MOST_CONNECTIONS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceClass:
    """A DB instance class: its name (``db.r6g.large``) and its memory in bytes."""

    name: str
    memory: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a class from its name; raise ``ValueError`` if no class is named like that.

        The memory of families of generation 4 and older is up to a tenth less than what is computed here.
        """
        match = _CLASS.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} names no DB instance class")
        quarters = _QUARTERS[match["size"]] if match["size"] else _QUARTERS_OF_XLARGE * int(match["times"] or 1)
        gib_for_each_cpu = _GIB_FOR_EACH_CPU_OF_FAMILY.get(match["family"], _GIB_FOR_EACH_CPU[match["letter"]])
        return cls(name=text, memory=gib_for_each_cpu * quarters * GIB // 4)

    @property
    def max_connections(self) -> int:
        """The connections that RDS for PostgreSQL allows by default: ``LEAST({DBInstanceClassMemory/9531392}, 5000)``.

        RDS counts the memory less what it keeps for itself, so that the true limit is some percent lower.
        """
        return min(self.memory // _BYTES_FOR_EACH_CONNECTION, _MOST_CONNECTIONS)
