"""`make gate` from outside: its exit status is the gate's own."""

import pytest

from tests.end_to_end.checkout import Checkout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["SUFFIX=nowhere"], 1, "report: there is none in compliance-report/out/nowhere; audit again"),
        (["SUFFIX=$(touch hit)"], 2, "gate not asked: the suffix '$(touch hit)' is refused"),
        (["SUFFIX=dev", "ARGS=--public-key nowhere.pem"], 2, "No such file or directory: 'nowhere.pem'"),
        (["SUFFIX=dev", "ARGS=--max-age soon"], 2, "'soon' is no number of hours"),
    ],
)
def test_what_is_not_cleared_exits_1_and_what_is_not_known_2(
    arguments: list[str], status: int, said: str, checkout: Checkout
) -> None:
    done = checkout.run("make", "gate", *arguments)
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout.folder / "hit").exists()
    assert not (checkout.folder / "cdk.out").exists()
