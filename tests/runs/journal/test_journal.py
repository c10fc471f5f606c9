"""Journal: what was written is read back, record by record, by whoever comes."""

from __future__ import annotations

import errno
import json
import math
import mmap
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from forks import done_by_fork
from hypothesis import given
from hypothesis import strategies as st

from artifacts.errors import MalformedError
from artifacts.runs.delivery.recovery import journals
from artifacts.runs.journal.hold import Hold
from artifacts.runs.journal.journal import Journal
from artifacts.runs.journal.line import decoded, encoded
from artifacts.runs.journal.overflow import Overflow
from artifacts.runs.journal.part import part
from artifacts.runs.journal.reading import OwnReading, Reading

ABOUT = {"run": "abc", "entity": "team", "project": "proj"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)


def read_all(folder: Path, start: int = 0) -> list[bytes]:
    reading, found = Reading(folder, "abc"), []
    reading.seek(start)
    while lines := reading.next():
        found += lines
    reading.close()
    return found


@given(JSON)
def test_any_record_is_one_line_and_read_back_as_it_was(record: object) -> None:
    line = encoded({"v": record})

    assert b"\n" not in line
    assert b"\0" not in line
    assert repr(decoded(line)) == repr({"v": record})


def test_numbers_that_json_has_not_are_kept() -> None:
    line = encoded([math.inf, math.nan, 2**70, None])

    assert repr(decoded(line)) == repr([math.inf, math.nan, 2**70, None])


def test_records_are_read_while_more_are_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run", ABOUT)
    reading = Reading(tmp_path / "run", "abc")
    reading.seek(0)
    journal.write(b"one")
    assert reading.next() == [b"one"]
    assert reading.next() == []

    journal.write(b"two")

    assert reading.next() == [b"two"]
    assert reading.position == 2


def test_records_go_on_in_further_files_and_any_of_them_is_found(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ABOUT)
    lines = [b"%06d" % number * 20 for number in range(10_000)]
    for line in lines:
        journal.write(line)

    assert part(tmp_path, "abc", 2).exists()
    assert read_all(tmp_path) == lines
    assert read_all(tmp_path, 7_777) == lines[7_777:]


def test_a_record_longer_than_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ABOUT)
    long = b"x" * (2**24 + 1)
    for line in (b"before", long, b"after"):
        journal.write(line)

    assert read_all(tmp_path) == [b"before", long, b"after"]


@pytest.mark.parametrize("step", [b"x", b'"1"', b"1,1", b"[]", b""])
def test_the_last_step_is_that_of_a_row_that_can_be_read(tmp_path: Path, step: bytes) -> None:
    journal = Journal(tmp_path, ABOUT)
    for at in (7, 8):
        journal.row(at, {"a": 1})
    journal.close()
    file = part(tmp_path, "abc", 0)
    file.write_bytes(file.read_bytes().replace(b",8,", b"," + step + b","))

    assert Reading(tmp_path, "abc").last_step() == 7


def test_a_record_without_its_end_is_none(tmp_path: Path) -> None:
    """As a process leaves it that is killed while it copies."""
    journal = Journal(tmp_path, ABOUT)
    journal.write(b"whole")
    journal.close()
    with part(tmp_path, "abc", 0).open("ab") as file:
        file.write(b"hal" + bytes(100))

    assert read_all(tmp_path) == [b"whole"]


def test_a_closed_journal_is_as_long_as_its_records(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ABOUT)
    journal.write(b"one")
    journal.close()
    journal.write(b"too late")

    assert part(tmp_path, "abc", 0).read_bytes().endswith(b"}\none\n")


def test_files_whose_records_are_delivered_can_go(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ABOUT)
    lines = [b"%06d" % number * 20 for number in range(5_000)]
    for line in lines:
        journal.write(line)
    reading = Reading(tmp_path, "abc")

    reading.delete_before(4_000)

    assert not part(tmp_path, "abc", 0).exists()
    assert read_all(tmp_path, 4_000) == lines[4_000:]


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def at_instruction(wanted: int, act: Callable[[], None]) -> Callable[..., Any]:
    """A tracer that does it once, at that instruction of the journal's own code."""
    seen = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - as settrace has it
        nonlocal seen
        if not frame.f_code.co_filename.endswith("journal.py"):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            seen += 1
            if seen == wanted:
                act()
        return trace

    return trace


@pytest.mark.parametrize("length", [10, 2**16])
def test_a_signals_handler_may_write_at_any_instruction_of_a_write(
    tmp_path: Path, length: int
) -> None:
    """Of one that fits, and of one that goes into the next file."""
    outer, inner = b"o" * length, b"i" * 100
    for number in count(1):
        journal = Journal(tmp_path / str(number), ABOUT)
        told: list[bytes] = []

        def handle(journal: Journal = journal, told: list[bytes] = told) -> None:
            told.append(inner)
            journal.write(inner)

        tracing = sys.gettrace()
        sys.settrace(at_instruction(number, handle))
        try:
            journal.write(outer)
        finally:
            sys.settrace(tracing)
        journal.write(b"after")
        journal.close()

        found = read_all(journal.folder)
        assert sorted(found) == sorted([outer, *told, b"after"])
        assert (journal.count, found[-1]) == (len(found), b"after")
        shutil.rmtree(journal.folder)
        if not told:
            break
    assert number > 20


@pytest.mark.parametrize("function", ["posix_fallocate", "replace"])
def test_a_process_killed_while_it_makes_a_file_leaves_all_before(
    tmp_path: Path, function: str
) -> None:
    def act() -> None:
        journal = Journal(tmp_path, ABOUT)
        journal.write(b"before")
        setattr(os, function, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        journal.write(b"x" * 2**16)

    assert done_by_fork(act) != 0

    assert read_all(tmp_path) == [b"before"]
    assert [*journals(tmp_path)] == ["abc"]
    Reading(tmp_path, "abc").delete()
    assert not [*tmp_path.iterdir()]


def test_a_last_file_without_a_head_is_not_there_yet(tmp_path: Path) -> None:
    """As earlier versions leave it when they are killed."""
    journal = Journal(tmp_path, ABOUT)
    journal.write(b"one")
    second = part(tmp_path, "abc", 1)
    second.write_bytes(bytes(2**16))
    reading = Reading(tmp_path, "abc")
    reading.seek(0)
    assert reading.next() == [b"one"]
    assert reading.next() == []

    head = {"journal": 1, "id": journal.id, "first": 1, **ABOUT}
    second.write_bytes(json.dumps(head).encode() + b"\ntwo\n")

    assert reading.next() == [b"two"]


def test_a_file_whose_head_cannot_be_read_loses_nothing_of_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ABOUT)
    lines = [b"%06d" % number * 20 for number in range(10_000)]
    for line in lines:
        journal.write(line)
    reading, found = Reading(tmp_path, "abc"), []
    reading.seek(0)
    second = part(tmp_path, "abc", 1)
    whole = second.read_bytes()
    second.write_bytes(bytes(len(whole)))
    found += reading.next()
    for _ in range(2):
        with pytest.raises(MalformedError):
            reading.next()
    second.write_bytes(whole)
    reading.seek(len(found))

    while more := reading.next():
        found += more

    assert found == lines


def test_a_forked_child_writes_nothing_and_holds_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ABOUT)
    journal.write(b"parent's")

    def act() -> None:
        journal.leave()
        journal.write(b"child's")

    assert done_by_fork(act) == 0
    journal.write(b"parent's again")
    assert read_all(tmp_path) == [b"parent's", b"parent's again"]
    with pytest.raises(BlockingIOError):
        Hold(tmp_path)
    journal.close()
    Hold(tmp_path).close()


def test_what_a_full_disk_does_not_take_is_kept_in_memory_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 0.0
    journal = Journal(tmp_path, ABOUT, lambda: now_s)
    is_full = True

    def fallocate(fd: int, start: int, size: int) -> None:
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.truncate(fd, start + size)

    monkeypatch.setattr(os, "posix_fallocate", fallocate)
    lines = [b"[%d," % number + b"x" * 2**15 for number in range(6)]
    for line in lines[:5]:
        journal.write(line)
    assert read_all(tmp_path) == lines[:1]
    is_full, now_s = False, 2.0
    journal.write(lines[5])

    assert read_all(tmp_path) == lines
    assert journal.count == 6
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "No space left" in caplog.messages[0]
    assert "there is room" in caplog.messages[1]


def test_each_time_that_the_disk_is_full_whoever_sends_is_hurried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, hurried = 0.0, 0

    def hurry() -> None:
        nonlocal hurried
        hurried += 1

    journal = Journal(tmp_path, ABOUT, lambda: now_s, hurry=hurry)
    for times in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", refuse)
            for _ in range(40):
                journal.write(b"x" * 2**17)
        assert hurried == times
        now_s += 2.0
        journal.write(b"there is room")
        assert not journal.has_overflow


@pytest.mark.parametrize("is_full", [False, True])
def test_a_file_that_had_its_name_when_an_interrupt_came_takes_no_others_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_full: bool
) -> None:
    now_s, replace = 0.0, os.replace
    journal = Journal(tmp_path, ABOUT, lambda: now_s)
    reading = Reading(tmp_path, "abc")
    reading.seek(0)
    lines = [b"%d" % number * 2**15 for number in range(4)]
    journal.write(lines[0])
    if is_full:
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", refuse)
            journal.write(lines[1])
        now_s += 2.0

    def interrupt(source: Path, target: Path) -> None:
        replace(source, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.write(lines[1 + is_full])
    found = reading.next()
    for line in (b"short", lines[3]):
        journal.write(line)
    while more := reading.next():
        found += more

    assert not journal.has_overflow
    assert found == read_all(tmp_path) == [*lines[: 2 + is_full], b"short", lines[3]]


@pytest.mark.parametrize("wanted", range(1, 16))
def test_an_interrupt_at_a_call_while_a_file_is_made_loses_nothing(
    tmp_path: Path, wanted: int
) -> None:
    journal, seen = Journal(tmp_path, ABOUT), 0

    def interrupt(frame: FrameType, event: str, _: object) -> None:
        nonlocal seen
        if event == "c_call" and frame.f_code.co_name == "begin":
            seen += 1
            if seen >= wanted:
                sys.setprofile(None)
                raise KeyboardInterrupt

    lines = [b"%d" % number * 2**15 for number in range(5)]
    journal.write(lines[0])
    sys.setprofile(interrupt)
    with suppress(KeyboardInterrupt):
        journal.write(lines[1])
    sys.setprofile(None)
    for line in lines[2:]:
        journal.write(line)

    assert read_all(tmp_path) == lines


def test_a_first_file_that_cannot_be_mapped_is_no_hindrance_to_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(mmap, "mmap", refuse)
        journal = Journal(tmp_path, ABOUT)
        journal.write(b"sent")
        journal.release(1)
    assert not journal.has_overflow
    journal.release(1)  # the disk is asked again
    journal.write(b"kept")

    assert read_all(tmp_path, 1) == [b"kept"]
    assert journal.count == 2


def test_what_is_in_memory_alone_is_read_by_its_own_process(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ABOUT)
    journal.write(b"on the disk")
    journal._fill_up(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)))
    lines = [b"%d" % number for number in range(5)]
    for line in lines:
        journal.write(line)
    reading = OwnReading(journal)
    reading.seek(0)

    assert reading.next() == [b"on the disk"]
    assert reading.next(records=2) == lines[:2]
    journal.release(3)
    assert reading.next() == lines[2:]
    reading.seek(4)
    assert reading.next() == lines[3:]
    assert read_all(tmp_path, 4) == lines[3:]  # the disk was asked again


def test_what_is_sent_is_let_go_where_the_disk_is_full(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ABOUT)
    for _ in range(10):
        journal.write(b"x" * 1000)
    size = part(tmp_path, "abc", 0).stat().st_size
    (tmp_path / "run-abc.wandb.1").mkdir()  # nothing can be made there
    for _ in range(100):
        journal.write(b"y" * 1000)

    journal.release(110)

    assert part(tmp_path, "abc", 0).stat().st_size < 1000 < size
    assert not journal.has_overflow
    reading = Reading(tmp_path, "abc")
    (tmp_path / "run-abc.wandb.1").rmdir()
    reading.seek(110)
    assert reading.next() == []


def test_what_has_no_room_in_memory_either_is_counted() -> None:
    overflow = Overflow(most=100)
    rows = [encoded((1000.0 + step, step, {"x": step})) for step in range(10)]
    kept = [overflow.keep(row, 2000.0 + number) for number, row in enumerate(rows)]

    assert kept == [True] * 5 + [False] * 5
    assert overflow.keep(encoded({"note": "finished", "facts": {}}), 0.0)
    assert (overflow.first, overflow.next) == (0, 7)
    assert decoded(overflow.lines(5, 100, 1)[0]) == {
        "note": "lost",
        "facts": {"records": 5, "from": 2005.0, "to": 2009.0, "first": 5, "last": 9},
    }
    overflow.forget(7)
    assert (overflow.size, overflow.all()) == (0, [])


def test_the_first_record_is_kept_in_memory_however_long_it_is() -> None:
    overflow, long = Overflow(most=100), encoded({"text": "x" * 1000})
    assert overflow.keep(long, 0.0)
    assert not overflow.keep(encoded((1.0, 1, {})), 0.0)
    assert overflow.lines(0, 100, 1) == [long]
