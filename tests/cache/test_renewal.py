"""Renewal: what is given up lies under a new name, whole, or nobody is told that it does."""

from __future__ import annotations

from pathlib import Path

from artifacts.cache import CachedStore, Copies
from artifacts.cache.renewal import Renewal
from artifacts.content import Digest
from artifacts.storage import BLOBS, Condemned, Epoch, Heeded, MemoryStore, Name, write_condemned

CONTENT = b"content"
BLOB = Name(BLOBS, Digest.of(CONTENT))


def test_a_damaged_copy_does_not_keep_a_blob_from_being_renewed(tmp_path: Path) -> None:
    remote, copies = MemoryStore(), Copies(tmp_path, 2**30)
    remote.write(BLOB.key, CONTENT)
    copies.put(BLOB.key, b"damaged")
    epoch = Epoch(1, remote, Heeded((*write_condemned(remote, [Condemned(BLOB, len(CONTENT))]),)))

    new = Renewal(CachedStore(remote, copies), epoch, is_renewed=False).renewed(BLOB)

    assert (new.epoch, remote.read(new.key)) == (1, CONTENT)
