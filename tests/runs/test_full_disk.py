"""A full disk: what is logged goes straight to the store, and what is lost is told."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from forks import done_by_fork

from artifacts import Settings, init
from artifacts.catalog import Session
from artifacts.errors import StorageError
from artifacts.runs.delivery.recovery import recover
from artifacts.runs.delivery.writer import Started, Writer
from artifacts.runs.journal.pending import Pending
from artifacts.runs.rows.history import scan
from runs.away import AwayStore
from runs.logbook import RUN, Logbook, OverStore, never
from runs.read_back import rows_of, state_of

MIB = "x" * 2**20


@pytest.fixture
def away(book: Logbook) -> AwayStore:
    away = AwayStore(book.store)
    away.is_there.set()
    return away


def writer_on(disk: Path, book: Logbook, **given: Any) -> Writer:  # noqa: ANN401 - as Writer.begin
    session = given.pop("session", book.session)
    return Writer.begin(session, disk / "run", Started(RUN), pace=never, **given)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


def test_rows_beyond_what_the_disk_has_room_for_go_straight_to_the_store(
    small_disk: Path, book: Logbook, caplog: pytest.LogCaptureFixture
) -> None:
    writer = writer_on(small_disk, book)
    for step in range(40):
        writer.row(step, {"text": f"{step}" * 2**15})
    assert writer.close()

    assert book.steps == [*range(40)]
    assert book.state.told_state == "finished"
    assert book.state.lost == {}
    assert "No space left" in caplog.text
    assert [*(small_disk / "run").iterdir()] == []


def test_a_disk_that_is_full_from_the_beginning_stops_no_run(
    small_disk: Path, book: Logbook
) -> None:
    fill(small_disk)
    writer = writer_on(small_disk, book)
    writer.row(0, {"x": 1})
    writer.flush()
    writer.row(1, {"x": 2})
    assert writer.close()

    assert book.steps == [0, 1]
    assert book.state.told_state == "finished"


def test_what_waits_in_memory_goes_to_the_disk_when_there_is_room(
    small_disk: Path, book: Logbook, away: AwayStore
) -> None:
    away.is_refusing = True
    writer = writer_on(small_disk, book, session=OverStore(book.settings, away))
    writer.row(0, {"x": 0})
    filler = fill(small_disk)
    for step in range(1, 5):
        writer.row(step, {"x": "x" * 2**14})
    filler.unlink()
    writer._journal._retry_at = 0.0
    writer.row(5, {"x": 5})
    writer._sending.stop()
    writer._leave()  # as if it were killed

    recover(book.session)

    assert book.steps == [*range(6)]
    assert book.state.told_state == "crashed"


def test_a_killed_process_that_sent_what_no_disk_had_is_settled(
    small_disk: Path, book: Logbook
) -> None:
    def act() -> None:
        writer = writer_on(small_disk, book)
        for step in range(40):
            writer.row(step, {"text": f"{step}" * 2**15})
        writer.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    assert done_by_fork(act) == -signal.SIGKILL

    assert [each.records for each in recover(book.session)] == [0]

    assert book.steps == [*range(40)]
    assert book.state.told_state == "crashed"


def killed(disk: Path, book: Logbook, *, is_sent: bool) -> None:
    """A process whose disk is full from its first record on."""

    def act() -> None:
        fill(disk)
        writer = writer_on(disk, book)
        writer.row(0, {"x": 1})
        if is_sent:
            writer.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    assert done_by_fork(act) == -signal.SIGKILL
    assert not [*(disk / "run").glob("run-*")]


def test_a_run_of_which_the_disk_never_had_a_record_is_over_when_its_process_is(
    small_disk: Path, book: Logbook, caplog: pytest.LogCaptureFixture
) -> None:
    killed(small_disk, book, is_sent=True)
    caplog.clear()

    assert [each.path for each in recover(book.session)] == [f"team/proj/{RUN}"]

    assert book.steps == [0]
    assert book.state.told_state == "crashed"
    assert book.state.summary["x"] == 1
    assert [*Pending.all(book.settings.cache_dir)] == []
    assert recover(book.session) == []
    assert caplog.text == ""


def test_a_run_that_neither_disk_nor_store_has_anything_of_is_forgotten(
    small_disk: Path, book: Logbook, caplog: pytest.LogCaptureFixture
) -> None:
    killed(small_disk, book, is_sent=False)
    caplog.clear()

    assert [each.records for each in recover(book.session)] == [0]

    assert book.session.catalog.run("team", "proj", RUN) is None
    assert [*Pending.all(book.settings.cache_dir)] == []
    assert caplog.text == ""


def test_a_run_whose_process_lives_and_has_nothing_on_its_disk_is_left_to_it(
    book: Logbook, caplog: pytest.LogCaptureFixture
) -> None:
    about = {"entity": "team", "project": "proj", "run": RUN, "store": book.settings.store}
    book.place().mkdir()
    pending = Pending.add(book.settings.cache_dir, "a" * 32, book.place(), about)

    assert recover(book.session) == []

    assert [*Pending.all(book.settings.cache_dir)] == [pending]
    assert caplog.text == ""


def test_what_is_lost_is_told_by_the_run_itself(
    small_disk: Path, book: Logbook, away: AwayStore, caplog: pytest.LogCaptureFixture
) -> None:
    away.is_refusing = True
    writer = writer_on(small_disk, book, session=OverStore(book.settings, away))
    for step in range(20):
        writer.row(step, {"text": MIB})
    with pytest.raises(StorageError):
        writer.flush()
    away.is_refusing = False
    writer.row(20, {"x": 1})
    assert writer.close()

    lost, there = book.state.lost, book.steps
    assert lost["records"] == 21 - len(there) > 0
    assert {*range(21)} - {*there} <= {*range(lost["first"], lost["last"] + 1)}
    assert lost["from"] <= lost["to"]
    assert book.state.told_state == "finished"
    assert caplog.text.count("neither") == 1


@pytest.mark.usefixtures("store")
def test_a_run_on_a_full_disk_records_what_it_logs_and_prints(small_disk: Path) -> None:
    fill(small_disk)
    with init(dir=small_disk, settings={"disable_git": True, "x_disable_stats": True}) as run:
        sys.stdout.write("hello\n")
        run.log({"x": 1})

    assert rows_of(run) == [(0, {"x": 1})]
    lines = scan(state_of(run), Session(Settings.load()).catalog.store, stream="console")
    assert [row["text"] for row in lines] == ["hello"]
    assert state_of(run).facts["metadata"]["python"]


@pytest.mark.parametrize("beneath", ["a file", "nothing that can be made"])
def test_a_run_whose_folder_cannot_be_made_comes_into_the_store_whole(
    beneath: str, book: Logbook, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    places = {"a file": tmp_path / "a file", "nothing that can be made": Path("/sys/kernel/x")}
    writer = writer_on(places[beneath], book)
    for step in range(3):
        writer.row(step, {"x": step})
    assert writer.close()

    assert (book.steps, book.state.told_state) == ([0, 1, 2], "finished")
    assert not [*(book.settings.cache_dir / "pending").glob("*")]


@pytest.mark.parametrize("is_filled_again", [False, True])
@pytest.mark.parametrize("ends", ["closed", "killed"])
def test_room_that_comes_later_doubles_and_loses_nothing(
    ends: str, small_disk: Path, book: Logbook, *, is_filled_again: bool
) -> None:
    filler = fill(small_disk)
    writer = writer_on(small_disk, book)

    def log_from(first: int, text: str = "") -> None:
        for step in range(first, first + 5):
            writer.row(step, {"x": step, "text": text})

    log_from(0)
    writer.flush()
    filler.unlink()
    writer._journal._retry_at = 0.0
    log_from(5)
    writer.flush()
    assert (writer.backlog.told, writer.backlog.waiting) == (11, 0)
    if is_filled_again:
        fill(small_disk)
    log_from(10, "x" * 2**15)
    writer.flush()
    log_from(15)
    if ends == "closed" or is_filled_again:
        assert writer.close()
    else:
        writer._sending.stop()
        writer._leave()
        recover(book.session)

    assert book.steps == [*range(20)]
    assert book.state.lost == {}


def test_a_file_has_what_waited_in_memory_before_it_has_its_name(
    small_disk: Path, book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler = fill(small_disk)
    writer = writer_on(small_disk, book)
    for step in range(5):
        writer.row(step, {"x": step})
    filler.unlink()
    writer._journal._retry_at = 0.0
    replace, seen = os.replace, []

    def spy(source: Path, target: Path) -> None:
        seen.append(Path(source).read_bytes().count(b"\n"))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    writer.row(5, {"x": 5})
    monkeypatch.undo()
    assert seen == [1 + 1 + 5]  # the head, how the run began, and the rows
    assert writer.close()


def test_a_disk_that_lets_nothing_go_keeps_nothing_from_the_store(
    small_disk: Path, book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        if small_disk in path.parents:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    writer = writer_on(small_disk, book)
    for step in range(40):
        writer.row(step, {"text": "x" * 2**15})
    writer.flush()
    assert not writer._journal.has_overflow
    assert writer.close()

    assert (book.steps, book.state.lost) == ([*range(40)], {})
