"""Cloud: Google's and Microsoft's buckets, asked once where a filesystem would ask twice."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from artifacts.storage.bucket import Bucket, Cursor, Foreign, Page

_LEAST_RESUMABLE = 5 * 2**20  # of a file; gcsfs has it the same
_MOST_AT_ONCE = 50 * 2**20  # of what is in memory; this too


class GoogleBucket(Bucket):
    """Google Cloud Storage, through gcsfs."""

    part_bytes = 16 * 2**20  # of a resumable upload, which sends one after another

    def write(self, key: str, data: bytes) -> None:
        self._upload(key, data, "overwrite")

    def create(self, key: str, data: bytes) -> None:
        self._upload(key, data, "create")

    def put(self, key: str, path: str) -> None:
        if (size := os.stat(path).st_size) < _LEAST_RESUMABLE:
            self._upload(key, Path(path).read_bytes(), "overwrite")
        else:
            limit = self.limit(size)
            self.filesystem.put_file(path, self.locate(key), chunksize=self.part_bytes, **limit)

    def size(self, key: str) -> int:
        bucket, name, _ = self.filesystem.split_path(self.locate(key))
        fields = {"fields": "size", "json_out": True, **self.limit()}
        return int(self.filesystem.call("GET", "b/{}/o/{}", bucket, name, **fields)["size"])

    def page(self, prefix: str, cursor: Cursor | None) -> Page:
        below, found = self._listed(prefix, cursor, fields="items(name),nextPageToken")
        names = [each["name"].removeprefix(below) for each in found.get("items", ())]
        return Page(names, found.get("nextPageToken"))

    def folders(self, prefix: str, cursor: Cursor | None) -> Page:
        wanted = {"fields": "prefixes,nextPageToken", "delimiter": "/"}
        below, found = self._listed(prefix, cursor, **wanted)
        names = [each.removeprefix(below) for each in found.get("prefixes", ())]
        return Page(names, found.get("nextPageToken"))

    def _upload(self, key: str, data: bytes, mode: str) -> None:
        """One request whose body is the bytes and nothing else.

        gcsfs sets them between two lines that are always the same, so that whoever reads those
        ends at such a line of theirs, or takes their last carriage return for a line's end. Much
        it sends otherwise, and all to a zonal bucket, where there are no such lines.
        """
        from gcsfs.checkers import get_consistency_checker

        bucket, name, _ = self.filesystem.split_path(self.locate(key))
        limit = self.limit(len(data))
        if len(data) >= _MOST_AT_ONCE or self._is_zonal(bucket):
            self.filesystem.pipe_file(self.locate(key), data, mode=mode, **limit)
            return
        condition = {"ifGenerationMatch": "0"} if mode == "create" else {}
        checker = get_consistency_checker(self.filesystem.consistency)
        checker.update(data)
        found = self.filesystem.call(
            "POST",
            f"{self.filesystem._location}/upload/storage/v1/b/{{}}/o",  # noqa: SLF001
            bucket,
            uploadType="media",
            name=name,
            headers={"Content-Type": "application/octet-stream"},
            data=data,
            json_out=True,
            **condition,
            **limit,
        )
        checker.validate_json_response(found)

    def _is_zonal(self, bucket: str) -> bool:
        """As gcsfs asks before each call, and keeps the answer, where it knows of such buckets."""
        from fsspec.asyn import sync

        ask = getattr(self.filesystem, "_is_zonal_bucket", None)
        return ask is not None and sync(self.filesystem.loop, ask, bucket, **self.limit())

    def _listed(self, prefix: str, cursor: Cursor | None, **wanted: str) -> tuple[str, Foreign]:
        """What all names begin with that is not the store's, and the answer."""
        bucket, below, _ = self.filesystem.split_path(self.locate("x"))
        below = below[:-1]
        going_on = {} if cursor is None else {"pageToken": cursor}
        asked = {"prefix": below + prefix, **wanted, **going_on, "json_out": True}
        return below, self.filesystem.call("GET", "b/{}/o", bucket, **asked, **self.limit())


class AzureBucket(Bucket):
    """Azure Blob Storage, through adlfs."""

    def size(self, key: str) -> int:
        container, name, _ = self.filesystem.split_path(self.locate(key))
        return int(self._run(_size, container, name))

    def page(self, prefix: str, cursor: Cursor | None) -> Page:
        return self._listed(_page, prefix, cursor)

    def folders(self, prefix: str, cursor: Cursor | None) -> Page:
        return self._listed(_folders, prefix, cursor)

    def _listed(self, ask: Callable[..., Foreign], prefix: str, cursor: Cursor | None) -> Page:
        container, below, _ = self.filesystem.split_path(self.locate("x"))
        below = below[:-1]
        names, after = self._run(ask, container, below + prefix, cursor)
        return Page([name.removeprefix(below) for name in names], after)

    def _run(self, act: Callable[..., Foreign], *arguments: Foreign) -> Foreign:
        from fsspec.asyn import sync

        service = self.filesystem.service_client
        return sync(self.filesystem.loop, act, service, *arguments, **self.limit())


async def _size(service: Foreign, container: str, name: str) -> int:
    async with service.get_blob_client(container, name) as blob:
        properties = await blob.get_blob_properties()
    return int(properties.size)


async def _page(
    service: Foreign, container: str, prefix: str, cursor: str | None
) -> tuple[list[str], str | None]:
    async with service.get_container_client(container) as client:
        listing = client.list_blobs(name_starts_with=prefix, include=["metadata"])
        pages = listing.by_page(continuation_token=cursor)
        names = [
            blob.name
            async for page in _first(pages)
            async for blob in page
            if (blob.metadata or {}).get("hdi_isfolder") != "true"  # of a hierarchical account
        ]
        return names, pages.continuation_token or None


async def _folders(
    service: Foreign, container: str, prefix: str, cursor: str | None
) -> tuple[list[str], str | None]:
    async with service.get_container_client(container) as client:
        pages = client.walk_blobs(name_starts_with=prefix, delimiter="/").by_page(cursor)
        found = [each.name async for page in _first(pages) async for each in page]
        return [name for name in found if name.endswith("/")], pages.continuation_token or None


async def _first(pages: Foreign) -> AsyncIterator[Foreign]:
    async for page in pages:
        yield page
        return
