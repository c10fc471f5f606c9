"""Each store keeps the contract, each wrapper is what it wraps, and each fault strikes."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from artifacts.errors import AlreadyExistsError, ObjectNotFoundError, StorageError
from artifacts.storage import FileStore, LocalStore, MemoryStore, ObjectStore
from artifacts.testing import (
    CountingStore,
    FailingStore,
    KillingStore,
    SlowStore,
    StoreContract,
)

NEVER = 10**9
ANSWER_LOST = StorageError("k", "connection reset")
WRAPPERS: dict[str, Callable[[ObjectStore], ObjectStore]] = {
    "counting": CountingStore,
    "failing": lambda store: FailingStore(store, NEVER, ANSWER_LOST),
    "killing": lambda store: KillingStore(store, NEVER, before=True),
    "slow": lambda store: SlowStore(store, 1.0, sleep=lambda _: None),
}


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryStore()


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return LocalStore(tmp_path / "store")


class TestWrappers(StoreContract):
    many = 100

    @pytest.fixture(params=WRAPPERS)
    def store(self, request: pytest.FixtureRequest) -> ObjectStore:
        return WRAPPERS[request.param](MemoryStore())


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapper_has_paths_if_what_it_wraps_has(
    wrap: Callable[[ObjectStore], ObjectStore], tmp_path: Path
) -> None:
    local = LocalStore(tmp_path)
    wrapped = wrap(wrap(local))

    assert isinstance(wrapped, FileStore)
    assert wrapped.path("a/b") == local.path("a/b")
    assert (wrapped.url, wrapped.spool()) == (local.url, local.spool())
    assert not isinstance(wrap(MemoryStore()), FileStore)


def test_counting_records_each_operation(tmp_path: Path) -> None:
    store = CountingStore(MemoryStore())
    (tmp_path / "source").write_bytes(b"")

    store.create("a", b"")
    store.write("b", b"")
    store.take("c", tmp_path / "source")
    store.read("a", 0, 1)
    store.size("b")
    list(store.list("c"))
    list(store.folders("d"))
    store.delete("c")

    operations = ["create", "write", "take", "read", "size", "list", "folders", "delete"]
    assert store.calls == list(zip(operations, "abcabcdc", strict=True))


def test_counting_records_what_fails() -> None:
    store = CountingStore(MemoryStore())

    with pytest.raises(ObjectNotFoundError):
        store.read("a")

    assert store.calls == [("read", "a")]


@pytest.mark.parametrize(("before", "left"), [(True, ["a", "c"]), (False, ["a", "b", "c"])])
def test_failing_strikes_once_before_or_after(before: bool, left: list[str]) -> None:  # noqa: FBT001
    store = FailingStore(MemoryStore(), 2, ANSWER_LOST, before=before)
    store.write("a", b"")
    with pytest.raises(StorageError) as caught:
        store.write("b", b"")
    store.write("c", b"")

    assert caught.value is ANSWER_LOST
    assert sorted(store.list()) == left


@pytest.mark.parametrize(("before", "left"), [("before", ["a"]), ("", ["a", "b"])])
def test_killing_leaves_what_was_done_before(before: str, left: list[str], tmp_path: Path) -> None:
    script = """if True:
        import sys
        from pathlib import Path
        from artifacts.storage import LocalStore
        from artifacts.testing import KillingStore
        store = KillingStore(LocalStore(Path(sys.argv[1])), 2, before=bool(sys.argv[2]))
        for key in "abc":
            store.write(key, b"")
    """
    killed = subprocess.run([sys.executable, "-c", script, tmp_path, before], check=False)

    assert killed.returncode == -signal.SIGKILL
    assert sorted(LocalStore(tmp_path).list()) == left


def test_slow_waits_before_each_operation() -> None:
    waits: list[float] = []
    store = SlowStore(MemoryStore(), 0.25, sleep=waits.append)

    store.write("a", b"")
    store.read("a")

    assert waits == [0.25, 0.25]


class StoreMachine(RuleBasedStateMachine):
    """The model is a dict. Keys nest, but none is also a folder."""

    keys = st.sampled_from(["a", "ab", "b/a", "b/ab", "b/c/a", "d/e/f/g"])
    data = st.binary(max_size=4)

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, bytes] = {}
        self.folder = tempfile.TemporaryDirectory()
        self.store = LocalStore(Path(self.folder.name))

    @rule(key=keys, data=data)
    def write(self, key: str, data: bytes) -> None:
        self.store.write(key, data)
        self.model[key] = data

    @rule(key=keys, data=data)
    def create(self, key: str, data: bytes) -> None:
        if key in self.model:
            with pytest.raises(AlreadyExistsError):
                self.store.create(key, data)
        else:
            self.store.create(key, data)
            self.model[key] = data

    @rule(key=keys, data=data)
    def take(self, key: str, data: bytes) -> None:
        source = self.store.spool() / "source"
        source.write_bytes(data)
        self.store.take(key, source)
        self.model[key] = data

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.store.delete(key)
        self.model.pop(key, None)

    @rule(key=keys, start=st.integers(0, 5), length=st.none() | st.integers(0, 5))
    def read(self, key: str, start: int, length: int | None) -> None:
        if key in self.model:
            stop = None if length is None else start + length
            assert self.store.read(key, start, length) == self.model[key][start:stop]
            assert self.store.size(key) == len(self.model[key])
        else:
            with pytest.raises(ObjectNotFoundError):
                self.store.read(key, start, length)

    @rule(prefix=st.sampled_from(["", "a", "b", "b/", "b/a", "b/c/", "d/e/f", "x"]))
    def list(self, prefix: str) -> None:
        keys = [key for key in self.model if key.startswith(prefix)]
        assert sorted(self.store.list(prefix)) == sorted(keys)
        ends = ((key, key.find("/", len(prefix))) for key in keys)
        folders = {key[: end + 1] for key, end in ends if end >= 0}
        assert sorted(self.store.folders(prefix)) == sorted(folders)

    @invariant()
    def nothing_else_lies_about(self) -> None:
        folder = Path(self.store.url)
        files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        assert files == set(self.model)

    def teardown(self) -> None:
        self.folder.cleanup()


TestLocalStoreAgainstItsModel = StoreMachine.TestCase
TestLocalStoreAgainstItsModel.settings = settings(
    max_examples=10, stateful_step_count=30, deadline=None
)


def test_a_memory_stores_spool_goes_with_it() -> None:
    store = MemoryStore()
    spool = store.spool()
    (spool / "left").write_bytes(b"")
    assert store.spool() == spool

    del store

    assert not spool.exists()


def test_a_local_store_can_be_pickled(tmp_path: Path) -> None:
    LocalStore(tmp_path).write("k", b"data")

    copy = pickle.loads(pickle.dumps(LocalStore(tmp_path)))

    assert copy.read("k") == b"data"
