"""The policies applied inside CDK, while an app is synthesized; the only part of the policies that imports aws_cdk."""
