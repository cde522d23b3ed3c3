"""Work beside the main thread that ends with the process: a scanner that hangs keeps nobody from finishing."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def beside(work: Callable[[], T]) -> "Future[T]":
    """Do a piece of work in a thread of its own; gives what will hold its outcome.

    Not by a ThreadPoolExecutor: Python waits for its threads when it ends, however long.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, whoever asks for the outcome gets it
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome
