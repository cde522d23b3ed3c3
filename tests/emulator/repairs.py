"""What moto's RDS, KMS and EC2 drop, make up or leave behind, so that their APIs show what was asked for."""

import json
import secrets
from typing import Any

from moto.cloudwatch import models as cloudwatch
from moto.ec2 import models as ec2
from moto.kms import models as kms
from moto.rds import models as rds


class MasterUserSecret(rds.MasterUserSecret):
    """A managed secret with a password of its own, and the name of the master user: moto's are all the same."""

    def _generate_secret_string(self) -> str:
        return json.dumps({"username": self.resource.master_username, "password": secrets.token_urlsafe(24)})


class DBInstance(rds.DBInstance):
    """A DB instance that keeps all that CreateDBInstance and ModifyDBInstance say of it."""

    def __init__(self, backend: rds.RDSBackend, **given: Any) -> None:
        if given.get("storage_encrypted"):  # moto shows no key, but a text that is none
            given["kms_key_id"] = backend.kms.describe_key(given.get("kms_key_id") or "alias/aws/rds").arn
        super().__init__(backend, **given)
        self.dbi_resource_id = f"db-{secrets.token_hex(13).upper()}"
        self.database_insights_mode = given.get("database_insights_mode", "standard")
        self.enable_performance_insights = given.get("enable_performance_insights", False)
        self.engine_lifecycle_support = given.get("engine_lifecycle_support", "open-source-rds-extended-support")
        self.performance_insights_retention_period = given.get("performance_insights_retention_period")
        self.performance_insights_kms_key_id = None
        if self.enable_performance_insights:
            key = given.get("performance_insights_kms_key_id") or "alias/aws/rds"
            self.performance_insights_kms_key_id = backend.kms.describe_key(key).arn

    @property
    def performance_insights_enabled(self) -> bool:
        return bool(self.enable_performance_insights)

    @property
    def certificate_details(self) -> dict[str, str]:
        return {"CAIdentifier": self.ca_certificate_identifier}

    @property
    def secondary_availability_zone(self) -> str | None:
        zones = {subnet["SubnetAvailabilityZone"]["Name"] for subnet in self.db_subnet_group.subnets}
        others = sorted(zones - {self.availability_zone})
        return others[0] if self.multi_az and others else None

    @property
    def enhanced_monitoring_resource_arn(self) -> str | None:
        group = f"arn:{self.partition}:logs:{self.region}:{self.account_id}:log-group:RDSOSMetrics"
        return f"{group}:log-stream:{self.dbi_resource_id}" if self.monitoring_interval else None


class KmsBackend(kms.KmsBackend):
    """Keys behind alias/aws/... are AWS's, as DescribeKey says."""

    __module__ = kms.__name__  # from which moto derives where the service's addresses stand

    def _generate_default_keys(self, alias_name: str) -> str | None:
        key_id = super()._generate_default_keys(alias_name)
        if key_id:
            self.keys[key_id].key_manager = "AWS"
        return key_id


class EC2Backend(ec2.EC2Backend):
    """What goes with a NAT gateway and with a VPC on AWS goes with them here."""

    __module__ = ec2.__name__  # as above

    def delete_nat_gateway(self, nat_gateway_id: str) -> Any:
        gateway = super().delete_nat_gateway(nat_gateway_id)
        for address in gateway.address_set:
            self.disassociate_address(association_id=address["associationId"])
            self.delete_network_interface(address["networkInterfaceId"])
        return gateway

    def delete_vpc(self, vpc_id: str) -> Any:
        vpc = super().delete_vpc(vpc_id)
        for access_list in [held for held in self.network_acls.values() if held.vpc_id == vpc_id]:
            del self.network_acls[access_list.id]
        return vpc


class CloudWatchBackend(cloudwatch.CloudWatchBackend):
    """Dashboards take tags too, as TagResource of the CloudWatch API reference says by now."""

    __module__ = cloudwatch.__name__  # as above

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        if arn not in {dashboard.arn for dashboard in self.dashboards.values()}:
            super().tag_resource(arn, tags)
        else:
            self.tagger.tag_resource(arn, self.tagger.convert_dict_to_tags_input(tags))


def install() -> None:
    """Put these in the place of moto's own."""
    vars(rds).update(DBInstance=DBInstance, MasterUserSecret=MasterUserSecret)
    cloudwatch.cloudwatch_backends.backend = CloudWatchBackend
    kms.kms_backends.backend = KmsBackend
    ec2.ec2_backends.backend = EC2Backend
