"""Checkout: files of a version put into a folder, every byte checked before it gets its name."""

from __future__ import annotations

import os
import secrets
import shutil
import stat as modes
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    wait,
)
from pathlib import Path
from threading import Lock
from typing import Self, TypeAlias

from msgspec import Struct, field

from artifacts.cache.auditing import digest_of
from artifacts.cache.copies import Copies
from artifacts.cache.delivered import Expected
from artifacts.cache.dereference import References
from artifacts.cache.details import (
    digests_of_links,
    has_permissions,
    leads_out,
    link_digest,
    permissions,
)
from artifacts.cache.receipt import PARTIAL, is_unfinished
from artifacts.cache.stage import Stage
from artifacts.cache.supply import Supply
from artifacts.content import Detail, Digest, Entry, Kind, Page
from artifacts.errors import (
    ArtifactsError,
    InvalidPathError,
    LocalChangesError,
    ObstructedError,
    OutsideLinkError,
    StorageError,
    UnsupportedFileError,
)
from artifacts.progress import Progress, Silent
from artifacts.storage import ObjectStore, PageLayout, claimed, delete_abandoned

Part: TypeAlias = tuple[Page, range, Callable[[], PageLayout]]
"""A page, the indices in it that are wanted, and how to learn where their bytes lie."""

_WORKERS = min(4, os.cpu_count() or 1) + 1  # one more than work, so that there is always another
_UNCLAIMED_S = 60  # what a killed download left is soon gone: between making and claiming are µs
_MANY = 1000  # files of another page, which companions are worth starting for
_FAR_WORKERS = 2  # of a store that pays for concurrency: each of them has many requests under way


class Outcome(Struct):
    """What became of the files; `problems` are all of those that could not be delivered.

    `lacked` are references that were to be left out if they lead to nothing, and do; with sizes.
    """

    written: int = 0
    kept: int = 0
    deleted: int = 0
    problems: list[ArtifactsError] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    lacked: Mapping[str, int] = field(default_factory=dict)

    def raise_problems(self) -> None:
        """Raises the first problem, with the others as its notes."""
        problems = [*self.problems]
        if self.edited:
            problems.append(LocalChangesError(sorted(self.edited)))
        if problems:
            for other in problems[1:]:
                problems[0].add_note(str(other))
            raise problems[0]


class Checkout:
    """Puts pages of files below `root`, several at a time; a failed file stops no other.

    Files that are right already are kept. One that is neither what it should be nor what
    `delivered` says an earlier download put there was edited: it is kept, unless `force`.
    With `links`, large files become read-only hard links to copies that are kept there.
    """

    def __init__(  # noqa: PLR0913 - who has them, and what may be done to whom
        self,
        store: ObjectStore,
        root: Path,
        delivered: Mapping[str, Expected],
        *,
        force: bool = False,
        links: Copies | None = None,
        progress: Progress | None = None,
        references: References | None = None,
        details: Mapping[str, Detail] | None = None,
        outside_links: bool = False,
    ) -> None:
        """References are followed by `references`, and an error each without.

        `details` are of what an earlier download put there, as `delivered` is. Links that may
        lead out of the folder are an error each, unless that is wished.
        """
        self._outside_links = outside_links
        self._references = references
        self._workers = _WORKERS if store.concurrency <= 1 else _FAR_WORKERS
        self._supply = Supply(store, self._workers, links=links)
        self.root = os.fspath(root)
        self.outcome = Outcome()
        self._delivered = {path: each[0] for path, each in delivered.items()}
        self._details = details or {}
        self._delivered |= digests_of_links(self._details)
        self._force = force
        self._progress = _Stoppable(progress or Silent())
        self._lock = Lock()
        self._ignores_case = False
        self._folded: dict[str, str] = {}

    def run(self, parts: Iterable[Part]) -> Outcome:
        """Raises StorageError if the folder cannot be written to, UsageError if never linked to."""
        try:
            os.makedirs(self.root, exist_ok=True)
            delete_abandoned(self.root, is_unfinished, _UNCLAIMED_S)
            is_empty = not os.listdir(self.root)
            name = f"{PARTIAL}-{secrets.token_hex(4)}"
            stage = os.path.join(self.root, name)
            os.mkdir(stage)
        except (FileExistsError, NotADirectoryError):
            raise StorageError(self.root, "it is a file, not a folder") from None
        except OSError as error:
            raise StorageError(self.root, error.strerror or str(error)) from error
        with claimed(stage):
            try:
                self._supply.check_links(stage)
                self._ignores_case = os.path.exists(os.path.join(self.root, name.upper()))
                with (
                    self._supply,
                    ThreadPoolExecutor(self._workers, thread_name_prefix="art-get") as pool,
                ):
                    self._run_all(pool, parts, stage, is_empty=is_empty)
            finally:
                shutil.rmtree(stage, ignore_errors=True)
        return self.outcome

    def delete_stale(self, paths: Collection[str], kept: Iterable[str]) -> None:
        """Files of an earlier delivery that this one does not have, where nobody edited them."""
        if self._ignores_case and paths:
            folded = {path.casefold() for path in kept}
            paths = [path for path in paths if path.casefold() not in folded]
        for path in paths:
            target = os.path.join(self.root, path)
            if self._is_stale(path, target):
                os.unlink(target)
                self.outcome.deleted += 1

    def _is_stale(self, path: str, target: str) -> bool:
        """Whether what lies there is what was delivered."""
        if os.path.islink(target):
            is_ours = path in self._details and self._leads_nowhere_else(os.path.dirname(path))
            return is_ours and link_digest(target) == self._delivered[path]
        return self._leads_nowhere_else(path) and digest_of(target) == self._delivered[path]

    def _leads_nowhere_else(self, path: str) -> bool:
        """Whether neither it nor a folder on the way is a link, out of the root or across it."""
        real = os.path.realpath(os.path.join(self.root, path))
        return real == os.path.normpath(os.path.join(os.path.realpath(self.root), path))

    def _run_all(
        self, pool: ThreadPoolExecutor, parts: Iterable[Part], stage: str, *, is_empty: bool
    ) -> None:
        """A bounded number of pages at a time, so that memory is bounded too."""
        try:
            self._submit_all(pool, parts, stage, is_empty=is_empty)
        except BaseException:  # Ctrl-C too: what is under way ends at its next step
            self._progress.stop()
            pool.shutdown(cancel_futures=True)
            raise

    def _submit_all(
        self, pool: ThreadPoolExecutor, parts: Iterable[Part], stage: str, *, is_empty: bool
    ) -> None:
        running: set[Future[None]] = set()
        for number, (page, wanted, layout) in enumerate(parts):
            self._refuse_collisions(page, wanted)
            if len(running) >= 2 * self._workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
            todo = self._todo(page, wanted, is_empty=is_empty)
            if todo:
                if running and len(todo) >= _MANY:
                    self._supply.expect_many()
                folder = os.path.join(stage, str(number))
                part = Stage(
                    self._supply, folder, page, self._report, self._progress, self._references
                )
                running.add(pool.submit(self._deliver, part, todo, layout))
        for future in running:
            future.result()

    def _deliver(self, part: Stage, todo: set[int], layout: Callable[[], PageLayout]) -> None:
        try:
            part.write(todo, layout())
            part.publish(self.root)
        except ArtifactsError as error:
            self._report(error)
        except OSError as error:
            self._report(StorageError(self.root, error.strerror or str(error)))
        with self._lock:
            self.outcome.written += part.written

    def _todo(self, page: Page, wanted: range, *, is_empty: bool) -> set[int]:
        """Indices of what has to be written."""
        if is_empty and not page.details:
            return {*wanted}
        return {index for index in wanted if self._is_wanted(page[index], is_empty=is_empty)}

    def _is_wanted(self, entry: Entry, *, is_empty: bool) -> bool:
        if entry.kind is Kind.REFERENCE and self._references is None:
            self._report(UnsupportedFileError([f"{entry.path} (a {entry.kind.name.lower()})"]))
            return False
        if self._is_out(entry):
            return False
        if is_empty:
            return True
        target = os.path.join(self.root, entry.path)
        try:
            mode = os.lstat(target).st_mode
        except OSError:
            return True  # nothing is there, or what is in the way will be named when it is met
        if entry.kind is Kind.FOLDER:
            return not modes.S_ISDIR(mode) or not has_permissions(target, entry.detail)
        return self._is_to_be_there(entry, target, mode)

    def _is_to_be_there(self, entry: Entry, target: str, mode: int) -> bool:
        """Whether a file is to be written over what is there; what is not to be is reported."""
        if modes.S_ISDIR(mode):
            self._report(ObstructedError(entry.path, "folder", "file"))
            self._miss(entry)
            return False
        is_link = modes.S_ISLNK(mode)
        found = link_digest(target) if is_link else digest_of(target)
        is_same_kind = is_link == (entry.kind is Kind.SYMLINK)
        return self._is_to_replace(entry, found, is_same_kind=is_same_kind)

    def _is_to_replace(self, entry: Entry, found: Digest | None, *, is_same_kind: bool) -> bool:
        if is_same_kind and self._is_right(entry, found):
            self.outcome.kept += 1
            self._progress.advance(entry.size or 0)
            self._set_permissions(entry)
            return False
        delivered = self._delivered.get(entry.path)
        if self._force or (delivered is not None and found == delivered):
            return True
        self.outcome.edited.append(entry.path)
        self._miss(entry)
        return False

    def _miss(self, entry: Entry) -> None:
        """The receipt tells of what a reference leads to, though it did not come."""
        if entry.kind is Kind.REFERENCE and self._references is not None:
            self._references.miss(entry)

    def _is_right(self, entry: Entry, found: Digest | None) -> bool:
        if entry.kind is Kind.REFERENCE and self._references is not None:
            return self._references.is_right(entry, found)
        return found == entry.digest

    def _is_out(self, entry: Entry) -> bool:
        """Whether it is a link that is not made, which is reported."""
        target = entry.detail.target if entry.detail else None
        if target is None or self._outside_links or not leads_out(entry.path, target):
            return False
        self._report(OutsideLinkError(entry.path, target))
        return True

    def _set_permissions(self, entry: Entry) -> None:
        """Of a file that is right already."""
        wanted = permissions(entry.detail) if entry.detail else None
        if wanted is not None and self._leads_nowhere_else(entry.path):
            os.chmod(os.path.join(self.root, entry.path), wanted)

    def _refuse_collisions(self, page: Page, wanted: range) -> None:
        """Raises InvalidPathError for two paths that this disk would take for one."""
        if self._ignores_case:
            for path in page.paths[wanted.start : wanted.stop]:
                if (other := self._folded.setdefault(path.casefold(), path)) != path:
                    raise InvalidPathError(path, f"is the same file as {other!r} on this disk")

    def _report(self, problem: ArtifactsError) -> None:
        with self._lock:
            self.outcome.problems.append(problem)


class _Stoppable:
    """A progress that ends the work of whoever tells it, once it is stopped."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._is_stopped = False

    def stop(self) -> None:
        self._is_stopped = True

    def advance(self, size: int) -> None:
        """Raises CancelledError."""
        if self._is_stopped:
            raise CancelledError
        self._progress.advance(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The progress itself is its owner's to close."""
