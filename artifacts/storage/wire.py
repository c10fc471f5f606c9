"""Wire: large bodies on plain sockets, each moved by the thread that asks for it.

A filesystem of fsspec moves them through one event loop in many small pieces, which takes longer
than the network. How a request is signed stays its client's business: here come finished addresses.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

BULK_BYTES = 2**20  # from so many on
_AT_ONCE = 64
_BLOCK_BYTES = 2**18  # sent within one time limit, or read; few enough for the processor's cache
_WHOLE = _STORED = 200
_PARTIAL = 206
_SAID_BYTES = 2**14  # read of what a server has to say about a failure
_CODE = re.compile(rb"<Code>([A-Za-z0-9_.]{1,60})</Code>")
_SIGNED = re.compile(r"\?\S*X-Amz-Signature=\S*")


class AnswerError(Exception):
    """A server's answer that is no success, as `storage.failure` understands it."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(status, code)
        self.status = status
        self.error_code = code


class UntrustedError(Exception):
    """The server's certificate is not one of those to trust."""


class Wire:
    """Connections of one process, for any number of threads. Nothing is ever tried twice."""

    def __init__(self, *, silence_s: float, certificates: str) -> None:
        """`silence_s` is how long nothing may happen; `certificates` a file of those to trust."""
        from urllib3 import PoolManager, Timeout

        logging.getLogger("urllib3.connectionpool").addFilter(_unsigned)
        self._pool = PoolManager(
            maxsize=_AT_ONCE,
            retries=False,
            timeout=Timeout(connect=silence_s, read=silence_s),  # of each block, not of all
            ca_certs=certificates,
        )

    def get(self, url: str, start: int, stop: int, limit_s: float) -> Iterator[bytes]:
        """The bytes of a range, fewer where the object ends. Raises AnswerError.

        Who answers with the whole object has it read from its beginning to the range's end.
        Source: RFC 9110 14.2, which lets any server pass the range by.
        """
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        answer = self._ask("GET", url, headers=headers, preload_content=False)
        try:
            _expect(answer, _PARTIAL, _WHOLE)
            blocks = _blocks(answer, time.monotonic() + limit_s)
            yield from blocks if answer.status == _PARTIAL else _between(blocks, start, stop)
        except BaseException:
            answer.close()  # nobody else is to get the rest of this answer
            raise
        if answer.status == _PARTIAL:
            answer.release_conn()
        else:
            answer.close()

    def put(self, url: str, data: bytes | memoryview) -> str:
        """The ETag of what was stored. Raises AnswerError."""
        length = {"Content-Length": str(len(data))}
        view = memoryview(data)
        body = (view[at : at + _BLOCK_BYTES] for at in range(0, len(view), _BLOCK_BYTES))
        answer = self._ask("PUT", url, headers=length, body=body)
        _expect(answer, _STORED)
        return answer.headers["ETag"]

    def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Iterable[Any] | None = None,  # views are sent as well, whatever urllib3's types say
        preload_content: bool = True,
    ) -> BaseHTTPResponse:
        from urllib3.exceptions import SSLError

        try:
            return self._pool.request(
                method, url, headers=headers, body=body, preload_content=preload_content
            )
        except SSLError as error:
            raise UntrustedError from error


def _unsigned(record: logging.LogRecord) -> bool:
    """Whoever reads a log is not to be able to use the addresses in it, nor the tokens in these."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            _SIGNED.sub("?…", each) if isinstance(each, str) else each for each in record.args
        )
    return True


def _expect(answer: BaseHTTPResponse, *statuses: int) -> None:
    if answer.status not in statuses:
        code = _CODE.search(answer.read(_SAID_BYTES) or answer.data)
        raise AnswerError(answer.status, code[1].decode() if code else "")


def _blocks(answer: BaseHTTPResponse, until_s: float) -> Iterator[bytes]:
    """A peer that sends a little now and then is as good as silent."""
    while block := answer.read1(_BLOCK_BYTES):
        yield block
        if time.monotonic() > until_s:
            raise TimeoutError


def _between(blocks: Iterator[bytes], start: int, stop: int) -> Iterator[bytes]:
    at = 0
    for block in blocks:
        if part := block[max(start - at, 0) : stop - at]:
            yield part
        at += len(block)
        if at >= stop:
            return
