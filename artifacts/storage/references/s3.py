"""S3: what its buckets tell of objects, and old versions where they are kept."""

from __future__ import annotations

from typing import Any

from artifacts.storage.bucket import Bucket, Cursor, Foreign
from artifacts.storage.failure import Failure, classify
from artifacts.storage.references.told import Told, ToldPage, bare

_VERSIONS, _OBJECTS = "list_object_versions", "list_objects_v2"


class S3Source:
    """A Source."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def look(self, key: str, version: str | None) -> Told:
        found = self._call("head_object", Key=key, **_versioned(version))
        return Told(int(found["ContentLength"]), bare(found.get("ETag")), _version(found))

    def page(self, prefix: str, cursor: Cursor | None) -> ToldPage:
        """A listing tells no versions; one of all versions does, where the bucket keeps them."""
        if cursor is None and self._keeps_versions():
            try:
                return self._page_of_versions(prefix, {})
            except Exception as error:  # some may list objects and not their versions
                if classify(error) is not Failure.REFUSED:
                    raise
        method, going_on = cursor or (_OBJECTS, {})
        if method == _VERSIONS:
            return self._page_of_versions(prefix, going_on)
        found = self._call(_OBJECTS, Prefix=prefix, **going_on)
        rows = [_row(each) for each in found.get("Contents", ()) if each["Key"][-1:] != "/"]
        more = found.get("IsTruncated") and {"ContinuationToken": found["NextContinuationToken"]}
        return ToldPage(rows, (_OBJECTS, more) if more else None)

    def part(self, key: str, version: str | None, start: int, length: int) -> tuple[bytes, Told]:
        from fsspec.asyn import sync

        filesystem = self._bucket.filesystem
        request = {
            "Bucket": self._name,
            "Key": key,
            "Range": f"bytes={start}-{start + length - 1}",
            **_versioned(version),
        }
        limit = self._bucket.limit(length)
        data, found = sync(filesystem.loop, _get, filesystem, request, **limit)
        size = _total(found.get("ContentRange"))
        if size is None:  # some give all of an old version, whatever was asked for
            size, data = len(data), data[start : start + length]
        return data, Told(size, bare(found.get("ETag")), _version(found))

    def version_with(self, key: str, etag: str) -> str | None:
        """An older version of the object that has this ETag, if the bucket kept one."""
        found = self._call(_VERSIONS, Prefix=key)
        for each in found.get("Versions", ()):
            if each["Key"] == key and bare(each.get("ETag")) == etag:
                return _version(each)
        return None

    def _keeps_versions(self) -> bool:
        try:
            return bool(self._call("get_bucket_versioning").get("Status"))
        except Exception as error:  # who may not ask gets no versions
            if classify(error) in (Failure.REFUSED, Failure.ABSENT):
                return False
            raise

    def _page_of_versions(self, prefix: str, going_on: dict[str, str]) -> ToldPage:
        found = self._call(_VERSIONS, Prefix=prefix, **going_on)
        rows = [
            _row(each)
            for each in found.get("Versions", ())
            if each.get("IsLatest") and each["Key"][-1:] != "/"
        ]
        markers = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
        more = {name: found[each] for name, each in markers.items() if found.get(each)}
        return ToldPage(rows, (_VERSIONS, more) if found.get("IsTruncated") else None)

    @property
    def _name(self) -> str:
        return str(self._bucket.filesystem.split_path(f"{self._bucket.root}/x")[0])

    def _call(self, method: str, **arguments: Any) -> Foreign:  # noqa: ANN401
        limit = self._bucket.limit()
        return self._bucket.filesystem.call_s3(method, Bucket=self._name, **arguments, **limit)


async def _get(filesystem: Foreign, request: dict[str, str]) -> tuple[bytes, Foreign]:
    found = await filesystem._call_s3("get_object", **request)  # noqa: SLF001  # has no other
    async with found["Body"] as body:
        return await body.read(), found


def _row(found: Foreign) -> tuple[str, Told]:
    return str(found["Key"]), Told(int(found["Size"]), bare(found.get("ETag")), _version(found))


def _version(found: Foreign) -> str | None:
    """None for what a bucket without versions has instead of one."""
    version = found.get("VersionId")
    return None if version in (None, "", "null") else str(version)


def _versioned(version: str | None) -> dict[str, str]:
    return {} if version is None else {"VersionId": version}


def _total(content_range: object) -> int | None:
    total = str(content_range or "").rpartition("/")[2]
    return int(total) if total.isdigit() else None
