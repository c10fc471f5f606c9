"""Packs: small files end to end in blobs of some tens of MiB.

Few requests on an object store, sequential writes on a disk, and one fsync for thousands of
files. Hashing and writing happen in a thread of their own, while the caller reads on.
"""

from __future__ import annotations

import os
import secrets
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self

from blake3 import blake3

from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage.claiming import claim
from artifacts.storage.epoch import START, Epoch
from artifacts.storage.layout import Place
from artifacts.storage.name import BLOBS, Name
from artifacts.storage.store import ObjectStore
from artifacts.storage.transfer import TO_MAKE, write_all
from artifacts.storage.upload import Uploads

PACK_BYTES = 32 * 2**20
_BATCH_BYTES = 2**20  # large enough that handing one over costs nothing beside writing it
_LENT_BYTES = _BATCH_BYTES // 2  # of smaller ones there would be too many under way
_MOST_WAITING = 8  # batches, so that memory stays bounded when the disk is slower than the reader


class Packer:
    """Appends bytes to packs. One thread calls it; after `close` all of it is durable.

    A pack has a place in `names` from its first byte on, and its name there from `close` on.
    """

    def __init__(
        self,
        store: ObjectStore,
        names: list[Name | None],
        uploads: Uploads | None = None,
        epoch: Epoch = START,
    ) -> None:
        self._uploads = uploads or Uploads(store)
        self._epoch = epoch
        self._spool = store.spool()
        self._names = names
        self._packs: list[_Pack] = []
        self._finished: list[tuple[int, Future[Name]]] = []
        self._index = -1
        self._batch: list[bytes | memoryview] = []
        self._batch_bytes = 0
        self._buffers: SimpleQueue[bytearray] = SimpleQueue()
        self._offset = PACK_BYTES
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="art-pack")
        self._waiting: list[Future[None]] = []
        weakref.finalize(self, _discard, self._packs, os.getpid())

    def renew(self, epoch: Epoch) -> None:
        """Packs that are finished from now on have names that a commit of it may rely on."""
        self._epoch = epoch

    def lend(self, size: int) -> memoryview:
        """A buffer to read into: one that was used before, so that the kernel need not clear it.

        It is given back by `add`, or by `give_back`.
        """
        with suppress(Empty):
            if size >= _LENT_BYTES and len(buffer := self._buffers.get_nowait()) >= size:
                return memoryview(buffer)[:size]
        return memoryview(bytearray(size))

    def give_back(self, view: memoryview) -> None:
        """A lent buffer that is not needed."""
        if isinstance(view.obj, bytearray) and len(view.obj) >= _LENT_BYTES:
            self._buffers.put(view.obj)

    def add(self, data: bytes | memoryview) -> Place:
        """Where `data` will lie, which may be a lent buffer."""
        if self._offset >= PACK_BYTES:
            self._start_pack()
        offset = self._offset
        self._batch.append(data)
        self._offset += len(data)
        self._batch_bytes += len(data)
        if self._batch_bytes >= _BATCH_BYTES:
            self._hand_over()
        return self._index, offset

    def close(self) -> None:
        """Every pack is whole and durable in the store, and named. Raises StorageError."""
        self._finish_pack()
        for index, name in self._finished:
            self._names[index] = name.result()
        self._uploads.finish()
        if None in self._names:
            raise StorageError(str(self._spool), "a pack was interrupted: begin anew")
        self._finished.clear()
        self._packs.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What was not closed is forgotten, and leaves nothing behind."""
        self._writer.shutdown(cancel_futures=True)
        self._uploads.discard()
        _discard(self._packs, os.getpid())

    def _start_pack(self) -> None:
        self._finish_pack()
        self._packs.append(_Pack(self._spool))
        self._index, self._offset = len(self._names), 0
        self._names.append(None)

    def _finish_pack(self) -> None:
        if self._index >= 0:
            self._hand_over()
            done = self._writer.submit(
                self._packs[-1].finish, self._uploads, self._offset, self._epoch
            )
            self._finished.append((self._index, done))
            self._index, self._offset = -1, PACK_BYTES

    def _hand_over(self) -> None:
        while len(self._waiting) >= _MOST_WAITING:
            self._waiting.pop(0).result()
        self._waiting.append(self._writer.submit(self._write, self._packs[-1], self._batch))
        self._batch, self._batch_bytes = [], 0

    def _write(self, pack: _Pack, batch: list[bytes | memoryview]) -> None:
        pack.write(batch)
        for data in batch:
            if isinstance(data, memoryview):
                self.give_back(data)


class _Pack:
    """One pack on its way: a file in the spool, and the digest of what was written so far.

    After a fault it takes nothing more, and is never finished.
    """

    def __init__(self, spool: Path) -> None:
        self._path = spool / f"pack-{secrets.token_hex(8)}"
        self._fd = -1
        self._hash = blake3()
        self._length = 0
        self._fault: StorageError | None = None

    def write(self, batch: list[bytes | memoryview]) -> None:
        try:
            self._write(memoryview(batch[0] if len(batch) == 1 else b"".join(batch)))
        except OSError as error:
            self._fault = StorageError(str(self._path), error.strerror or str(error))
            raise self._fault from error
        except BaseException as error:  # no memory, or an interrupt: part of it may be missing
            self._fault = StorageError(str(self._path), f"writing it ended with {error!r}")
            raise

    def finish(self, uploads: Uploads, length: int, epoch: Epoch) -> Name:
        """Raises StorageError, also for what became of a write that nobody waited for.

        And for another length than was added: a batch whose hand-over was interrupted.
        """
        if self._fault is None and self._length != length:
            reason = f"{self._length} bytes were written, {length} were added: begin anew"
            self._fault = StorageError(str(self._path), reason)
        if self._fault is not None:
            raise self._fault
        name = epoch.name(BLOBS, Digest(self._hash.digest()))
        os.close(self._fd)
        self._fd = -1
        uploads.add(name.key, self._path)
        return name

    def _write(self, data: memoryview) -> None:
        if self._fd < 0:
            self._fd = os.open(self._path, TO_MAKE, 0o666)
            claim(self._fd)
        self._hash.update(data)
        write_all(self._fd, data)
        self._length += len(data)

    def discard(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        with suppress(OSError):  # a folder that was made read-only: others delete it some day
            self._path.unlink(missing_ok=True)


def _discard(packs: list[_Pack], owner: int) -> None:
    """Of packs that were never closed nothing is left, unless a forked child asks."""
    if os.getpid() == owner:
        for pack in packs:
            pack.discard()
