"""Anywhere: what any other filesystem of fsspec tells of a file."""

from __future__ import annotations

from artifacts.storage.bucket import Bucket, Cursor, Foreign
from artifacts.storage.references.told import Told, ToldPage, bare


class AnySource:
    """A Source of whatever fsspec can reach. No versions."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def look(self, key: str, version: str | None) -> Told:
        found = self._info(key)
        if found.get("type") == "directory":
            raise FileNotFoundError(key)
        return _told(found)

    def page(self, prefix: str, cursor: Cursor | None) -> ToldPage:
        """One folder at a time, so that memory is bounded by the largest."""
        folder, *others = [prefix.rstrip("/")] if cursor is None else cursor
        place = self._bucket.locate(folder).rstrip("/")
        found = self._bucket.filesystem.ls(place, detail=True, **self._bucket.limit())
        rows = []
        for each in found:
            key = self._key_of(each)
            if each["type"] != "directory":
                rows.append((key, _told(each)))
            elif key != folder:
                others.append(key)
        return ToldPage(rows, others or None)

    def part(self, key: str, version: str | None, start: int, length: int) -> tuple[bytes, Told]:
        place = self._bucket.locate(key)
        limit = self._bucket.limit(length)
        end = start + length
        data = bytes(self._bucket.filesystem.cat_file(place, start=start, end=end, **limit))
        return data, Told()

    def _key_of(self, found: Foreign) -> str:
        name = str(found["name"]).strip("/")
        return name.removeprefix(self._bucket.root.strip("/") + "/")

    def _info(self, key: str) -> Foreign:
        return self._bucket.filesystem.info(self._bucket.locate(key), **self._bucket.limit())


def _told(found: Foreign) -> Told:
    """Etags are called by various names. Times are no identity: two writes may share one."""
    size = found.get("size")
    etag = next((found[name] for name in ("ETag", "etag", "e_tag") if found.get(name)), None)
    return Told(None if size is None else int(size), bare(etag))
