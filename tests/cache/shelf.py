"""Shelf: a store with the files of one page in it, and ways to get them out and to spoil them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path

import zstandard

from artifacts.cache import Checkout, Outcome, Part
from artifacts.content import Detail, Digest, Kind, Page, Row
from artifacts.errors import ArtifactsError
from artifacts.progress import Silent
from artifacts.storage import BLOBS, SOLO, Name, ObjectStore, PageLayout, Place, Span
from artifacts.storage.codec import ZSTD


class Shelf:
    """Small files lie in one pack, those of SOLO_BYTES alone, and `.zst` ones in two pieces."""

    SOLO_BYTES = 1000

    def __init__(
        self,
        store: ObjectStore,
        files: Mapping[str, bytes],
        others: Mapping[str, Detail] | None = None,
    ) -> None:
        self.store, self.files = store, dict(files)
        self.pack = b""
        self._places: dict[bytes, Place] = {}
        self._pieces: dict[bytes, Sequence[Span]] = {}
        rows: dict[str, Row] = {}
        for path, data in sorted(files.items()):
            digest = Digest.of(data)
            rows[path] = (digest, len(data), None)
            self._put(path, digest, data)
        for path, detail in (others or {}).items():
            digest_of_other, size = detail.derive() or (Digest.of(b""), 0)
            rows[path] = (digest_of_other, size, detail)
        self.name = Name(BLOBS, Digest.of(self.pack))
        store.write(self.name.key, self.pack)
        self.page = Page.of(sorted(rows), [rows[path] for path in sorted(rows)])
        self.layout = PageLayout.of(self.page, self._places, [self.name], self._pieces)

    @classmethod
    def of(cls, other: Shelf, store: ObjectStore) -> Shelf:
        """The same, in another store that has it already."""
        shelf = copy(other)
        shelf.store = store
        return shelf

    def _put(self, path: str, digest: Digest, data: bytes) -> None:
        if path.endswith(".zst"):
            half = len(data) // 2
            self._pieces[digest] = [self._piece(data[:half]), self._piece(data[half:])]
        elif len(data) >= self.SOLO_BYTES:
            self._places[digest] = (SOLO, 0)
            self.store.write(Name(BLOBS, digest).key, data)
        elif data and digest not in self._places:
            self._places[digest] = (0, len(self.pack))
            self.pack += data

    def _piece(self, data: bytes) -> Span:
        stored = zstandard.compress(data)
        name = Name(BLOBS, Digest.of(stored))
        self.store.write(name.key, stored)
        return Span(name, 0, len(stored), len(data), ZSTD)

    def part(self, wanted: range | None = None) -> Part:
        return self.page, range(len(self.page)) if wanted is None else wanted, lambda: self.layout

    def get(
        self,
        root: Path,
        delivered: Mapping[str, bytes] | None = None,
        *,
        force: bool = False,
        wanted: range | None = None,
    ) -> Outcome:
        """Check out; `delivered` is what an earlier download put there."""
        before = {path: (Digest.of(data), len(data)) for path, data in (delivered or {}).items()}
        return Checkout(self.store, root, before, force=force).run([self.part(wanted)])

    def index(self, path: str) -> int:
        return [*self.page.paths].index(path)

    def blob_of(self, path: str) -> str:
        """Key of the blob where a file's bytes begin."""
        return self.layout.spans(self.page, self.index(path))[0].blob.key


class Witness(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.problems: list[ArtifactsError] = []
        self.size = 0

    def report(self, problem: ArtifactsError) -> None:
        self.problems.append(problem)

    def advance(self, size: int) -> None:
        self.size += size


def folder(*paths: str) -> dict[str, Detail]:
    return {path: Detail(Kind.FOLDER) for path in paths}


def contents(root: Path) -> dict[str, bytes]:
    """All files below a folder, links not followed, whatever their names."""
    return {
        os.path.relpath(os.path.join(where, name), root): Path(where, name).read_bytes()
        for where, _, names in os.walk(root)
        for name in names
        if not os.path.islink(os.path.join(where, name))
    }


def dig(root: Path, depth: int) -> str:
    """The path of an empty file that lies so many folders deep."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_CREAT, dir_fd=here))
    os.close(here)
    return "d/" * depth + "file"
