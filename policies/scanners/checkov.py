"""Checkov over the finished templates, in a process of its own that starts up while CDK synthesizes.

Importing Checkov costs a second and its scan another third; beside the synthesis both are nearly free. Checkov tells
passes as well as failures. What it judges undecided it leaves out of its report (measured on 3.3.30: an IAM check on a
role without inline policies), so that its silence on a resource is no pass, and none is recorded.
"""

import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from policies.finding import Finding, Scan, ScannerError
from policies.judge import Verdict
from policies.scanners import CHECKOV
from policies.template import Template

WORKER: Final = Path(__file__).with_name("checkov_worker.py")

_PASSED_ON: Final = ("COVERAGE_PROCESS_CONFIG", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
"""All that the worker gets of our environment, the first for the tests' coverage: nothing that configures Checkov."""

_OUTCOMES: Final[Mapping[str, Verdict]] = {"PASSED": Verdict.PASS, "FAILED": Verdict.FAIL, "SKIPPED": Verdict.FAIL}


class Checkov:
    """One run of Checkov: `start` it early, `scan` once, `close` it; or use it in a `with`, which closes it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._asked = False

    @classmethod
    def start(cls, worker: Path = WORKER) -> Self:
        """Start the worker, which imports Checkov at once. Raises `ScannerError` when it cannot be started."""
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["HOME"] = os.devnull  # Checkov looks there for credentials
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", str(worker)],  # isolated: nothing of the working directory is imported
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise ScannerError(f"checkov: {sys.executable} cannot be started: {error.strerror}") from error
        return cls(process)

    def scan(self, templates: Sequence[Template], *, timeout_seconds: float) -> Scan:
        """Scan templates that are files; nested ones have to be among them.

        The roster holds every check that Checkov has for CloudFormation, with how many resources it judged. Raises
        `ScannerError` when the worker crashes, is late or says something unexpected, when a resource was not read, a
        check crashed, or nothing was evaluated.
        """
        by_path = {str(template.file.resolve()): template for template in templates if template.file}
        if not templates or None in [template.file for template in templates]:
            raise ScannerError("checkov: it scans files only; write each template to one, and give it one at least")
        request = {"templates": list(by_path), "seconds": max(1, math.ceil(timeout_seconds))}
        self._asked = True
        try:
            answer, complaint = self._process.communicate(json.dumps(request) + "\n", timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise ScannerError(f"checkov: no answer within {timeout_seconds:g} seconds; run it again") from None
        if self._process.returncode:
            reason = complaint.strip().rpartition("\n")[2] or "without a word"
            raise ScannerError(f"checkov: its process ended with status {self._process.returncode}: {reason}")
        return _scan(_parsed(answer), by_path)

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        if not self._asked:  # a scan, in whatever thread, reads to the end and closes by itself
            self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _parsed(answer: str) -> dict[str, Any]:
    try:
        data = json.loads(answer)
    except ValueError:
        data = None
    if not isinstance(data, dict) or data.keys() != {"results", "resources", "rules", "complaints"}:
        raise ScannerError(f"checkov: its process gave an unexpected answer: {answer!r:.100}")
    return data


def _scan(answer: Mapping[str, Any], by_path: Mapping[str, Template]) -> Scan:
    if answer["complaints"]:
        first, *more = answer["complaints"]
        raise ScannerError(f"checkov: {first}" + (f" (and {len(more)} complaints more)" if more else ""))
    expected = {
        f"{path}:{resource.type}.{resource.logical_id}"
        for path, template in by_path.items()
        for resource in template.resources.values()
    }
    unread = sorted(expected.difference(answer["resources"]))
    if unread:
        raise ScannerError(f"checkov: it did not read {unread[0]}, nor {len(unread) - 1} others")
    findings = [_finding(by_path, result) for result in answer["results"]]
    if not findings:
        raise ScannerError("checkov: it evaluated no check on any resource; a scan of nothing shows nothing")
    evaluated = Counter(finding.rule for finding in findings)
    return Scan(
        scanner=CHECKOV,
        version=version("checkov"),
        findings=tuple(sorted(findings, key=lambda finding: (finding.template, finding.rule, finding.resource))),
        roster={rule: evaluated[rule] for rule in answer["rules"]},
    )


def _finding(by_path: Mapping[str, Template], result: Sequence[str]) -> Finding:
    rule, title, outcome, path, resource = result
    logical_id = resource.rpartition(".")[2]
    template = by_path.get(path)
    if template is None or logical_id not in template.resources or outcome not in _OUTCOMES:
        raise ScannerError(f"checkov: an unexpected result: {rule} {outcome} {path} {resource}")
    judged = template.resources[logical_id]
    skipped = f"the template tells Checkov to skip this check ({title}); only the register of exceptions accepts"
    pointer = f"Resources/{logical_id}"
    location = template.location(pointer)
    return Finding(
        scanner=CHECKOV,
        rule=rule,
        verdict=_OUTCOMES[outcome],
        message=skipped if outcome == "SKIPPED" else title,
        template=template.name,
        resource=logical_id,
        resource_type=judged.type,
        construct_path=judged.construct_path or "",
        path=pointer,
        line=location.line if location else 0,
        column=location.column if location else 0,
    )
