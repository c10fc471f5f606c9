"""Azure: what its containers tell of blobs, and old versions where the account keeps them."""

from __future__ import annotations

from collections.abc import Callable

from artifacts.storage.bucket import Bucket, Cursor, Foreign
from artifacts.storage.failure import Failure, classify
from artifacts.storage.references.told import Told, ToldPage, bare

_WITH_VERSIONS, _WITHOUT = ("metadata", "versions"), ("metadata",)


class AzureSource:
    """A Source."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def look(self, key: str, version: str | None) -> Told:
        return _told(self._run(_look, key, version))

    def page(self, prefix: str, cursor: Cursor | None) -> ToldPage:
        if cursor is None:
            try:
                return self._page(prefix, _WITH_VERSIONS, None)
            except Exception as error:  # not every account has versions to list
                if classify(error) is not Failure.REFUSED:
                    raise
        include, token = cursor or (_WITHOUT, None)
        return self._page(prefix, include, token)

    def part(self, key: str, version: str | None, start: int, length: int) -> tuple[bytes, Told]:
        data, found = self._run(_part, key, version, start, length)
        return data, _told(found)

    def _page(self, prefix: str, include: tuple[str, ...], token: str | None) -> ToldPage:
        found, after = self._run(_page, prefix, include, token)
        rows = [(str(each.name), _told(each)) for each in found if _is_current_file(each)]
        return ToldPage(rows, (include, after) if after else None)

    def _run(self, act: Callable[..., Foreign], *arguments: Foreign) -> Foreign:
        from fsspec.asyn import sync

        filesystem = self._bucket.filesystem
        container, _, _ = filesystem.split_path(self._bucket.locate("x"))
        service = filesystem.service_client
        return sync(filesystem.loop, act, service, container, *arguments, **self._bucket.limit())


def _told(found: Foreign) -> Told:
    version = getattr(found, "version_id", None)
    return Told(int(found.size), bare(found.etag), str(version) if version else None)


def _is_current_file(found: Foreign) -> bool:
    """Neither an older version nor a folder of a hierarchical account."""
    if getattr(found, "version_id", None) and not getattr(found, "is_current_version", True):
        return False
    is_folder = (found.metadata or {}).get("hdi_isfolder") == "true"
    return not is_folder and found.name[-1:] != "/"


async def _look(service: Foreign, container: str, key: str, version: str | None) -> Foreign:
    async with service.get_blob_client(container, key) as blob:
        return await blob.get_blob_properties(version_id=version)


async def _part(
    service: Foreign, container: str, key: str, version: str | None, start: int, length: int
) -> tuple[bytes, Foreign]:
    async with service.get_blob_client(container, key) as blob:
        stream = await blob.download_blob(start, length, version_id=version)
        return await stream.readall(), _Whole(stream.properties)


class _Whole:
    """Of a part's answer, what it says of the whole blob."""

    def __init__(self, properties: Foreign) -> None:
        total = str(getattr(properties, "content_range", None) or "").rpartition("/")[2]
        self.size = int(total) if total.isdigit() else properties.size
        self.etag = properties.etag
        self.version_id = getattr(properties, "version_id", None)


async def _page(
    service: Foreign, container: str, prefix: str, include: tuple[str, ...], token: str | None
) -> tuple[list[Foreign], str | None]:
    async with service.get_container_client(container) as client:
        listing = client.list_blobs(name_starts_with=prefix, include=[*include])
        pages = listing.by_page(continuation_token=token)
        async for page in pages:
            return [blob async for blob in page], pages.continuation_token or None
    return [], None
