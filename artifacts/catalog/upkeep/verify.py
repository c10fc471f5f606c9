"""Verify: stored bytes compared with the digests that name them. Repairs nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import suppress

from artifacts.cache import Checked, checked_key, uncached
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.upkeep.comparison import Comparison
from artifacts.catalog.upkeep.evidence import check_objects
from artifacts.catalog.upkeep.lost import lost_logs
from artifacts.catalog.upkeep.report import Report
from artifacts.catalog.version import Version
from artifacts.errors import (
    ArtifactsError,
    IntegrityError,
    NotFoundError,
    ObjectNotFoundError,
)
from artifacts.names import CollectionName
from artifacts.progress import Progress, Silent
from artifacts.storage import BLOBS, KINDS, Log, Name, ObjectStore, Tail, threads_of
from artifacts.workers import batched, spread

DAMAGED, MISSING = "damaged", "missing"
_MOST_OBJECTS = 64  # of a batch: they may be packs of tens of MiB


def verify_version(
    version: Version, progress: Progress | None = None, *, executor: Executor | None = None
) -> Report:
    """Reads every byte of one version from the store itself, through its layout.

    An executor's workers must reach the store as this process does. The same is found without one.
    """
    report = Report()
    version = version.uncached()
    store = version.store
    Comparison(store, report, progress or Silent(), executor).check([version])
    return report


def verify_store(
    catalog: Catalog,
    progress: Progress | None = None,
    *,
    executor: Executor | None = None,
    checked: Checked | None = None,
) -> Report:
    """Reads the whole store: every log from its first event, every version, every object.

    A blob that is a file by itself is read once; a pack twice, the second time file by file.
    An executor's workers must reach the store as this process does. The same is found without one.
    What was `checked` and right is not read again; logs are.
    """
    report = Report()
    progress = progress or Silent()
    store = uncached(catalog.store)
    sound = _check_objects(store, report, progress, executor, checked)
    _check_logs(store, report)
    from_logs = Catalog(store, has_checkpoints=False)
    _check_lost(from_logs, report)
    versions = [*_versions(from_logs, report)]
    _check_heads(catalog, versions, report)
    Comparison(store, report, progress, executor, sound, checked).check(versions)
    return report


def kind_of(store: ObjectStore, where: str) -> str:
    """Of a problem in that place: an object may be MISSING, all else is DAMAGED."""
    return MISSING if Name.of_key(where) is not None and not is_there(store, where) else DAMAGED


def is_there(store: ObjectStore, key: str) -> bool:
    """Whether anything lies under that key, which may be none."""
    try:
        uncached(store).size(key)
    except (ObjectNotFoundError, ValueError):
        return False
    return True


def _check_objects(
    store: ObjectStore,
    report: Report,
    progress: Progress,
    executor: Executor | None,
    checked: Checked | None,
) -> dict[Name, int]:
    """The lengths of the blobs that are what their name says."""
    sound: dict[Name, int] = {}

    def is_right(name: Name, length: int) -> None:
        if name.kind == BLOBS:
            sound[name] = length
            report.size += length
            progress.advance(length)

    def is_new(name: Name) -> bool:
        length = checked.get(checked_key(name)) if checked else None
        if length is not None:
            report.objects += 1
            is_right(name, length)
        return length is None

    batches = batched(filter(is_new, _objects(store, report)), lambda _: 0, _MOST_OBJECTS)
    work = (((store, batch), batch) for batch in batches)
    for found, batch in spread(check_objects, work, executor, threads=threads_of(store)):
        right: list[tuple[bytes, int]] = []
        for name, first in zip(batch, found, strict=True):
            length = first
            if executor and isinstance(first, ArtifactsError):
                [length] = check_objects((store, [name]))  # what a worker finds wrong may not be
            report.objects += 1
            if isinstance(length, ArtifactsError):
                report.add(name.key, length)
            else:
                is_right(name, length)
                right.append((checked_key(name), length))
        if checked:
            checked.add(right)
    return sound


def _objects(store: ObjectStore, report: Report) -> Iterator[Name]:
    for key in itertools.chain.from_iterable(store.list(f"{kind}/") for kind in sorted(KINDS)):
        if (name := Name.of_key(key)) is not None:
            yield name
        else:
            report.add(key, "it is no object of this store; move it away")


def _check_logs(store: ObjectStore, report: Report) -> None:
    keys = sorted(store.list("logs/"))
    for name, group in itertools.groupby(keys, key=lambda key: key.rpartition("/")[0]):
        expected = 0
        log = Log(store, name.removeprefix("logs/"))
        try:
            for event in log.after(Tail.start(log.name)):
                expected = event.number + 1
        except ArtifactsError as error:
            report.add(name, error, name)
        else:
            report.objects += expected
            for key in list(group)[expected:]:
                report.add(key, f"it lies beyond the log's end, which is event {expected - 1}")


def _check_lost(catalog: Catalog, report: Report) -> None:
    """Logs that others tell of; if those cannot be read, that is told anyway."""
    with suppress(IntegrityError):
        for key, reason in lost_logs(catalog.logs):
            report.add(key, reason)


def _check_heads(catalog: Catalog, versions: Iterable[Version], report: Report) -> None:
    """A checkpoint that is whole, but says something else than its log, was forged."""
    for version in {each.collection.log.name: each for each in versions}.values():
        true, name = version.collection.state, version.collection_name
        try:
            found = catalog.collection(name)
        except ArtifactsError as error:
            report.add(name.qualified, error, name.qualified)
            continue
        told = (found.state.aliases, found.state.index) if found else None
        if told != (true.aliases, true.index):
            reason = "the checkpoint says something else than the log: delete it"
            report.add(f"cache/heads/{version.collection.log.name}", reason, name.qualified)


def _versions(catalog: Catalog, report: Report) -> Iterator[Version]:
    """Every version of every collection whose log can be read; other faults are reported."""
    try:
        projects = [*catalog.projects()]
    except ArtifactsError as error:
        report.add("logs/directory/root", error, "every project")
        return
    for entity, project in projects:
        try:
            names = [name for name, _ in catalog.collections(entity, project, with_hidden=True)]
            _check_portfolios(catalog, entity, project, report)
        except ArtifactsError as error:
            report.add(f"{entity}/{project}", error, f"{entity}/{project}")
            continue
        for collection in names:
            name = CollectionName(entity, project, collection)
            try:
                yield from catalog.versions(name)
            except NotFoundError:
                continue  # listed, but its creator died before its first event
            except ArtifactsError as error:
                report.add(name.qualified, error, name.qualified)


def _check_portfolios(catalog: Catalog, entity: str, project: str, report: Report) -> None:
    """Their logs can be read; what a link leads to is a version of some collection."""
    for portfolio, _ in catalog.portfolios(entity, project):
        name = CollectionName(entity, project, portfolio)
        try:
            catalog.collection(name)
        except ArtifactsError as error:
            report.add(name.qualified, error, name.qualified)
