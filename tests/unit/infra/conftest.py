from collections.abc import Callable
from typing import Any

import pytest

from infra.settings import Settings

# infra comes first: it says which node the CDK is to run on.
# isort: split
import aws_cdk as cdk
from aws_cdk.assertions import Template

from infra.tap_stack import TapStack

TemplateOf = Callable[[dict[str, object]], Template]


@pytest.fixture(scope="session")
def template_of() -> TemplateOf:
    """Return a function that synthesizes the stack for a CDK context and returns its template."""

    def from_context(context: dict[str, object]) -> Template:
        settings = Settings.read(context, {})
        app = cdk.App(builtin_cloud_formation_validation=False)
        return Template.from_stack(TapStack(app, f"TapStack-{settings.environment_suffix}", settings=settings))

    return from_context


@pytest.fixture(scope="session")
def template(template_of: TemplateOf) -> Template:
    return template_of({})


@pytest.fixture(scope="session")
def resources(template: Template) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = template.to_json()["Resources"]
    return found
