"""What is taken for a password, and what is not."""

import pytest

from policies.facts.passwords import fetches_password, holds_password, is_password_name, secret_reference
from policies.facts.texts import HOLE
from policies.nodes import DynamicReference


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "MasterUserPassword",
        "DB_PASSWORD",
        "db-password-dev",
        "/app/db/password",
        "PGPASSWORD",
        "Passwords",
        "PasswordValue",
        "dbPwd",
        "DB_PASS",
        "dbPass",
        "Passphrase",
        "password2",
        "DB_PW",
        "dbPw",
        "pw",
    ],
)
def test_names_of_passwords(name: str) -> None:
    assert is_password_name(name, "dev")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "PasswordLength",
        "GenerateStringKey",
        "password-secret-arn",
        "DB_PASSWORD_SECRET",
        "ClientPasswordAuthType",
        "rds.restrict_password_commands",
        "AllowByPass",
        "compass",
        "bypass",
        "throughPwm",
        "PW_LENGTH",
        "KPW",
        "password-prod",
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_password_name(name, "dev")


@pytest.mark.parametrize(
    "text",
    [
        "postgres://admin:hunter2@host:5432/db",
        "POSTGRESQL://admin:hunter2@host",
        "https://x-token:abc@git.example.com",
        "redis://:hunter2@host",
        f"postgres://admin:{HOLE}@host",
        "host=h password=hunter2 dbname=d",
        "export PGPASSWORD=hunter2",
        "PGPASSWORD=hunter2;psql",
        "jdbc:postgresql://host/db?user=u&password=hunter2",
        'password="hunter2"',
        "'password': 'hunter2'",
        "password => 'hunter2'",
        "ALTER USER app PASSWORD 'hunter2'",
        "password: Sup3rS3cret",
        "psql postgres://u:${Given}@h",
    ],
)
def test_texts_with_a_password(text: str) -> None:
    assert holds_password(text, {"Given"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "postgres://host:5432/db",
        "postgres://admin@host/db",
        "https://example.com:443/a@b",
        "postgres://user:<password>@host",
        "postgres://user:$PGPASSWORD@host",
        "postgres://user:${PGPASSWORD}@host",
        "postgres://user:{{resolve:secretsmanager:s:SecretString:password}}@host",
        "postgres://user:****@host",
        "password=$(get-password)",
        "password=%s",
        'password = secret["password"]',
        "connect(password=password, host=host)",
        "the password is managed by RDS",
        "password: rotated every 7 days",
        "arn:aws:secretsmanager:us-east-1:111122223333:secret:password-AbCdEf",
        "password is arn:aws:secretsmanager:us-east-1:111122223333:secret:s1",
    ],
)
def test_texts_without_a_password(text: str) -> None:
    assert not holds_password(text, {"Given"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{resolve:secretsmanager:${Secret}:SecretString:password::}}", ("${Secret}", "password")),
        ("{{resolve:secretsmanager:name}}", ("name", "")),
        ("{{resolve:secretsmanager:name:SecretString}}", ("name", "")),
        (
            "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:1:secret:s:SecretString:pw:AWSCURRENT}}",
            ("arn:aws:secretsmanager:us-east-1:1:secret:s", "pw"),
        ),
        ("x{{resolve:secretsmanager:name}}", None),
        ("{{resolve:ssm:name}}", None),
        ("{{resolve:secretsmanager:a}}{{resolve:secretsmanager:b}}", None),
    ],
)
def test_references_to_a_secret(text: str, expected: tuple[str, str] | None) -> None:
    assert secret_reference(DynamicReference(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{resolve:secretsmanager:s:SecretString:password}}", True),
        ("{{resolve:secretsmanager:s}}", True),
        ("{{resolve:ssm-secure:/any:1}}", True),
        ("{{resolve:ssm:/db/password:12}}", True),
        ("{{resolve:secretsmanager:s:SecretString:username}}-{{resolve:secretsmanager:s:SecretString:password}}", True),
        ("{{resolve:secretsmanager:s:SecretString:username}}", False),
        ("{{resolve:ssm:/vpc/id:12}}", False),
    ],
)
def test_references_that_fetch_a_password(*, text: str, expected: bool) -> None:
    assert fetches_password(DynamicReference(text)) is expected
