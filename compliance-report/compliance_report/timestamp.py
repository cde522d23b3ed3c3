"""Timestamps (RFC 3161); imported only where an authority is configured, or where a bundle holds a token."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.error import URLError
from urllib.request import Request, urlopen

from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    decode_timestamp_response,
)

VARIABLE: Final = "COMPLIANCE_TIMESTAMP_URL"
_TIMEOUT_SECONDS: Final = 30
_MOST_BYTES: Final = 1_000_000


class TimestampError(ValueError):
    """There is no timestamp of some content; the message is one line that says why."""


def request_timestamp(content: bytes, environment: Mapping[str, str]) -> bytes:
    """Ask the authority at COMPLIANCE_TIMESTAMP_URL for a timestamp; gives its response as it is.

    The authority learns the SHA-256 digest of the content, nothing else. Raises `TimestampError` when it gives none.
    """
    url = environment[VARIABLE]
    if not url.startswith(("https://", "http://")):
        raise TimestampError(
            f"{VARIABLE} is {url!r}; give the http or https address of an authority, or leave it unset"
        )
    query = TimestampRequestBuilder(content, HashAlgorithm.SHA256).build().as_bytes()
    request = Request(url, data=query, headers={"Content-Type": "application/timestamp-query"})  # noqa: S310 - http, see above
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            response: bytes = answer.read(_MOST_BYTES)
        time_of(response, content)
    except (URLError, OSError, TimestampError) as error:
        reason = " ".join(str(error).split())
        raise TimestampError(f"the authority at {url} ({VARIABLE}) gives no timestamp: {reason}") from error
    return response


def time_of(response: bytes, content: bytes) -> datetime:
    """The time at which an authority says that it has seen the content; whose response it is, is not checked here.

    Raises `TimestampError` when the response is none, refuses, or is about something else.
    """
    try:
        decoded: TimeStampResponse = decode_timestamp_response(response)
        granted = decoded.status in {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}
        imprint = decoded.tst_info.message_imprint.message if granted else b""
    except (ValueError, TypeError) as error:
        raise TimestampError("it is no timestamp response") from error
    if not granted:
        raise TimestampError(f"it was refused with status {int(decoded.status)}")
    if imprint != hashlib.sha256(content).digest():
        raise TimestampError("it is about something else")
    return decoded.tst_info.gen_time
