"""Scratch: the folders that programs work in, and when they may be removed.

ext4 without a journal avoids the inodes freed in the last 60 to 360 seconds by looking at each
of them again for every file it creates: after a tree of 10,000 files was removed, `cp -r` of as
many took 5 to 14 s instead of 0.65 s. So no tree is removed before everything is measured.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.data import size_of

SETTLE_S = 360.0
_FEW_FILES = 1000


class Scratch:
    """Numbered places under one root; `root` must not be used by anybody else."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stamp = root.with_suffix(".removed")
        self._count = 0
        self.remove()
        root.mkdir(parents=True)

    def place(self, name: str) -> Path:
        """A new, empty folder with a `tmp` in it."""
        self._count += 1
        place = self.root / f"{self._count:04d}-{name.replace(' ', '-')}"
        (place / "tmp").mkdir(parents=True)
        return place

    def release(self, place: Path) -> None:
        """Remove it if that is cheap for whoever creates files next; else `remove` does."""
        files, _ = size_of(place)
        if files <= _FEW_FILES:
            shutil.rmtree(place)

    def remove(self) -> None:
        """Remove every place."""
        if self.root.exists():
            files, _ = size_of(self.root)
            shutil.rmtree(self.root)
            if files > _FEW_FILES:
                self._stamp.touch()

    def unsettled_s(self) -> float:
        """Seconds until the disk has forgotten what `remove` removed, by whichever process."""
        if not self._stamp.exists():
            return 0.0
        return max(0.0, self._stamp.stat().st_mtime + SETTLE_S - time.time())


def settle() -> None:
    """Write what is dirty, so that nobody pays for another's pages."""
    os.sync()


def forget() -> None:
    """Empty the page cache, where that may be done: else who runs later works in less memory."""
    settle()
    with suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("1")
