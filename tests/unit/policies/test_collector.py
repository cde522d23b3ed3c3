import gc

import pytest

from policies.collector import without_collector


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_rests_and_is_left_as_it_was(enabled: bool) -> None:  # noqa: FBT001 - a case of the table
    (gc.enable if enabled else gc.disable)()
    try:
        with without_collector():
            inside = gc.isenabled()
        after = gc.isenabled()
    finally:
        gc.enable()
    assert (inside, after) == (False, enabled)
