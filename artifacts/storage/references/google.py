"""Google: what its buckets tell of objects; each write of one has a generation."""

from __future__ import annotations

from artifacts.storage.bucket import Bucket, Cursor, Foreign
from artifacts.storage.references.told import Told, ToldPage, bare

_FACTS = "name,size,etag,generation"


class GoogleSource:
    """A Source."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def look(self, key: str, version: str | None) -> Told:
        return _told(self._get("b/{}/o/{}", key, version, fields=_FACTS, json_out=True))

    def page(self, prefix: str, cursor: Cursor | None) -> ToldPage:
        going_on = {} if cursor is None else {"pageToken": cursor}
        found = self._get(
            "b/{}/o",
            prefix=prefix,
            fields=f"items({_FACTS}),nextPageToken",
            json_out=True,
            **going_on,
        )
        items = found.get("items", ())
        rows = [(str(each["name"]), _told(each)) for each in items if each["name"][-1:] != "/"]
        return ToldPage(rows, found.get("nextPageToken"))

    def part(self, key: str, version: str | None, start: int, length: int) -> tuple[bytes, Told]:
        """The etag is not told with the bytes; the generation is, which says more."""
        ranged = {"Range": f"bytes={start}-{start + length - 1}"}
        headers, data = self._get("b/{}/o/{}", key, version, alt="media", headers=ranged)
        told = {name.lower(): value for name, value in dict(headers).items()}
        total = str(told.get("content-range", "")).rpartition("/")[2]
        size = int(total) if total.isdigit() else len(data)
        return bytes(data), Told(size, None, told.get("x-goog-generation"))

    def _get(
        self, path: str, key: str | None = None, version: str | None = None, **request: Foreign
    ) -> Foreign:
        filesystem = self._bucket.filesystem
        place = [self._bucket.root.partition("/")[0], *([] if key is None else [key])]
        if version is not None:
            request["generation"] = version
        return filesystem.call("GET", path, *place, **request, **self._bucket.limit())


def _told(found: Foreign) -> Told:
    size, generation = found.get("size"), found.get("generation")
    return Told(
        None if size is None else int(size),
        bare(found.get("etag")),
        None if generation is None else str(generation),
    )
