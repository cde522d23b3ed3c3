"""Changes to the stack's template, as a person would make them: what the catalogue's cases are composed of."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

SUFFIX: Final = "dev"

DATABASE: Final = "DatabaseInstance"
PARAMETERS: Final = "DatabaseParameters"
SUBNET_GROUP: Final = "DatabaseSubnets"
POSTGRESQL_LOG: Final = "DatabasePostgresqlLogGroup"
UPGRADE_LOG: Final = "DatabaseUpgradeLogGroup"
LOGIN_LOG: Final = "DatabaseIamDbAuthErrorLogGroup"
KEY: Final = "EncryptionKey"
VPC: Final = "NetworkVpc"
INTERNET_GATEWAY: Final = "NetworkVpcIGW"
PRIVATE_1: Final = "NetworkVpcprivateSubnet1Subnet"
PRIVATE_2: Final = "NetworkVpcprivateSubnet2Subnet"
PUBLIC_1: Final = "NetworkVpcpublicSubnet1Subnet"
PUBLIC_2: Final = "NetworkVpcpublicSubnet2Subnet"
PRIVATE_ROUTE_1: Final = "NetworkVpcprivateSubnet1DefaultRoute"
PRIVATE_ROUTE_2: Final = "NetworkVpcprivateSubnet2DefaultRoute"
PRIVATE_TABLE_1: Final = "NetworkVpcprivateSubnet1RouteTable"
PUBLIC_TABLE_1: Final = "NetworkVpcpublicSubnet1RouteTable"
ASSOCIATION_1: Final = "NetworkVpcprivateSubnet1RouteTableAssociation"
NAT_1: Final = "NetworkVpcpublicSubnet1NATGateway"
NAT_2: Final = "NetworkVpcpublicSubnet2NATGateway"
FLOW_LOG: Final = "FlowLog"
FLOW_LOG_GROUP: Final = "FlowLogLogGroup"
FLOW_LOG_ROLE: Final = "FlowLogRole"
FLOW_LOG_POLICY: Final = "FlowLogPolicy"
DATABASE_GROUP: Final = "SecurityGroupsDatabase"
APPLICATION_GROUP: Final = "SecurityGroupsApplication"
ENDPOINT_GROUP: Final = "SecurityGroupsEndpoint"
DATABASE_INGRESS: Final = "SecurityGroupsDatabasefromTapStackdevSecurityGroupsApplication7C6167015432"
ENDPOINT: Final = "SecretEndpoint"
MONITORING_ROLE: Final = "MonitoringRole"
MONITORING_POLICY: Final = "MonitoringRolePolicy"
TOPIC: Final = "NotificationsTopic"
TOPIC_POLICY: Final = "NotificationsTopicPolicy"
CPU_ALARM: Final = "MonitoringCPUUtilizationAlarm"
STORAGE_ALARM: Final = "MonitoringFreeStorageSpaceAlarm"
CONNECTIONS_ALARM: Final = "MonitoringDatabaseConnectionsAlarm"
MEMORY_ALARM: Final = "MonitoringFreeableMemoryAlarm"
SWAP_ALARM: Final = "MonitoringSwapUsageAlarm"
DASHBOARD: Final = "Dashboard"

_OF_THE_DATABASE: Final = re.compile(r"(Database|Monitoring|Dashboard).*")
_PHYSICAL_NAME: Final = re.compile(r'"((?:[a-z]+-)+dev)"')


@dataclass(slots=True)
class Draft:
    """The stack's template to be changed, with what only the assembly tells of the stack.

    `nested` are the templates of nested stacks by logical id; `as_text` writes the template down, as JSON unless a
    change says otherwise.
    """

    template: dict[str, Any]
    stack_name: str = f"TapStack-{SUFFIX}"
    region: str | None = "us-east-1"
    termination_protection: bool = False
    suffix: str = SUFFIX
    nested: dict[str, "Draft"] = field(default_factory=dict)
    as_text: Callable[[dict[str, Any]], str] = json.dumps

    @property
    def resources(self) -> dict[str, Any]:
        """The template's resources."""
        resources: dict[str, Any] = self.template["Resources"]
        return resources

    def id(self, key: str) -> str:
        """The logical id that CDK made for a construct: the key and eight digits, or the key as it is."""
        (found,) = (name for name in self.resources if name == key or re.fullmatch(f"{key}[0-9A-F]{{8}}", name))
        return found

    def body(self, key: str) -> dict[str, Any]:
        """A resource."""
        body: dict[str, Any] = self.resources[self.id(key)]
        return body

    def of(self, key: str) -> dict[str, Any]:
        """The properties of a resource."""
        properties: dict[str, Any] = self.body(key)["Properties"]
        return properties

    def ref(self, key: str) -> dict[str, Any]:
        """A `Ref` to a resource."""
        return {"Ref": self.id(key)}

    def attribute(self, key: str, name: str) -> dict[str, Any]:
        """A `Fn::GetAtt` of a resource."""
        return {"Fn::GetAtt": [self.id(key), name]}

    @property
    def tags(self) -> list[dict[str, str]]:
        """The cost tags, as the stack's own resources carry them."""
        return copy.deepcopy(list(self.of(TOPIC)["Tags"]))


Change: TypeAlias = Callable[[Draft], None]
Value: TypeAlias = Any
"""Any JSON, or a function that makes it of the draft (for references)."""


def _value(value: Value, draft: Draft) -> Any:
    return copy.deepcopy(value(draft) if callable(value) else value)


def _holder(start: Any, path: str) -> tuple[Any, str | int]:
    """What holds the last part of a path, and that part."""
    *before, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in before:
        start = start[part] if isinstance(part, int) else start.setdefault(part, {})
    return start, last


def put(key: str, path: str, value: Value) -> Change:
    """Set a property."""

    def change(draft: Draft) -> None:
        holder, last = _holder(draft.of(key), path)
        holder[last] = _value(value, draft)

    return change


def drop(key: str, path: str) -> Change:
    """Take a property away."""

    def change(draft: Draft) -> None:
        holder, last = _holder(draft.of(key), path)
        del holder[last]

    return change


def rename(key: str, path: str, spelling: str) -> Change:
    """Spell a property's name differently."""

    def change(draft: Draft) -> None:
        holder, last = _holder(draft.of(key), path)
        holder[spelling] = holder.pop(last)

    return change


def append(key: str, path: str, value: Value) -> Change:
    """Add an element to a list."""

    def change(draft: Draft) -> None:
        holder, last = _holder(draft.of(key), path)
        holder.setdefault(last, []).append(_value(value, draft))

    return change


def put_attribute(key: str, name: str, value: Value) -> Change:
    """Set an attribute of a resource beside its properties: `DeletionPolicy`, `DependsOn`, `Condition`, `Metadata`."""

    def change(draft: Draft) -> None:
        draft.body(key)[name] = _value(value, draft)

    return change


def drop_attribute(key: str, name: str) -> Change:
    """Take an attribute of a resource away."""

    def change(draft: Draft) -> None:
        del draft.body(key)[name]

    return change


def put_section(section: str, name: str, value: Value) -> Change:
    """Set an entry of a section of the template: `Outputs`, `Parameters`, `Mappings`, `Conditions`, `Metadata`."""

    def change(draft: Draft) -> None:
        draft.template.setdefault(section, {})[name] = _value(value, draft)

    return change


def drop_section(section: str, *names: str) -> Change:
    """Take entries of a section away."""

    def change(draft: Draft) -> None:
        for name in names:
            del draft.template[section][name]

    return change


def put_top(section: str, value: Value) -> Change:
    """Set a whole section of the template: `Description`, `Transform`."""

    def change(draft: Draft) -> None:
        draft.template[section] = _value(value, draft)

    return change


def together(*changes: Change) -> Change:
    """Several changes, one after another."""

    def change(draft: Draft) -> None:
        for one in changes:
            one(draft)

    return change


def add(name: str, resource_type: str, properties: Value, **attributes: Any) -> Change:
    """A new resource, with the cost tags where its properties name none but say `"Tags": "cost"`."""

    def change(draft: Draft) -> None:
        made = _value(properties, draft)
        if made.get("Tags") == "cost":
            made["Tags"] = draft.tags
        draft.resources[name] = {"Type": resource_type, "Properties": made, **attributes}

    return change


def remove(*keys: str) -> Change:
    """Remove resources, and what referred to them, so that the template can still be deployed."""

    def change(draft: Draft) -> None:
        gone = {draft.id(key) for key in keys}
        for name in gone:
            del draft.resources[name]
        for body in draft.resources.values():
            if "DependsOn" in body:
                body["DependsOn"] = [name for name in _as_list(body["DependsOn"]) if name not in gone]
        draft.template["Resources"] = _without(draft.resources, gone)
        outputs = draft.template.get("Outputs", {})
        draft.template["Outputs"] = {name: body for name, body in outputs.items() if not _points_to(body, gone)}

    return change


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_pointer(value: Any, gone: set[str]) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    target = value.get("Ref") or _as_list(value.get("Fn::GetAtt", [""]))[0]
    return target in gone


def _points_to(value: Any, gone: set[str]) -> bool:
    if isinstance(value, dict):
        return _is_pointer(value, gone) or any(_points_to(item, gone) for item in value.values())
    return isinstance(value, list) and any(_points_to(item, gone) for item in value)


def _without(value: Any, gone: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, gone) for key, item in value.items() if not _is_pointer(item, gone)}
    if isinstance(value, list):
        return [_without(item, gone) for item in value if not _is_pointer(item, gone)]
    return value


# --- ways to hide a value ---------------------------------------------------------------------------------------------


def by_parameter(key: str, path: str, default: Any) -> Change:
    """A parameter whose default is good: whoever deploys chooses."""
    kind = "CommaDelimitedList" if isinstance(default, list) else "String"
    stated = ",".join(default) if isinstance(default, list) else _text(default)
    parameter = {"Type": kind, "Default": stated}
    return together(put_section("Parameters", "Chosen", parameter), put(key, path, {"Ref": "Chosen"}))


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


def by_condition(key: str, path: str, good: Value, bad: Value) -> Change:
    """A condition that a parameter decides: good in one case only."""

    def change(draft: Draft) -> None:
        either = {"Fn::If": ["Important", _value(good, draft), _value(bad, draft)]}
        put(key, path, either)(draft)

    return together(condition(), change)


def condition() -> Change:
    """A condition called `Important` that a parameter decides."""
    return together(
        put_section("Parameters", "Tier", {"Type": "String", "Default": "high"}),
        put_section("Conditions", "Important", {"Fn::Equals": [{"Ref": "Tier"}, "high"]}),
    )


def by_mapping(key: str, path: str, bad: Any) -> Change:
    """A mapping by region that holds the bad value for us-east-1."""
    entries = {"us-east-1": {"Value": bad}, "eu-west-1": {"Value": bad}}
    lookup = {"Fn::FindInMap": ["Regional", {"Ref": "AWS::Region"}, "Value"]}
    return together(put_section("Mappings", "Regional", entries), put(key, path, lookup))


def by_import(key: str, path: str) -> Change:
    """A value that another stack exports."""
    return put(key, path, {"Fn::ImportValue": f"shared-{SUFFIX}"})


def from_parameter_store(key: str, path: str) -> Change:
    """A value that CloudFormation fetches from Parameter Store."""
    return put(key, path, "{{resolve:ssm:/shared/value}}")


# --- second resources -------------------------------------------------------------------------------------------------


def second(key: str, name: str, **changes: Value) -> Change:
    """A copy of a resource as `name`, with some properties changed; None takes one away."""

    def change(draft: Draft) -> None:
        body = copy.deepcopy(draft.body(key))
        for path, value in changes.items():
            if value is None:
                body["Properties"].pop(path, None)
            else:
                body["Properties"][path] = _value(value, draft)
        draft.resources[name] = body

    return change


def second_database(draft: Draft) -> None:
    """A second complete database beside the first: its own logs, parameters, alarms, role, dashboard and outputs.

    Each logical id of the first with `Second` behind it.
    """
    chosen = {
        name: body
        for name, body in draft.resources.items()
        if _OF_THE_DATABASE.fullmatch(name) and name != draft.id(SUBNET_GROUP)
    }
    text = json.dumps(chosen)
    for name in chosen:
        text = text.replace(f'"{name}"', f'"{name}Second"')
    text = text.replace("postgres-dev", "orders-dev")
    text = _PHYSICAL_NAME.sub(lambda found: found[0] if found[1] == "orders-dev" else f'"orders-{found[1]}"', text)
    copied: Mapping[str, Any] = json.loads(text)
    for body in copied.values():
        body["Properties"].pop("KmsKeyId", None)  # the key's policy lets in the log groups that it names, no others
    database = f"{draft.id(DATABASE)}Second"
    draft.resources.update(copied)
    for output, attribute in (
        ("SecondAddress", "Endpoint.Address"),
        ("SecondPort", "Endpoint.Port"),
        ("SecondSecret", "MasterUserSecret.SecretArn"),
    ):
        draft.template["Outputs"][output] = {"Value": {"Fn::GetAtt": [database, attribute]}}


def in_second_database(key: str, path: str, value: Value) -> Change:
    """A second complete database, in which one property of one resource is another."""

    def change(draft: Draft) -> None:
        holder, last = _holder(draft.resources[f"{draft.id(key)}Second"]["Properties"], path)
        if value is None:
            del holder[last]
        else:
            holder[last] = _value(value, draft)

    return together(second_database, change)


def without_second(key: str) -> Change:
    """A second database that is complete except for one resource."""

    def change(draft: Draft) -> None:
        remove(f"{draft.id(key)}Second")(draft)

    return together(second_database, change)


def nested(name: str, *changes: Change) -> Change:
    """A nested stack, as CDK writes it, that holds a copy of this stack's resources, changed."""

    def change(draft: Draft) -> None:
        inner = Draft(copy.deepcopy({"Resources": draft.resources, "Outputs": draft.template["Outputs"]}))
        for one in changes:
            one(inner)
        draft.nested[name] = inner
        draft.resources[name] = {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": f"https://example-bucket.s3.amazonaws.com/{name}.json", "Tags": draft.tags},
            "UpdateReplacePolicy": "Delete",
            "DeletionPolicy": "Delete",
            "Metadata": {"aws:asset:path": f"{name}.nested.template.json", "aws:asset:property": "TemplateURL"},
        }
        for output in ("DatabaseEndpointAddress", "DatabaseEndpointPort", "DatabaseSecretArn"):
            draft.template["Outputs"][f"{name}{output}"] = {"Value": {"Fn::GetAtt": [name, f"Outputs.{output}"]}}

    return change
