"""The dashboard as CloudWatch has it."""

import json

import pytest

from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, known, show
from tests.proof import Prove

REQUIRED = {"CPUUtilization", "DBLoad", "DatabaseConnections", "FreeStorageSpace", "FreeableMemory"}


@pytest.mark.requirement("MON-08")
def test_dashboard_shows_the_database(stack: DeployedStack, prove: Prove) -> None:
    (dashboard,) = stack.of_type("AWS::CloudWatch::Dashboard")

    def check(database: Resource) -> None:
        body = known(prove, dashboard, describe(stack, dashboard).at("DashboardBody"))
        dimension = ["DBInstanceIdentifier", database.physical_id]
        metrics = [
            metric
            for widget in json.loads(body.value)["widgets"]
            for metric in widget.get("properties", {}).get("metrics", ())
        ]
        shown = {metric[1] for metric in metrics if metric[0] == "AWS/RDS" and metric[2:4] == dimension}
        show(
            prove,
            f"the dashboard shows connections, storage, CPU, memory and load of {database.physical_id}",
            dashboard,
            body.made_into(sorted(shown & REQUIRED)),
            expected=sorted(REQUIRED),
        )

    for_each(stack.of_type("AWS::RDS::DBInstance"), check)
