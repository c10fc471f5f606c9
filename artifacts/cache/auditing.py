"""Auditing: a folder compared with the files that should be in it, changing nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from blake3 import blake3
from msgspec import Struct, field

from artifacts.cache.delivered import Expected
from artifacts.cache.details import fault_of
from artifacts.cache.hashing import hash_files
from artifacts.cache.receipt import is_ours
from artifacts.content import Detail, Digest
from artifacts.progress import Progress, Silent
from artifacts.storage import TO_READ, hash_file, silent
from artifacts.workers import batched, spread

_LARGE_BYTES = 2**20  # from here on a thread of its own is worth its while

_Present: TypeAlias = tuple[str, str, Expected]
"""Path below the root, path on disk, and what should be there."""


class Changed(Struct, frozen=True):
    """A file whose content is not what it should be; `found` is None if it cannot be read."""

    path: str
    expected: Digest
    found: Digest | None


class Findings(Struct, frozen=True):
    """All differences, each list in path order."""

    checked: int  # files
    size: int  # bytes of them
    missing: list[tuple[str, Digest | None]] = field(default_factory=list)
    """With the digest, if it is known."""
    changed: list[Changed] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    differing: list[tuple[str, str]] = field(default_factory=list)
    """Links, folders and permissions that are not as they should be, and how."""

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.changed or self.unexpected or self.differing)

    def lines(self) -> list[str]:
        """One sentence for each difference."""
        return [
            *(
                f"missing: {path}" + (f" (expected {digest})" if digest else "")
                for path, digest in self.missing
            ),
            *(f"changed: {c.path} (expected {c.expected}, found {c.found})" for c in self.changed),
            # what is no UTF-8 could not be printed
            *(
                f"unexpected: {p.encode(errors='backslashreplace').decode()}"
                for p in self.unexpected
            ),
            *(f"differing: {path} {fault}" for path, fault in self.differing),
        ]


def audit(  # noqa: PLR0913 - all but two are options
    root: Path,
    expected: Mapping[str, Expected],
    progress: Progress | None = None,
    *,
    executor: Executor | None = None,
    unproven: Collection[str] = (),
    details: Mapping[str, Detail] | None = None,
    in_place: bool = False,
) -> Findings:
    """Every file below `root` against `expected`, digests and sizes by path.

    `details` say what else there should be: links, empty folders and permissions.
    Files at `unproven` paths have to be there, with any content: nobody knows theirs.

    The same is found whoever reads the files: threads of this process, or the workers of an
    executor, which must see them under the same absolute paths. `in_place` is hash_file's.
    """
    what_else = details or {}
    left = dict(expected)
    unseen = {*unproven}
    unexpected: list[str] = []

    def present() -> Iterator[_Present]:
        for path, on_disk in files_below(os.path.abspath(root)):
            wanted = left.pop(path, None)
            if wanted is not None:
                yield path, on_disk, wanted
            elif path in unseen:
                unseen.remove(path)
            elif path not in what_else:
                unexpected.append(path)

    progress = progress or Silent()
    if executor is None:
        wrong = sorted(_wrong_here(present(), progress, in_place=in_place))
    else:
        wrong = sorted(_wrong_elsewhere(present(), progress, executor))
    return Findings(
        checked=len(expected) - len(left),
        size=sum(expected[path][1] for path in expected if path not in left),
        missing=sorted(
            [
                *((path, Digest(digest)) for path, (digest, _) in left.items()),
                *((path, None) for path in unseen),
            ],
            key=itemgetter(0),
        ),
        changed=[
            Changed(path, Digest(expected[path][0]), Digest(found) if found else None)
            for path, found in wrong
        ],
        unexpected=sorted(unexpected),
        differing=sorted(
            (path, fault)
            for path, detail in what_else.items()
            if (fault := fault_of(os.path.join(root, path), detail))
        ),
    )


def _wrong_here(
    files: Iterable[_Present], progress: Progress, *, in_place: bool
) -> Iterator[tuple[str, bytes | None]]:
    """Path and digest of each file that is not as it should be.

    Only large files are worth a thread: it would take longer to hand over a small one.
    """
    later: list[tuple[str, bytes, Future[Digest | None]]] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for path, on_disk, (digest, size) in files:
            if size >= _LARGE_BYTES:
                read = partial(digest_of, on_disk, progress, in_place=in_place)
                later.append((path, digest, pool.submit(read)))
                continue
            found = _small_digest(on_disk, size)
            if found != digest:
                yield path, found
            progress.advance(size)
        for path, digest, future in later:
            if (found := future.result()) != digest:
                yield path, found


def _wrong_elsewhere(
    files: Iterable[_Present], progress: Progress, executor: Executor
) -> Iterator[tuple[str, bytes | None]]:
    """As _wrong_here. What a worker finds wrong is read again: it may see another disk."""
    batches = batched(files, lambda each: each[2][1])
    work = (([on_disk for _, on_disk, _ in batch], batch) for batch in batches)
    for hashed, batch in spread(hash_files, work, executor):
        for (path, on_disk, (digest, size)), each in zip(batch, hashed, strict=True):
            if each is None or each.digest != digest:
                found = digest_of(on_disk)
                if found != digest:
                    yield path, found
            progress.advance(size)


def digest_of(
    path: str, progress: Progress | None = None, *, in_place: bool = False
) -> Digest | None:
    """Digest of a file's content; None for what cannot be read as a file."""
    try:
        fd = os.open(path, TO_READ)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None  # a device might never end
        return hash_file(fd, progress.advance if progress else silent, in_place=in_place)[0]
    except OSError:
        return None
    finally:
        os.close(fd)


def _small_digest(path: str, size: int) -> bytes | None:
    """As digest_of, in the fewest system calls for a file that is as long as it should be."""
    try:
        fd = os.open(path, TO_READ)
    except OSError:
        return None
    try:
        data = os.read(fd, size + 1)
    except OSError:
        return None
    finally:
        os.close(fd)
    return blake3(data).digest() if 0 < len(data) <= size else digest_of(path)


def files_below(root: str) -> Iterator[tuple[str, str]]:
    """Path below the root and path on disk of all that is no folder and not ours, in no order."""
    pending = [(root, "")]
    while pending:
        folder, prefix = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == "." and is_ours(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, f"{prefix}{name}/"))
                else:
                    yield prefix + name, entry.path
