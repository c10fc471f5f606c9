"""Digests: a file that is as it was need not be read, and no other is ever taken for it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from artifacts.cache.digests import IN_PIECES, Digests, state_key
from artifacts.content import Digest
from artifacts.storage import BLOBS, SOLO, Name, Place

HOUR_NS = 3600 * 10**9
NOW_NS = 1_700_000_000 * 10**9
PACKS = [Name(BLOBS, Digest.of(b"pack %d" % n), n) for n in range(3)]
CONTENT = Digest.of(b"content")
PLACE: Place = (1, 70)
PLACES: dict[bytes, Place] = {CONTENT: PLACE}


@dataclass(frozen=True)
class State:
    """What a disk says of a file."""

    st_dev: int = 64769
    st_ino: int = 2**63 + 5
    st_size: int = 1000
    st_mtime_ns: int = NOW_NS - HOUR_NS + 1
    st_ctime_ns: int = NOW_NS - HOUR_NS + 2


FILE = State()


def put(digests: Digests, state: State, digest: bytes = CONTENT) -> None:
    stat = cast(os.stat_result, state)
    digests.put(state_key(stat), stat, digest)


def get(digests: Digests, state: State = FILE) -> tuple[bytes, Place] | None:
    return digests.get(state_key(cast(os.stat_result, state)))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: NOW_NS)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A folder that remembers FILE."""
    digests = Digests(tmp_path, "store", "/root")
    put(digests, FILE)
    digests.save(PACKS, PLACES)
    return tmp_path


def reopened(cache: Path) -> Digests:
    return Digests(cache, "store", "/root")


def files_of(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_an_unchanged_file_is_known_with_its_place(cache: Path) -> None:
    digests = reopened(cache)

    assert get(digests) == (CONTENT, PLACE)
    assert digests.blobs[PLACE[0]] == PACKS[1]


@pytest.mark.parametrize("fact", ["st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"])
@pytest.mark.parametrize("by", [-1, 1])
def test_any_change_makes_it_unknown(cache: Path, fact: str, by: int) -> None:
    changed = replace(FILE, **{fact: getattr(FILE, fact) + by})

    assert get(reopened(cache), changed) is None


@pytest.mark.parametrize("fact", ["st_mtime_ns", "st_ctime_ns"])
@pytest.mark.parametrize("age_ns", [-HOUR_NS, -1, 0, 1, 99_000_000])
def test_a_file_that_might_change_unnoticed_is_not_remembered(
    tmp_path: Path, fact: str, age_ns: int
) -> None:
    state = replace(FILE, **{fact: NOW_NS - age_ns + 1})
    digests = reopened(tmp_path)
    put(digests, state)
    digests.save(PACKS, PLACES)

    assert get(digests, state) is None
    assert not files_of(tmp_path)


def test_a_disk_that_counts_in_seconds_gets_more_time(tmp_path: Path) -> None:
    digests = reopened(tmp_path)
    coarse = replace(FILE, st_mtime_ns=NOW_NS - 10**9, st_ctime_ns=NOW_NS - 10**9)
    fine = replace(coarse, st_mtime_ns=coarse.st_mtime_ns + 1, st_ino=7)
    for state in (coarse, fine):
        put(digests, state)
    digests.save(PACKS, PLACES)

    assert get(digests, coarse) is None
    assert get(digests, fine) == (CONTENT, PLACE)


def test_a_blob_of_its_own_is_remembered_as_that(tmp_path: Path) -> None:
    digests = reopened(tmp_path)
    put(digests, FILE)
    digests.save([], {CONTENT: (SOLO, 0)})

    assert get(reopened(tmp_path)) == (CONTENT, (SOLO, 0))


def test_content_that_has_no_place_is_remembered_as_in_pieces(tmp_path: Path) -> None:
    digests = reopened(tmp_path)
    put(digests, FILE)
    digests.save(PACKS, {})

    assert get(reopened(tmp_path)) == (CONTENT, (IN_PIECES, 0))


def test_what_was_known_before_is_kept(cache: Path) -> None:
    other = replace(FILE, st_ino=7)
    digests = reopened(cache)
    put(digests, other, Digest.of(b"other"))
    digests.save([PACKS[2]], {Digest.of(b"other"): (0, 3)})

    again = reopened(cache)
    assert get(again) == (CONTENT, PLACE)
    assert again.blobs[PLACE[0]] == PACKS[1]
    found = get(again, other)
    assert found is not None
    digest, (blob, offset) = found
    assert (digest, again.blobs[blob], offset) == (Digest.of(b"other"), PACKS[2], 3)


def test_a_changed_file_takes_the_row_of_what_it_was(cache: Path) -> None:
    size = files_of(cache)[0].stat().st_size
    newer = replace(FILE, st_size=7, st_mtime_ns=FILE.st_mtime_ns + 1)
    digests = reopened(cache)
    put(digests, newer, Digest.of(b"newer"))
    digests.save(PACKS, {Digest.of(b"newer"): PLACE})

    again = reopened(cache)
    assert get(again) is None
    assert get(again, newer) == (Digest.of(b"newer"), PLACE)
    assert files_of(cache)[0].stat().st_size == size


class Calendar:
    """The clock of these tests, put forward day by day."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def put_to(self, days: int) -> None:
        """So many days after the clock began."""
        now_ns = NOW_NS + days * 24 * HOUR_NS
        self._monkeypatch.setattr("time.time_ns", lambda: now_ns)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    return Calendar(monkeypatch)


def use(cache: Path, *states: State) -> list[bool]:
    """Whether each was known, to a session that saw them."""
    digests = reopened(cache)
    found = [get(digests, state) is not None for state in states]
    digests.save([], {})
    return found


def test_the_row_of_a_file_that_is_never_seen_again_goes(cache: Path, calendar: Calendar) -> None:
    gone, other = replace(FILE, st_ino=7), replace(FILE, st_ino=8)
    digests = reopened(cache)
    put(digests, gone)
    digests.save(PACKS, PLACES)

    for day in range(10, 100, 10):
        calendar.put_to(day)
        assert use(cache, FILE) == [True]
    digests = reopened(cache)
    put(digests, other)
    digests.save(PACKS, PLACES)

    assert use(cache, FILE, gone, other) == [True, False, True]


def test_a_use_is_written_down_once_in_a_while(cache: Path, calendar: Calendar) -> None:
    [path] = files_of(cache)
    writes = 0
    for day in range(28):
        before = path.stat().st_mtime_ns
        calendar.put_to(day)
        assert use(cache, FILE) == [True]
        writes += path.stat().st_mtime_ns != before

    assert 1 <= writes <= 4


def test_rows_of_folders_that_nobody_versions_any_more_go(cache: Path) -> None:
    [path] = files_of(cache)
    old, young = path.with_name("00" * 32), path.with_name("11" * 32)
    for name, age_days in ((old, 61), (young, 59)):
        name.write_bytes(b"rows")
        age_s = age_days * 24 * 3600
        os.utime(name, (NOW_NS / 10**9 - age_s, NOW_NS / 10**9 - age_s))
    digests = reopened(cache)
    put(digests, replace(FILE, st_ino=7))
    digests.save(PACKS, PLACES)

    assert sorted(files_of(cache)) == sorted([path, young])


def test_rows_from_the_future_are_passed_by(cache: Path, calendar: Calendar) -> None:
    calendar.put_to(-1)
    assert use(cache, FILE) == [False]

    calendar.put_to(1)
    assert use(cache, FILE) == [True]


def test_nothing_new_writes_nothing(cache: Path) -> None:
    [path] = files_of(cache)
    before = path.stat()
    reopened(cache).save(PACKS, PLACES)

    assert path.stat() == before


def test_a_damaged_file_of_rows_is_ignored_as_a_whole(cache: Path) -> None:
    [path] = files_of(cache)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        digests = reopened(cache)

        assert get(digests) is None
        assert not digests.blobs


def test_a_cut_file_of_rows_is_ignored_as_a_whole(cache: Path) -> None:
    [path] = files_of(cache)
    data = path.read_bytes()
    for length in range(0, len(data), 9):
        path.write_bytes(data[:length])

        assert get(reopened(cache)) is None


def test_a_damaged_file_of_rows_is_replaced(cache: Path) -> None:
    [path] = files_of(cache)
    path.write_bytes(b"damage")
    digests = reopened(cache)
    put(digests, FILE)
    digests.save(PACKS, PLACES)

    assert get(reopened(cache)) == (CONTENT, PLACE)


@pytest.mark.parametrize(
    ("store", "root"), [("other", "/root"), ("store", "/other"), ("s", "tore")]
)
def test_another_store_or_folder_knows_nothing_of_it(cache: Path, store: str, root: str) -> None:
    assert get(Digests(cache, store, root)) is None


def test_a_folder_is_known_by_any_path_to_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    digests = Digests(tmp_path, "store", str(tmp_path / "real"))
    put(digests, FILE)
    digests.save(PACKS, PLACES)

    assert get(Digests(tmp_path, "store", str(tmp_path / "link" / ".." / "link"))) is not None


def test_a_cache_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "digests").write_bytes(b"a file where the folder should be")
    digests = reopened(tmp_path)
    put(digests, FILE)
    digests.save(PACKS, PLACES)

    assert get(digests) == (CONTENT, PLACE)
    assert get(reopened(tmp_path)) is None


def test_a_write_that_failed_leaves_nothing_behind(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path, _target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fail)
    digests = reopened(cache)
    put(digests, replace(FILE, st_ino=7))
    digests.save(PACKS, PLACES)

    assert len(files_of(cache)) == 1
    assert get(reopened(cache)) == (CONTENT, PLACE)
