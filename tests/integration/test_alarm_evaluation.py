"""The evaluator against every example of "Configuring how CloudWatch alarms treat missing data"."""

from typing import Any

import pytest

from tests.integration.alarm_evaluation import ALARM, INSUFFICIENT_DATA, OK, Evaluation, replay

RETAINED = "the state before"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
POINTS = {"0": False, "X": True, "-": None}

# The points with the most recent one on the right, and the state with each of the four treatments.
THREE_OF_THREE = [
    ("0-X-X", (OK, OK, OK, OK)),
    ("0----", (OK, OK, OK, OK)),
    ("-----", (INSUFFICIENT_DATA, RETAINED, ALARM, OK)),
    ("0XX-X", (ALARM, ALARM, ALARM, ALARM)),
    ("--X--", (ALARM, RETAINED, ALARM, OK)),
]
TWO_OF_THREE = [
    ("0-X-X", (ALARM, ALARM, ALARM, ALARM)),
    ("00X0X", (ALARM, ALARM, ALARM, ALARM)),
    ("0-X--", (OK, OK, ALARM, OK)),
    ("----0", (OK, OK, ALARM, OK)),
    ("---X-", (ALARM, RETAINED, ALARM, OK)),
]


@pytest.mark.parametrize(
    ("datapoints", "points", "states"),
    [
        *(pytest.param(3, *row, id=f"3-of-3-{row[0]}") for row in THREE_OF_THREE),
        *(pytest.param(2, *row, id=f"2-of-3-{row[0]}") for row in TWO_OF_THREE),
    ],
)
@pytest.mark.parametrize("before", [OK, ALARM, INSUFFICIENT_DATA])
def test_state_is_that_of_the_documented_example(
    datapoints: int, points: str, states: tuple[str, ...], before: str
) -> None:
    for treatment, expected in zip(TREATMENTS, states, strict=True):
        evaluation = Evaluation(datapoints_to_alarm=datapoints, evaluation_periods=3, missing_data=treatment)
        state = evaluation.state([POINTS[point] for point in points], before)
        assert (treatment, state) == (treatment, before if expected == RETAINED else expected)


@pytest.mark.parametrize("points", ["----X", "---X-"])
@pytest.mark.parametrize("treatment", ["missing", "ignore"])
def test_one_breaching_point_does_not_ring_at_once(points: str, treatment: str) -> None:
    evaluation = Evaluation(datapoints_to_alarm=3, evaluation_periods=3, missing_data=treatment)
    assert evaluation.state([POINTS[point] for point in points], OK) == OK


def alarm(**settings: Any) -> dict[str, Any]:
    return {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 80} | settings


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("GreaterThanThreshold", [OK, OK, ALARM]),
        ("GreaterThanOrEqualToThreshold", [OK, ALARM, ALARM]),
        ("LessThanThreshold", [ALARM, OK, OK]),
        ("LessThanOrEqualToThreshold", [ALARM, ALARM, OK]),
    ],
)
def test_comparison_decides_at_the_threshold(comparison: str, expected: list[str]) -> None:
    assert replay(alarm(ComparisonOperator=comparison), [79, 80, 81]) == expected


def test_comparison_with_a_band_is_refused() -> None:
    with pytest.raises(KeyError, match="LessThanLowerThreshold"):
        replay(alarm(ComparisonOperator="LessThanLowerThreshold"), [1])


@pytest.mark.parametrize(
    ("settings", "series", "expected"),
    [
        pytest.param({}, [70, 90, 70], [OK, ALARM, OK], id="1-of-1"),
        pytest.param({"EvaluationPeriods": 3}, [70, 90, 90, 90, 70], [OK, OK, OK, ALARM, OK], id="3-of-3"),
        pytest.param(
            {"EvaluationPeriods": 3, "DatapointsToAlarm": 2},
            [70, 90, 70, 90, 70, 70],
            [OK, OK, OK, ALARM, OK, OK],
            id="2-of-3",
        ),
        pytest.param({}, [None], [INSUFFICIENT_DATA], id="no-data-yet"),
        pytest.param({}, [70, None, None, None], [OK, OK, OK, INSUFFICIENT_DATA], id="data-ends"),
        pytest.param({"TreatMissingData": "breaching"}, [70, None, None, None], [OK, OK, OK, ALARM], id="end-breaches"),
        pytest.param(
            {"TreatMissingData": "notBreaching"}, [90, None, None, None], [ALARM, ALARM, ALARM, OK], id="end-is-well"
        ),
        pytest.param({"TreatMissingData": "ignore"}, [90, None, None, None], [ALARM] * 4, id="end-is-ignored"),
    ],
)
def test_series_is_replayed(settings: dict[str, Any], series: list[float | None], expected: list[str]) -> None:
    assert replay(alarm(**settings), series) == expected
