"""Supply: the bytes of a store on their way into a folder, by as few hands as possible."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from artifacts.cache.caching import CachedStore, uncached
from artifacts.cache.copies import Copies
from artifacts.cache.hands import Hands
from artifacts.content import Digest
from artifacts.errors import ObjectNotFoundError, StorageError, UsageError
from artifacts.storage import (
    BLOBS,
    TO_READ,
    Ahead,
    FileStore,
    Name,
    ObjectStore,
    Span,
    Tell,
    copy_file,
    hash_behind,
    hash_file,
    read_extent,
    read_spans,
)

_FOLLOWED_BYTES = 64 * 2**20  # of a blob whose parts are as many requests as pay off


class Supply:
    """Shared by `streams` threads. Bytes are unchecked: whoever has them compares digests.

    With `links`, large files become names of copies that are kept there.
    """

    def __init__(
        self, store: ObjectStore, streams: int = 1, *, links: Copies | None = None
    ) -> None:
        self.store = store
        self.links = links
        self.hands = Hands()
        self._ahead = Ahead(store, streams)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ahead.__exit__()
        self.hands.close()

    def expect_many(self) -> None:
        """There are more small files than for one thread."""
        if isinstance(self.store, FileStore):  # of others a companion could not read
            self.hands.grow()

    def extents(self, wanted: Sequence[tuple[Span, str]]) -> Iterator[Callable[[], bytes]]:
        """For each raw span, named by one of its paths, what gives its bytes: read ahead.

        These raise MissingBlobError, StorageError.
        """
        return self._ahead.each(
            partial(read_extent, self.store, span.blob, span.offset, span.stored, path)
            for span, path in wanted
        )

    def spans(self, spans: Sequence[Span], path: str) -> Iterator[bytes]:
        """As read_spans."""
        return read_spans(self.store, spans, path, self._ahead)

    def blobs(self, wanted: Sequence[tuple[Span, str]]) -> Iterator[Callable[[], None]]:
        """For each whole blob, and a path that it may be put at, what sees to it that it is here.

        Then `copy` waits for nobody; but a very large one is copied while it comes. These raise
        ObjectNotFoundError, StorageError.
        """
        return self._ahead.each(partial(self._bring, span, aside) for span, aside in wanted)

    def copy(self, blob: Span, aside: str, target: str, tell: Tell) -> tuple[Digest, int]:
        """Make a file of a whole blob. Digest and length of what was written.

        Raises ObjectNotFoundError, StorageError.
        """
        if isinstance(self.store, FileStore):
            fd = self._open(blob, self.store)
            try:
                return copy_file(fd, Path(target), tell, blob.size)
            finally:
                os.close(fd)
        if isinstance(self.store, CachedStore) and (
            made := self.store.copy(blob.blob.key, blob.size, Path(target), tell)
        ):
            return made
        if os.path.exists(aside):
            found = _hash(aside, tell)
        else:
            fetch = partial(uncached(self.store).fetch, blob.blob.key)
            found = hash_behind(fetch, Path(aside), tell)
        os.replace(aside, target)
        return found

    def check_links(self, folder: str) -> None:
        """Raises UsageError if links are wanted that no file of this folder can be."""
        if self.links is not None and not self.links.is_beside(folder):
            where = self.links.folder
            reason = f"{folder} and the cache in {where} are on two disks, so nothing can be linked"
            raise UsageError(f"{reason}: leave links out, or name another cache (ART_CACHE_DIR)")

    def link(self, digest: Digest, target: str, tell: Tell) -> bool:
        """Whether the target could be made a name of a copy that has this digest."""
        key = Name(BLOBS, digest).key
        if self.links is None:
            return False
        try:
            if not self.links.link(key, target):
                return False
        except OSError:  # as many names as the disk gives one file
            return False
        if _hash(target, tell)[0] == digest:
            return True
        os.unlink(target)
        self.links.forget(key)
        return False

    def lend(self, digest: Digest, target: str) -> None:
        """A file with this digest becomes one name of a copy, and read-only, if there is room."""
        if self.links is None:
            return
        try:
            with self.links.beside() as path:
                os.link(target, path)
                fd = self.links.keep(Name(BLOBS, digest).key, path)
                if fd is not None:
                    os.close(fd)
        except OSError:  # a full disk, or one without links
            return

    def _bring(self, blob: Span, aside: str) -> None:
        key = blob.blob.key
        if blob.size >= _FOLLOWED_BYTES or isinstance(self.store, FileStore):
            return
        if isinstance(self.store, CachedStore):
            self.store.bring(key, blob.size)
        else:
            self.store.fetch(key, Path(aside))

    def _open(self, blob: Span, store: FileStore) -> int:
        key = blob.blob.key
        try:
            return os.open(store.path(key), TO_READ)
        except FileNotFoundError:
            raise ObjectNotFoundError(key) from None
        except OSError as error:
            reason = f"{error.strerror or error} in the store at {store.url}"
            raise StorageError(key, reason) from error


def _hash(path: str, tell: Tell) -> tuple[Digest, int]:
    fd = os.open(path, TO_READ)
    try:
        return hash_file(fd, tell)
    finally:
        os.close(fd)
