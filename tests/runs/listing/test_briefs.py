"""Briefs: what is listed is what the logs say, and only logs that grew are read again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from msgspec.structs import replace

from artifacts.catalog import Catalog, run_key
from artifacts.errors import StorageError
from artifacts.runs import Brief, Briefs
from artifacts.runs.heartbeat import beat
from artifacts.storage import MemoryStore, ObjectStore, Proposal, open_store, opened
from artifacts.testing import CountingStore, FailingStore

RUNS = 12  # more than are worth writing down
LONG_AGO = "2020-01-01T00:00:00.000+00:00"
MANY, EVENTS = 1_100, 3  # more than one answer lists


class EventReads(FailingStore):
    """Counts the requests for events."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store, 0, StorageError("a key", "never raised"))
        self.asked: Counter[str] = Counter()

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        if key.startswith("logs/run/") and operation == "read":
            self.asked[key.split("/")[3]] += 1
        yield


class FarStore(CountingStore):
    """As a bucket: many requests at once, and a listing is one for each thousand names."""

    concurrency = 16

    def list(self, prefix: str = "") -> Iterator[str]:
        return self._in_answers("list", prefix, super().list(prefix))

    def folders(self, prefix: str = "") -> Iterator[str]:
        return self._in_answers("folders", prefix, super().folders(prefix))

    def asked(self, part: str = "logs/run/") -> Counter[str]:
        """How often what was asked below that part since this was last asked."""
        calls = [operation for operation, key in self.calls if key.startswith(part)]
        self.calls.clear()
        return Counter(calls)

    def _in_answers(self, operation: str, prefix: str, names: Iterator[str]) -> Iterator[str]:
        for number, name in enumerate(names):
            if number and number % 1000 == 0:
                self.calls.append((operation, prefix))
            yield name


@pytest.fixture(params=["local", "far"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return open_store(str(tmp_path / "store"), create=True)
    return FarStore(new_store())


def new_store() -> ObjectStore:
    return opened(MemoryStore(), create=True)


def tell(store: ObjectStore, id_: str, *changes: dict[str, Any]) -> None:
    fold = Catalog(store).run_to_write("team", "proj", id_)
    fold.append(Proposal(changes))


def begun(number: int, **facts: Any) -> dict[str, Any]:  # noqa: ANN401
    id_ = f"run{number}"
    time = 1000.0 + number
    return {"kind": "started", "id": id_, "path": f"team/proj/{id_}", "time": time, **facts}


def begin(store: ObjectStore, number: int, **facts: Any) -> None:  # noqa: ANN401
    tell(store, f"run{number}", begun(number, **facts))


def listed(store: ObjectStore) -> list[Brief]:
    return [*Briefs(Catalog(store), "team", "proj").newest()]


@pytest.fixture
def dozen(store: ObjectStore) -> ObjectStore:
    """Begun in another order than that of their times."""
    for number in sorted(range(RUNS), key=lambda n: run_key(str(n))):
        begin(store, number, name=f"n{number}", group="g", tags=["t"])
    return store


def ids(store: ObjectStore) -> list[str]:
    return [brief.id for brief in listed(store)]


NEWEST = [f"run{number}" for number in reversed(range(RUNS))]


def test_order_is_that_of_their_beginnings(dozen: ObjectStore) -> None:
    assert ids(dozen) == NEWEST
    assert ids(dozen) == NEWEST


def test_a_project_without_runs_has_none(dozen: ObjectStore) -> None:
    assert [*Briefs(Catalog(dozen), "team", "other").newest()] == []


def test_a_brief_is_what_the_log_adds_up_to(dozen: ObjectStore) -> None:
    listed(dozen)
    tell(dozen, "run3", {"kind": "facts", "name": "other", "job_type": "eval"})
    tell(dozen, "run3", {"kind": "finished", "state": "failed", "exit_code": 3})

    found = next(brief for brief in listed(dozen) if brief.id == "run3")

    assert (found.name, found.job_type, found.group, found.tags) == ("other", "eval", "g", ("t",))
    assert (found.told_state, found.number, found.last_step) == ("failed", 3, None)
    assert found.created_at.startswith("1970-01-01T00:16:43")


def test_a_deleted_run_is_not_listed_until_it_starts_again(dozen: ObjectStore) -> None:
    listed(dozen)
    tell(dozen, "run3", {"kind": "deleted"})
    assert ids(dozen) == [each for each in NEWEST if each != "run3"]

    tell(dozen, "run3", {"kind": "started", "id": "run3", "path": "team/proj/run3"})
    assert ids(dozen) == NEWEST


def test_what_is_kept_may_be_lost_or_spoiled(dozen: ObjectStore) -> None:
    listed(dozen)
    [key] = dozen.list("cache/runs/")

    for data in (b"", b"x" * 200, dozen.read(key)[:-9]):
        dozen.write(key, data)
        assert ids(dozen) == NEWEST
    dozen.delete(key)
    assert ids(dozen) == NEWEST


def test_a_damaged_log_is_told_of_and_left_out(
    dozen: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    [key] = [key for key in dozen.list("logs/run/") if f"/{run_key('run3')}/" in key]
    dozen.write(key, b"x" + dozen.read(key))

    assert ids(dozen) == [each for each in NEWEST if each != "run3"]
    assert run_key("run3") in caplog.text


def test_of_a_first_page_few_logs_are_read_and_again_none(tmp_path: Path) -> None:
    store = EventReads(open_store(str(tmp_path / "store"), create=True))
    for number in range(RUNS):
        begin(store, number)
        tell(store, f"run{number}", {"kind": "finished", "state": "finished", "exit_code": 0})
    store.asked.clear()

    assert first(store, 3) == NEWEST[:3]
    read_once = [key for key, count in store.asked.items() if count == 1]
    assert len(read_once) == RUNS - 3  # the first event, to put them in order
    store.asked.clear()
    assert first(store, 3) == NEWEST[:3]
    assert not store.asked

    tell(store, "run10", {"kind": "facts", "name": "new"})
    store.asked.clear()
    assert first(store, 3) == NEWEST[:3]
    assert set(store.asked) == {run_key("run10")}


def first(store: ObjectStore, count: int) -> list[str]:
    newest = Briefs(Catalog(store), "team", "proj").newest()
    found = [next(newest).id for _ in range(count)]
    newest.close()
    return found


@pytest.fixture(scope="module")
def many() -> ObjectStore:
    """A project of many runs, each of which has several events."""
    store = new_store()
    catalog = Catalog(store)
    for number in range(MANY):
        fold = catalog.run_to_write("team", "proj", f"run{number}")
        fold.append(Proposal([begun(number)]))
        for _ in range(EVENTS - 1):
            fold.append(Proposal([{"kind": "summary", "set": {}}]))
    first(store, 3)
    return store


@pytest.fixture
def far(many: ObjectStore) -> FarStore:
    """The same, of a test's own."""
    store = MemoryStore()
    for key in many.list():
        store.write(key, many.read(key))
    return FarStore(store)


def test_a_page_costs_a_listing_of_the_runs_and_a_look_at_each_it_shows(far: FarStore) -> None:
    newest = [f"run{number}" for number in range(MANY)][::-1]

    assert ids(far) == newest  # which knows each as it is, not only those of a page
    far.calls.clear()
    assert first(far, 3) == newest[:3]
    asked = far.asked()
    assert asked.pop("folders") == -(-MANY // 1000)
    assert 3 <= asked.pop("size") <= 3 + far.concurrency
    assert not asked, "nothing is new"

    tell(far, newest[1], {"kind": "facts", "name": "new"})
    far.calls.clear()
    assert first(far, 3) == newest[:3]
    others = {key for operation, key in far.calls if operation == "read" and "logs/run/" in key}
    assert {key.split("/")[3] for key in others} == {run_key(newest[1])}


def test_all_runs_cost_a_listing_of_their_events_where_that_is_less(far: FarStore) -> None:
    assert len(listed(far)) == MANY
    far.calls.clear()

    assert len(listed(far)) == MANY
    asked = far.asked()
    assert asked.pop("list") == -(-MANY * EVENTS // 1000)
    assert asked.pop("folders") == -(-MANY // 1000)
    assert asked.pop("size") < MANY // 4
    assert not asked, "nothing is new"


def test_the_oldest_run_of_many_is_listed_as_it_is_now(far: FarStore) -> None:
    listed(far)
    tell(far, "run0", {"kind": "facts", "name": "new"})

    assert [brief.name for brief in listed(far)][-2:] == ["run1", "new"]


def test_all_runs_are_looked_at_where_they_have_many_events(
    far: FarStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["artifacts.catalog.ends"], "LISTED", EVENTS - 1)
    listed(far)
    far.calls.clear()

    assert len(listed(far)) == MANY
    asked = far.asked()
    assert asked.pop("size") == MANY
    assert [*asked] == ["folders"]


def test_a_run_that_was_just_heard_of_is_running(store: ObjectStore) -> None:
    begin(store, 1)
    briefs = Briefs(Catalog(store), "team", "proj")
    [(_, standing)] = briefs.standings(briefs.newest())
    assert standing.state == "running"


class MeetingStore(FarStore):
    """Answers what is asked of heartbeats once so many are asked for at the same time."""

    def __init__(self, store: ObjectStore, count: int) -> None:
        super().__init__(store)
        self._meeting = Barrier(count, timeout=300)

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        if key.startswith("cache/heartbeats/"):
            self._meeting.wait()
        with super()._around(operation, key):
            yield


def test_how_silent_runs_stand_is_asked_of_many_at_once(dozen: ObjectStore) -> None:
    for number in range(RUNS):
        if number % 2:
            beat(dozen, Catalog(dozen).run_to_write("team", "proj", f"run{number}").log.name)
    store = MeetingStore(dozen, RUNS)
    briefs = Briefs(Catalog(store), "team", "proj")
    silent = [replace(brief, heard_at=LONG_AGO) for brief in briefs.newest()]
    store.calls.clear()

    found = {brief.id: standing.state for brief, standing in briefs.standings(silent)}

    states = ["crashed", "running"]
    assert found == {f"run{number}": states[number % 2] for number in range(RUNS)}
    assert store.asked("cache/") == {"read": RUNS}
