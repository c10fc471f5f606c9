"""Repack: new packs for blobs of which little is used, while others read and commit.

No digest changes and nothing is deleted: a version gets another layout, and what nobody refers to
any more is for a collector. Whoever dies in between leaves what nobody sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import chain

from msgspec import Struct, field

from artifacts.cache import uncached
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.commit import INLINE_BYTES
from artifacts.catalog.upkeep.copying import Copied, Sparse, copy_live
from artifacts.catalog.upkeep.live import Placed, live_pages, live_versions, located
from artifacts.catalog.upkeep.stretches import Moves, Stretches
from artifacts.catalog.version import Version
from artifacts.content import Digest
from artifacts.errors import ConflictError, IntegrityError, ObjectNotFoundError
from artifacts.progress import Progress, Silent
from artifacts.storage import (
    BLOBS,
    LAYOUTS,
    RAW,
    SOLO,
    Epoch,
    Index,
    Layout,
    Located,
    Name,
    Objects,
    ObjectStore,
    PageLayout,
    Place,
    Proposal,
    Span,
    encode,
)
from artifacts.workers import batched, spread

BELOW = 0.5  # of a blob's bytes: with less in use, copying them frees more than it costs
_MOST_WHOLE = 2**27  # bytes that are copied from memory
_MOST_ROWS = 2**16  # of the index, that are added at once
_TRIES = 3  # of moving a version that others place anew meanwhile


class Repacking(Struct):
    """What was found, and unless it was only looked for, done."""

    blobs: int = 0
    size: int = 0  # bytes of these blobs
    live: int = 0  # of which so many are in use, and were copied
    packs: int = 0
    versions: int = 0
    problems: list[str] = field(default_factory=list)
    """What is damaged, and was left as it is."""


def repack(
    catalog: Catalog,
    below: float = BELOW,
    progress: Progress | None = None,
    *,
    executor: Executor | None = None,
    is_dry: bool = False,
) -> Repacking:
    """Copy what live versions use of blobs of which they use less than `below`.

    Each blob is read whole and compared with its name: damage is never copied. Raises
    BrokenLogError, StorageError, and ConflictError if a collection of garbage begins meanwhile.
    What is damaged, and then what was not moved yet, is left as it is; damage is told of.
    """
    store = uncached(catalog.store)
    ours = Catalog(store)  # folds are not shared by threads
    done = Repacking()
    epoch = ours.epoch()
    sparse = [*_sparse(ours, below, done)]
    done.blobs, done.size = len(sparse), sum(each.size for each in sparse)
    done.live = sum(each.live for each in sparse)
    if sparse and not is_dry:
        ours.check_writing()
        mover = _Mover(ours, done, epoch)
        for copied in _copies(store, sparse, executor, epoch):
            (progress or Silent()).advance(copied.read)
            mover.take(copied)
        mover.move()
    return done


def _sparse(catalog: Catalog, below: float, done: Repacking) -> Iterator[Sparse]:
    """In order of name, so that two who repack at once mostly make the same packs."""

    def complain(version: Version, error: IntegrityError) -> None:
        done.problems.append(f"{version.qualified_name}: {error}")

    used: dict[Name, Stretches] = {}
    solos: set[int] = set()  # hashes of names: there may be millions
    for placed in live_pages(catalog, complain):
        for extent in placed.extents():
            if placed.is_solo(extent):
                solos.add(hash(extent.blob))
            else:
                stop = extent.offset + placed.size(extent)
                used.setdefault(extent.blob, Stretches()).add(extent.offset, stop)
        for span in chain.from_iterable(placed.layout.pieces.values()):
            stop, is_whole = span.offset + span.stored, span.codec != RAW
            used.setdefault(span.blob, Stretches()).add(span.offset, stop, is_whole=is_whole)
    names = [name for name in sorted(used, key=str) if hash(name) not in solos]
    work = (((catalog.store, batch), batch) for batch in batched(names, lambda _: 0))
    for sizes, batch in spread(_sizes, work, threads=catalog.store.concurrency):
        for name, size in zip(batch, sizes, strict=True):
            sparse = Sparse(name, size or 0, used.pop(name).merged())
            if size is None:
                done.problems.append(
                    f"{name.key} is missing; `art verify --all` tells what it takes"
                )
            elif sparse.live < below * size and sparse.most_whole <= _MOST_WHOLE:
                yield sparse


def _sizes(work: tuple[ObjectStore, Sequence[Name]]) -> list[int | None]:
    store, names = work
    return [_size(store, name) for name in names]


def _size(store: ObjectStore, name: Name) -> int | None:
    try:
        return store.size(name.key)
    except ObjectNotFoundError:
        return None


def _copies(
    store: ObjectStore, sparse: Sequence[Sparse], executor: Executor | None, epoch: Epoch
) -> Iterator[Copied]:
    """What a worker finds damaged is looked at once more here."""
    work = (((store, batch, epoch), batch) for batch in batched(sparse, lambda each: each.live))
    for copied, batch in spread(copy_live, work, executor):
        again = [each for each in batch if each.blob in copied.damaged]
        if executor is not None and again:
            copied.damaged.clear()
            yield copy_live((store, again, epoch))
        yield copied


class _Mover:
    """Gives versions their new layouts."""

    def __init__(self, catalog: Catalog, done: Repacking, epoch: Epoch) -> None:
        self._catalog, self._done, self._epoch = catalog, done, epoch
        self._objects = Objects(catalog.store)
        self._index = Index(catalog.store)
        self._moves = Moves()
        self._packs: set[Name] = set()
        self._rows: list[Located] = []
        self._known: dict[tuple[Digest, Name], Name] = {}  # layouts in the store, by old ones

    def take(self, copied: Copied) -> None:
        for blob, moves in copied.moves.items():
            self._moves.add(blob, moves)
            self._packs |= {move.blob for move in moves}
        self._done.packs = len(self._packs)
        self._done.problems += map(str, copied.damaged.values())
        self._rows += copied.rows

    def move(self) -> None:
        for version in live_versions(self._catalog):
            try:
                self._done.versions += self._move(version)
            except IntegrityError:
                continue  # it was told of when it was looked at first
        self._index.add(self._rows)

    def _move(self, version: Version) -> bool:
        """Whether it has a new layout now. What others place anew meanwhile is looked at again."""
        for _ in range(_TRIES):
            before = version.row.layout
            if (layout := self._prepare(version)) is None:
                return False
            name, riding = layout
            change = {"kind": "placed", "version": version.row.number}
            change |= {"from": str(before), "layout": str(name)}
            proposal = Proposal([change], riding, [name], [before], self._epoch.number)
            version.collection.append(proposal)
            version.refresh()
            if version.row.layout == name:
                return True
            if version.collection.state.fence > self._epoch.number:
                raise ConflictError("a collection of garbage began meanwhile: repack again")
            version = Version(
                version.store, version.collection_name, version.collection, version.row
            )
        return False

    def _prepare(self, version: Version) -> tuple[Name, Mapping[str, bytes]] | None:
        """A new layout, and what has to ride along with it; None if none of its bytes moved.

        What rode with the event before, and is small enough to, rides with the next one.
        """
        carried = version.carried
        new: dict[Name, bytes] = {}
        pages = version.layout.pages
        layouts = [self._layout_of(version, position, new) for position in range(len(pages))]
        if layouts == [*version.layout.layouts]:
            return None
        root = Layout(version.digest, pages, layouts).encode()
        name = self._epoch.name(LAYOUTS, Digest.of(root))
        new[name] = root
        needed = {str(version.row.manifest), *map(str, pages), *map(str, layouts)}
        riding = {each: data for each, data in carried.items() if each in needed}
        small = {str(each): encode(data) for each, data in new.items()}
        if carried and sum(map(len, (riding | small).values())) <= INLINE_BYTES:
            return name, riding | small
        for each, data in new.items():
            self._objects.put(each, data)
        return name, riding

    def _layout_of(self, version: Version, position: int, new: dict[Name, bytes]) -> Name:
        """Of a page; what rides with its version is in `new`, all other is in the store."""
        old = version.layout.layouts[position]
        key = version.layout.pages[position].digest, old
        if key in self._known:
            return self._known[key]
        page = version.page(position)
        layout = moved(Placed(page, version.page_layout(position, page)), self._moves)
        if layout is None:
            return self._known.setdefault(key, old)
        self._note(Placed(page, layout))
        data = layout.encode()
        name = self._epoch.name(LAYOUTS, Digest.of(data))
        if version.carried:
            new[name] = data
        else:
            self._objects.put(name, data)
            self._known[key] = name
        return name

    def _note(self, placed: Placed) -> None:
        """Have the index know what lies in new packs."""
        for extent in placed.extents():
            if extent.blob in self._packs:
                self._rows += located(placed, extent)
        if len(self._rows) >= _MOST_ROWS:
            self._index.add(self._rows)
            self._rows.clear()


def moved(placed: Placed, moves: Moves) -> PageLayout | None:
    """Where the files of a page lie now; None if they lie where they did."""
    page, layout = placed.page, placed.layout
    if not any(blob in moves for blob in layout.blobs):
        return None
    numbers: dict[Name, int] = {}
    places: dict[bytes, Place] = {}
    pieces: dict[bytes, Sequence[Span]] = {}
    for index in range(len(page)):
        spans = layout.spans(page, index)
        if not spans:
            continue
        digest = page.digest_at(index)
        now = moves.moved(spans)
        if now is None:
            return None  # of a blob that was found damaged, or whose live bytes were others
        if now == [Span(Name(BLOBS, digest), 0, size := page.sizes[index] or 0, size)]:
            places[digest] = (SOLO, 0)
        elif len(now) == 1 and now[0].codec == RAW:
            places[digest] = (numbers.setdefault(now[0].blob, len(numbers)), now[0].offset)
        else:
            pieces[digest] = now
    return PageLayout.of(page, places, [*numbers], pieces)
