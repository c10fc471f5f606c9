"""Desk: a machine with a cache, at work on one store, whose files change while they are read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest

from artifacts.cache import Intake, Tree, intake, large, placement
from artifacts.content import Digest
from artifacts.storage import MemoryStore, Name, ObjectStore, Span
from artifacts.testing import SlowStore

Row: TypeAlias = tuple[str, bytes, int]

LARGE = 1000  # in place of the 64 KiB, and of the 4 MiB, from which on a file is looked at


class Desk:
    """What was committed last is what a session would look for known content in."""

    def __init__(self, store: ObjectStore, cache: Path) -> None:
        self.store, self.cache = store, cache
        self.last: dict[str, tuple[bytes, Sequence[Span]]] = {}

    def intake(self) -> Intake:
        taken = Intake(self.store, self.cache, "store")
        taken.base = self.last.get
        return taken

    def add(self, root: Path, *, is_immutable: bool = False) -> tuple[Intake, list[Row]]:
        """A folder, added and closed."""
        taken = self.intake()
        rows = [*taken.add_tree(Tree(str(root)), "", is_immutable=is_immutable)]
        taken.close()
        return taken, rows

    def commit(self, root: Path) -> tuple[Intake, list[Row]]:
        taken, rows = self.add(root)
        self.last = {
            path: (digest, taken.contents.spans(digest, size))
            for path, digest, size in rows
            if size
        }
        return taken, rows


class Reads:
    """Counts and disturbs what is read of files of this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.disturb: Callable[[int], object] = lambda number: None
        for name in ("pread", "read", "readv"):
            monkeypatch.setattr(os, name, self.around(getattr(os, name)))

    def disturb_once(self, act: Callable[[], object], *, after: int = 1) -> None:
        """After so many reads more."""
        due = self.count + after

        def disturb(number: int) -> None:
            if number == due:
                act()

        self.disturb = disturb

    def around(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def disturbed(*args: Any) -> Any:  # noqa: ANN401
            found = read(*args)
            self.count += 1
            self.disturb(self.count)
            return found

        return disturbed


def lower_bounds(patch: pytest.MonkeyPatch) -> None:
    """Files of LARGE bytes are treated like those of many MiB."""
    for module, name in (
        (intake, "CUT_BYTES"),
        (large, "SOLO_BYTES"),
        (placement, "CUT_BYTES"),
        (placement, "SOLO_BYTES"),
    ):
        patch.setattr(module, name, LARGE)
    patch.setattr(placement, "_SAMPLE_BYTES", LARGE // 2)


def let_rest(patch: pytest.MonkeyPatch) -> None:
    """From now on all files have been at rest for an hour."""
    an_hour_later_ns = time.time_ns() + 3600 * 10**9
    patch.setattr("time.time_ns", lambda: an_hour_later_ns)


def far(store: ObjectStore, pause: Callable[[float], object] = lambda _: None) -> SlowStore:
    """A store with which it pays to have many requests under way; each may `pause` first."""
    return SlowStore(store, 1, sleep=lambda delay_s: (pause(delay_s), None)[1])


def noise(size: int, seed: int = 0) -> bytes:
    return Random(seed).randbytes(size)


def text(size: int, seed: int = 0) -> bytes:
    """Lines that compress well, of which no two are the same."""
    random = Random(seed)
    lines = (b"%d,some words,%d\n" % (n, random.randrange(10**9)) for n in range(size // 24 + 1))
    return b"".join(lines)[:size]


def content(taken: Intake, row: Row) -> bytes:
    path, digest, size = row
    return b"".join(taken.read(digest, size, path)) if size else b""


def contents(taken: Intake, rows: Sequence[Row]) -> dict[str, bytes]:
    """As a reader of the store finds them; sizes and digests are what they say."""
    found = {row[0]: content(taken, row) for row in rows}
    for path, digest, size in rows:
        assert (Digest.of(found[path]), len(found[path])) == (digest, size)
    return found


def blobs(store: ObjectStore) -> list[str]:
    return sorted(store.list("blobs/"))


def stored(store: ObjectStore) -> int:
    """Bytes of all blobs, each of which has the name of its bytes."""
    for key in blobs(store):
        name = Name.of_key(key)
        assert name is not None
        assert Digest.of(store.read(key)) == name.digest
    return sum(map(store.size, blobs(store)))


def spool(store: ObjectStore) -> list[str]:
    return os.listdir(store.spool())


def emptied(store: MemoryStore, *prefixes: str) -> MemoryStore:
    """The store once all that lies below the prefixes is gone."""
    for prefix in prefixes:
        for key in store.list(prefix):
            store.delete(key)
    return store
