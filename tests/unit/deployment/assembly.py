"""What the small assembly holds."""

from typing import Any

REGION = "us-east-1"
STACK = "TapStack-pr4"
DIGEST = f"sha256:{'4' * 64}"
TAGS = {"EnvironmentSuffix": "pr4"}
TEMPLATE: dict[str, Any] = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alarm-topic-pr4"}}},
    "Outputs": {"TopicArn": {"Value": {"Ref": "Topic"}}},
}
