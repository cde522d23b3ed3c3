import pytest

from policies.strict_yaml import load_strict


def test_dates_stay_text_and_numbers_are_numbers() -> None:
    assert load_strict("on: 2028-02-29\ncount: 3\nflag: true") == {True: "2028-02-29", "count": 3, "flag": True}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2", "the key 'a' stands twice"),
        ("a: [", "expected"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
    ],
)
def test_what_is_not_plain_data_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        load_strict(text)
    assert "\n" not in str(refusal.value)
