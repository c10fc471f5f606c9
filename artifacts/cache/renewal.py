"""Renewal: blobs that are given up, copied to names that a commit may rely on."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from artifacts.errors import DigestMismatchError, MissingBlobError, ObjectNotFoundError
from artifacts.storage import Epoch, Name, Objects, ObjectStore, hash_file, healed


class Renewal:
    """At one epoch. Bytes are compared with their digest on the way."""

    def __init__(self, store: ObjectStore, epoch: Epoch, *, is_renewed: bool) -> None:
        """If it `is_renewed`, names that are not condemned are looked for again, too."""
        self._store, self._epoch, self._is_renewed = store, epoch, is_renewed
        self._objects = Objects(store)

    def renewed(self, blob: Name) -> Name:
        """Where the blob's bytes are now, for certain.

        Raises MissingBlobError if they are nowhere, DigestMismatchError.
        """
        if not self._epoch.forbids(blob):
            if self._is_renewed and not self._objects.has(blob):
                raise self._missing(blob)
            return blob
        new = Name(blob.kind, blob.digest, self._epoch.number)
        if not self._objects.has(new):
            self._copy(blob, new)
        return new

    def _copy(self, blob: Name, new: Name) -> None:
        beside = self._store.spool() / f"renewed-{secrets.token_hex(8)}"
        try:
            healed(self._store, blob.key, lambda: self._fetch(blob, beside))
            self._store.take(new.key, beside)
        except ObjectNotFoundError:
            raise self._missing(blob) from None
        finally:
            beside.unlink(missing_ok=True)

    def _fetch(self, blob: Name, beside: Path) -> None:
        self._store.fetch(blob.key, beside)
        with beside.open("rb", buffering=0) as file:
            found, _ = hash_file(file.fileno(), most=os.fstat(file.fileno()).st_size)
        if found != blob.digest:
            raise DigestMismatchError(blob.key, blob.digest.hex(), found.hex())

    def _missing(self, blob: Name) -> MissingBlobError:
        what = "a draft whose content was collected meanwhile: add its files again"
        return MissingBlobError(what, blob.key, self._store.url)
