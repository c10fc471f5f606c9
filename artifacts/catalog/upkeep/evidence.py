"""Evidence: digests of what a store gives, taken by whatever worker can reach the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from blake3 import blake3
from msgspec import Struct

from artifacts.content import MAX_SIZE, Digest
from artifacts.errors import ArtifactsError, DigestMismatchError
from artifacts.storage import (
    BLOBS,
    BUFFER_BYTES,
    READ_BYTES,
    Name,
    ObjectStore,
    Span,
    checked,
    read_spans,
)

Found: TypeAlias = tuple[Digest, int] | ArtifactsError
"""Digest and length of a file's bytes, or why they cannot be had."""


class Packed(Struct, frozen=True):
    """Files of these sizes that lie raw, end to end, from `offset` of a blob."""

    blob: Name
    offset: int
    sizes: Sequence[int]

    def read(self, store: ObjectStore) -> list[Found]:
        """Of each file. Once one cannot be had the others cannot either."""
        stream = _Stream(store, self.blob, self.offset, sum(self.sizes))
        found: list[Found] = []
        try:
            found.extend(map(stream.digest, self.sizes))
        except ArtifactsError as error:
            found += [error] * (len(self.sizes) - len(found))
        return found


class Pieced(Struct, frozen=True):
    """One file that lies in pieces."""

    path: str
    spans: Sequence[Span]

    def read(self, store: ObjectStore) -> list[Found]:
        hasher, length = blake3(), 0
        try:
            for data in read_spans(store, self.spans, self.path):
                hasher.update(data)
                length += len(data)
        except ArtifactsError as error:
            return [error]
        return [(Digest(hasher.digest()), length)]


Place: TypeAlias = Packed | Pieced


def read_places(work: tuple[ObjectStore, Sequence[Place]]) -> list[list[Found]]:
    """What is found at each place."""
    store, places = work
    return [place.read(store) for place in places]


def check_objects(work: tuple[ObjectStore, Sequence[Name]]) -> list[int | ArtifactsError]:
    """Of each object the length that a blob has, or what is wrong with it."""
    store, names = work
    return [_check(store, name) for name in names]


def _check(store: ObjectStore, name: Name) -> int | ArtifactsError:
    try:
        if name.kind == BLOBS:
            return _check_blob(store, name)
        return len(checked(name, store.read(name.key)))
    except ArtifactsError as error:
        return error


def _check_blob(store: ObjectStore, name: Name) -> int:
    """Raises DigestMismatchError."""
    found, length = _Stream(store, name, 0, MAX_SIZE).digest(MAX_SIZE)
    if found != name.digest:
        raise DigestMismatchError(name.key, name.digest.hex(), found.hex())
    return length


class _Stream:
    """Consecutive files of one blob, read in large steps."""

    def __init__(self, store: ObjectStore, blob: Name, offset: int, length: int) -> None:
        self._store, self._key = store, blob.key
        self._held, self._at, self._end = memoryview(b""), offset, offset + length
        self._step = BUFFER_BYTES if store.concurrency == 1 else READ_BYTES

    def digest(self, size: int) -> tuple[Digest, int]:
        """Of the next `size` bytes, or of as many as there are. Raises ObjectNotFoundError."""
        hasher, length = blake3(), 0
        while length < size:
            if not self._held:
                step = min(self._step, self._end - self._at)
                self._held = memoryview(self._store.read(self._key, self._at, step))
                self._at += len(self._held)
                if not self._held:
                    break
            taken = self._held[: size - length]
            hasher.update(taken)
            length += len(taken)
            self._held = self._held[len(taken) :]
        return Digest(hasher.digest()), length


def are_right(found: Sequence[Found], digests: Iterable[bytes]) -> bool:
    """Whether every file is what its digest says."""
    return all(
        not isinstance(each, ArtifactsError) and each[0] == digest
        for each, digest in zip(found, digests, strict=True)
    )
