"""What an environment suffix may be. `infra.settings` holds the same rule: neither imports the other."""

import re
from typing import Final

SUFFIX: Final = re.compile(r"[a-z][a-z0-9]{1,19}")
"""What a whole suffix matches."""

SUFFIX_RULE: Final = "give 2 to 20 lower-case ASCII letters and digits, a letter first, no hyphen"
"""What a suffix may be, in words."""
