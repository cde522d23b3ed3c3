"""`python -m policies`: the rules, from the command line."""

import sys

from policies.command_line import main

if __name__ == "__main__":
    sys.exit(main())
