"""Reach: the names of all objects that versions need, read from the logs and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from msgspec import Struct, field

from artifacts.catalog.collection import CollectionState
from artifacts.catalog.logs import Logs
from artifacts.catalog.upkeep.lost import lost_logs
from artifacts.catalog.version import Version
from artifacts.content import Digest
from artifacts.errors import IntegrityError, UnknownEventError, VerificationError
from artifacts.names import CollectionName
from artifacts.progress import Progress, Silent
from artifacts.storage import Fold, Name, ObjectStore, key_of, threads_of
from artifacts.workers import batched, spread

_BATCH = 16  # versions, or pages, that one thread reads
_KINDS = ("collection", "directory", "gc", "run")  # of logs; others may reach what none of these do


class Reach(Struct):
    """Small keys, as there may be millions; `problems` say why it may be less than all."""

    keys: set[bytes] = field(default_factory=set)
    versions: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, names: Iterable[Name]) -> None:
        self.keys.update(map(key_of, names))

    def check(self, store: ObjectStore) -> None:
        """Raises VerificationError if it may be less than all."""
        if self.problems:
            reason = "what is needed cannot be known, so nothing was deleted; repair this first"
            raise VerificationError(store.url, [reason, *self.problems])

    def __contains__(self, name: Name) -> bool:
        return key_of(name) in self.keys

    def __len__(self) -> int:
        return len(self.keys)


class _Found(Struct):
    """What one version names, its pages and where they are to be looked into, or why not."""

    version: Version
    names: list[Name] = field(default_factory=list)
    pages: list[tuple[int, Digest, Digest]] = field(default_factory=list)
    problem: IntegrityError | None = None


def needed(logs: Logs, progress: Progress | None = None) -> Reach:
    """What versions and runs reach, as they are now, whether a name stands for them or not.

    Raises as `reach`.
    """
    versions = (
        Version(logs.store, name, fold, row)
        for name, fold in all_collections(logs)
        for row in fold.state
    )
    return reach(logs, versions, progress)


def reach(logs: Logs, versions: Iterable[Version], progress: Progress | None = None) -> Reach:
    """What those versions and all runs reach: to delete by, there is `needed`.

    Of each version its manifest, layout, pages, page layouts and the blobs of their files. Pages
    that versions share are read once. A log that was lost is a problem: nobody knows what it named.
    Memory: some 100 bytes for each name and each page. Raises BrokenLogError, UnknownEventError,
    StorageError.
    """
    reached, threads = Reach(), threads_of(logs.store)
    reached.problems += [f"{key}: {reason}" for key, reason in lost_logs(logs)]
    found = spread(_find, ((batch, None) for batch in _batched(versions)), threads=threads)
    work = ((batch, None) for batch in _batched(_new_pages(found, reached, progress or Silent())))
    for results, _ in spread(_look, work, threads=threads):
        for result in results:
            if isinstance(result, str):
                reached.problems.append(result)
            else:
                reached.keys |= result
    for run in logs.run_folds():
        reached.add(run.refresh().state.names())
    return reached


def refuse_strangers(store: ObjectStore) -> None:
    """Raises UnknownEventError for logs of a newer software, which may reach anything."""
    for key in store.list("logs/"):
        kind = key.split("/")[1]
        if kind not in _KINDS:
            raise UnknownEventError(key, kind)


def all_collections(logs: Logs) -> Iterator[tuple[CollectionName, Fold[CollectionState]]]:
    """All that hold versions, as they are now, whether a name stands for them or not."""
    projects = logs.all_projects().state
    names = {listing.id: name for name, listing in projects.names.items()}
    for project in projects.ids:
        entity, _, place = names.get(project, "gone/gone").partition("/")
        for id_ in logs.directory(project).refresh().state.ids:
            fold = logs.fold(id_).refresh()
            state = fold.state
            if state.name and not state.is_deleted and not state.is_portfolio:
                yield CollectionName(entity, place, state.name), fold


_batched = partial(batched, size_of=lambda _: 0, most=_BATCH)


def _find(versions: Sequence[Version]) -> list[_Found]:
    return [_names(version) for version in versions]


def _names(version: Version) -> _Found:
    found = _Found(version, [version.row.manifest, version.row.layout])
    try:
        layout = version.layout
    except IntegrityError as error:
        found.problem = error
        return found
    found.names += [*layout.pages, *layout.layouts]
    for position, (page, place) in enumerate(zip(layout.pages, layout.layouts, strict=True)):
        found.pages.append((position, page.digest, place.digest))
    return found


def _new_pages(
    found: Iterable[tuple[Sequence[_Found], None]], reached: Reach, progress: Progress
) -> Iterator[tuple[Version, int]]:
    """Those that no version before had in the same layout."""
    seen: set[bytes] = set()
    for batch, _ in found:
        for each in batch:
            progress.advance(1)
            reached.versions += 1
            reached.keys |= {*map(key_of, each.names)}
            if each.problem is not None:
                reached.problems.append(f"{each.version.qualified_name}: {each.problem}")
            for position, page, layout in each.pages:
                if (key := page + layout) not in seen:
                    seen.add(key)
                    yield each.version, position


def _look(pages: Sequence[tuple[Version, int]]) -> list[set[bytes] | str]:
    return [_blobs(version, position) for version, position in pages]


def _blobs(version: Version, position: int) -> set[bytes] | str:
    """Keys of the blobs that a page's files lie in, or what is wrong with the page."""
    try:
        page = version.page(position)
        return {*map(key_of, version.page_layout(position, page).names(page))}
    except IntegrityError as error:
        return f"{version.qualified_name}: {error}"
