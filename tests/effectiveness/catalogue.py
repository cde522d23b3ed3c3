"""The whole catalogue: every violation, every harmless variant, by the subject of what they change."""

from typing import Final

from tests.effectiveness import (
    violations_corners,
    violations_database,
    violations_logging,
    violations_naming,
    violations_network,
    violations_subtle,
)
from tests.effectiveness.case import Harmless, Violation
from tests.effectiveness.harmless import HARMLESS as _HARMLESS

VIOLATIONS: Final[tuple[Violation, ...]] = (
    *violations_database.VIOLATIONS,
    *violations_logging.VIOLATIONS,
    *violations_network.VIOLATIONS,
    *violations_naming.VIOLATIONS,
    *violations_subtle.VIOLATIONS,
    *violations_corners.VIOLATIONS,
)
HARMLESS: Final[tuple[Harmless, ...]] = _HARMLESS
