"""Races of real processes for the names of one local store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

from racing import keys_won, offer

from artifacts.storage import LocalStore, identify, open_store

RACERS = 8
KEYS = [f"logs/{n % 3}/{n}" for n in range(1_000)]
SPAWN = get_context("spawn")


def test_of_racing_processes_one_creates_each_key(tmp_path: Path) -> None:
    won = race(create_all, tmp_path)

    assert Counter(key for keys in won for key in keys) == Counter(KEYS)
    store = LocalStore(tmp_path)
    for racer, keys in enumerate(won):
        assert all(store.read(key) == offer(racer) for key in keys)
    assert sorted(store.list()) == sorted(KEYS)


def test_racing_makers_of_a_store_get_the_same_one(tmp_path: Path) -> None:
    [[identity], *others] = race(make_and_use, tmp_path / "store")

    assert others == (RACERS - 1) * [[identity]]
    assert len(list(LocalStore(tmp_path / "store").list())) == RACERS + 1


def race(act: Callable[[Path, int], list[str]], folder: Path) -> list[list[str]]:
    """What each of the processes came to, which all began at once."""
    start = SPAWN.Barrier(RACERS, timeout=300)
    with ProcessPoolExecutor(RACERS, SPAWN, initializer=wait, initargs=(start,)) as pool:
        return list(pool.map(act, RACERS * [folder], range(RACERS)))


def wait(start: Barrier) -> None:
    start.wait()


def create_all(folder: Path, racer: int) -> list[str]:
    """Those of the keys that this process won."""
    store = LocalStore(folder)
    return keys_won(store, racer, KEYS)


def make_and_use(folder: Path, racer: int) -> list[str]:
    store = open_store(str(folder), create=True)
    store.create(f"blobs/{racer}", b"")
    return [identify(store).id]
