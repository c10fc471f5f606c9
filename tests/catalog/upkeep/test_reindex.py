"""Reindex: what live versions have is found again, whatever became of the caches in the store."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random

import pytest

from artifacts.catalog.upkeep import shards
from artifacts.catalog.upkeep.reindex import reindex
from artifacts.content import Digest
from artifacts.progress import Silent
from artifacts.storage import Chunk, ChunkLists, Index, LocalStore, Name, begin_writing
from artifacts.storage.index import Located, Segment
from artifacts.testing import SlowStore
from catalog.machines import Machines

SMALL = {f"{n:03}": Random(n).randbytes(1000 + n) for n in range(100)}
SOLO = {"solo": Random(0).randbytes(5 * 2**20)}
MIDDLE = {f"middle/{n}": Random(-1 - n).randbytes(300_000) for n in range(4)}
TABLE = {"table.csv": b"".join(b"%d,%d,%d\n" % (n, n * n, n % 7) for n in range(200_000))}
ALL = {**SMALL, **SOLO, **MIDDLE, **TABLE}


@pytest.fixture(params=["near", "far"])
def machines(request: pytest.FixtureRequest, tmp_path: Path, store: Path) -> Machines:
    """With ALL in one collection; a far store has lists of all large files' chunks."""
    local = LocalStore(store)
    is_far = request.param == "far"
    machines = Machines(tmp_path, SlowStore(local, 0, sleep=lambda _: None) if is_far else local)
    machines.put("all", ALL)
    return machines


def forget(machines: Machines) -> None:
    for key in [*machines.store.list("cache/")]:
        machines.store.delete(key)


def index_rows(machines: Machines) -> set[Located]:
    keys = [key for key in machines.store.list("cache/index/") if not key.endswith("head")]
    return {each for key in keys for each in Segment(machines.store.read(key))}


def lists(machines: Machines) -> dict[Name, list[Chunk]]:
    found = ChunkLists(machines.store)
    return {blob: sorted(found.get(blob), key=lambda each: each.offset) for blob in found.blobs()}


def test_a_lost_index_is_made_anew_as_it_was(machines: Machines) -> None:
    before, chunks = index_rows(machines), lists(machines)
    assert before
    assert chunks
    forget(machines)

    done = reindex(machines.catalog)

    assert (done.rows, done.lists, done.problems) == (len(before), len(chunks), [])
    assert index_rows(machines) == before
    assert lists(machines) == chunks


def test_a_store_that_says_so_is_cut_otherwise(machines: Machines) -> None:
    sizes = {"least_chunk": 1024, "mean_chunk": 4096, "most_chunk": 8192}
    identity = json.loads(machines.store.read("store.json"))
    machines.store.write("store.json", json.dumps({**identity, **sizes}).encode())
    machines.put("finer", {"table": TABLE["table.csv"][2**20 :], "solo": SOLO["solo"] + b"more"})
    blobs = machines.blobs_of("finer") - machines.blobs_of("all")
    finer = {blob: each for blob, each in lists(machines).items() if blob in blobs}
    assert finer
    assert max(chunk.size for each in finer.values() for chunk in each) <= 8192
    for blob in finer:
        ChunkLists(machines.store).delete(blob)

    reindex(machines.catalog)

    assert {blob: lists(machines)[blob] for blob in finer} == finer


def test_without_an_index_known_content_is_stored_again(machines: Machines) -> None:
    """Or the next test would show nothing."""
    forget(machines)
    before = machines.blobs()

    machines.put("again", SMALL)

    assert machines.blobs() != before


def test_after_it_other_machines_store_nothing_twice(machines: Machines) -> None:
    """But what is so little that asking a far store would take longer."""
    forget(machines)
    reindex(machines.catalog)
    before = sum(machines.blobs().values())

    machines.put("again", {**SMALL, **SOLO, **MIDDLE})

    little = 2**20 if machines.store.concurrency > 1 else 0
    assert sum(machines.blobs().values()) - before <= little
    assert machines.read("again") == {**SMALL, **SOLO, **MIDDLE}


def test_after_it_chunks_are_found(machines: Machines) -> None:
    forget(machines)
    reindex(machines.catalog)
    before = sum(machines.blobs().values())

    machines.put("again", {"longer.csv": TABLE["table.csv"] + b"1,2,3\n"})

    growth = sum(machines.blobs().values()) - before
    compressed = sum(each.stored for each in lists(machines)[table_blob(machines)] if each.codec)
    assert growth < compressed / 2


def table_blob(machines: Machines) -> Name:
    placed = machines.versions("all")[0].placed("table.csv")
    assert placed is not None
    return placed[1][0].blob


def test_of_a_whole_index_nothing_is_read_again(machines: Machines) -> None:
    before = index_rows(machines)

    assert reindex(machines.catalog).lists == 0
    assert index_rows(machines) == before


def test_what_no_live_version_has_is_not_in_it(machines: Machines) -> None:
    machines.put("kept", {"007": SMALL["007"]})
    machines.delete("all")

    reindex(machines.catalog)

    index = Index(machines.store)
    found = {path for path, data in SMALL.items() if index.find(Digest.of(data))}
    assert found == {"007"}


def test_damaged_lists_are_made_anew(machines: Machines) -> None:
    chunks = lists(machines)
    for key in [*machines.store.list("cache/chunks/")]:
        machines.store.write(key, b"damaged")

    assert reindex(machines.catalog).lists == len(chunks)
    assert lists(machines) == chunks


def test_processes_list_as_this_one_would(machines: Machines) -> None:
    before, chunks = index_rows(machines), lists(machines)
    forget(machines)

    with ProcessPoolExecutor(2, get_context("forkserver")) as pool:
        reindex(machines.catalog, executor=pool)

    assert index_rows(machines) == before
    assert lists(machines) == chunks


def test_damage_is_told_of_and_the_rest_is_found(machines: Machines) -> None:
    machines.put("damaged", {f"{n:04}": b"%d" % n for n in range(9000)})
    page, *_ = machines.store.list("pages/")
    machines.store.delete(page)

    done = reindex(machines.catalog)

    [problem] = done.problems
    assert problem.startswith("team/proj/damaged:v0: ")
    index = Index(machines.store)
    assert all(index.find(Digest.of(data)) for data in SMALL.values())


def test_nothing_is_left_in_the_spool(machines: Machines) -> None:
    reindex(machines.catalog)

    assert not [*machines.store.spool().iterdir()]


def test_who_begins_to_write_meanwhile_deletes_nothing_of_it(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it takes longer than what lies in the spool unclaimed is left there."""
    before = index_rows(machines)
    monkeypatch.setattr(shards, "_HELD_BYTES", 200)

    class Slow(Silent):
        def advance(self, size: int) -> None:
            [folder] = machines.store.spool().glob("index-*")
            os.utime(folder, (0, 0))
            begin_writing(machines.store)
            began.append(folder)

    began: list[Path] = []
    forget(machines)

    reindex(machines.catalog, Slow())

    assert began
    assert index_rows(machines) == before
