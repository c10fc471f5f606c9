"""RunRecord: what is told late is told in order, whole, and once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any

import pytest

from artifacts.errors import StorageError, UnsupportedStoreError
from artifacts.runs.record import RunRecord
from artifacts.storage import Log, MemoryStore, Tail

NAME = "run/1/2"
LATE = StorageError("k", "timed out")


class Far(MemoryStore):
    """Answers late as often as `lost` says, though it did what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0

    @property
    def concurrency(self) -> int:
        return 8

    def create(self, key: str, data: bytes) -> None:
        super().create(key, data)
        if self.lost:
            raise LATE

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if self.lost:
            self.lost -= 1
            raise LATE
        return super().read(key, start, length)


def told(store: MemoryStore) -> list[list[str]]:
    """The kinds of changes, event by event."""
    log = Log(store, NAME)
    return [[change["kind"] for change in event.changes] for event in log.after(Tail.start(NAME))]


def record_of(store: MemoryStore) -> RunRecord:
    return RunRecord(Log(store, NAME), lambda: None)


def test_each_thing_is_an_event_at_once_where_the_store_is_near() -> None:
    store = MemoryStore()
    record = record_of(store)
    record.add("a", {})
    record.add("b", {})

    assert told(store) == [["a"], ["b"]]


def test_what_happens_soon_is_one_event_where_the_store_is_far() -> None:
    store = Far()
    record = record_of(store)
    for kind in "abc":
        record.add(kind, {})
    record.flush()

    assert told(store) == [["a", "b", "c"]]


def test_what_nobody_waits_for_is_told_all_the_same() -> None:
    store = Far()
    record = record_of(store)
    record.add("a", {})
    while not told(store):
        pass

    assert told(store) == [["a"]]


def test_what_may_have_been_told_is_not_told_twice() -> None:
    store = Far()
    record = record_of(store)
    store.lost = 1
    record.add("a", {})
    with pytest.raises(StorageError):
        record.flush()
    record.add("b", {})
    record.flush()

    assert told(store) == [["a"], ["b"]]


def test_two_runs_of_one_id_lose_nothing() -> None:
    store = Far()
    first, second = record_of(store), record_of(store)
    for record, kind in ((first, "a"), (second, "b"), (first, "c")):
        record.add(kind, {})
        record.flush()

    assert told(store) == [["a"], ["b"], ["c"]]


def test_nothing_is_told_to_a_store_that_may_not_be_written_to() -> None:
    def refuse() -> None:
        raise UnsupportedStoreError("far", "it creates twice")

    store = Far()
    record = RunRecord(Log(store, NAME), refuse)
    record.add("a", {})

    with pytest.raises(UnsupportedStoreError):
        record.flush()
    assert told(store) == []


def at_call(wanted: int, act: Callable[[], None]) -> Callable[..., Any]:
    """A profiler that does it once, at that call of the record's, where handlers may run."""
    seen = 0

    def profile(frame: FrameType, _event: str, _: object) -> None:
        nonlocal seen
        if frame.f_code.co_filename.endswith("record.py"):
            seen += 1
            if seen == wanted:
                act()

    return profile


def test_a_signals_handler_may_end_a_run_wherever_it_is_interrupted() -> None:
    for number in count(1):
        store = MemoryStore()
        record = record_of(store)
        seen: list[str] = []

        def handle(
            record: RunRecord = record, store: MemoryStore = store, seen: list[str] = seen
        ) -> None:
            record.end({})
            seen += [kind for event in told(store) for kind in event]

        sys.setprofile(at_call(number, handle))
        try:
            record.add("a", {})
        finally:
            sys.setprofile(None)
        record.flush()

        kinds = [kind for event in told(store) for kind in event]
        assert sorted(kinds) == (["a", "finished"] if seen else ["a"])
        assert (record.backlog.told, record.backlog.waiting) == (len(kinds), 0)
        if not seen:
            break
        assert "finished" in seen
    assert number > 20
