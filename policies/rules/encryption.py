"""Encryption at rest with AWS managed keys: storage, Performance Insights, the master secret (DB-05)."""

from collections.abc import Iterator

from policies.facts.resource_types import DB_INSTANCE
from policies.facts.texts import text_of
from policies.judge import Outcome, Test, Truth, holds, holds_for_text, is_true, outcome
from policies.nodes import ABSENT, Node, Partial
from policies.rule import Severity, rule
from policies.rules.credentials import SECRET, master_secrets
from policies.rules.database import inherited
from policies.template import Resource, Template


def _aws_managed_key(alias: str) -> Test:
    """A test: no key is named, or the AWS managed key by its alias (`alias/aws/rds`) or the alias's ARN.

    A key's id or ARN does not tell who manages the key, so it is unknown; a key of the template is a customer's.
    """

    def is_managed(value: Node) -> Truth:
        if value is ABSENT:
            return True
        if not isinstance(value, str | Partial):
            return False
        text = text_of(value)
        if text == alias or (text.startswith("arn:") and text.endswith(f":{alias}")):
            return True
        return False if "alias/" in text else None

    return is_managed


@rule(
    requirement="DB-05",
    types=(DB_INSTANCE,),
    severity=Severity.CRITICAL,
    fix="Set storage_encrypted=True on the DatabaseInstance.",
)
def database_storage_is_encrypted(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the storage is encrypted at rest.

    RDS does not encrypt by default, and encryption cannot be switched on later. A replica or a restore is encrypted
    as its origin is, whatever it states ("AWS::RDS::DBInstance", StorageEncrypted): a snapshot that is not encrypted
    restores to an instance that is not, so only an origin in the same template decides it.
    """
    node = inherited(database, template, "StorageEncrypted")
    yield outcome(holds(node, is_true), path="Properties/StorageEncrypted", expected="true", observed=node)


@rule(
    requirement="DB-05",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Leave storage_encryption_key off the DatabaseInstance, so that RDS uses the AWS managed key.",
)
def database_storage_key_is_aws_managed(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the storage is encrypted with the AWS managed key `aws/rds`.

    That key is RDS's default where KmsKeyId is absent. A customer key would tie the life of the data to a key policy
    that nobody planned. A replica or a restore takes the key of its origin.
    """
    node = inherited(database, template, "KmsKeyId")
    yield outcome(
        holds_for_text(node, _aws_managed_key("alias/aws/rds")),
        path="Properties/KmsKeyId",
        expected="absent or alias/aws/rds",
        observed=node,
    )


@rule(
    requirement="DB-05",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Leave performance_insight_encryption_key off the DatabaseInstance.",
)
def performance_insights_key_is_aws_managed(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that Performance Insights encrypts what it keeps with the AWS managed key.

    It keeps the texts of statements, so it is data of the database. RDS uses its managed key where the property is
    absent ("AWS::RDS::DBInstance", PerformanceInsightsKMSKeyId).
    """
    node = database.get("PerformanceInsightsKMSKeyId")
    yield outcome(
        holds_for_text(node, _aws_managed_key("alias/aws/rds")),
        path="Properties/PerformanceInsightsKMSKeyId",
        expected="absent or alias/aws/rds",
        observed=node,
    )


@rule(
    requirement="DB-05",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Leave master_user_secret's KMS key off the DatabaseInstance.",
)
def managed_secret_key_is_aws_managed(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the master secret that RDS manages is encrypted with the AWS managed key `aws/secretsmanager`.

    Secrets Manager uses it where MasterUserSecret names no key ("AWS::RDS::DBInstance MasterUserSecret", KmsKeyId).
    """
    node = database.get("MasterUserSecret", "KmsKeyId")
    yield outcome(
        holds_for_text(node, _aws_managed_key("alias/aws/secretsmanager")),
        path="Properties/MasterUserSecret/KmsKeyId",
        expected="absent or alias/aws/secretsmanager",
        observed=node,
    )


@rule(
    requirement="DB-05",
    types=(SECRET,),
    severity=Severity.MEDIUM,
    fix="Leave encryption_key off the Secret, so that Secrets Manager uses the AWS managed key.",
)
def master_secret_key_is_aws_managed(secret: Resource, template: Template) -> Iterator[Outcome]:
    """Check that a secret of the template that holds a master password is encrypted with the AWS managed key.

    Secrets Manager uses `aws/secretsmanager` where KmsKeyId is absent ("AWS::SecretsManager::Secret"). Other secrets
    may have a key of their own.
    """
    if secret.logical_id in master_secrets(template):
        node = secret.get("KmsKeyId")
        yield outcome(
            holds_for_text(node, _aws_managed_key("alias/aws/secretsmanager")),
            path="Properties/KmsKeyId",
            expected="absent or alias/aws/secretsmanager",
            observed=node,
            reason=f"the master secret of {master_secrets(template)[secret.logical_id]}",
        )
