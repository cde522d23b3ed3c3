import pytest

from policies.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres-dev", "postgres-dev"),
        ("thème 数据", "thème 数据"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\x9b\u200b", "\\x9b\\u200b"),
        ("\udc80", "\\udc80"),
        ("\U000e0001", "\\U000e0001"),
        ("", ""),
    ],
)
def test_what_does_not_print_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
