"""The scanners that need no construct tree: started early, so that they warm up while CDK synthesizes."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from policies.finding import Scan, ScannerError
from policies.scanners.checkov import Checkov
from policies.scanners.cloudformation import CloudFormationValidation
from policies.template import Template

TIME_LIMIT_SECONDS = 120


class ScannersOutsideCdk:
    """Checkov and AWS's CloudFormation validation: start, give them the templates once, collect. A context manager."""

    def __init__(self) -> None:
        self._checkov = Checkov.start()
        self._validation = CloudFormationValidation.start()
        self._threads = ThreadPoolExecutor(max_workers=2)
        self._running: list[Future[Scan]] = []

    def begin(self, templates: Sequence[Template]) -> None:
        """Let the scanners loose on the templates, without waiting."""
        self._running = [
            self._threads.submit(self._checkov.scan, templates, timeout_seconds=TIME_LIMIT_SECONDS),
            self._threads.submit(self._validation.scan, templates),
        ]

    def finish(self) -> tuple[list[Scan], list[str]]:
        """Wait for what `begin` started: the scans that were done, and a line for each scanner that failed."""
        scans: list[Scan] = []
        problems: list[str] = []
        for running in self._running:
            try:
                scans.append(running.result())
            except ScannerError as error:
                problems.append(str(error))
        return scans, problems

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._checkov.close()
        self._threads.shutdown(cancel_futures=True)
