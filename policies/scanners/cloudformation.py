"""AWS's own validation of CloudFormation templates (PyPI `cloudformation-validate`), the engine that CDK builds in too.

It objects, and says nothing of what it finds in order: there are no passes, and the roster says of each rule only how
many resources were read. Directives in a template that silence cfn-lint or cfn-guard do not silence it (measured).
"""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final, Self

from cloudformation_validate import (
    CompositeEngine,
    DetailLevel,
    EntityType,
    PseudoParameterOverrides,
    ReportStatus,
    Severity,
    ValidateConfig,
)

from policies.evaluate import TEMPLATE_ITSELF
from policies.finding import Finding, Scan, ScannerError
from policies.judge import Verdict
from policies.scanners import CLOUDFORMATION
from policies.scanners.beside import beside
from policies.template import Template

_CONFIGURATION: Final = ValidateConfig(
    detail_level=DetailLevel.STANDARD, pseudo_parameter_overrides=PseudoParameterOverrides(region="us-east-1")
)
# not the some hundred remarks below a warning that every stack gets, on what replaces a resource for instance
_BLOCKING: Final = frozenset({Severity.WARN, Severity.ERROR, Severity.FATAL})


class CloudFormationValidation:
    """The validation: `start` it early, since its engine takes half a second to build, then `scan`."""

    def __init__(self, engine: "Future[Any]") -> None:
        self._engine = engine

    @classmethod
    def start(cls) -> Self:
        """Begin to build the engine, in a thread: it is native code, beside which Python runs on."""
        return cls(beside(CompositeEngine))

    def close(self) -> None:
        """Let go of the engine, which holds 190 MB (measured): jsii never lets go of the plugin that holds this."""
        self._engine = Future()

    def scan(self, templates: Sequence[Template]) -> Scan:
        """Validate templates that are files: what it warns of fails.

        Raises `ScannerError` when the engine fails, has no rules, or did not analyse a template to its end.
        """
        try:
            engine = self._engine.result()
            rules = engine.list_rules()
            reports = [(template, engine.validate_template(template.file, _CONFIGURATION)) for template in templates]
        except Exception as error:  # whatever the engine raises, it has not validated
            raise ScannerError(f"{CLOUDFORMATION}: {type(error).__name__}: {' '.join(str(error).split())}") from error
        for template, report in reports:
            _refuse_incomplete(template, report)
        read = sum(report.metadata.resources_scanned for _, report in reports)
        if not rules or not read:
            raise ScannerError(
                f"{CLOUDFORMATION}: {len(rules)} rules on {read} resources; a scan of nothing shows nothing"
            )
        return Scan(
            scanner=CLOUDFORMATION,
            version=reports[0][1].version,
            findings=tuple(
                _finding(template, item)
                for template, report in reports
                for item in report.diagnostics
                if item.severity in _BLOCKING
            ),
            roster={rule.id: read for rule in rules},
        )


def _refuse_incomplete(template: Template, report: Any) -> None:  # noqa: ANN401 - the library ships no types
    complete = (
        report.status is ReportStatus.OK
        and report.metadata.rules_evaluated > 0
        and report.metadata.resources_scanned == len(template.resources)
        and report.metadata.suppressed == 0
    )
    if not complete:
        detail = (
            f"{report.metadata.rules_evaluated} rules on {report.metadata.resources_scanned} of its "
            f"{len(template.resources)} resources, {report.metadata.suppressed} findings suppressed"
        )
        first = "".join(f": {item.message}" for item in report.diagnostics[:1])
        raise ScannerError(f"{CLOUDFORMATION}: {template.name}: status {report.status.name}, {detail}{first}")


def _finding(template: Template, item: Any) -> Finding:  # noqa: ANN401 - the library ships no types
    named = item.entity.logical_id if item.entity and item.entity.entity_type is EntityType.RESOURCE else ""
    resource = template.resources.get(named, TEMPLATE_ITSELF)
    itself = resource is TEMPLATE_ITSELF
    return Finding(
        scanner=CLOUDFORMATION,
        rule=item.rule_id,
        verdict=Verdict.FAIL,
        message=f"{item.message} ({item.property_path})" if item.property_path else item.message,
        template=template.name,
        resource=resource.logical_id,
        resource_type="" if itself else resource.type,
        construct_path=(template.stack.construct_path if template.stack else "")
        if itself
        else resource.construct_path or "",
        severity=item.severity.name.lower(),
        fix=item.suggested_fix or "",
        path="" if itself else f"Resources/{resource.logical_id}",
        line=item.start_line or 0,
        column=item.start_column or 0,
    )
