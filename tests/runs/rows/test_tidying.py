"""Tidying: rows of a run that is over become Parquet once, and who may not write reads on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from artifacts.catalog import Catalog, Session
from artifacts.errors import StorageError
from artifacts.runs import FoundRun, find_run
from artifacts.runs.delivery.delivery import Delivery
from artifacts.runs.rows import compaction, segments, tidying
from artifacts.runs.rows.history import scan
from artifacts.runs.rows.tidying import tidy
from artifacts.storage import ObjectStore
from artifacts.testing import CountingStore
from runs.logbook import RUN, Logbook, OverStore

ROWS = 5


class ReadOnlyStore(CountingStore):
    """Refuses whatever would change it."""

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        with super()._around(operation, key):
            if operation not in ("read", "fetch", "size", "list", "folders"):
                raise StorageError(key, "AccessDenied")
            yield


class Reader(OverStore):
    """A session that reads from the store it is given."""

    @property
    def catalog(self) -> Catalog:
        return self.writable


def without_pyarrow(patch: pytest.MonkeyPatch) -> None:
    for module in (segments, compaction, tidying):
        patch.setattr(module, "has_parquet", lambda: False)


@pytest.fixture
def lines(book: Logbook) -> Logbook:
    """A run that was logged without pyarrow."""
    with pytest.MonkeyPatch.context() as patch:
        without_pyarrow(patch)
        log(book)
    assert formats(book) == ["jsonl"] * ROWS
    return book


def log(book: Logbook, *, is_over: bool = True) -> None:
    writer = book.write()
    for step in range(ROWS):
        writer.row(step, {"x": step})
        writer.flush()
    if is_over:
        writer.close()


def read(session: Session) -> FoundRun:
    run = find_run(session, RUN)
    tidy(session, run)
    return run


def formats(book: Logbook) -> list[str]:
    return [each.format for each in book.state.segments["history"]]


def test_json_lines_become_one_segment_of_parquet_once(lines: Logbook) -> None:
    before, events = lines.rows(), lines.events

    run = read(lines.session)

    assert [each.format for each in run.state.segments["history"]] == ["parquet"]
    assert lines.rows() == before
    assert (formats(lines), lines.events) == (["parquet"], events + 1)
    read(lines.session)
    assert lines.events == events + 1


def test_of_readers_that_do_it_at_once_one_is_heeded(lines: Logbook) -> None:
    before = lines.rows()
    sessions = [lines.session for _ in range(3)]
    runs = [find_run(session, RUN) for session in sessions]

    for session, run in zip(sessions, runs, strict=True):
        tidy(session, run)

    assert (formats(lines), lines.rows()) == (["parquet"], before)


def test_very_many_small_segments_become_one(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "_FEW", 1)
    monkeypatch.setattr(tidying, "_MANY", ROWS - 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Delivery, "compact", lambda _: None)
        log(book)
    assert formats(book) == ["parquet"] * ROWS

    read(book.session)

    assert (formats(book), [row["x"] for row in book.rows()]) == (["parquet"], [*range(ROWS)])


def test_a_run_that_goes_on_is_left_alone(book: Logbook) -> None:
    log(book, is_over=False)

    read(book.session)

    assert formats(book) == ["jsonl"] * ROWS


def test_without_pyarrow_nothing_is_written(
    lines: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pyarrow(monkeypatch)
    events = lines.events

    read(lines.session)

    assert lines.events == events


def test_offline_nothing_is_written(lines: Logbook) -> None:
    session = lines.session
    run = find_run(session, RUN)
    events = lines.events

    tidy(Session(replace(lines.settings, offline=True)), run)

    assert lines.events == events


def test_who_may_not_write_reads_the_rows_as_they_are(lines: Logbook) -> None:
    before = lines.rows()
    store: ObjectStore = ReadOnlyStore(lines.store)

    run = read(Reader(lines.settings, store))

    assert [*scan(run.state, store)] == before
    assert formats(lines) == ["jsonl"] * ROWS
