"""How a command ends."""

from typing import Final

OK: Final = 0
FAILED: Final = 1
NOT_DONE: Final = 2
