"""Whatever else writes logs (flow logs, functions, containers) has a log group of the stack, made first (LOG-03)."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from policies.facts.identity import in_lower_case, joined
from policies.judge import Outcome, Truth, all_of, equals, holds, no, outcome
from policies.nodes import ABSENT, Node, Partial, Reference, possible, walk
from policies.rule import EVERY_TYPE, Severity, rule
from policies.rules.log_groups import LOG_GROUP, is_declared_before
from policies.template import Resource, Template

_FLOW_LOG: Final = "AWS::EC2::FlowLog"
_FUNCTION: Final = "AWS::Lambda::Function"
_PROJECT: Final = "AWS::CodeBuild::Project"

_NAMES_A_GROUP: Final = re.compile(
    r"(^|/)(\w*log-?group(name|arn)?|awslogs-group|CloudWatchLogs/GroupName)(/\d+)?$", re.IGNORECASE
)
"""The paths of properties that name the log group to write to, of whatever type (seen in aws-cdk-lib 2.275)."""
_MAY_NAME_A_GROUP: Final = re.compile(r"(^|/)(\w*destination\w*|arn)(/\d+)?$", re.IGNORECASE)
_ELSEWHERE: Final = re.compile(r"(^|/)(Tags|Environment/Variables)/")
_READS_ONLY: Final = ("AWS::Logs::", "AWS::CloudWatch::", "AWS::IAM::", "AWS::SSM::")
_ARN_OF_GROUP: Final = ":log-group:"

_AWS_NAMES_THE_GROUP: Final[Mapping[str, re.Pattern[str]]] = {
    "AWS::ApiGateway::Stage": re.compile("MethodSettings/[0-9]+/LoggingLevel"),
    "AWS::AppSync::GraphQLApi": re.compile("LogConfig/"),
    "AWS::EKS::Cluster": re.compile("Logging/"),
    "AWS::Glue::Job": re.compile(""),
    "AWS::SNS::Topic": re.compile("DeliveryStatusLogging/"),
    "AWS::Synthetics::Canary": re.compile(""),
    "Custom::LogRetention": re.compile(""),
}
"""Types that log to a group that AWS makes and names, with the properties that turn it on (empty: any)."""


@rule(
    requirement="LOG-03",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Pass a LogGroup of this stack as the destination; where only a name can be given, depend on the group.",
)
def log_destination_is_a_log_group_of_the_stack(writer: Resource, template: Template) -> Iterator[Outcome]:
    """Check that each log group that a resource writes to is declared in the stack and made before the resource.

    Whatever the type, a property called like a log group (`LogGroupName`, `LoggingConfig/LogGroup`, `awslogs-group`,
    `CloudWatchLogsLogGroupArn`), or a destination with a log group's ARN, is followed. A group that is not declared is
    made by the service when it first writes, without retention or tags, and stays when the stack goes.
    """
    if writer.type.startswith(_READS_ONLY):
        return
    for path, value in walk(writer.properties):
        names_a_group = _names_a_group(path)
        if (names_a_group or (names_a_group is None and _is_a_log_group(value, template))) and value is not ABSENT:
            truth, reason = _is_own_group(value, writer, template)
            yield outcome(
                truth,
                path=f"Properties/{path}",
                expected="a log group of this stack, made before the resource",
                observed=value,
                reason=reason,
            )


@lru_cache(maxsize=4096)
def _names_a_group(path: str) -> Truth:
    """Whether the property at a path names a log group to write to; None where its value tells (paths repeat)."""
    if _ELSEWHERE.search(path):
        return False
    return True if _NAMES_A_GROUP.search(path) else None if _MAY_NAME_A_GROUP.search(path) else False


def _is_a_log_group(value: Node, template: Template) -> bool:
    if isinstance(value, Reference):
        target = template.target(value)
        return target is not None and target.type == LOG_GROUP
    return isinstance(value, str | Partial) and _ARN_OF_GROUP in str(value)


def _is_own_group(value: Node, writer: Resource, template: Template) -> tuple[Truth, str]:
    name = _name_of(value)
    if not isinstance(name, Reference):
        return is_declared_before(name, writer, template)
    group = template.target(name)
    if group is None or group.type != LOG_GROUP or name.attribute not in {None, "Arn"}:
        return None, "it is no log group, so what it names is not decided by the template"
    return template.exists_with(group, writer), ""


def _name_of(value: Node) -> Node:
    """The name (or reference) in the ARN of a log group, or the value itself."""
    if not isinstance(value, str | Partial):
        return value
    parts = value.parts if isinstance(value, Partial) else (value,)
    start = next((index for index, part in enumerate(parts) if isinstance(part, str) and _ARN_OF_GROUP in part), None)
    if start is not None:
        parts = (str(parts[start]).partition(_ARN_OF_GROUP)[2], *parts[start + 1 :])
    last = parts[-1]
    if isinstance(last, str):
        parts = (*parts[:-1], last.removesuffix(":*"))
    return joined(*(part for part in parts if part != ""))


@rule(
    requirement="LOG-03",
    types=(_FLOW_LOG, _FUNCTION, _PROJECT),
    severity=Severity.HIGH,
    fix="State the log group: log_group of a Function, destination of a FlowLog, logging of a Project.",
)
def log_destination_is_stated(writer: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that a function, a flow log to CloudWatch and a build project name the log group that they write to.

    Where a function names none, Lambda makes `/aws/lambda/<name>` at its first call, and CodeBuild
    `/aws/codebuild/<name>`: groups without retention, outside of `/aws/rds/`, that stay when the stack goes. Mind the
    functions that constructs bring along.
    """
    if writer.type == _FLOW_LOG:
        applies = holds(writer.get("LogDestinationType"), lambda value: value in {ABSENT, "cloud-watch-logs"})
        path = "LogGroupName" if writer.get("LogGroupName") is not ABSENT else "LogDestination"
    elif writer.type == _FUNCTION:
        applies, path = True, "LoggingConfig/LogGroup"
    else:
        applies = no(holds(writer.get("LogsConfig", "CloudWatchLogs", "Status"), equals("DISABLED")))
        path = "LogsConfig/CloudWatchLogs/GroupName"
    if applies is not False:
        stated = writer.get(*path.split("/"))
        truths = {value is not ABSENT and not isinstance(value, dict | list) for value in possible(stated)}
        is_stated = truths.pop() if len(truths) == 1 else None
        yield outcome(
            all_of([is_stated, applies]),
            path=f"Properties/{path}",
            expected="a log group of this stack",
            observed=stated,
        )


@rule(
    requirement="LOG-03",
    types=tuple(_AWS_NAMES_THE_GROUP),
    severity=Severity.MEDIUM,
    fix="Leave the resource, or its logging, out of the stack.",
)
def aws_makes_no_log_group_by_itself(writer: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that nothing logs to a group whose name AWS chooses, so that no one can declare it.

    Such are API Gateway's execution logs, AppSync's and EKS's logs, the delivery status of a topic, canaries, Glue
    jobs, and CDK's log-retention helper, which makes groups outside of CloudFormation.
    """
    turns_on = _AWS_NAMES_THE_GROUP[writer.type]
    found = [value for path, value in walk(writer.properties) if turns_on.match(path) and value not in (ABSENT, "OFF")]
    yield outcome(
        not found, path="", expected="no logging to a group that AWS names", observed=list(found) if found else "none"
    )


@rule(
    requirement="LOG-03",
    types=("AWS::RDS::DBProxy",),
    template_only=True,
    severity=Severity.MEDIUM,
    fix="Declare a LogGroup /aws/rds/proxy/<name> and let the proxy depend on it.",
)
def database_proxy_has_its_log_group_first(proxy: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the log group `/aws/rds/proxy/<name>` is declared and made before the proxy, which else makes it."""
    name = joined("/aws/rds/proxy/", in_lower_case(proxy.get("DBProxyName")))
    truth, reason = is_declared_before(name, proxy, template)
    yield outcome(
        truth, path="Properties/DBProxyName", expected="a log group of this stack for it", observed=name, reason=reason
    )
