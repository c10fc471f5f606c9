"""Parallel: a forked child waits for nothing that only its parent's threads could bring."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from threading import RLock, Thread

import pytest

from artifacts.storage import Checkpoints, Log, Parallel, PerProcess, Proposal, Rows, Tail
from artifacts.testing import GatedStore, is_true_in_child

EVENT = Proposal([{"kind": "added"}])


@pytest.fixture
def store() -> Iterator[GatedStore]:
    store = GatedStore()
    yield store
    store.gate.set()


def test_a_child_has_its_own_and_a_process_one_for_all_threads() -> None:
    pids: PerProcess[list[int]] = PerProcess(lambda: [os.getpid()])
    parents = pids.mine

    assert pids.mine is parents
    assert is_true_in_child(lambda: pids.mine == [os.getpid()])


def test_another_process_that_is_sent_one_has_its_own() -> None:
    lists: PerProcess[list[int]] = PerProcess(list)
    locks = PerProcess(RLock)
    lists.mine.append(1)
    assert locks.mine.acquire()

    assert pickle.loads(pickle.dumps(lists)).mine == []
    assert pickle.loads(pickle.dumps(locks)).mine.acquire()


def test_a_lock_that_another_thread_holds_is_free_in_a_child() -> None:
    lock = PerProcess(RLock)
    lock.mine.acquire()
    found: list[bool] = []
    thread = Thread(
        target=lambda: found.append(is_true_in_child(lambda: bool(lock.mine.acquire())))
    )
    thread.start()
    thread.join()

    assert found == [True]


def test_a_child_begins_calls_of_its_own(store: GatedStore) -> None:
    parallel = Parallel(store)
    assert parallel.begin(lambda: 1).result() == 1

    assert is_true_in_child(lambda: parallel.begin(lambda: 2).result() == 2)


def test_a_child_reads_a_log_that_its_parent_is_asking_for(store: GatedStore) -> None:
    log = Log(store, "notes/1", parallel=Parallel(store))
    log.append(Tail.start(log.name), EVENT)
    log.recall(Tail.start(log.name), {})
    store.gate.clear()
    log.ask(0)
    log.expect(0)

    assert is_true_in_child(lambda: len([*log.after(Tail.start(log.name))]) == 1)
    assert is_true_in_child(lambda: log.prove(0).number == 0)


def test_a_child_reads_rows_that_its_parent_is_asking_for(store: GatedStore) -> None:
    checkpoints = Checkpoints(store, Parallel(store))
    rows = Rows()
    for number in range(300):
        rows.append({"number": number})
    log = Log(store, "notes/1", parallel=checkpoints.parallel)
    Checkpoints(store).save(log, Tail.start(log.name), rows.save)
    loaded = Rows.load(rows.save(), checkpoints)
    store.gate.clear()
    loaded.expect(0)

    assert is_true_in_child(lambda: loaded[0] == {"number": 0})
