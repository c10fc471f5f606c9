"""Mapped: the bytes are the file's, and who cuts it meanwhile kills nobody."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from artifacts.content import Digest
from artifacts.storage import hash_file, mapped, transfer
from artifacts.storage.mapped import mapped as parts_of

PART = 2**16
CUT = "import os, sys; os.truncate(sys.argv[1], 0)"
HASH = """if True:
    import os, sys
    from artifacts.storage import hash_file, mapped
    mapped._LEAST_BYTES = 0
    print("ready", flush=True)
    while not os.path.exists(sys.argv[1] + ".done"):
        fd = os.open(sys.argv[1], os.O_RDONLY)
        hash_file(fd, in_place=True)
        os.close(fd)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere files are read")


@pytest.fixture(autouse=True)
def small_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the disk that tests are on is taken for one of this machine, if it knows leases."""
    (tmp_path / "leased").touch()
    with (tmp_path / "leased").open("rb") as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            pytest.skip(f"no leases here: {error}")
    kind = mapped._kind_of_disk(tmp_path.stat().st_dev)  # noqa: SLF001
    monkeypatch.setattr(mapped, "_LOCAL", {kind})
    monkeypatch.setattr(mapped, "_LEAST_BYTES", PART)
    monkeypatch.setattr(mapped, "_PART_BYTES", PART)


@pytest.fixture
def data() -> bytes:
    return os.urandom(3 * PART + 5)


@pytest.fixture
def path(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


@pytest.fixture
def fd(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_parts_are_the_rest_of_the_file(fd: int, data: bytes) -> None:
    assert [len(part) for part in parts_of(fd)] == [PART, PART, PART, 5]
    os.lseek(fd, PART, os.SEEK_SET)

    assert b"".join(part[:] for part in parts_of(fd)) == data[PART:]

    assert os.lseek(fd, 0, os.SEEK_CUR) == len(data)
    assert fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_UNLCK


@pytest.mark.parametrize("start", [1, 4 * PART])
def test_what_cannot_be_mapped_or_is_short_is_read(fd: int, data: bytes, start: int) -> None:
    os.lseek(fd, start, os.SEEK_SET)

    assert not [*parts_of(fd)]
    assert hash_file(fd, in_place=True) == (Digest.of(data[start:]), len(data[start:]))


def test_what_somebody_may_write_to_is_read(fd: int, path: Path, data: bytes) -> None:
    with path.open("r+b"):
        assert not [*parts_of(fd)]
        assert hash_file(fd, in_place=True) == (Digest.of(data), len(data))


def test_what_the_disk_does_not_map_is_read(
    fd: int, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "_POPULATE_READ", 10**6)

    assert not [*parts_of(fd)]
    assert hash_file(fd, in_place=True) == (Digest.of(data), len(data))


def test_a_hash_is_of_mapped_and_read_bytes_together(
    fd: int, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "mapped", lambda fd: islice(parts_of(fd), 2))
    heard: list[int] = []

    assert hash_file(fd, heard.append, in_place=True) == (Digest.of(data), len(data))

    assert heard[:2] == [PART, PART]
    assert sum(heard) == len(data)


def test_what_is_cut_before_the_lease_is_read(
    fd: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(fd: int) -> bool:
        os.truncate(path, 7)
        return True

    monkeypatch.setattr(mapped, "_is_fit", cut)

    assert hash_file(fd, in_place=True) == (Digest.of(path.read_bytes()), 7)


def test_a_file_with_holes_is_read(path: Path, tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(2**22)
    with (tmp_path / "holes").open("rb") as file:
        assert not [*parts_of(file.fileno())]
        assert hash_file(file.fileno(), in_place=True) == (Digest.of(bytes(2**22)), 2**22)


def test_what_is_on_another_machines_disk_or_in_memory_is_read(
    fd: int, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "_LOCAL", {"fuse"})

    assert not [*parts_of(fd)]
    assert hash_file(fd, in_place=True) == (Digest.of(data), len(data))


def test_a_lease_that_the_kernel_took_is_none(fd: int, data: bytes) -> None:
    parts = parts_of(fd)
    first = next(parts)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)  # and giving it back is an error

    assert first[:] == data[:PART]
    assert not [*parts]
    assert hash_file(fd) == (Digest.of(data[PART:]), len(data) - PART)


def test_who_cuts_the_file_waits_for_the_part_that_is_looked_at(
    fd: int, path: Path, data: bytes
) -> None:
    parts = parts_of(fd)
    first = next(parts)
    with subprocess.Popen([sys.executable, "-c", CUT, str(path)]) as cutter:
        while fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK:
            assert cutter.poll() is None
            time.sleep(0.01)

        assert first[:] == data[:PART]
        assert next(parts, None) is None

        assert cutter.wait(timeout=30) == 0
    assert path.stat().st_size == 0


def test_a_file_that_is_cut_and_written_all_the_time_ends_no_reader(
    path: Path, data: bytes
) -> None:
    command = [sys.executable, "-c", HASH, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout
        reader.stdout.readline()
        until = time.monotonic() + 1
        while time.monotonic() < until:
            path.write_bytes(data)
            os.truncate(path, 1)
        path.with_name("file.done").touch()

        assert reader.wait(timeout=300) == 0
