"""The scanners that need no construct tree: started early, so that they warm up while CDK synthesizes."""

from collections.abc import Sequence
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Self

from policies.finding import Scan, ScannerError
from policies.scanners import CHECKOV, CLOUDFORMATION
from policies.scanners.beside import beside
from policies.scanners.checkov import Checkov
from policies.scanners.cloudformation import CloudFormationValidation
from policies.template import Template

TIME_LIMIT_SECONDS = 120
_TO_END_SECONDS = 5


class ScannersOutsideCdk:
    """Checkov and AWS's CloudFormation validation: start, give them the templates once, collect. A context manager."""

    def __init__(self) -> None:
        self._checkov = Checkov.start()
        self._validation = CloudFormationValidation.start()
        self._running: dict[str, Future[Scan]] = {}

    def begin(self, templates: Sequence[Template]) -> None:
        """Let the scanners loose on the templates, without waiting."""
        self._running = {
            CHECKOV: beside(lambda: self._checkov.scan(templates, timeout_seconds=TIME_LIMIT_SECONDS)),
            CLOUDFORMATION: beside(lambda: self._validation.scan(templates)),
        }

    def finish(self) -> tuple[list[Scan], list[str]]:
        """Wait for what `begin` started: the scans that were done, and a line for each scanner that failed."""
        scans: list[Scan] = []
        problems: list[str] = []
        for scanner, running in self._running.items():
            try:
                scans.append(running.result(timeout=TIME_LIMIT_SECONDS))
            except ScannerError as error:
                problems.append(str(error))
            except TimeoutError:
                problems.append(f"{scanner}: no answer within {TIME_LIMIT_SECONDS} seconds; run it again")
        return scans, problems

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._checkov.close()
        wait(self._running.values(), timeout=_TO_END_SECONDS)
        self._validation.close()
