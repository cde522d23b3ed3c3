"""Python's cyclic garbage collector, kept out of work that builds many objects and drops none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the collector: it walks all that was built, again and again, and frees nothing.

    Measured on 5,000 resources: a third of the time, and the reason why that grew faster than the template. Serves as
    a decorator too.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
