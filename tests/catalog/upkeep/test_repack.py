"""Repack: little-used blobs give way, digests and bytes stay, whoever reads or writes meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from random import Random

import pytest
from blake3 import blake3

from artifacts.catalog import Version
from artifacts.catalog.upkeep.repack import repack
from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage import (
    BLOBS,
    RAW,
    ZSTD,
    ChunkLists,
    Index,
    LocalStore,
    Name,
    ObjectStore,
    expand,
)
from artifacts.testing import CountingStore, FailingStore, SlowStore
from catalog.machines import Machines, collection

SMALL = {f"{n:03}": Random(n).randbytes(1000 + n) for n in range(100)}
FEW = {path: SMALL[path] for path in ("007", "050", "051", "093")}
SOLO = Random(0).randbytes(5 * 2**20)
EDITED = SOLO[: 2**20] + b"inserted" + SOLO[2**20 : 2**21]
TABLE = b"".join(b"%d,%d,%d\n" % (n, n * n, n % 7) for n in range(60_000))
NOISE = {f"noise/{n}": Random(-n - 1).randbytes(10**6) for n in range(3)}


@pytest.fixture
def sparse(machines: Machines) -> Machines:
    """Of two collections that share a pack, the one that uses most of it is deleted."""
    machines.put("most", SMALL)
    machines.put("few", FEW)
    machines.delete("most")
    [pack] = machines.blobs_of("few")
    assert machines.blobs() == {pack: sum(map(len, SMALL.values()))}
    return machines


def on(machines: Machines, store: ObjectStore) -> Machines:
    return Machines(machines.folder / "beside", store)


def test_what_a_deleted_collection_leaves_behind_is_repacked(sparse: Machines) -> None:
    before, [version] = sparse.blobs(), sparse.versions("few")
    size = sum(map(len, FEW.values()))

    done = repack(sparse.catalog)

    assert (done.blobs, done.size, done.live) == (1, sum(before.values()), size)
    assert (done.packs, done.versions, done.problems) == (1, 1, [])
    [moved] = sparse.versions("few")
    assert (moved.digest, moved.row.manifest) == (version.digest, version.row.manifest)
    assert moved.row.updated == version.row.updated
    assert sparse.read("few") == FEW
    assert {name: sparse.blobs()[name] for name in sparse.blobs_of("few")} == dict.fromkeys(
        {*sparse.blobs()} - {*before}, size
    )
    assert sparse.problems() == []


def test_once_repacked_there_is_nothing_to_repack(sparse: Machines) -> None:
    repack(sparse.catalog)
    before = {*sparse.store.list()}

    assert repack(sparse.catalog, 1.0).blobs == 0
    assert {*sparse.store.list()} == before


@pytest.mark.parametrize(("below", "blobs"), [(0.0400, 0), (0.0401, 1), (0.0, 0), (1.0, 1)])
def test_only_blobs_with_a_smaller_share_in_use_are_repacked(
    sparse: Machines, below: float, blobs: int
) -> None:
    assert repack(sparse.catalog, below).blobs == blobs


def test_a_dry_run_tells_and_writes_nothing(sparse: Machines) -> None:
    store = CountingStore(sparse.store)

    done = repack(on(sparse, store).catalog, is_dry=True)

    assert (done.blobs, done.live) == (1, sum(map(len, FEW.values())))
    assert (done.packs, done.versions) == (0, 0)
    assert {operation for operation, _ in store.calls} <= {"read", "size", "list"}


def test_stretches_of_a_solo_blob_are_copied(machines: Machines) -> None:
    machines.put("whole", {"file": SOLO})
    edited = machines.put("whole", {"file": EDITED})
    shared = machines.share(edited, "part", ["file"])
    machines.delete("whole")
    solo = Name(BLOBS, Digest.of(SOLO))
    assert solo in machines.blobs_of("part")

    done = repack(machines.catalog)

    assert done.live < len(EDITED)
    assert solo not in machines.blobs_of("part")
    assert machines.read("part") == {"file": EDITED}
    assert machines.versions("part")[0].digest == shared.digest
    assert machines.problems() == []


def test_a_solo_blob_that_is_a_file_is_left_though_another_file_uses_little_of_it(
    machines: Machines,
) -> None:
    machines.put("whole", {"file": SOLO})
    machines.put("whole", {"file": EDITED})

    assert repack(machines.catalog, 0.9).blobs == 0


def compressed(machines: Machines) -> Version:
    """A file in zstd frames, in a pack with others that nobody has any more."""
    version = machines.put("all", {"table.csv": TABLE, **NOISE})
    shared = machines.share(version, "table", ["table.csv"])
    machines.delete("all")
    return shared


def spans_of(version: Version, path: str) -> list[tuple[int, int, int]]:
    placed = version.placed(path)
    assert placed is not None
    return [(span.stored, span.size, span.codec) for span in placed[1]]


def test_compressed_spans_are_copied_as_they_are(machines: Machines) -> None:
    before = spans_of(compressed(machines), "table.csv")
    assert {codec for _, _, codec in before} == {ZSTD}

    assert repack(machines.catalog).versions == 1

    [version] = machines.versions("table")
    assert spans_of(version, "table.csv") == before
    assert machines.read("table") == {"table.csv": TABLE}
    assert machines.problems() == []


def test_chunk_lists_and_the_index_lead_to_the_new_pack(machines: Machines) -> None:
    compressed(machines)
    old = machines.blobs_of("table")

    repack(machines.catalog)

    [pack] = machines.blobs_of("table")
    assert pack not in old
    chunks = ChunkLists(machines.store).get(pack)
    assert sum(chunk.size for chunk in chunks) == len(TABLE)
    for chunk in chunks:
        stored = machines.store.read(pack.key, chunk.offset, chunk.stored)
        data = stored if chunk.codec == RAW else expand(ZSTD, memoryview(stored), chunk.size, "")
        assert blake3(data).digest() == chunk.digest
    index = Index(machines.store)
    located = [found for chunk in chunks if (found := index.find_chunk(chunk.digest))]
    assert located
    assert {each.blob for each in located} == {pack}


def test_files_in_new_packs_are_found_by_other_machines(sparse: Machines) -> None:
    repack(sparse.catalog)
    blobs = sparse.blobs()

    sparse.put("again", FEW)

    assert sparse.blobs() == blobs
    assert sparse.blobs_of("again") == sparse.blobs_of("few")


def test_what_several_versions_use_is_copied_once(machines: Machines) -> None:
    machines.put("most", SMALL)
    machines.put("few", FEW)
    machines.put("few", {path: SMALL[path] for path in ("006", "007", "050")})
    machines.put("other", {"a/b": SMALL["007"], "new": b"of its own"})
    machines.delete("most")

    done = repack(machines.catalog)

    used = {*FEW, "006"}
    assert (done.live, done.versions) == (sum(len(SMALL[path]) for path in used), 3)
    assert machines.read("few", 0) == FEW
    assert machines.read("few", 1) == {path: SMALL[path] for path in ("006", "007", "050")}
    assert machines.read("other") == {"a/b": SMALL["007"], "new": b"of its own"}
    assert machines.problems() == []


def test_a_version_too_large_for_its_event_is_moved_page_by_page(machines: Machines) -> None:
    files = {f"{n:05}": b"%d" % n * 9 for n in range(20_000)}
    kept = {path: data for path, data in files.items() if int(path) % 3 == 0}
    machines.put("all", files)
    version = machines.put("third", kept)
    assert not version.carried
    machines.delete("all")

    assert repack(machines.catalog).versions == 1

    assert machines.read("third") == kept
    assert machines.problems() == []


def test_a_reader_that_began_before_is_not_disturbed(sparse: Machines) -> None:
    [version] = sparse.versions("few")
    assert b"".join(version.read("007")) == FEW["007"]

    repack(sparse.catalog)

    assert {path: b"".join(version.read(path)) for path in FEW} == FEW


class Interrupted(CountingStore):
    """Does something once, when the first new pack is stored."""

    def __init__(self, store: ObjectStore, act: Callable[[], object]) -> None:
        super().__init__(store)
        self._act: Callable[[], object] | None = act

    def take(self, key: str, path: Path) -> None:
        super().take(key, path)
        act, self._act = self._act, None
        if act is not None:
            act()


@pytest.mark.parametrize(
    "files", [FEW, {**FEW, "new": b"1"}, {"007": SMALL["007"]}, {"001": SMALL["001"]}]
)
def test_a_commit_during_a_repacking_is_whole(sparse: Machines, files: Mapping[str, bytes]) -> None:
    """Also one of what is in the store already, which refers to the old blob."""

    def commit() -> None:
        sparse.put("few", files)
        sparse.put("new", files)

    repack(on(sparse, Interrupted(sparse.store, commit)).catalog)

    assert sparse.read("few") == FEW
    assert sparse.read("few", -1) == files
    assert sparse.read("new") == files
    assert sparse.problems() == []


def test_a_collection_deleted_during_a_repacking_stays_deleted(sparse: Machines) -> None:
    store = Interrupted(sparse.store, lambda: sparse.delete("few"))

    assert repack(on(sparse, store).catalog).versions == 0
    assert sparse.catalog.collection(collection("few")) is None


def test_two_who_repack_at_once_end_with_one_layout(sparse: Machines) -> None:
    stores = [SlowStore(sparse.store, 0.001) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        done = [*pool.map(lambda store: repack(on(sparse, store).catalog), stores)]

    assert [each.problems for each in done] == [[], []]
    assert max(each.versions for each in done) == 1
    assert len(sparse.blobs_of("few")) == 1
    assert sparse.read("few") == FEW
    assert sparse.problems() == []


@pytest.mark.parametrize("path", ["007", "008"])
def test_a_damaged_blob_is_told_of_and_not_copied(sparse: Machines, path: str) -> None:
    """Whether the damage is in what is in use or beside it."""
    sparse.put("most", NOISE)
    sparse.share(sparse.versions("most")[0], "one", ["noise/1"])
    sparse.delete("most")
    [pack] = sparse.blobs_of("few")
    data = bytearray(sparse.store.read(pack.key))
    data[data.find(SMALL[path])] ^= 1
    sparse.store.write(pack.key, bytes(data))

    done = repack(sparse.catalog)

    [problem] = done.problems
    assert pack.key in problem
    assert sparse.blobs_of("few") == {pack}
    assert done.versions == 1
    assert sparse.read("one") == {"noise/1": NOISE["noise/1"]}


def test_a_damaged_version_is_told_of_and_others_are_moved(sparse: Machines) -> None:
    files = {f"{n:04}": b"%d" % n for n in range(9000)}
    sparse.put("damaged", files)
    page, *_ = sparse.store.list("pages/")
    sparse.store.delete(page)

    done = repack(sparse.catalog)

    assert done.versions == 1
    [problem] = done.problems
    assert problem.startswith("team/proj/damaged:v0: ")


def test_a_fault_at_any_store_call_leaves_all_that_was_there(
    sparse: Machines, tmp_path: Path
) -> None:
    for at in count(1):
        folder = tmp_path / "copies" / str(at)
        shutil.copytree(tmp_path / "store", folder, copy_function=os.link)
        failing = FailingStore(LocalStore(folder), at, StorageError("somewhere", "full"))
        store = CountingStore(failing)
        with suppress(StorageError):
            repack(on(sparse, store).catalog)
        after = on(sparse, LocalStore(folder))
        assert after.read("few") == FEW
        assert after.problems() == []
        assert not [*after.store.spool().iterdir()]
        if len(store.calls) < at:
            break
    assert at > 20


def test_processes_copy_as_this_one_would(sparse: Machines) -> None:
    with ProcessPoolExecutor(2, get_context("forkserver")) as pool:
        done = repack(sparse.catalog, executor=pool)

    assert (done.packs, done.versions) == (1, 1)
    assert sparse.read("few") == FEW
    assert sparse.problems() == []
