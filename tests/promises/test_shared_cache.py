"""A cache of many processes: what one of them fetched, all of them have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from folders import write_tree
from ledger import LedgerStore, noted
from scene import DATA, Scene, noise, read_tree

from artifacts.cache import CachedStore, Copies
from artifacts.cache.copies import PART_BYTES
from artifacts.catalog import Catalog, Manner, download
from artifacts.content import Digest
from artifacts.storage import BLOBS, Name

PROCESSES = 10
LARGE = noise(20 * 2**20 + 17, seed=1)
FILES = {"large": LARGE, **{f"small/{n:03}": noise(16_000, seed=n + 2) for n in range(200)}}
SCRIPT = """if True:
    import sys
    from pathlib import Path
    from ledger import LedgerStore
    from scene import DATA
    from artifacts.cache import CachedStore, Copies
    from artifacts.catalog import Catalog, download

    store, ledger, cache, root, limit = sys.argv[1:]
    far = LedgerStore(Path(store), Path(ledger), 0.005)
    catalog = Catalog(CachedStore(far, Copies(Path(cache), int(limit))))
    print("ready", flush=True)
    sys.stdin.readline()
    [version] = catalog.versions(DATA)
    download(version, Path(root))
"""


class Far:
    """A store that is far away, with FILES in it, and a cache before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = folder / "ledger"
        self.scene = Scene(folder)
        self.store = LedgerStore(folder / "store", self.ledger)

    def copies(self, limit: int = 10**9) -> Copies:
        return Copies(self.folder / "copies", limit)

    def download(self, root: Path, manner: Manner = Manner(), limit: int = 10**9) -> None:  # noqa: B008
        catalog = Catalog(CachedStore(self.store, self.copies(limit)))
        [version] = catalog.versions(DATA)
        download(version, root, manner=manner)

    def start(self, roots: Sequence[Path], limit: int = 10**9) -> list[subprocess.Popen[str]]:
        """Processes that download at once, each into its own folder."""
        fixed = [self.folder / "store", self.ledger, self.folder / "copies"]
        commands = [
            [sys.executable, "-c", SCRIPT, *map(str, fixed), str(root), str(limit)]
            for root in roots
        ]
        pipe = subprocess.PIPE
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        started = [
            subprocess.Popen(each, env=environment, stdin=pipe, stdout=pipe, text=True)
            for each in commands
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return started

    def run(self, roots: Sequence[Path], limit: int = 10**9) -> None:
        for process in self.start(roots, limit):
            process.communicate()
            assert process.returncode == 0


@pytest.fixture
def far(store: Path, tmp_path: Path) -> Far:
    far = Far(tmp_path)
    far.scene.log(write_tree(tmp_path / "source", FILES))
    return far


def roots_in(folder: Path) -> list[Path]:
    return [folder / f"root{number}" for number in range(PROCESSES)]


def test_many_processes_fetch_each_byte_once(far: Far, tmp_path: Path) -> None:
    far.run(roots_in(tmp_path))

    for root in roots_in(tmp_path):
        assert read_tree(root) == FILES
    ranges = noted(far.ledger)
    for key, each in ranges.items():
        ends = [stop for _, stop in each]
        assert all(start >= stop for (start, _), stop in zip(each[1:], ends, strict=False)), key
    assert ranges[Name(BLOBS, Digest.of(LARGE)).key] == [(0, len(LARGE))]


def test_many_processes_share_a_cache_that_is_too_small(far: Far, tmp_path: Path) -> None:
    limit = 3 * PART_BYTES
    far.run(roots_in(tmp_path), limit)

    for root in roots_in(tmp_path):
        assert read_tree(root) == FILES
    assert sum(copy.size for copy in far.copies()) < limit + PROCESSES * PART_BYTES < len(LARGE)


def test_whoever_is_killed_while_fetching_holds_up_nobody(far: Far, tmp_path: Path) -> None:
    started = far.start(roots_in(tmp_path)[:4])
    while not noted(far.ledger):
        os.sched_yield()
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.communicate()

    far.download(tmp_path / "root")

    assert read_tree(tmp_path / "root") == FILES


def test_what_is_here_needs_no_store(far: Far, tmp_path: Path) -> None:
    far.download(tmp_path / "one")
    far.ledger.unlink()

    far.download(tmp_path / "two")

    assert read_tree(tmp_path / "two") == FILES
    assert not noted(far.ledger)


def test_who_skips_the_cache_neither_reads_it_nor_fills_it(far: Far, tmp_path: Path) -> None:
    far.download(tmp_path / "one", Manner(skip_cache=True))
    blobs = {key for key in noted(far.ledger) if key.startswith("blobs/")}
    assert blobs == {*far.store.list("blobs/")}
    assert not any("blobs" in copy.path for copy in far.copies())

    far.download(tmp_path / "two")
    far.ledger.unlink()
    far.download(tmp_path / "three", Manner(skip_cache=True))

    assert {key for key in noted(far.ledger) if key.startswith("blobs/")} == blobs
    assert read_tree(tmp_path / "one") == read_tree(tmp_path / "three") == FILES
