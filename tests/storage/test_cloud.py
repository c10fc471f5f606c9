"""Cloud: what only Google's buckets ask for."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import md5
from typing import Any

import pytest
from fsspec.asyn import get_loop
from gcsfs.retry import ChecksumError

from artifacts.storage.cloud import GoogleBucket


class Google:
    """As gcsfs is: towards a zonal bucket, and towards one that says what it stored."""

    async_impl = True
    consistency = "md5"
    _location = "https://google"

    def __init__(self, stored: bytes = b"") -> None:
        self.loop = get_loop()
        self.written: list[tuple[str, bytes, str]] = []
        self._answer = {"md5Hash": b64encode(md5(stored, usedforsecurity=False).digest()).decode()}

    async def _is_zonal_bucket(self, bucket: str) -> bool:
        await asyncio.sleep(0)
        return bucket == "zonal"

    def call(self, *_: Any, **__: Any) -> dict[str, str]:  # noqa: ANN401
        return self._answer

    def split_path(self, path: str) -> tuple[str, str, None]:
        bucket, _, name = path.partition("/")
        return bucket, name, None

    def pipe_file(self, path: str, data: bytes, *, mode: str, **_: Any) -> None:  # noqa: ANN401
        self.written.append((path, data, mode))


def test_a_zonal_bucket_is_written_to_by_gcsfs_itself() -> None:
    filesystem = Google()
    bucket = GoogleBucket(filesystem, "zonal/at")

    bucket.write("a", b"1")
    bucket.create("b", b"2")

    assert filesystem.written == [
        ("zonal/at/a", b"1", "overwrite"),
        ("zonal/at/b", b"2", "create"),
    ]


def test_what_was_stored_is_checked_as_the_user_wants_it_checked() -> None:
    bucket = GoogleBucket(Google(stored=b"sent"), "bucket/at")

    bucket.write("a", b"sent")
    with pytest.raises(ChecksumError):
        bucket.write("a", b"sent, and lost on the way")
