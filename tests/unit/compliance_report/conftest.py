"""One signed and one unsigned bundle a session, each made by a whole audit."""

from pathlib import Path

import pytest

from compliance_report import audit as auditing
from compliance_report.audit import audit
from compliance_report.signing import make_keys
from tests.unit.compliance_report.bundles import EPOCH, Bundle


def _made(folder: Path, *, signed: bool) -> Bundle:
    private, public, _ = make_keys(folder / "keys")
    environment = {"SOURCE_DATE_EPOCH": EPOCH, "AUDIT_REVIEWER": "internal audit"}
    if signed:
        environment["COMPLIANCE_SIGNING_KEY"] = str(private)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "ASSEMBLIES", folder / "cdk.out")
        patch.setattr(auditing, "REPORTS", folder / "out")
        patch.setattr(auditing, "RECORDS", folder / "evidence")
        assert audit("dev", context={}, environment=environment) == 0
    return Bundle(folder / "out" / "dev", folder / "out" / "dev.zip", private, public)


@pytest.fixture(scope="session")
def signed_once(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The signed bundle; not to be changed."""
    return _made(tmp_path_factory.mktemp("signed"), signed=True)


@pytest.fixture(scope="session")
def unsigned_once(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The unsigned bundle; not to be changed."""
    return _made(tmp_path_factory.mktemp("unsigned"), signed=False)


@pytest.fixture
def signed(signed_once: Bundle, tmp_path: Path) -> Bundle:
    """A copy of the signed bundle, for one test to change."""
    return signed_once.copy(tmp_path / "signed")


@pytest.fixture
def unsigned(unsigned_once: Bundle, tmp_path: Path) -> Bundle:
    """A copy of the unsigned bundle, for one test to change."""
    return unsigned_once.copy(tmp_path / "unsigned")
