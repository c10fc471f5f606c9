"""Copies: bounded, the longest unused go first, what is in use stays."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts.cache import Copies
from artifacts.cache.evict import Tally, copies_below
from artifacts.content import Digest
from artifacts.storage import BLOBS, Name

SIZE = 1000
LIMIT = 10 * SIZE


def key(number: int) -> str:
    return Name(BLOBS, Digest.of(b"%d" % number)).key


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(tmp_path / "copies", LIMIT)


def put(copies: Copies, *numbers: int) -> None:
    for number in numbers:
        copies.put(key(number), bytes(SIZE))


def age(copies: Copies, number: int, hours: float) -> None:
    """Last used so long ago."""
    then_s = time.time() - 3600 * hours
    os.utime(Path(copies.folder, "objects", key(number)), (then_s, then_s))


def here(copies: Copies, among: range) -> list[int]:
    return [number for number in among if copies.has(key(number))]


def size_of(copies: Copies) -> int:
    return sum(copy.size for copy in copies)


def test_the_limit_holds(copies: Copies) -> None:
    for number in range(50):
        put(copies, number)
        assert size_of(copies) <= LIMIT
        assert copies.has(key(number))


def test_the_longest_unused_go_first(copies: Copies) -> None:
    put(copies, *range(6))
    for number, hours in enumerate([3, 6, 2, 5, 4, 1]):
        age(copies, number, hours)

    copies.evict(3 * SIZE)

    assert here(copies, range(6)) == [0, 2, 5]


def test_a_read_is_a_use_whatever_the_disk_writes_down(copies: Copies) -> None:
    put(copies, *range(4))
    for number in range(4):
        age(copies, number, 9 - number)
    copies.read(key(0), 0, 1)
    fd = copies.open(key(1))
    assert fd is not None
    os.close(fd)

    copies.evict(2 * SIZE)

    assert here(copies, range(4)) == [0, 1]


def test_a_part_is_used_by_itself(copies: Copies) -> None:
    for part in range(4):
        copies.put_part(key(0), part, bytes(SIZE))
    paths = sorted(copy.path for copy in copies)
    for path in paths:
        os.utime(path, (0, 0))
    copies.read_part(key(0), 2, 0, 1)

    copies.evict(SIZE + 32)

    assert [copy.path for copy in copies] == [paths[2]]


def test_what_is_in_use_stays(copies: Copies) -> None:
    put(copies, *range(4))
    used = copies.open(key(2))
    assert used is not None

    assert copies.evict(0) == (3 * SIZE, SIZE)
    assert here(copies, range(4)) == [2]

    os.close(used)
    assert copies.evict(0) == (SIZE, 0)


def test_a_cache_full_of_what_is_in_use_takes_nothing(copies: Copies) -> None:
    put(copies, *range(10))
    used = [copies.open(key(number)) for number in range(10)]

    put(copies, 10)

    assert here(copies, range(11)) == [*range(10)]
    for fd in filter(None, used):
        os.close(fd)


def test_what_is_kept_is_open_and_in_use(copies: Copies) -> None:
    with copies.beside() as path:
        path.write_bytes(b"whole")
        fd = copies.keep(key(1), path)
    assert fd is not None
    copies.evict(0)

    assert os.read(fd, 9) == b"whole"
    assert copies.has(key(1))
    os.close(fd)


def test_what_was_not_kept_leaves_nothing(copies: Copies) -> None:
    with copies.beside() as path:
        path.write_bytes(b"whole")

    assert not [*copies.spool().iterdir()]


def test_many_writes_scan_the_cache_seldom(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = []

    def counted(folder: str) -> Iterator[object]:
        scans.append(folder)
        return copies_below(folder)

    monkeypatch.setattr("artifacts.cache.evict.copies_below", counted)
    roomy = Copies(Path(copies.folder), 100 * SIZE)
    put(roomy, *range(500))

    assert len(scans) <= 1 + 400 // 9  # each leaves room for a tenth of the limit


def test_a_tally_that_is_damaged_is_counted_anew(copies: Copies) -> None:
    for damage in (b"", b"\0", b"\xff" * 8, b"\xff" * 7 + b"\x7f"):
        put(copies, *range(10))
        Path(copies.folder, "tally").write_bytes(damage)
        put(copies, *range(10, 30))
        assert size_of(copies) <= LIMIT


def test_a_tally_is_that_of_all_who_add(tmp_path: Path) -> None:
    one, other = (Tally(str(tmp_path / "tally")) for _ in range(2))
    assert one.add(5) is None

    one.correct(None, 100)
    assert other.add(5) == 105
    one.correct(105, 40)
    assert other.add(0) == 40
    other.add(2)
    one.correct(40, 30)
    assert other.add(0) == 32


def test_the_last_bytes_of_a_disk_are_left_to_others(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Disk:
        total, free = 10**12, 2**30 + SIZE - 1

    monkeypatch.setattr("shutil.disk_usage", lambda _: Disk)
    assert not copies.admits(SIZE)

    Disk.free += 1
    assert copies.admits(SIZE)


def test_what_a_killed_process_left_behind_goes(copies: Copies) -> None:
    left = copies.spool() / "copy-abandoned"
    left.mkdir()
    (left / "file").write_bytes(b"half")
    os.utime(left, (0, 0))

    assert not [*Copies(Path(copies.folder), LIMIT).spool().iterdir()]


def test_forgetting_takes_all_parts_and_nothing_else(copies: Copies) -> None:
    put(copies, 1, 2)
    for part in (0, 1, 10):
        copies.put_part(key(3), part, b"part")
    copies.forget(key(1))
    copies.forget(key(3))

    assert here(copies, range(4)) == [2]
