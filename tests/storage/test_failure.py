"""Failure: whatever a client raises is recognized, and nothing of its message is passed on."""

from __future__ import annotations

import errno
from typing import cast

import pytest
from aiohttp import (
    ClientPayloadError,
    ClientResponseError,
    RequestInfo,
    ServerDisconnectedError,
)
from aiohttp.http_exceptions import BadStatusLine, ContentLengthError
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from gcsfs.retry import HttpError
from google.auth.exceptions import RefreshError

from artifacts.storage.failure import Failure, classify, describe


def answer(status: int, code: str) -> ClientError:
    """What botocore makes of an answer of S3."""
    fields = {"Error": {"Code": code, "Message": "key AKIA"}, "ResponseMetadata": {}}
    fields["ResponseMetadata"]["HTTPStatusCode"] = status  # type: ignore[assignment]
    return ClientError(fields, "PutObject")


def wrapped(outer: BaseException, cause: BaseException) -> BaseException:
    """As s3fs raises what botocore raised."""
    outer.__cause__ = cause
    return outer


def refreshing(token: str) -> Exception:
    error: Exception = RefreshError(token)  # type: ignore[no-untyped-call]
    return error


def of_azure(status: int, code: str) -> HttpResponseError:
    error = HttpResponseError("sig=secret")
    error.status_code = status
    setattr(error, "error_code", code)  # noqa: B010  # of storage only, so not declared
    return error


def half_an_answer() -> ClientResponseError:
    """As aiohttp tells of it."""
    return ClientResponseError(cast(RequestInfo, None), (), status=400)


def einval() -> OSError:
    return OSError(errno.EINVAL, "")


ERRORS: list[tuple[BaseException, Failure, str]] = [
    (
        wrapped(einval(), answer(412, "PreconditionFailed")),
        Failure.EXISTS,
        "412 PreconditionFailed",
    ),
    (wrapped(einval(), answer(409, "ConditionalRequestConflict")), Failure.CONFLICT, "409 Cond"),
    (wrapped(FileNotFoundError(), answer(404, "404")), Failure.ABSENT, "404"),
    (wrapped(FileNotFoundError(), answer(404, "NoSuchBucket")), Failure.REFUSED, "NoSuchBucket"),
    (wrapped(einval(), answer(416, "InvalidRange")), Failure.BEYOND, "416 InvalidRange"),
    (wrapped(PermissionError(), answer(403, "AccessDenied")), Failure.REFUSED, "403 AccessDenied"),
    (wrapped(PermissionError(), answer(400, "ExpiredToken")), Failure.EXPIRED, "ExpiredToken"),
    (answer(503, "SlowDown"), Failure.BUSY, "503 SlowDown"),
    (answer(500, "InternalError"), Failure.UNKNOWN, "500 InternalError"),
    (answer(400, "RequestTimeout"), Failure.UNKNOWN, "400 RequestTimeout"),
    (answer(501, "NotImplemented"), Failure.REFUSED, "501 NotImplemented"),
    (EndpointConnectionError(endpoint_url="http://u:p@x"), Failure.UNKNOWN, "EndpointConnection"),
    (ReadTimeoutError(endpoint_url="http://u:p@x"), Failure.UNKNOWN, "ReadTimeoutError"),
    (NoCredentialsError(), Failure.REFUSED, "NoCredentialsError"),
    (FileExistsError(), Failure.EXISTS, "FileExistsError"),
    (of_azure(403, "AuthenticationFailed"), Failure.REFUSED, "403 AuthenticationFailed"),
    (of_azure(404, "ContainerNotFound"), Failure.REFUSED, "404 ContainerNotFound"),
    (of_azure(503, "ServerBusy"), Failure.BUSY, "503 ServerBusy"),
    (ServiceRequestError("https://x?sig=secret"), Failure.UNKNOWN, "ServiceRequestError"),
    (HttpError({"code": 429, "message": ""}), Failure.BUSY, "429"),
    (HttpError({"code": "401", "message": ""}), Failure.EXPIRED, "401"),
    (refreshing("token"), Failure.EXPIRED, "RefreshError"),
    (OSError("Forbidden: b/bucket\nno"), Failure.REFUSED, "OSError"),
    (ServerDisconnectedError(), Failure.UNKNOWN, "ServerDisconnectedError"),
    (ConnectionResetError(), Failure.UNKNOWN, "ConnectionResetError"),
    (BadStatusLine("HTTP/1"), Failure.UNKNOWN, "BadStatusLine"),
    (wrapped(half_an_answer(), BadStatusLine("HTTP/1")), Failure.UNKNOWN, "ClientResponseError"),
    (
        wrapped(ClientPayloadError(), ContentLengthError(message="1 of 2")),
        Failure.UNKNOWN,
        "ClientPayloadError",
    ),
    (TimeoutError(), Failure.UNKNOWN, "TimeoutError"),
    (NotImplementedError(), Failure.REFUSED, "NotImplementedError"),
    (AttributeError("token"), Failure.REFUSED, "AttributeError"),
    (TypeError("token"), Failure.REFUSED, "TypeError"),
    (wrapped(AttributeError(), ServerDisconnectedError()), Failure.UNKNOWN, "AttributeError"),
    (wrapped(AttributeError(), ConnectionResetError()), Failure.UNKNOWN, "AttributeError"),
]


@pytest.mark.parametrize(("error", "failure", "words"), ERRORS, ids=[e[2] for e in ERRORS])
def test_an_error_is_what_the_server_said(
    error: BaseException, failure: Failure, words: str
) -> None:
    assert classify(error) is failure
    assert describe(error).startswith(words) or words in describe(error)


@pytest.mark.parametrize("error", [e[0] for e in ERRORS], ids=[e[2] for e in ERRORS])
def test_no_message_is_passed_on(error: BaseException) -> None:
    assert not any(word in describe(error) for word in ("AKIA", "secret", "u:p", "token"))


def test_a_chain_that_bites_its_tail_has_an_end() -> None:
    first, second = OSError(), ValueError()
    first.__cause__, second.__cause__ = second, first

    assert classify(first) is Failure.REFUSED
