"""Manifest: what a manifest of very many entries takes, measured inside one process.

`python -m benchmarks.manifest ENTRIES`, in an empty folder, prints the figures as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from statistics import median

from artifacts.catalog import Catalog, Draft
from artifacts.content import Digest, Manifest, Row, build
from artifacts.names import ArtifactName
from artifacts.storage import BLOBS, Name
from benchmarks.data import size_of

_LOOKUPS = 20
_PROJECT = ("default", "bench")


class Subject:
    """A catalog on a store, and one collection in it; the blobs themselves are left out."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._cache = store.with_name("cache")
        self._blob = Name(BLOBS, Digest.of(b"one pack for all"))

    def finalize(self, rows: dict[str, Row]) -> None:
        """From entries in any order to the artifact's digest, in memory."""
        Manifest(tuple(row for row, _, _ in build(rows)))

    def commit(self, rows: dict[str, Row]) -> None:
        """Make these entries the next version of one collection in the store."""
        catalog = Catalog.open(str(self.store), create=True)
        intake = catalog.intake(self._cache)
        blob = intake.contents.number(self._blob)
        for number, path in enumerate(sorted(rows)):
            intake.contents.places[rows[path][0]] = (blob, 4096 * number)
        catalog.commit(Draft("many", "dataset", intake, rows), *_PROJECT)

    def digest_of(self, path: str) -> bytes:
        """Of one entry of the latest version, read from the store as a new process would."""
        name = ArtifactName(*_PROJECT, "many", "latest")
        return Catalog.open(str(self.store)).resolve(name).entry(path).digest


def figures(subject: Subject, count: int) -> dict[str, float]:
    """Seconds and bytes."""
    rows = dict(_row(number) for number in range(count))
    started = time.perf_counter()
    subject.finalize(rows)
    finalize_s = time.perf_counter() - started

    subject.commit(rows)
    stored_bytes = size_of(subject.store)[1]
    entry_s = median(_lookup_s(subject, rows, count * i // _LOOKUPS) for i in range(_LOOKUPS))

    rows |= [_row(count // 2, "changed")]
    subject.commit(rows)
    return {
        "finalize_s": finalize_s,
        "entry_s": entry_s,
        "stored_bytes": stored_bytes,
        "change_bytes": size_of(subject.store)[1] - stored_bytes,
    }


def _row(number: int, content: str = "") -> tuple[str, Row]:
    digest = hashlib.shake_128(f"{number}{content}".encode()).digest(32)
    return f"d{number // 1000:04d}/f{number % 1000:03d}.bin", (digest, 4096, None)


def _lookup_s(subject: Subject, rows: dict[str, Row], number: int) -> float:
    path, _ = _row(number)
    started = time.perf_counter()
    digest = subject.digest_of(path)
    taken_s = time.perf_counter() - started
    if digest != rows[path][0]:
        raise ValueError(f"{path} has digest {digest.hex()}, expected {rows[path][0].hex()}")
    return taken_s


if __name__ == "__main__":
    os.mkdir("store")
    print(json.dumps(figures(Subject(Path("store").absolute()), int(sys.argv[1]))))
