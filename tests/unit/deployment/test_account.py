import pytest
from botocore.exceptions import NoCredentialsError

from deployment.account import Account, DeploymentError, endpoint_of, is_loopback, reach


def test_account_is_what_sts_says(account: Account) -> None:
    assert account.number == "123456789012"
    assert account.caller.startswith("arn:aws:sts::123456789012:")
    assert account.region == "us-east-1"
    assert account.endpoint == "https://cloudformation.us-east-1.amazonaws.com"


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_another_region_in_the_environment_is_refused(account: Account, variable: str) -> None:
    assert reach(account.region, {variable: "us-east-1"}).region == "us-east-1"
    assert reach(account.region, {variable: ""}).region == "us-east-1"
    with pytest.raises(
        DeploymentError, match=rf"^{variable} is eu-west-1, and the stack is bound to us-east-1; set it"
    ):
        reach(account.region, {variable: "eu-west-1"})


def test_no_credentials_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object, **__: object) -> None:
        raise NoCredentialsError

    monkeypatch.setattr("deployment.account.boto3.client", without)
    with pytest.raises(DeploymentError, match=r"^the account cannot be told: Unable to locate credentials; give cred"):
        reach("us-east-1", {})


def test_endpoint_is_the_one_that_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    assert endpoint_of("us-east-1") == "http://localhost:4566"


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://localhost:5000", True),
        ("http://127.0.0.1:5000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:5000", True),
        ("http://10.0.0.1:5000", False),
        ("http://localhost.example:5000", False),
        ("https://cloudformation.us-east-1.amazonaws.com", False),
        ("nonsense", False),
    ],
)
def test_loopback(endpoint: str, *, expected: bool) -> None:
    assert is_loopback(endpoint) is expected
