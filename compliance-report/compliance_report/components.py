"""The list of all components with their versions, as CycloneDX 1.6 ("CycloneDX v1.6 JSON Reference")."""

import json
import re
import sysconfig
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from compliance_report.bundle import as_json

PYTHON_LOCK: Final = "requirements-dev.txt"
PYTHON_LOCK_OF_THE_AUDIT: Final = "requirements.txt"
NODE_LOCK: Final = "package-lock.json"

_PIN: Final = re.compile(r"^([a-z0-9][a-z0-9.-]*)==", re.MULTILINE)


class ComponentsError(ValueError):
    """The components cannot be listed; the message is one line that says why and what to do."""


def components(root: Path, now: datetime) -> str:
    """The components of the checkout `root` as a CycloneDX document: the same components and time, the same bytes.

    Python distributions: what is installed of those that the lock names, in the version that is installed; scope
    `excluded` where an audit does without. Node packages: all that the lock names, installed or not, since no audit
    needs them; scope `optional` where the lock says so. Raises `ComponentsError` when a lock is missing or is none.

    Who needs whom is left to the locks: the library would say of each that it needs nothing.
    """
    try:
        found = {component.purl: component for component in (*_python(root), *_node(root))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ComponentsError(f"the components cannot be listed from the locks: {reason}; run make lock") from error
    checkout = Component(name="postgresql-database-infrastructure", type=ComponentType.APPLICATION, bom_ref="checkout")
    document = Bom(
        components=found.values(),
        serial_number=uuid5(NAMESPACE_URL, " ".join(sorted(map(str, found)))),
        metadata=BomMetaData(timestamp=now.replace(microsecond=0), component=checkout),
    )
    document.register_dependency(checkout, found.values())  # without one, the library warns
    data = json.loads(JsonV1Dot6(document).output_as_string())
    del data["dependencies"]
    return as_json(data)


def _python(root: Path) -> Iterator[Component]:
    needed = set(_pins(root / PYTHON_LOCK_OF_THE_AUDIT))
    installed = _installed()
    for name in _pins(root / PYTHON_LOCK):
        if name in installed:  # the lock speaks for all platforms
            yield _component(
                PackageURL("pypi", None, name, installed[name]),
                ComponentScope.REQUIRED if name in needed else ComponentScope.EXCLUDED,
            )


def _installed() -> dict[str, str]:
    """The version of each distribution, by the names of the folders that say so ("Recording installed projects").

    Reading what is in them, as importlib.metadata does, takes a tenth of a second.
    """
    folders = Path(sysconfig.get_path("purelib")).glob("*-*.dist-info")
    named = (folder.name.removesuffix(".dist-info").split("-", 1) for folder in folders)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in named}


def _pins(lock: Path) -> list[str]:
    names = _PIN.findall(lock.read_text(encoding="utf-8"))
    if not names:
        raise ValueError(f"{lock.name} pins no distribution")
    return names


def _node(root: Path) -> Iterator[Component]:
    lock = json.loads((root / NODE_LOCK).read_text(encoding="utf-8"))
    for place, package in lock["packages"].items():
        if place:  # without one, it is the checkout itself
            group, _, name = place.rpartition("node_modules/")[2].rpartition("/")
            yield _component(
                PackageURL("npm", group or None, name, package["version"]),
                ComponentScope.OPTIONAL if package.get("optional") else ComponentScope.REQUIRED,
            )


def _component(purl: PackageURL, scope: ComponentScope) -> Component:
    return Component(
        name=purl.name, group=purl.namespace, version=purl.version, purl=purl, scope=scope, bom_ref=str(purl)
    )
