"""Audit: a folder compared with the files that should be in it, changing nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from artifacts.cache.receipt import is_ours
from artifacts.content import Digest
from artifacts.progress import Progress, Silent
from artifacts.storage import hash_file

_LARGE_BYTES = 2**20  # from here on a thread of its own is worth its while


@dataclass(frozen=True, slots=True)
class Changed:
    """A file whose content is not what it should be; `found` is None if it cannot be read."""

    path: str
    expected: Digest
    found: Digest | None


@dataclass(frozen=True, slots=True)
class Findings:
    """All differences, each list in path order."""

    checked: int  # files
    size: int  # bytes of them
    missing: list[tuple[str, Digest]] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.changed or self.unexpected)

    def lines(self) -> list[str]:
        """One sentence for each difference."""
        return [
            *(f"missing: {path} (expected {digest})" for path, digest in self.missing),
            *(f"changed: {c.path} (expected {c.expected}, found {c.found})" for c in self.changed),
            *(f"unexpected: {path}" for path in self.unexpected),
        ]


def audit(
    root: Path, expected: Mapping[str, tuple[Digest, int]], progress: Progress | None = None
) -> Findings:
    """Every file below `root` against `expected`, digests and sizes by path."""
    progress = progress or Silent()
    left = dict(expected)
    found: dict[str, Digest | None] = {}
    unexpected: list[str] = []
    size = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        later = {}
        for path, entry in files_below(os.fspath(root)):
            wanted = left.pop(path, None)
            if wanted is None:
                unexpected.append(path)
            elif wanted[1] >= _LARGE_BYTES:
                later[path] = pool.submit(digest_of, entry, progress)
            else:
                found[path] = _small_digest(entry, wanted[1])
                progress.advance(wanted[1])
            size += wanted[1] if wanted else 0
        found |= {path: digest.result() for path, digest in later.items()}
    changed = [
        Changed(path, expected[path][0], digest)
        for path, digest in sorted(found.items())
        if digest != expected[path][0]
    ]
    missing = [(path, digest) for path, (digest, _) in sorted(left.items())]
    return Findings(len(found), size, missing, changed, sorted(unexpected))


def digest_of(path: str, progress: Progress | None = None) -> Digest | None:
    """Digest of a file's content; None for what cannot be read as a file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        digest, size = hash_file(fd)
    except OSError:
        return None
    finally:
        os.close(fd)
    if progress:
        progress.advance(size)
    return digest


def _small_digest(path: str, size: int) -> Digest | None:
    """As digest_of, in the fewest system calls for a file that is as long as it should be."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        data = os.read(fd, size + 1)
    except OSError:
        return None
    finally:
        os.close(fd)
    return Digest(blake3(data).digest()) if len(data) <= size else digest_of(path)


def files_below(root: str) -> Iterator[tuple[str, str]]:
    """Path below the root and path on disk of all that is no folder and not ours, in no order."""
    pending = [(root, "")]
    while pending:
        folder, prefix = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_ours(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, f"{prefix}{entry.name}/"))
                else:
                    yield prefix + entry.name, entry.path
