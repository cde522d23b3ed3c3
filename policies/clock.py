"""The day on which an examination speaks, so that it can be made again as it was."""

from collections.abc import Mapping
from datetime import UTC, datetime


class ClockError(ValueError):
    """The time was given in a form that cannot be used; the message is one line that says what to do."""


def read_clock(environment: Mapping[str, str]) -> tuple[datetime, str]:
    """The time in UTC, and where it comes from: SOURCE_DATE_EPOCH, to make a report again as it was, or the clock.

    Raises `ClockError` when SOURCE_DATE_EPOCH is no number of seconds.
    """
    given = environment.get("SOURCE_DATE_EPOCH", "")
    if not given:
        return datetime.now(UTC), "system clock"
    try:
        return datetime.fromtimestamp(int(given), UTC), "SOURCE_DATE_EPOCH"
    except (ValueError, OverflowError, OSError) as error:
        raise ClockError(
            f"SOURCE_DATE_EPOCH is {given!r}, which is no number of seconds since 1970; give one, or leave it unset"
        ) from error
