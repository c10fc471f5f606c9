"""Cloud: Google's and Microsoft's buckets, asked once where a filesystem would ask twice."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable

from artifacts.storage.bucket import Bucket, Cursor, Foreign, Page


class GoogleBucket(Bucket):
    """Google Cloud Storage, through gcsfs."""

    part_bytes = 16 * 2**20  # of a resumable upload, which sends one after another

    def put(self, key: str, path: str) -> None:
        limit = self.limit(os.stat(path).st_size)
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
