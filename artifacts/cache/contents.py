"""Contents: where everything lies that was added to a draft, by digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from artifacts.cache.pieces import Piece
from artifacts.cache.renewal import Renewal
from artifacts.content import Digest
from artifacts.storage import (
    BLOBS,
    RAW,
    SOLO,
    START,
    Epoch,
    Index,
    Located,
    Name,
    Objects,
    ObjectStore,
    Place,
    Span,
)

_LITTLE = 2**20  # bytes that are stored without asking a far store's index
_TINY = 2**16  # bytes that are not worth writing a row of the index for


class Contents:
    """`places` of what lies raw and whole, `pieces` of all else; both count blobs in `blobs`.

    A pack that is still being filled has a number, but no name yet.
    """

    def __init__(self, store: ObjectStore, epoch: Epoch = START) -> None:
        self.epoch = epoch
        self.blobs: list[Name | None] = []
        self.places: dict[bytes, Place] = {}
        self.pieces: dict[bytes, Sequence[Piece]] = {}
        self._store = store
        self._index = Index(store)
        self._asks_at_once = store.concurrency == 1
        self._unknown = 0
        self._objects = Objects(store)
        self._numbers: dict[Name, int] = {}
        self._is_there: dict[tuple[Name, int | None], bool] = {}

    def __contains__(self, digest: bytes) -> bool:
        return digest in self.places or digest in self.pieces

    def number(self, blob: Name) -> int:
        if blob not in self._numbers:
            self._numbers[blob] = len(self.blobs)
            self.blobs.append(blob)
        return self._numbers[blob]

    def is_stored(self, blob: Name, size: int | None = None) -> bool:
        """Whether the store has the blob, and it may be relied on; asked once."""
        if (blob, size) not in self._is_there:
            is_there = not self.epoch.forbids(blob) and self._objects.has(blob, size)
            self._is_there[blob, size] = is_there
        return self._is_there[blob, size]

    def solo(self, digest: Digest) -> Name:
        """What a blob is, or is to be called, that is a file by itself.

        Where its plain name is condemned, the one that others found for it since, if it is there.
        """
        name = self.epoch.name(BLOBS, digest)
        found = self._index.find(digest) if name.epoch else None
        is_it = found is not None and (found.blob.digest, found.offset) == (digest, 0)
        return found.blob if found and is_it and self.is_stored(found.blob) else name

    def place_solo(self, digest: Digest, blob: Name) -> None:
        """A file that is a blob by itself."""
        self.places[digest] = (self.number(blob) if blob.epoch else SOLO, 0)

    def locate(self, digest: bytes, size: int) -> bool:
        """Take over what the store's index says of content, if the blob is there.

        Where asking takes longer than storing, a little is stored without asking.
        """
        self._unknown += size
        if not self._asks_at_once and self._unknown < _LITTLE:
            return False
        found = self._index.find(digest)
        if found is None or not self.is_stored(found.blob):
            return False
        self.places[digest] = (self.number(found.blob), found.offset)
        return True

    def blob_of_chunk(self, digest: bytes) -> Name | None:
        """A blob in which the store's index knows a chunk, and so perhaps its neighbours."""
        found = self._index.find_chunk(digest)
        return found.blob if found is not None and self.is_stored(found.blob) else None

    def put(self, digest: bytes, pieces: Sequence[Piece]) -> None:
        """A single raw piece is a place."""
        if len(pieces) == 1 and pieces[0].codec == RAW:
            self.places[digest] = (pieces[0].blob, pieces[0].offset)
        else:
            self.pieces[digest] = pieces

    def adopt(self, digest: Digest, spans: Sequence[Span]) -> None:
        """Content that lies in blobs of a live version."""
        if [*spans] == [_solo(digest, spans[0].size)]:
            self.places[digest] = (SOLO, 0)
        else:
            self.put(digest, [Piece(self.number(span.blob), *_rest(span)) for span in spans])

    def spans(self, digest: bytes, size: int) -> Sequence[Span]:
        """Once every pack has its name."""
        if digest in self.pieces:
            return self._named(self.pieces[digest])
        blob, offset = self.places[digest]
        if blob == SOLO:
            return [_solo(Digest(digest), size)]
        return self._named([Piece(blob, offset, size, size)])

    def names(self) -> list[Name]:
        """Of all blobs, by number, once every pack has its name."""
        return cast("list[Name]", self.blobs)

    def spans_in_pieces(self) -> Mapping[bytes, Sequence[Span]]:
        """Once every pack has its name."""
        return {digest: self._named(pieces) for digest, pieces in self.pieces.items()}

    def renew(self, epoch: Epoch) -> None:
        """From now on rely on nothing that was known before the epoch was read."""
        self.epoch = epoch
        self._is_there.clear()

    def free(self, needed: Iterable[bytes], *, is_renewed: bool) -> None:
        """Have everything that is needed lie where a commit of this epoch may rely on it.

        Once every pack has its name. What was condemned meanwhile is copied to a new name. If it
        `is_renewed`, whether all else is there is asked again. Raises MissingBlobError.
        """
        renewal = Renewal(self._store, self.epoch, is_renewed=is_renewed)
        used: set[int] = set()
        for digest in needed:
            if digest in self.pieces:
                used |= {piece.blob for piece in self.pieces[digest]}
            elif (place := self.places.get(digest)) is not None:
                used.add(place[0])
                if place[0] == SOLO:
                    blob = renewal.renewed(Name(BLOBS, Digest(digest)))
                    self.place_solo(Digest(digest), blob)
        for number in used - {SOLO}:
            self.blobs[number] = renewal.renewed(self.names()[number])

    def settle(self) -> None:
        """Every pack has its name now; two of one name are one, as a layout lists none twice."""
        self._numbers = {}
        twins = {
            number: first
            for number, name in enumerate(self.names())
            if (first := self._numbers.setdefault(name, number)) != number
        }
        if twins:
            self.places = {
                digest: (twins.get(blob, blob), offset)
                for digest, (blob, offset) in self.places.items()
            }

    def add_to_index(self, packs: Sequence[int], chunks: Iterable[Located]) -> None:
        """What lies in new packs, so that others find it."""
        names, rows = self.names(), []
        if new := {*packs}:
            rows = [
                Located(digest, names[blob], offset)
                for digest, (blob, offset) in self.places.items()
                if blob in new
            ]
        solos, found = [*self._new_solos()], [*chunks]
        rows += solos + found
        least = _TINY if self._asks_at_once else _LITTLE
        if rows and (found or solos or self._unknown >= least):
            self._index.add(rows)

    def _new_solos(self) -> Iterator[Located]:
        """Under names that nobody could guess: those of this epoch that the index has not."""
        for number, name in enumerate(self.names()):
            blob, offset = self.places.get(name.digest, (SOLO, 0))
            if blob == number and name.epoch and name.epoch == self.epoch.number:
                row = Located(name.digest, name, offset)
                if self._index.find(name.digest) != row:
                    yield row

    def _named(self, pieces: Sequence[Piece]) -> Sequence[Span]:
        names = self.names()
        return [Span(names[piece.blob], *piece[1:]) for piece in pieces]


def _solo(digest: Digest, size: int) -> Span:
    return Span(Name(BLOBS, digest), 0, size, size)


def _rest(span: Span) -> tuple[int, int, int, int]:
    return span.offset, span.stored, span.size, span.codec
