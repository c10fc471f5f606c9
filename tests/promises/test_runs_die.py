"""Runs that die: what was logged outlives its process, each row once, steps in order."""

from __future__ import annotations

import os
import shutil
import signal
from itertools import count
from mmap import mmap
from pathlib import Path
from random import Random
from time import sleep

import pytest
from dying import FORKS, at_store_call, dies
from runs.logbook import RUN, Logbook

from artifacts.catalog.upkeep.verify import verify_store
from artifacts.errors import StorageError
from artifacts.runs.delivery.recovery import recover, sync
from artifacts.runs.delivery.writer import Started, Writer
from artifacts.storage import open_store, opening
from artifacts.testing import FailingStore

MOMENTS = int(os.environ.get("MOMENTS", "100"))
LOGGED = 8  # bytes of the number of rows whose `row` returned


@pytest.fixture
def book(tmp_path: Path) -> Logbook:
    book = Logbook(tmp_path)
    open_store(book.settings.store, create=True)
    return book


def logged_by(book: Logbook) -> int:
    return int.from_bytes((book.folder / "logged").read_bytes(), "little")


def log_for_ever(folder: Path, number: int, step: int) -> None:
    """Tells in a file how many rows it logged, and delivers all the time."""
    with (folder / "logged").open("r+b") as file:
        told = mmap(file.fileno(), LOGGED)
    session = Logbook(folder).session
    place = Logbook(folder).place(number)
    started = Started(RUN, {"name": "mortal"}, step)
    writer = Writer.begin(session, place, started, pace=lambda _: 0.02)
    for each in count(step):
        writer.row(each, {"x": each * 0.5, "text": "x" * (each % 50)})
        told[:] = (each + 1).to_bytes(LOGGED, "little")
        if each % 20 == 0:
            sleep(0.001)


def test_no_row_is_lost_or_doubled_by_a_kill_at_any_moment(tmp_path: Path, book: Logbook) -> None:
    """Each time the run is resumed where it was, so that its history is of all its processes."""
    random, step = Random(5), 0
    (tmp_path / "logged").write_bytes(bytes(LOGGED))
    for number in range(MOMENTS):
        process = FORKS.Process(target=log_for_ever, args=(tmp_path, number, step))
        process.start()
        while logged_by(book) == step and process.is_alive():
            sleep(0.001)
        sleep(random.uniform(0, 0.15))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        recover(book.session)

        last = book.state.last_step
        assert last is not None
        assert last + 1 in (logged_by(book), logged_by(book) + 1)  # of the last nobody was told
        assert book.state.told_state == "crashed"
        step = last + 1
        (tmp_path / "logged").write_bytes(step.to_bytes(LOGGED, "little"))

    rows = book.rows()
    assert [row["_step"] for row in rows] == [*range(step)]
    assert all(row["x"] == row["_step"] * 0.5 for row in rows)
    assert not [*(tmp_path / "cache" / "pending").iterdir()]
    assert verify_store(book.session.catalog).problems == []


def leave_offline_run(book: Logbook) -> Path:
    writer = book.write(is_offline=True)
    for step in range(1_500):
        writer.row(step, {"x": step})
    writer.line("system", {"cpu": 1.5})
    attachment = book.folder / "attachment"
    attachment.write_bytes(b"bytes")
    writer.file("attachment", attachment)
    writer.note("summary", {"set": {"best": 1}})
    writer.close()
    return book.place()


def assert_is_whole(book: Logbook) -> None:
    assert book.steps == [*range(1_500)]
    assert len(book.rows(stream="system")) == 1
    assert [*book.state.files] == ["attachment"]
    assert book.state.summary == {"best": 1}
    assert book.state.told_state == "finished"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_offline_run_whose_sync_fails_at_any_call_is_whole_after_the_next(
    book: Logbook, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = leave_offline_run(book)
    kept = tmp_path / "kept"
    shutil.copytree(book.settings.store, kept)

    for at in count(1):
        shutil.rmtree(book.settings.store)
        shutil.copytree(kept, book.settings.store)
        error = StorageError("a key", "somebody pulled the plug")
        with monkeypatch.context() as patch:
            store = FailingStore(book.store, at, error, before=moment == "before")
            patch.setattr(opening, "_at_path", lambda _path, store=store: store)
            try:
                sync(book.session, place)
            except StorageError:
                pass
        sync(book.session, place)
        assert_is_whole(book)
        if store._calls < at:  # noqa: SLF001 - it struck never
            break
    assert at > 10


def sync_book(folder: Path) -> None:
    book = Logbook(folder)
    sync(book.session, book.place())


def test_an_offline_run_whose_sync_is_killed_at_any_call_is_whole_after_the_next(
    book: Logbook,
) -> None:
    place = leave_offline_run(book)

    for at in count(1):
        is_over = not dies(at_store_call, at, "after", sync_book, book.folder)
        if is_over:
            break
    sync(book.session, place)

    assert at > 3
    assert_is_whole(book)
