"""What the integration tests run against. The tests cannot tell whether it is AWS or an emulator."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest

from compliance_report.facts import digest_of_assembly
from deployment.account import AWS_ERRORS
from tests.conftest import Synthesize
from tests.emulator import Emulator, running_emulator
from tests.integration import target
from tests.integration.stack import DeployedStack, find_stack
from tests.integration.target import Target
from tests.proof import Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnStack:
    """A stack that was deployed to an emulator of the tests' own, and what reaches it."""

    emulator: Emulator
    suffix: str
    assemblies: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that makes the integration tests look at it."""
        return {**self.emulator.environment, target.TARGET: "", "ENVIRONMENT_SUFFIX": self.suffix}


@pytest.fixture(scope="session")
def own_stack(tmp_path_factory: pytest.TempPathFactory, synthesize: Synthesize) -> Iterator[OwnStack]:
    """A stack of its own for this session, whose tests may change it and have to change it back."""
    folder = tmp_path_factory.mktemp("emulated")
    with running_emulator(folder) as emulator:
        suffix = target.OWN_SUFFIX
        copytree(synthesize(suffix), folder / "cdk.out" / suffix)
        target.deploy(emulator.environment, folder / "cdk.out" / suffix, suffix)
        yield OwnStack(emulator=emulator, suffix=suffix, assemblies=folder / "cdk.out")


@pytest.fixture(scope="session")
def tested(request: pytest.FixtureRequest) -> Target:
    """What is tested: what the environment names, or else a stack of the session's own."""
    if not target.is_given(os.environ):
        own: OwnStack = request.getfixturevalue("own_stack")
        assembly = own.assemblies / own.suffix
        digest = digest_of_assembly(assembly)
        return target.target(own.environment, own.suffix, assembly, digest, own.emulator.version)
    suffix = os.environ.get("ENVIRONMENT_SUFFIX") or "dev"
    assembly = target.ASSEMBLIES / suffix
    try:
        digest = target.deployed_digest(suffix, assembly)
        return target.target(os.environ, suffix, assembly, digest, "an emulator of AWS on this machine")
    except (LookupError, ValueError, *AWS_ERRORS) as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def ground(tested: Target) -> Ground:
    """The ground of everything in this folder."""
    return tested.ground


@pytest.fixture(scope="session")
def stack(tested: Target) -> DeployedStack:
    """The stack as it was when the first test asked."""
    try:
        return find_stack(tested.clients, tested.suffix)
    except LookupError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def assembly(tested: Target) -> Path:
    """The assembly that the stack is said to be made from."""
    return tested.assembly
