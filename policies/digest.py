"""Digests of files, and the one of the rules."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import policies

_SOURCES: Final = frozenset({".json", ".py", ".yaml"})


def digest_of_rules() -> str:
    """The digest of the package `policies`: the rules, the data they use, and the code that applies them."""
    package = Path(policies.__path__[0])
    return digest_of_files(package, (path for path in package.rglob("*") if path.suffix in _SOURCES))


def digest_of_files(folder: Path, files: Iterable[Path]) -> str:
    """`sha256:` and the digest of what `sha256sum` prints of the files, sorted by their path in ``folder``."""
    lines = sorted(
        (path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files
    )
    listed = "".join(f"{digest}  {path}\n" for path, digest in lines)
    return f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"
