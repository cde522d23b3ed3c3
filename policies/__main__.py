"""`python -m policies`: the rules, from the command line."""

import sys

from policies.command_line import main

sys.exit(main())
