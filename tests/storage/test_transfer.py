"""Transfer: every byte arrives, its digest is right, and no fault of a disk goes unsaid."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage import (
    BUFFER_BYTES,
    MemoryStore,
    Tell,
    copy_file,
    hash_behind,
    hash_file,
    on_disk,
    share_behind,
    silent,
    transfer,
    write_all,
)

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
SIZES = [0, 1, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 9 * BUFFER_BYTES + 7]


@contextmanager
def opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(content(SIZES[-1]))
    return path


@pytest.mark.parametrize("size", SIZES)
def test_a_copy_is_exact_and_its_digest_known(size: int, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(data := content(size))

    with opened(tmp_path / "source") as fd:
        found = copy_file(fd, tmp_path / "target")

    assert found == (Digest.of(data), size)
    assert (tmp_path / "target").read_bytes() == data


@given(st.binary(max_size=99), st.integers(1, 16))
@settings(deadline=None)
def test_a_copy_is_exact_whatever_the_buffers(data: bytes, buffer_bytes: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "BUFFER_BYTES", buffer_bytes)
        (source := Path(folder, "source")).write_bytes(data)
        with opened(source) as fd:
            digest, size = copy_file(fd, Path(folder, "target"))

        assert (digest, size) == (Digest.of(data), len(data))
        assert Path(folder, "target").read_bytes() == data


def test_a_copy_begins_where_the_file_was_read_to(source: Path, tmp_path: Path) -> None:
    with opened(source) as fd:
        os.lseek(fd, 5, os.SEEK_SET)
        copy_file(fd, tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == source.read_bytes()[5:]


def test_a_copy_replaces_nothing(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"mine")

    with opened(source) as fd, pytest.raises(StorageError) as caught:
        copy_file(fd, tmp_path / "target")

    assert caught.value.key == str(tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"mine"


def test_a_copy_needs_constant_memory(tmp_path: Path) -> None:
    (tmp_path / "source").touch()
    os.truncate(tmp_path / "source", 64 * 2**20)
    tracemalloc.start()
    with opened(tmp_path / "source") as fd:
        copy_file(fd, tmp_path / "target")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 6 * BUFFER_BYTES


@pytest.mark.parametrize("at", range(10))
def test_a_full_disk_is_said_to_be(
    at: int, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = iter(range(10))

    def write(fd: int, data: memoryview) -> None:
        if next(writes) == at:
            raise FULL
        write_all(fd, data)

    monkeypatch.setattr(transfer, "write_all", write)
    monkeypatch.setattr(transfer, "_IN_KERNEL", None)
    with opened(source) as fd, pytest.raises(StorageError) as caught:
        copy_file(fd, tmp_path / "target")

    assert caught.value.key == str(tmp_path / "target")
    assert os.strerror(errno.ENOSPC) in str(caught.value)


def failing_kernel(at: int, error: OSError) -> Callable[[int, int, int], int]:
    """Copies a little at a time, and once it does not."""
    copies = iter(range(10))

    def copy(src: int, dst: int, _count: int) -> int:
        if next(copies) == at:
            raise error
        return os.sendfile(dst, src, None, 1000)

    return copy


@pytest.mark.parametrize("at", range(3))
def test_a_full_disk_is_said_to_be_by_the_kernel_too(
    at: int, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_IN_KERNEL", failing_kernel(at, FULL))
    with opened(source) as fd, pytest.raises(StorageError):
        copy_file(fd, tmp_path / "target")


@pytest.mark.parametrize("at", range(3))
def test_what_the_kernel_cannot_copy_is_copied_by_hand(
    at: int, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    monkeypatch.setattr(transfer, "_IN_KERNEL", failing_kernel(at, elsewhere))
    with opened(source) as fd:
        digest, size = copy_file(fd, tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    assert (digest, size) == (Digest.of(source.read_bytes()), source.stat().st_size)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_has_the_digest_of_its_bytes(size: int, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(data := content(size))

    with opened(tmp_path / "source") as fd:
        assert hash_file(fd) == (Digest.of(data), size)


def test_a_file_is_hashed_from_where_it_was_read_to(source: Path) -> None:
    with opened(source) as fd:
        os.lseek(fd, 5, os.SEEK_SET)
        digest, _ = hash_file(fd)

    assert digest == Digest.of(source.read_bytes()[5:])


def test_all_is_written_by_a_system_that_writes_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    fd = os.open(tmp_path / "target", os.O_CREAT | os.O_WRONLY)
    try:
        write_all(fd, memoryview(b"0123456789"))
    finally:
        os.close(fd)

    assert (tmp_path / "target").read_bytes() == b"0123456789"


def arriving(data: bytes, step: int) -> transfer.Fetch:
    """As of a store that is slow to send it."""

    def fetch(path: Path, tell: Tell) -> None:
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(data), step):
                file.write(part := data[start : start + step])
                tell(len(part))

    return fetch


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [3 * BUFFER_BYTES, BUFFER_BYTES - 1, 2**40], ids=str)
def test_what_arrives_is_hashed_and_copied_behind(size: int, step: int, tmp_path: Path) -> None:
    fetch, expected = arriving(data := content(size), step), (Digest.of(data), size)
    told: list[int] = []

    assert share_behind(fetch, tmp_path / "source", tmp_path / "target", told.append) == expected
    assert hash_behind(fetch, tmp_path / "other", told.append) == expected
    assert sum(told) == 2 * size
    for name in ("source", "target", "other"):
        assert (tmp_path / name).read_bytes() == data


def two_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_is_one_disk", lambda _source, _target: False)


@pytest.mark.parametrize("clones", [True, False])
def test_what_arrives_is_on_the_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, clones: bool
) -> None:
    """As a clone (simulated), or under two names."""

    def clone(source: int, target: int) -> bool:
        if clones:
            os.pwrite(target, os.pread(source, 2**30, 0), 0)
        return clones

    monkeypatch.setattr(transfer, "_clone", clone)
    data = content(SIZES[-1])

    found = share_behind(arriving(data, 2**20), tmp_path / "a", tmp_path / "b", silent)
    assert (found, (tmp_path / "b").read_bytes()) == ((Digest.of(data), len(data)), data)
    assert (tmp_path / "a").samefile(tmp_path / "b") is not clones
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


@pytest.mark.parametrize("is_known", [True, False])
def test_what_arrives_for_another_disk_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    """Or for the same one, mounted twice, which only the link's error tells."""

    def link(_source: Path, _target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    if is_known:
        two_disks(monkeypatch)
    monkeypatch.setattr(os, "link", link)
    data = content(SIZES[-1])

    found = share_behind(arriving(data, 2**20), tmp_path / "a", tmp_path / "b", silent)
    assert (found, (tmp_path / "b").read_bytes()) == ((Digest.of(data), len(data)), data)
    assert not (tmp_path / "a").samefile(tmp_path / "b")


def test_a_full_disk_ends_what_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _data: memoryview) -> None:
        raise FULL

    two_disks(monkeypatch)
    monkeypatch.setattr(transfer, "write_all", full)
    arrive = arriving(content(2**20), 2**10)

    def fetch(path: Path, tell: Tell) -> None:
        """As stores do."""
        with on_disk(path):
            arrive(path, tell)

    with pytest.raises(StorageError, match="target: No space left"):
        share_behind(fetch, tmp_path / "source", tmp_path / "target", silent)


def test_what_stops_arriving_is_raised(tmp_path: Path) -> None:
    def fetch(path: Path, tell: Tell) -> None:
        arriving(b"abc", 3)(path, tell)
        raise StorageError("blobs/ab", "connection reset")

    with pytest.raises(StorageError, match="connection reset"):
        share_behind(fetch, tmp_path / "source", tmp_path / "target", silent)


def test_a_stream_by_way_of_the_spool_leaves_nothing_there() -> None:
    store, pieces = MemoryStore(), iter([BytesIO(b"ab"), BytesIO(b"c"), BytesIO()])
    transfer.take_stream(store, "k", lambda buffer: next(pieces).readinto(buffer))

    assert store.read("k") == b"abc"
    assert not os.listdir(store.spool())
