"""LocalStore: what a disk can do to it, and what it leaves behind."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import pytest

from artifacts.errors import ObjectNotFoundError, StorageError, UnsupportedStoreError
from artifacts.storage import LocalStore

OPERATIONS = ["create", "write", "take"]
OLD, NEW = b"old" * 100, b"new" * 200
SPAWN = get_context("spawn")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def spooled(store: LocalStore, data: bytes) -> Path:
    path = store.spool() / "source"
    path.write_bytes(data)
    return path


def put(store: LocalStore, operation: str, key: str, source: Path) -> None:
    """Make an object of the bytes in `source`, which only `take` uses up."""
    if operation == "take":
        store.take(key, source)
    else:
        getattr(store, operation)(key, source.read_bytes())


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def failing(code: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_files_and_folders_respect_the_umask(store: LocalStore, umask: int, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    copied.touch(mode=0o600)
    (tmp_path / "second name").hardlink_to(copied)
    previous = os.umask(umask)
    try:
        for operation in OPERATIONS:
            put(store, operation, f"a/b/{operation}", spooled(store, b""))
        store.take("a/b/copied", copied)
    finally:
        os.umask(previous)

    for key in store.list():
        assert mode(store.path(key)) == 0o666 & ~umask
    for folder in [store.path("a"), store.path("a/b"), store.spool(), Path(store.url)]:
        assert mode(folder) == 0o777 & ~umask


def test_an_object_is_the_file_at_its_path(store: LocalStore) -> None:
    store.create("a/b", b"data")

    assert store.path("a/b").read_bytes() == b"data"
    assert store.path("a/b") == Path(store.url, "a", "b")


def test_a_relative_root_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore(Path("store"))
    monkeypatch.chdir("/")

    store.write("k", b"")

    assert (tmp_path / "store" / "k").exists()


def test_folders_go_with_their_last_object(store: LocalStore) -> None:
    for key in ["a/b/c", "a/b/d", "a/e/f"]:
        store.write(key, b"")

    store.delete("a/b/c")
    assert store.path("a/b").is_dir()
    store.delete("a/b/d")
    assert sorted(os.listdir(store.path("a"))) == ["e"]
    store.delete("a/e/f")
    assert os.listdir(store.url) == [store.spool().name]


def test_what_is_no_file_is_no_object(store: LocalStore, tmp_path: Path) -> None:
    store.write("k", b"")
    os.mkfifo(store.path("fifo"))
    os.mknod(store.path("socket"), stat.S_IFSOCK | 0o600)
    store.path("dangling").symlink_to(tmp_path / "nowhere")

    for key in ["fifo", "socket", "dangling"]:
        for look in (store.read, store.size):
            with pytest.raises(ObjectNotFoundError):
                look(key)
    assert list(store.list()) == ["k"]


def test_what_is_no_key_is_not_listed(store: LocalStore) -> None:
    for name in [".DS_Store", "a b", "k~", "Thumbs.db"]:
        store.write("f/k", b"")
        (store.path("f") / name).touch()

    assert list(store.list()) == ["f/k"]


@pytest.mark.parametrize(
    ("operation", "move"),
    [("create", "link"), ("write", "replace"), ("take", "replace"), ("take a copy", "replace")],
)
def test_a_file_is_durable_before_its_name_and_its_name_before_the_return(
    store: LocalStore, operation: str, move: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def recorded(name: str) -> Callable[..., object]:
        call = getattr(os, name)

        def record(subject: str | int, *args: object) -> object:
            at = os.readlink(f"/proc/self/fd/{subject}") if isinstance(subject, int) else subject
            done.append(f"{name} {'file' if os.path.isfile(at) else 'folder'}")
            return call(subject, *args)

        return record

    store.write("a/first", b"")
    source = spooled(store, b"data")
    if operation == "take a copy":
        source.with_name("second").hardlink_to(source)
    for name in ("fsync", "link", "replace"):
        monkeypatch.setattr(os, name, recorded(name))
    put(store, operation.removesuffix(" a copy"), "a/k", source)

    assert done == ["fsync file", f"{move} file", "fsync folder"]


def test_a_new_folder_is_durable(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync = os.fsync

    def record(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    store.write("a/k", b"")
    monkeypatch.setattr(os, "fsync", record)
    store.write("a/b/c/k", b"")

    assert synced[1:] == [str(store.path(key)) for key in ["a", "a/b", "a/b/c"]]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize(
    ("operation", "call"),
    [
        *[("create", call) for call in ("open", "write", "fsync", "link")],
        *[("write", call) for call in ("open", "write", "fsync", "replace")],
        *[("take", call) for call in ("open", "fsync", "replace")],
    ],
)
def test_what_the_disk_refuses_is_said_and_leaves_nothing(
    store: LocalStore, operation: str, call: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = spooled(store, b"data")
    with monkeypatch.context() as broken:
        broken.setattr(os, call, failing(code))
        with pytest.raises(StorageError) as caught:
            put(store, operation, "a/k", source)

    assert caught.value.key == "a/k"
    assert os.strerror(code) in caught.value.reason
    assert files_below(Path(store.url)) == [f"{store.spool().name}/source"]
    put(store, operation, "a/k", source)
    assert store.read("a/k") == b"data"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_full_disk_keeps_what_it_had(small_disk: Path, tmp_path: Path, operation: str) -> None:
    store = LocalStore(small_disk / "store")
    store.write("a/old", b"old" * 30_000)
    source = tmp_path / "source"
    source.write_bytes(b"new" * 100_000)
    key = "a/new" if operation == "create" else "a/old"

    with pytest.raises(StorageError, match="No space left on device"):
        put(store, operation, key, source)

    assert source.exists()
    assert files_below(Path(store.url)) == ["a/old"]
    assert store.read("a/old") == b"old" * 30_000
    store.write("a/small", b"fits")


def test_a_read_only_disk_can_be_read(small_disk: Path) -> None:
    store = LocalStore(small_disk)
    store.write("a/k", b"data")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    calls: list[Callable[[], object]] = [
        lambda: store.write("a/k", b""),
        lambda: store.create("b", b""),
        lambda: store.take("b", store.path("a/k")),
        lambda: store.delete("a/k"),
    ]

    for call in calls:
        with pytest.raises(StorageError, match="Read-only file system"):
            call()
    assert (list(store.list()), store.read("a/k")) == (["a/k"], b"data")
    assert store.spool().parent == small_disk


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_said(store: LocalStore) -> None:
    store.write("a/k", b"data")
    store.path("a").chmod(0o555)

    with pytest.raises(StorageError, match="Permission denied"):
        store.create("a/b", b"")
    with pytest.raises(StorageError, match="Permission denied"):
        store.delete("a/k")


def test_an_object_below_an_object_is_refused(store: LocalStore) -> None:
    store.write("a", b"data")

    with pytest.raises(StorageError, match="Not a directory"):
        store.write("a/b", b"")


@pytest.mark.parametrize(
    "code", [errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS]
)
def test_a_disk_without_hard_links_is_refused(
    store: LocalStore, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(code))

    with pytest.raises(UnsupportedStoreError, match="no hard links") as caught:
        store.create("k", b"data")

    assert caught.value.url == store.url
    assert not files_below(Path(store.url))


@pytest.mark.parametrize("code", [errno.EIO, errno.EEXIST, errno.EPERM])
def test_a_link_whose_answer_was_lost_is_a_link(
    store: LocalStore, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def lose_the_answer(source: str, target: str) -> None:
        link(source, target)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", lose_the_answer)
    store.create("k", b"mine")

    assert store.read("k") == b"mine"


def test_reads_and_writes_may_come_in_parts(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, read = os.write, os.read
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    monkeypatch.setattr(os, "read", lambda fd, size: read(fd, min(size, 7)))
    data = bytes(range(100))

    store.write("k", data)

    assert (store.read("k"), store.read("k", 30, 50)) == (data, data[30:80])


def test_a_read_goes_on_with_what_it_began(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace_once_opened(path: str, flags: int) -> int:
        descriptor = os_open(path, flags)
        monkeypatch.undo()
        store.write("k", b"new")
        return descriptor

    os_open = os.open
    store.write("k", b"old and longer")
    monkeypatch.setattr(os, "open", replace_once_opened)

    assert store.read("k") == b"old and longer"
    assert store.read("k") == b"new"


def test_a_file_of_another_disk_is_copied(store: LocalStore, other_disk: Path) -> None:
    source = other_disk / "source"
    source.write_bytes(b"data")

    store.take("a/k", source)

    assert store.read("a/k") == b"data"
    assert not source.exists()
    assert not os.listdir(store.spool())


def test_no_second_name_leads_to_a_taken_file(store: LocalStore, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    original, linked, pointing = (folder / name for name in ("original", "linked", "pointing"))
    original.write_bytes(b"data")
    linked.hardlink_to(original)
    pointing.symlink_to(original)

    store.take("linked", linked)
    store.take("pointing", pointing)
    original.write_bytes(b"DATA")

    assert store.read("linked") == store.read("pointing") == b"data"
    assert os.listdir(folder) == ["original"]


def test_a_file_to_take_that_is_missing_is_said(store: LocalStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"No such file .*"):
        store.take("k", tmp_path / "absent")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_at_any_call_an_object_is_absent_or_whole(operation: str, tmp_path: Path) -> None:
    child = SPAWN.Process(target=die_at_each_call, args=(operation, tmp_path))
    child.start()
    child.join()
    stores = [LocalStore(tmp_path / name) for name in sorted(os.listdir(tmp_path))]
    states = [[store.read(key) for key in store.list()] for store in stores]
    before = [] if operation == "create" else [OLD]

    assert states[0] == before
    assert states[-1] == [NEW]
    assert [state for state in states if state not in (before, [NEW])] == []
    for store, state in zip(stores, states, strict=True):
        assert state == [NEW] or operation != "take" or (store.spool() / "source").exists()
        store.write("a/k", b"next")
        store.create("a/l", b"next")


def die_at_each_call(operation: str, folder: Path) -> None:
    """Make an object in one store after another, killed at the first call, the second, …"""
    for number in count():
        store = LocalStore(folder / f"{number:03}")
        source = spooled(store, NEW)
        if operation != "create":
            store.write("a/k", OLD)
        if not (child := os.fork()):
            die_at_call(number)
            put(store, operation, "a/k", source)
            os._exit(0)
        if os.waitpid(child, 0)[1] != signal.SIGKILL:
            break


def die_at_call(number: int) -> None:
    """Die at one of the coming calls to the system; if it is a write, half-way through."""
    calls = count()

    def deadly(call: Callable[..., object], *args: object) -> object:
        if next(calls) == number:
            if call is write and isinstance(data := args[1], memoryview):
                write(args[0], data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args)

    write: Callable[..., int] = os.write
    for name in ("mkdir", "open", "write", "fsync", "close", "link", "replace", "unlink"):
        setattr(os, name, partial(deadly, getattr(os, name)))
