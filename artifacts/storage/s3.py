"""S3: what Amazon's protocol does in fewer requests than a filesystem would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from artifacts.storage.bucket import Bucket, Cursor, Foreign, Page
from artifacts.storage.transfer import write_at
from artifacts.storage.wire import BULK_BYTES, AnswerError, UntrustedError, Wire

T = TypeVar("T")

_SILENCE_S = 60  # as botocore has it
_MOST_IN_ONE_PUT = 5 * 2**30
_SIGNED_S = 3600  # longer than any request may take
_PUT_TOGETHER = 2**16  # bytes that would take as long to send as one part to be put to the others
_NO_ADDRESS = {301, 302, 307, 308, 400, 403, 405, 411, 501}  # what a server says that takes none


class S3Bucket(Bucket):
    """S3 and what speaks like it, through s3fs. A PartsBucket."""

    most_parts = 10_000

    def __init__(self, filesystem: Foreign, root: str) -> None:
        super().__init__(filesystem, root)
        self._wire = None if _has_a_way_of_its_own(filesystem) else _new_wire(filesystem)

    def create(self, key: str, data: bytes) -> None:
        # a chunk size beyond all data: with several parts not all servers look at the condition
        at_once = {"mode": "create", "chunksize": _MOST_IN_ONE_PUT}
        self.filesystem.pipe_file(self.locate(key), data, **at_once, **self.limit(len(data)))

    def size(self, key: str) -> int:
        """One request, where s3fs lists if there is nothing."""
        return int(self._call("head_object", key)["ContentLength"])

    def page(self, prefix: str, cursor: Cursor | None) -> Page:
        return self._listed(prefix, cursor, "Contents", "Key")

    def folders(self, prefix: str, cursor: Cursor | None) -> Page:
        return self._listed(prefix, cursor, "CommonPrefixes", "Prefix", Delimiter="/")

    def _listed(self, prefix: str, cursor: Cursor | None, what: str, name: str, **how: str) -> Page:
        bucket, below = self._split(prefix)
        going_on = {} if cursor is None else {"ContinuationToken": cursor}
        place = {"Bucket": bucket, "Prefix": below, **how, **going_on}
        found = self.filesystem.call_s3("list_objects_v2", **place, **self.limit())
        skipped = len(below) - len(prefix)
        names = [each[name][skipped:] for each in found.get(what, ())]
        return Page(names, found["NextContinuationToken"] if found.get("IsTruncated") else None)

    def begin(self, key: str) -> str:
        return str(self._call("create_multipart_upload", key)["UploadId"])

    def add(self, key: str, upload: str, number: int, data: memoryview) -> str:
        """The part's receipt, for `finish`. Parts are numbered from 1, in any order."""
        place = {"UploadId": upload, "PartNumber": number}

        def add() -> Foreign:  # whose client takes no view
            return self._call("upload_part", key, len(data), **place, Body=bytes(data))["ETag"]

        def put(wire: Wire) -> str:
            return wire.put(self._signed("upload_part", key, **place), data)

        return str(self._by_wire(put, add))

    def finish(self, key: str, upload: str, receipts: Sequence[str]) -> None:
        parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(receipts, 1)]
        arguments = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
        self._call("complete_multipart_upload", key, len(parts) * _PUT_TOGETHER, **arguments)

    def abandon(self, key: str, upload: str) -> None:
        self._call("abort_multipart_upload", key, UploadId=upload)

    def _read(self, key: str, start: int, end: int | None) -> bytes:
        read = partial(super()._read, key, start, end)
        if end is None or end - start < BULK_BYTES:
            return read()
        limit_s = self.limit(end - start)["timeout"]

        def get(wire: Wire) -> bytes:
            return b"".join(wire.get(self._signed("get_object", key), start, end, limit_s))

        return self._by_wire(get, read)

    def _fetch(self, key: str, start: int, length: int, fd: int) -> int:
        fetch = partial(super()._fetch, key, start, length, fd)
        limit_s = self.limit(length)["timeout"]

        def get(wire: Wire) -> int:
            url = self._signed("get_object", key)
            return write_at(fd, start, wire.get(url, start, start + length, limit_s))

        return self._by_wire(get, fetch)

    def _by_wire(self, ask: Callable[[Wire], T], otherwise: Callable[[], T]) -> T:
        """A server that does not take signed addresses, as of another region, is asked no more."""
        if (wire := self._wire) is not None:
            try:
                return ask(wire)
            except AnswerError as error:
                if error.status not in _NO_ADDRESS:
                    raise
            except UntrustedError:  # by this way; the client may know more of whom to trust
                pass
            self._wire = None
        return otherwise()

    def _signed(self, method: str, key: str, **arguments: Foreign) -> str:
        """An address by which one request may be made without the client, for some minutes."""
        from fsspec.asyn import sync

        bucket, below = self._split(key)
        place = {"Bucket": bucket, "Key": below, **arguments}
        return str(sync(self.filesystem.loop, _sign, self.filesystem, method, place))

    def _call(self, method: str, key: str, size: int = 0, **arguments: Foreign) -> Foreign:
        bucket, below = self._split(key)
        place = {"Bucket": bucket, "Key": below}
        return self.filesystem.call_s3(method, **place, **arguments, **self.limit(size))

    def _split(self, key: str) -> tuple[str, str]:
        """The bucket's name, and what S3 calls the key. Not by s3fs, which strips slashes."""
        bucket, below, _ = self.filesystem.split_path(f"{self.root}/x")
        return bucket, below[:-1] + key


async def _sign(filesystem: Foreign, method: str, place: Foreign) -> Foreign:
    client = await filesystem.set_session()
    client.meta.events.register_first("choose-signer.s3", _signer, unique_id="artifacts")
    return await client.generate_presigned_url(method, Params=place, ExpiresIn=_SIGNED_S)


def _signer(signature_version: str, **_: Foreign) -> str | None:
    """Else addresses are signed in the way of 2006, which newer regions refuse."""
    return "s3v4-query" if signature_version in ("v4-query", "s3v4-query") else None


def _has_a_way_of_its_own(filesystem: Foreign) -> bool:
    """Whether its settings mean more than an address can say."""
    from urllib.request import getproxies

    settings = (
        filesystem.anon,
        filesystem.s3_additional_kwargs,
        filesystem.req_kw,
        filesystem.client_kwargs.get("verify") is False,
        filesystem.config_kwargs.get("proxies"),
        filesystem.config_kwargs.get("client_cert"),
    )
    return any(settings) or bool(getproxies().keys() & {"http", "https", "all"})


def _new_wire(filesystem: Foreign) -> Wire:
    """Trusts whom the client trusts, as far as can be seen. Source: botocore's session."""
    from botocore.httpsession import get_cert_path

    given = (
        filesystem.client_kwargs.get("verify"),
        filesystem.session.get_config_variable("ca_bundle"),
    )
    certificates = next(
        (each for each in given if isinstance(each, str)), get_cert_path(verify=True)
    )
    silence_s = float(filesystem.config_kwargs.get("read_timeout", _SILENCE_S))
    return Wire(silence_s=silence_s, certificates=certificates)
