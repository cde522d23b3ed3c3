"""How CloudWatch decides the state of an alarm, for replaying a series of data points on the settings of an alarm.

Written after "Configuring how CloudWatch alarms treat missing data", CloudWatch User Guide, whose tables the tests of
this file go through. CloudWatch looks at more data points than it needs, the evaluation range. How many more, the page
says for three evaluation periods alone (five points); the same two are added here for any number.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

OK: Final = "OK"
ALARM: Final = "ALARM"
INSUFFICIENT_DATA: Final = "INSUFFICIENT_DATA"

_BEYOND_THE_PERIODS: Final = 2
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What decides the state: so many breaching points of so many, and what a missing point counts as."""

    datapoints_to_alarm: int
    evaluation_periods: int
    missing_data: str

    def state(self, points: Sequence[bool | None], state: str) -> str:
        """Return the state after the points of an evaluation range, the oldest first; `state` is the one before.

        A point is True where it breaches the threshold, None where it is missing.
        """
        known = [point for point in points if point is not None]
        if len(known) >= self.evaluation_periods:
            return self._counted(sum(known[-self.evaluation_periods :]))
        if self.missing_data == "breaching":
            return self._counted(sum(known) + self.evaluation_periods - len(known))
        if self.missing_data == "notBreaching":
            return self._counted(sum(known))
        if not known:
            return state if self.missing_data == "ignore" else INSUFFICIENT_DATA
        if not all(known):
            return self._counted(sum(known))
        # Only breaching points, and too few of them: "Avoiding premature transitions to alarm state". It rings once the
        # oldest of them is as many periods old as there must be breaching points. The page does not say which state an
        # alarm has until then: it keeps the one it had.
        age_of_oldest = len(points) - points.index(True)
        rings = self.missing_data == "missing" and age_of_oldest >= self.datapoints_to_alarm
        return ALARM if rings else state

    def _counted(self, breaching: int) -> str:
        return ALARM if breaching >= self.datapoints_to_alarm else OK


def replay(alarm: Mapping[str, Any], series: Sequence[float | None]) -> list[str]:
    """Return the state of an alarm after each point of a series, one point a period; it begins without data.

    `alarm` is as DescribeAlarms gives it. Raises `KeyError` for a comparison with anything but a threshold.
    """
    breaches = _COMPARISONS[alarm["ComparisonOperator"]]
    periods = alarm["EvaluationPeriods"]
    evaluation = Evaluation(
        datapoints_to_alarm=alarm.get("DatapointsToAlarm", periods),
        evaluation_periods=periods,
        missing_data=alarm.get("TreatMissingData", "missing"),
    )
    points: list[bool | None] = [None] * (periods + _BEYOND_THE_PERIODS)
    states, state = [], INSUFFICIENT_DATA
    for value in series:
        points = [*points[1:], None if value is None else breaches(value, alarm["Threshold"])]
        state = evaluation.state(points, state)
        states.append(state)
    return states
