"""Ends: listings say which runs there are, and how long their logs, in few requests."""

from __future__ import annotations

import pytest

from artifacts.catalog import runs_there
from artifacts.catalog.ends import ends, grown, projects_there
from artifacts.storage import MemoryStore
from artifacts.testing import CountingStore, SlowStore

PROJECT, OTHER = "a" * 32, "b" * 32
RUNS = {f"{number:x}" * 32: number + 1 for number in range(16)}


@pytest.fixture(params=[0, 20_000], ids=["few", "many"])
def expected(request: pytest.FixtureRequest) -> int:
    """Names, for which there are one listing or several."""
    return int(request.param)


@pytest.fixture
def store() -> SlowStore:
    """With runs of several events, and what is none."""
    memory = MemoryStore()
    for run, events in RUNS.items():
        for number in range(events):
            memory.write(f"logs/run/{PROJECT}/{run}/{number:012}", b"")
    for key in ("notes", "notes/0", f"{'a' * 33}/{0:012}", f"{'a' * 32}/00"):
        memory.write(f"logs/run/{PROJECT}/{key}", b"")
    memory.write(f"logs/run/{OTHER}/{'0' * 32}/{7:012}", b"")
    return SlowStore(memory, 0)


def test_the_runs_of_a_project_are_its_logs(store: SlowStore, expected: int) -> None:
    assert runs_there(store, PROJECT, expected) == RUNS.keys()
    assert runs_there(store, OTHER, expected) == {"0" * 32}
    assert runs_there(store, "c" * 32, expected) == set()


def test_the_end_of_a_log_is_behind_its_last_event(store: SlowStore, expected: int) -> None:
    assert ends(store, PROJECT, expected) == RUNS
    assert ends(store, OTHER, expected) == {"0" * 32: 8}


@pytest.mark.parametrize(
    ("events", "asked"), [(1, {"list"}), (5_000, {"folders", "size"})], ids=["few", "many"]
)
def test_a_run_has_grown_that_has_more_events_than_are_known(
    store: SlowStore, events: int, asked: set[str]
) -> None:
    """Also one of which nothing is known, and none that is not there."""
    first, *others = RUNS
    last = others[-1]
    known = {run: max(RUNS[run], events) for run in others} | {"f" * 31 + "0": 1}
    counting = CountingStore(store)

    assert {*grown(SlowStore(counting, 0), PROJECT, known)} == {first}
    assert {operation for operation, _ in counting.calls} == asked
    assert {*grown(store, PROJECT, known | {last: RUNS[last] - 1})} == {first, last}
    assert {*grown(store, PROJECT, {})} == RUNS.keys()


def test_projects_are_those_of_runs(store: SlowStore) -> None:
    assert projects_there(store) == {PROJECT, OTHER}
