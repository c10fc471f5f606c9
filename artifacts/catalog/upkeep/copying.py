"""Copying: the used stretches of old blobs into new packs, by any worker that reaches the store."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from operator import attrgetter

from blake3 import blake3
from msgspec import Struct, field

from artifacts.catalog.upkeep.stretches import Move, Stretch, joined
from artifacts.content import Digest
from artifacts.errors import ArtifactsError, DigestMismatchError, IntegrityError, NotFoundError
from artifacts.storage import (
    BUFFER_BYTES,
    READ_BYTES,
    Chunk,
    ChunkLists,
    ChunkRows,
    Epoch,
    Located,
    Name,
    ObjectStore,
    Packer,
    Place,
)


class Sparse(Struct, frozen=True):
    """A blob of `size` bytes, of which these stretches are in use: ascending and apart."""

    blob: Name
    size: int
    stretches: Sequence[Stretch]

    @property
    def live(self) -> int:
        return sum(each.length for each in self.stretches)

    @property
    def most_whole(self) -> int:
        """Bytes of the longest stretch that cannot be cut."""
        return max((each.length for each in self.stretches if each.is_whole), default=0)


class Copied(Struct):
    """Where the used bytes of blobs are now, and rows for the index of chunks among them."""

    moves: dict[Name, list[Move]] = field(default_factory=dict)
    damaged: dict[Name, ArtifactsError] = field(default_factory=dict)
    rows: list[Located] = field(default_factory=list)
    read: int = 0  # bytes


def copy_live(work: tuple[ObjectStore, Sequence[Sparse], Epoch]) -> Copied:
    """All that was copied is durable, and was proved by its blob's digest. Raises StorageError.

    New packs have names that a commit of the epoch may rely on.

    What lies together stays together; zstd frames are copied as they are.
    """
    store, blobs, epoch = work
    names: list[Name | None] = []
    copied = Copied()
    placed: dict[Name, list[tuple[Stretch, Place]]] = {}
    with Packer(store, names, epoch=epoch) as packer:
        for sparse in blobs:
            try:
                placed[sparse.blob] = _copy(store, sparse, packer)
            except (IntegrityError, NotFoundError) as error:
                copied.damaged[sparse.blob] = error
            copied.read += sparse.size
        packer.close()
    for blob, places in placed.items():
        copied.moves[blob] = [*joined(_moves(places, names), _end_to_end)]
    copied.rows += _copy_lists(ChunkLists(store), copied.moves)
    return copied


def _copy(store: ObjectStore, sparse: Sparse, packer: Packer) -> list[tuple[Stretch, Place]]:
    """Raises DigestMismatchError, ObjectNotFoundError."""
    hasher, at = blake3(), 0
    step = BUFFER_BYTES if store.concurrency == 1 else READ_BYTES
    left = [*reversed(sparse.stretches)]
    held = bytearray()  # of a stretch that cannot be cut
    placed: list[tuple[Stretch, Place]] = []
    while data := store.read(sparse.blob.key, at, step):
        hasher.update(data)
        end = at + len(data)
        while left and left[-1].start < end:
            stretch = left[-1]
            part = data[max(stretch.start - at, 0) : stretch.stop - at]
            held += part
            if stretch.stop <= end or not stretch.is_whole:
                stop = min(stretch.stop, end)
                placed.append((Stretch(stop - len(held), stop), packer.add(bytes(held))))
                held.clear()
            if stretch.stop > end:
                break
            left.pop()
        at = end
    if (found := Digest(hasher.digest())) != sparse.blob.digest:
        raise DigestMismatchError(sparse.blob.key, sparse.blob.digest.hex(), found.hex())
    return placed


def _moves(placed: Sequence[tuple[Stretch, Place]], names: Sequence[Name | None]) -> Iterator[Move]:
    for stretch, (number, offset) in placed:
        name = names[number]
        assert name is not None
        yield Move(stretch.start, stretch.length, name, offset)


def _end_to_end(one: Move, other: Move) -> Move | None:
    """Both, if they lie one behind the other where they were and where they are."""
    was, now = one.start + one.length, one.offset + one.length
    if (was, one.blob, now) != (other.start, other.blob, other.offset):
        return None
    return one._replace(length=one.length + other.length)


def _copy_lists(lists: ChunkLists, moves: Mapping[Name, Sequence[Move]]) -> list[Located]:
    """The new packs' lists say what those of the old blobs said; rows for the index."""
    new: dict[Name, ChunkRows] = {}
    for blob, parts in moves.items():
        chunks = sorted(lists.get(blob), key=attrgetter("offset"))
        for move in parts:
            stop = move.start + move.length
            first = bisect_left(chunks, move.start, key=attrgetter("offset"))
            for chunk in _until(stop, islice(chunks, first, None)):
                if chunk.offset + chunk.stored <= stop:
                    offset = move.offset + chunk.offset - move.start
                    new.setdefault(move.blob, ChunkRows()).add(chunk._replace(offset=offset))
    for pack, rows in new.items():
        lists.put(pack, rows)
    return [
        Located(digest, pack, offset)
        for pack, rows in new.items()
        for digest, offset in rows.indexed
    ]


def _until(stop: int, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    return takewhile(lambda chunk: chunk.offset < stop, chunks)
