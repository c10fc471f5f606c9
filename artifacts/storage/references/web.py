"""Web: what an http server tells of a resource, and its bytes in one stream."""

from __future__ import annotations

import os
from typing import Any

from artifacts.storage.bucket import Bucket, Foreign
from artifacts.storage.references.told import Told
from artifacts.storage.transfer import write_all

_CONNECT_S, _READ_S = 10, 20  # without a byte from the other side
_PIECE = 2**20
_NO_HEAD = {400, 403, 405, 501}  # of servers that answer nothing but GET


class WebSource:
    """Asks for bytes as they lie, never compressed on the way: sizes and ETags are of these."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def look(self, key: str) -> Told:
        return self._run(_look, key)

    def stream(self, key: str, fd: int, known: Told, most: int | None) -> Told:
        """Fill a file; what was told with the bytes.

        `known` is what was told before: what an attempt got that broke off is kept, if the server
        says that it still is the same. Soon after `most` bytes it ends.
        """
        return self._run(_stream, key, fd, known, most)

    def _run(self, act: Any, key: str, *arguments: Foreign) -> Told:  # noqa: ANN401
        from fsspec.asyn import sync

        filesystem = self._bucket.filesystem
        url = f"{self._bucket.root}/{key}"
        return sync(filesystem.loop, act, filesystem, url, *arguments)  # type: ignore[no-any-return]


async def _ask(filesystem: Foreign, method: str, url: str, headers: dict[str, str]) -> Foreign:
    from aiohttp import ClientTimeout

    session = await filesystem.set_session()
    kwargs = {**filesystem.kwargs}
    given = {**kwargs.pop("headers", {}), "Accept-Encoding": "identity", **headers}
    limits = ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S)
    kwargs.setdefault("timeout", limits)
    return await session.request(
        method, filesystem.encode_url(url), headers=given, allow_redirects=True, **kwargs
    )


async def _look(filesystem: Foreign, url: str) -> Told:
    async with await _ask(filesystem, "HEAD", url, {}) as answer:
        if answer.status not in _NO_HEAD:
            answer.raise_for_status()
            return _told(answer)
    async with await _ask(filesystem, "GET", url, {"Range": "bytes=0-0"}) as answer:
        answer.raise_for_status()
        return _told(answer)


async def _stream(filesystem: Foreign, url: str, fd: int, known: Told, most: int | None) -> Told:
    start, etag = os.lseek(fd, 0, os.SEEK_END), known.etag
    is_resumed = bool(start and etag and not etag.startswith("W/"))
    headers = {"Range": f"bytes={start}-", "If-Range": str(etag)} if is_resumed else {}
    async with await _ask(filesystem, "GET", url, headers) as answer:
        answer.raise_for_status()
        if answer.status != 206:
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
        async for data in answer.content.iter_chunked(_PIECE):
            write_all(fd, memoryview(data))
            if most is not None and os.lseek(fd, 0, os.SEEK_CUR) > most:
                break  # a server may never end
        return _told(answer)


def _told(answer: Foreign) -> Told:
    headers = answer.headers
    total = headers.get("Content-Range", "").rpartition("/")[2]
    if answer.status != 206:
        total = headers.get("Content-Length", "")
    is_plain = headers.get("Content-Encoding", "identity") in ("", "identity")
    size = int(total) if total.isdigit() and is_plain else None
    return Told(size, headers.get("ETag") or None)
