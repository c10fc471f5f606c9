"""S3: what Amazon's protocol does in fewer requests than a filesystem would."""

from __future__ import annotations

from collections.abc import Sequence

from artifacts.storage.bucket import Bucket, Cursor, Foreign, Page

_MOST_IN_ONE_PUT = 5 * 2**30
_PUT_TOGETHER = 2**16  # bytes that would take as long to send as one part to be put to the others


class S3Bucket(Bucket):
    """S3 and what speaks like it, through s3fs. A PartsBucket."""

    most_parts = 10_000

    def create(self, key: str, data: bytes) -> None:
        # a chunk size beyond all data: with several parts not all servers look at the condition
        at_once = {"mode": "create", "chunksize": _MOST_IN_ONE_PUT}
        self.filesystem.pipe_file(self.locate(key), data, **at_once, **self.limit(len(data)))

    def size(self, key: str) -> int:
        """One request, where s3fs lists if there is nothing."""
        return int(self._call("head_object", key)["ContentLength"])

    def page(self, prefix: str, cursor: Cursor | None) -> Page:
        bucket, below = self._split(prefix)
        going_on = {} if cursor is None else {"ContinuationToken": cursor}
        place = {"Bucket": bucket, "Prefix": below, **going_on}
        found = self.filesystem.call_s3("list_objects_v2", **place, **self.limit())
        skipped = len(below) - len(prefix)
        names = [each["Key"][skipped:] for each in found.get("Contents", ())]
        return Page(names, found["NextContinuationToken"] if found.get("IsTruncated") else None)

    def begin(self, key: str) -> str:
        return str(self._call("create_multipart_upload", key)["UploadId"])

    def add(self, key: str, upload: str, number: int, data: bytes) -> str:
        """The part's receipt, for `finish`. Parts are numbered from 1, in any order."""
        arguments = {"UploadId": upload, "PartNumber": number, "Body": data}
        part = self._call("upload_part", key, len(data), **arguments)
        return str(part["ETag"])

    def finish(self, key: str, upload: str, receipts: Sequence[str]) -> None:
        parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(receipts, 1)]
        arguments = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
        self._call("complete_multipart_upload", key, len(parts) * _PUT_TOGETHER, **arguments)

    def abandon(self, key: str, upload: str) -> None:
        self._call("abort_multipart_upload", key, UploadId=upload)

    def _call(self, method: str, key: str, size: int = 0, **arguments: Foreign) -> Foreign:
        bucket, below = self._split(key)
        place = {"Bucket": bucket, "Key": below}
        return self.filesystem.call_s3(method, **place, **arguments, **self.limit(size))

    def _split(self, key: str) -> tuple[str, str]:
        """The bucket's name, and what S3 calls the key. Not by s3fs, which strips slashes."""
        bucket, below, _ = self.filesystem.split_path(f"{self.root}/x")
        return bucket, below[:-1] + key
