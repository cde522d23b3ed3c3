"""The page in a bundle that tells an auditor how to check it without us."""

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from compliance_report.bundle import GUIDE, PUBLIC_KEY

if TYPE_CHECKING:
    from compliance_report.signing import Key


def write_guide(folder: Path, suffix: str, key: "Key | None") -> None:
    """Write the page, and beside it the public key that has signed the bundle, if one has."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701 - Markdown, and all that goes in is a suffix and a digest
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("HOW-TO-VERIFY.md.jinja").render(
        suffix=suffix, key_id=key.id if key else "", ed25519=key is not None and key.verifier.scheme == "ed25519"
    )
    (folder / GUIDE).write_text(text, encoding="utf-8")
    if key is not None:
        (folder / PUBLIC_KEY).write_bytes(key.pem)
