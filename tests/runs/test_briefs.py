"""Briefs: what is listed is what the logs say, and only logs that grew are read again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from artifacts.catalog import Catalog, run_key
from artifacts.errors import StorageError
from artifacts.runs import Brief, Briefs
from artifacts.storage import ObjectStore, Proposal, open_store
from artifacts.testing import FailingStore

RUNS = 12  # more than are worth writing down


class EventReads(FailingStore):
    """Counts the requests for events; being no FileStore, it has its keys listed."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store, 0, StorageError("a key", "never raised"))
        self.asked: Counter[str] = Counter()

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        if key.startswith("logs/run/") and operation == "read":
            self.asked[key.split("/")[3]] += 1
        yield


@pytest.fixture(params=["local", "counted"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    store = open_store(str(tmp_path / "store"), create=True)
    return store if request.param == "local" else EventReads(store)


def tell(store: ObjectStore, id_: str, *changes: dict[str, Any]) -> None:
    fold = Catalog(store).run_to_write("team", "proj", id_)
    fold.append(Proposal(changes))


def begin(store: ObjectStore, number: int, **facts: Any) -> None:  # noqa: ANN401
    id_ = f"run{number}"
    path = f"team/proj/{id_}"
    begun = {"kind": "started", "id": id_, "path": path, "time": 1000.0 + number, **facts}
    tell(store, id_, begun)


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

    def page() -> list[str]:
        newest = Briefs(Catalog(store), "team", "proj").newest()
        found = [next(newest).id for _ in range(3)]
        newest.close()
        return found

    assert page() == NEWEST[:3]
    read_once = [key for key, count in store.asked.items() if count == 1]
    assert len(read_once) == RUNS - 3  # the first event, to put them in order
    store.asked.clear()
    assert page() == NEWEST[:3]
    assert not store.asked

    tell(store, "run10", {"kind": "facts", "name": "new"})
    store.asked.clear()
    assert page() == NEWEST[:3]
    assert set(store.asked) == {run_key("run10")}


def test_a_run_that_was_just_heard_of_is_running(store: ObjectStore) -> None:
    begin(store, 1)
    briefs = Briefs(Catalog(store), "team", "proj")
    [brief] = briefs.newest()
    assert briefs.state_of(brief) == "running"
