"""What the end-to-end tests share."""

from pathlib import Path

import pytest

from tests.end_to_end.checkout import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of the repository, for one test."""
    return Checkout(tmp_path / "checkout")
