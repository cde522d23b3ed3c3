from datetime import UTC, datetime

import pytest

from policies.clock import ClockError, read_clock


def test_the_time_is_the_one_given() -> None:
    assert read_clock({"SOURCE_DATE_EPOCH": "86400"}) == (datetime(1970, 1, 2, tzinfo=UTC), "SOURCE_DATE_EPOCH")


@pytest.mark.parametrize("environment", [{}, {"SOURCE_DATE_EPOCH": ""}])
def test_without_one_it_is_the_clocks(environment: dict[str, str]) -> None:
    before = datetime.now(UTC)
    now, source = read_clock(environment)
    assert before <= now <= datetime.now(UTC)
    assert source == "system clock"


@pytest.mark.parametrize("given", ["yesterday", "1.5", "9" * 30])
def test_what_is_no_number_of_seconds_is_refused(given: str) -> None:
    with pytest.raises(ClockError, match=f"SOURCE_DATE_EPOCH is '{given}'"):
        read_clock({"SOURCE_DATE_EPOCH": given})
