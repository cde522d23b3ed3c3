"""Other people's scanners: each adapter yields findings in our one shape, and a roster of what it looked at."""

from typing import Final

CHECKOV: Final = "checkov"
CLOUDFORMATION: Final = "cloudformation-validate"
CDK_NAG_AWS_SOLUTIONS: Final = "cdk-nag AwsSolutions"
CDK_NAG_NIST: Final = "cdk-nag NIST 800-53 R5"
CDK_NAG_PCI: Final = "cdk-nag PCI DSS 3.2.1"

SCANNERS: Final = (CDK_NAG_AWS_SOLUTIONS, CDK_NAG_NIST, CDK_NAG_PCI, CHECKOV, CLOUDFORMATION)
"""The names under which findings and exceptions tell the scanners apart."""
