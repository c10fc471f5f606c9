"""Journal: what was written is read back, record by record, by whoever comes."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from forks import done_by_fork
from hypothesis import given
from hypothesis import strategies as st

from artifacts.errors import MalformedError
from artifacts.runs.hold import Hold
from artifacts.runs.journal import Journal, decoded, encoded, part
from artifacts.runs.reading import Reading
from artifacts.runs.recovery import journals

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


def test_a_full_disk_is_told_of_and_ends_no_training(
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
    long = b"x" * 2**15
    for _ in range(5):
        journal.write(long)
    is_full, now_s = False, 2.0
    journal.write(long + b"y")

    assert read_all(tmp_path) == [long, long + b"y"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "No space left" in caplog.messages[0]
    assert "4 records are lost" in caplog.messages[1]
