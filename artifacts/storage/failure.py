"""Failure: what it means that a client of an object store raised what it raised.

The clients agree on little: one server's "exists already" is a FileExistsError, an
OSError(EINVAL) or an HttpError of three packages, and the answer that they got may be anywhere
in the chain of causes. So the chain is searched for what the server said, then for what Python
calls it. Nothing is ever quoted of their messages: those may hold keys and signed addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

_HALF = "aiohttp.http_exceptions"  # of half an answer, to which aiohttp gives a status of its own
_CODE = re.compile(r"[A-Za-z0-9_.]{1,60}")


class Failure(Enum):
    """Each with the words for it."""

    ABSENT = "there is no such object"
    EXISTS = "it exists already"
    BEYOND = "the object ends before"
    CONFLICT = "others were writing it at the same moment"
    BUSY = "the store asked to slow down"
    EXPIRED = "the credentials have expired or are not accepted"
    REFUSED = "the store or its client refused"
    UNKNOWN = "no answer that tells what happened"


RETRIED = {Failure.CONFLICT, Failure.BUSY, Failure.UNKNOWN}

_BY_CODE = {  # what the server called it counts more than its status
    "ExpiredToken": Failure.EXPIRED,
    "ExpiredTokenException": Failure.EXPIRED,
    "RequestExpired": Failure.EXPIRED,
    "TokenRefreshRequired": Failure.EXPIRED,
    "InvalidToken": Failure.EXPIRED,
    "NoSuchBucket": Failure.REFUSED,
    "ContainerNotFound": Failure.REFUSED,
    "PreconditionFailed": Failure.EXISTS,
    "BlobAlreadyExists": Failure.EXISTS,
    "ConditionalRequestConflict": Failure.CONFLICT,
    "OperationAborted": Failure.CONFLICT,
    "InvalidRange": Failure.BEYOND,
    "SlowDown": Failure.BUSY,
    "ServerBusy": Failure.BUSY,
    "TooManyRequests": Failure.BUSY,
    "RequestTimeout": Failure.UNKNOWN,
    "IncompleteBody": Failure.UNKNOWN,
    "BadDigest": Failure.UNKNOWN,
    "Md5Mismatch": Failure.UNKNOWN,
    "XAmzContentSHA256Mismatch": Failure.UNKNOWN,
}
_BY_STATUS = {
    401: Failure.EXPIRED,
    404: Failure.ABSENT,
    408: Failure.UNKNOWN,
    409: Failure.CONFLICT,
    412: Failure.EXISTS,
    416: Failure.BEYOND,
    429: Failure.BUSY,
    501: Failure.REFUSED,
    503: Failure.BUSY,
}
_BY_NAME = {  # of an exception's class, as the packages are imported only where they are used
    "FSTimeoutError": Failure.UNKNOWN,
    "RefreshError": Failure.EXPIRED,
    "TokenRetrievalError": Failure.EXPIRED,
    "UnauthorizedSSOTokenError": Failure.EXPIRED,
    "CredentialRetrievalError": Failure.EXPIRED,
    "ClientAuthenticationError": Failure.EXPIRED,
    "CredentialUnavailableError": Failure.REFUSED,
    "DefaultCredentialsError": Failure.REFUSED,
    "NoCredentialsError": Failure.REFUSED,
    "PartialCredentialsError": Failure.REFUSED,
    "ProfileNotFound": Failure.REFUSED,
    "ParamValidationError": Failure.REFUSED,
    "InvalidRegionError": Failure.REFUSED,
}
_BY_TYPE: tuple[tuple[type[BaseException], Failure], ...] = (
    (FileExistsError, Failure.EXISTS),
    (FileNotFoundError, Failure.ABSENT),
    (PermissionError, Failure.REFUSED),
    (IsADirectoryError, Failure.ABSENT),
    (NotADirectoryError, Failure.ABSENT),
    (NotImplementedError, Failure.REFUSED),
    (ImportError, Failure.REFUSED),
)


def classify(error: BaseException, before: BaseException | None = None) -> Failure:
    """What happened, as far as anything in the chain of causes tells.

    The chain goes on with what was being handled when the client was called, and that is
    something else: `before`, which is not looked at.
    """
    chain = list(_chain(error, before))
    for each in chain:
        status, code = _answer(each)
        if found := _BY_CODE.get(code) or _of_status(status):
            return found
    for each in chain:
        if found := _BY_NAME.get(type(each).__name__) or _of_type(each):
            return found
    if all(type(each) is AttributeError for each in chain):  # and no lost connection led to it
        return Failure.REFUSED
    return Failure.UNKNOWN


def describe(error: BaseException, before: BaseException | None = None) -> str:
    """The status and code of the answer, or the exception's name; never a message."""
    for each in _chain(error, before):
        status, code = _answer(each)
        if status or code:
            return " ".join(filter(None, (str(status or ""), code)))
    return type(error).__name__


def _chain(error: BaseException, before: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, each once, as far as `before`."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and current is not before and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _answer(error: BaseException) -> tuple[int, str]:
    """Status and code of the server's answer; 0 and "" where it holds none."""
    if any(type(each).__module__ == _HALF for each in (error, error.__cause__)):
        return 0, ""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = response.get("Error", {}).get("Code")
    else:  # azure, aiohttp, gcsfs
        status = next(
            (
                value
                for name in ("status_code", "status", "code")
                if (value := getattr(error, name, None)) is not None
            ),
            None,
        )
        code = getattr(error, "error_code", None)
    text = str(getattr(code, "value", code) or "")
    return _number(status), text if _CODE.fullmatch(text) and not text.isdigit() else ""


def _number(status: object) -> int:
    return int(str(status)) if str(status).isdecimal() else 0


def _of_status(status: int) -> Failure | None:
    if status >= 500:
        return _BY_STATUS.get(status, Failure.UNKNOWN)
    return _BY_STATUS.get(status, Failure.REFUSED) if status >= 300 else None


def _of_type(error: BaseException) -> Failure | None:
    for kind, failure in _BY_TYPE:
        if isinstance(error, kind):
            return failure
    if type(error) is OSError and str(error).startswith("Forbidden"):
        return Failure.REFUSED  # gcsfs keeps nothing else of a 403
    return Failure.REFUSED if type(error) in (ValueError, TypeError) else None
