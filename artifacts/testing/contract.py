"""StoreContract: what every ObjectStore promises, as tests to inherit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import compress
from pathlib import Path
from threading import Barrier
from typing import ClassVar

import pytest

from artifacts.errors import (
    AlreadyExistsError,
    InvalidNameError,
    ObjectNotFoundError,
    StorageError,
)
from artifacts.storage import FileStore, ObjectStore

WRITERS = 8
STREAMED = 17 * 2**20 + 5  # bytes: more than two parts of what is sent in parts
ODD_KEYS = ["0", "-", "_", "...", "..a", "a..", ".a", "-rf", "a" * 255, "a/" * 255 + "ab"]
NO_PREFIXES = {
    "absolute": "/a",
    "empty segment": "a//b",
    "dot": "a/./b",
    "parent": "../a",
    "parent within": "a/../b",
    "upper case": "A",
    "space": "a b",
    "backslash": "a\\b",
    "colon": "c:a",
    "wildcard": "a*",
    "not ascii": "ä",
    "digit of another script": "٣",
    "null": "a\0",
    "line end": "a\n",
    "too long": "a/" * 256 + "a",
    "segment too long": "a" * 256,
}
NO_KEYS = NO_PREFIXES | {
    "empty": "",
    "slash at the end": "a/",
    "dot alone": ".",
    "parent alone": "..",
    "parent at the end": "a/..",
}
RANGES = [
    (0, None, b"0123456789"),
    (3, None, b"3456789"),
    (3, 4, b"3456"),
    (0, 0, b""),
    (3, 0, b""),
    (8, 5, b"89"),
    (0, 10**15, b"0123456789"),
    (10, None, b""),
    (10, 1, b""),
    (99, None, b""),
    (99, 5, b""),
    (2**62, 5, b""),
]
ENVELOPED = [  # what a client or a server could take for the end of a body, or for its coding
    b"ends in a carriage return\r",
    b"\r\n\r\n",
    b"a boundary of gcsfs\n--==0==--\nand what follows it",
    b"5\r\nchunk\r\n0\r\n\r\n",
    b"\x1f\x8b\x08\x00not of gzip",
]


class StoreContract:
    """Subclass with a `store` fixture that gives an empty store."""

    many: ClassVar[int] = 10_000  # more than any remote store lists in one answer

    @pytest.fixture
    def store(self) -> ObjectStore:
        raise NotImplementedError

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        """A file that does not lie in the store's spool."""
        path = tmp_path / "source"
        path.write_bytes(b"taken")
        return path

    def test_reads_what_was_written_last(self, store: ObjectStore) -> None:
        store.write("a/b", b"one")
        store.write("a/b", b"second")

        assert (store.read("a/b"), store.size("a/b")) == (b"second", 6)

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        store.write("a/b", b"")
        store.create("c", b"")

        assert (store.read("a/b"), store.size("c")) == (b"", 0)
        assert sorted(store.list()) == ["a/b", "c"]

    def test_every_byte_comes_back(self, store: ObjectStore) -> None:
        data = bytes(range(256)) * 40_000 + b"\r\n\x1a"
        store.create("k", data)

        assert store.read("k") == data

    @pytest.mark.parametrize("data", ENVELOPED)
    def test_what_looks_like_an_envelope_comes_back(
        self, store: ObjectStore, data: bytes, source: Path
    ) -> None:
        source.write_bytes(data)
        store.write("a", data)
        store.create("b", data)
        store.take("c", source)

        assert [store.read(key) for key in "abc"] == [data] * 3

    @pytest.mark.parametrize(("start", "length", "part"), RANGES)
    def test_a_range_ends_where_the_object_ends(
        self, store: ObjectStore, start: int, length: int | None, part: bytes
    ) -> None:
        store.write("k", b"0123456789")

        assert store.read("k", start, length) == part

    @pytest.mark.parametrize("key", ["a", "b", "a/bc", "a/c", "a/b/c"])
    def test_what_was_not_written_is_absent(self, store: ObjectStore, key: str) -> None:
        store.write("a/b", b"")

        for look in (store.read, store.size, lambda key: store.read(key, 1, 0)):
            with pytest.raises(ObjectNotFoundError) as caught:
                look(key)
            assert caught.value.key == key
        store.delete(key)
        assert list(store.list()) == ["a/b"]

    @pytest.mark.parametrize("key", NO_KEYS.values(), ids=NO_KEYS)
    def test_what_is_no_key_is_refused(self, store: ObjectStore, key: str, source: Path) -> None:
        calls: list[Callable[[], object]] = [
            lambda: store.read(key),
            lambda: store.write(key, b""),
            lambda: store.create(key, b""),
            lambda: store.take(key, source),
            lambda: store.stream(key, 0, lambda _: 0),
            lambda: store.size(key),
            lambda: store.delete(key),
        ]
        if isinstance(store, FileStore):
            calls.append(lambda: store.path(key))
        for call in calls:
            with pytest.raises(InvalidNameError):
                call()
        assert source.exists()
        assert not list(store.list())

    @pytest.mark.parametrize("prefix", NO_PREFIXES.values(), ids=NO_PREFIXES)
    def test_what_no_key_starts_with_is_refused(self, store: ObjectStore, prefix: str) -> None:
        for look in (store.list, store.folders):
            with pytest.raises(InvalidNameError):
                list(look(prefix))

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_an_odd_key_is_a_key(self, store: ObjectStore, key: str) -> None:
        store.create(key, b"odd")

        assert store.read(key) == b"odd"
        assert list(store.list(key)) == list(store.list()) == [key]

    def test_create_refuses_even_equal_bytes(self, store: ObjectStore) -> None:
        store.create("a/k", b"same")

        with pytest.raises(AlreadyExistsError) as caught:
            store.create("a/k", b"same")

        assert caught.value.key == "a/k"

    def test_create_refuses_what_was_written(self, store: ObjectStore) -> None:
        store.write("k", b"old")

        with pytest.raises(AlreadyExistsError):
            store.create("k", b"new")

        assert store.read("k") == b"old"

    def test_of_racing_creators_one_wins(self, store: ObjectStore) -> None:
        offers = [bytes([n]) * (n + 1) for n in range(WRITERS)]
        start = Barrier(WRITERS)

        def wins(key: str, data: bytes) -> bool:
            start.wait()
            try:
                store.create(key, data)
            except AlreadyExistsError:
                return False
            return True

        with ThreadPoolExecutor(WRITERS) as pool:
            for key in [f"race/{n}" for n in range(25)]:
                winners = list(compress(offers, pool.map(wins, WRITERS * [key], offers)))
                assert [store.read(key)] == winners

    def test_no_reader_sees_part_of_a_write(self, store: ObjectStore) -> None:
        contents = [bytes([n]) * size for n, size in enumerate([0, 1, 5_000, 100_000])]
        store.write("k", contents[0])

        def rewrite() -> None:
            for data in 40 * contents:
                store.write("k", data)

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(rewrite)
            while not writing.done():
                assert {store.read("k") for _ in range(20)} <= set(contents)
                assert store.size("k") in map(len, contents)
                assert list(store.list()) == ["k"]
            writing.result()

    def test_no_reader_sees_part_of_a_creation(self, store: ObjectStore) -> None:
        keys, data = [f"a/{n}" for n in range(40)], b"x" * 400_000

        def create() -> None:
            for key in keys:
                store.create(key, data)

        def seen(key: str) -> bytes | None:
            try:
                return store.read(key)
            except ObjectNotFoundError:
                return None

        with ThreadPoolExecutor(1) as pool:
            creating = pool.submit(create)
            while not creating.done():
                assert {seen(key) for key in keys} <= {None, data}
            creating.result()

    def test_neighbours_come_and_go_undisturbed(self, store: ObjectStore) -> None:
        def come_and_go(writer: int) -> None:
            for _ in range(25):
                store.create(f"a/b/{writer}", b"here")
                assert store.read(f"a/b/{writer}") == b"here"
                store.delete(f"a/b/{writer}")

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(come_and_go, range(WRITERS)))

        assert not list(store.list())

    def test_a_listing_has_what_stays_while_others_come_and_go(self, store: ObjectStore) -> None:
        stays = {f"{folder}/stays" for folder in "abcd"}
        for key in stays:
            store.write(key, b"")

        def come_and_go() -> None:
            for key in 25 * [f"{folder}/goes" for folder in "abc"]:
                store.write(key, b"")
                store.delete(key)

        with ThreadPoolExecutor(1) as pool:
            working = pool.submit(come_and_go)
            while not working.done():
                keys = list(store.list())
                assert len(keys) == len(set(keys))
                assert stays <= set(keys)
            working.result()

    def test_take_uses_up_a_file_of_the_spool(self, store: ObjectStore) -> None:
        path = store.spool() / "source"
        path.write_bytes(b"taken")

        store.take("a/b", path)

        assert store.read("a/b") == b"taken"
        assert not path.exists()

    def test_take_uses_up_a_file_of_any_folder(self, store: ObjectStore, source: Path) -> None:
        store.take("a/b", source)

        assert store.read("a/b") == b"taken"
        assert not source.exists()

    def test_take_replaces(self, store: ObjectStore, source: Path) -> None:
        store.write("k", b"old and longer")
        store.take("k", source)

        assert (store.read("k"), list(store.list())) == (b"taken", ["k"])

    @pytest.mark.parametrize("size", [0, 1, 2**20, STREAMED], ids=str)
    def test_stream_stores_what_is_read_to_its_end(self, store: ObjectStore, size: int) -> None:
        data = bytes(range(256)) * (size // 256 + 1)
        file = BytesIO(data[:size])

        store.stream("a/b", size, lambda buffer: file.readinto(buffer[: 3 * 2**20]))

        assert store.read("a/b") == data[:size]
        assert file.read() == b""
        assert not [*store.spool().iterdir()]

    @pytest.mark.parametrize("size", [1, STREAMED], ids=str)
    def test_a_stream_that_breaks_stores_nothing(self, store: ObjectStore, size: int) -> None:
        """Not even what came before."""
        store.write("k", b"old")
        left = size

        def read(buffer: memoryview) -> int:
            nonlocal left
            if not left:
                raise BrokenPipeError
            left -= (count := min(left, len(buffer)))
            return count

        with pytest.raises(BrokenPipeError):
            store.stream("k", size, read)
        assert (store.read("k"), [*store.list()]) == (b"old", ["k"])
        assert not [*store.spool().iterdir()]

    def test_fetch_copies_to_a_file(self, store: ObjectStore, tmp_path: Path) -> None:
        store.write("a/b", b"fetched")
        for _ in range(2):
            store.fetch("a/b", tmp_path / "here")

        assert (tmp_path / "here").read_bytes() == b"fetched"
        assert store.read("a/b") == b"fetched"

    @pytest.mark.parametrize("size", [0, 1, STREAMED], ids=str)
    def test_fetch_tells_of_all_bytes_in_order(
        self, store: ObjectStore, tmp_path: Path, size: int
    ) -> None:
        data = (bytes(range(251)) * (size // 251 + 1))[:size]
        store.write("k", data)
        told = 0

        def tell(count: int) -> None:
            nonlocal told
            told += count
            with (tmp_path / "here").open("rb") as file:
                assert file.read(told) == data[:told]

        store.fetch("k", tmp_path / "here", tell)
        assert told == size

    def test_fetch_of_nothing(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(ObjectNotFoundError):
            store.fetch("a/b", tmp_path / "here")

    def test_fetch_into_a_missing_folder(self, store: ObjectStore, tmp_path: Path) -> None:
        store.write("k", b"")
        with pytest.raises(StorageError):
            store.fetch("k", tmp_path / "missing" / "here")

    def test_what_lies_in_the_spool_is_no_object(self, store: ObjectStore) -> None:
        (store.spool() / "a").write_bytes(b"")
        (store.spool() / "b").mkdir()
        (store.spool() / "b" / "c").write_bytes(b"")

        assert not list(store.list())

    def test_list_is_by_prefix(self, store: ObjectStore) -> None:
        keys = ["a", "ab/c", "ab/cd", "ab/d/e", "abc/d", "b/a"]
        for key in keys:
            store.write(key, b"")

        for prefix in ["", "a", "ab", "ab/", "ab/c", "ab/d", "ab/d/", "b", "b/", "c", "ab/x/", "."]:
            expected = [key for key in keys if key.startswith(prefix)]
            assert sorted(store.list(prefix)) == expected

    def test_folders_are_by_prefix(self, store: ObjectStore) -> None:
        for key in ["a", "ab/c", "ab/cd", "ab/d/e", "ab/d/f/g", "abc/d", "b/a", "b-/a"]:
            store.write(key, b"")

        expected = {
            "": ["ab/", "abc/", "b-/", "b/"],
            "ab": ["ab/", "abc/"],
            "ab/": ["ab/d/"],
            "ab/d": ["ab/d/"],
            "ab/d/": ["ab/d/f/"],
            "ab/c": [],
            "b/": [],
            "c": [],
            "c/d/": [],
        }
        assert {prefix: sorted(store.folders(prefix)) for prefix in expected} == expected

    def test_a_folder_is_there_while_it_holds_something(self, store: ObjectStore) -> None:
        for key in ["a/b/c", "a/d/e", "a/d/f"]:
            store.write(key, b"")
        store.delete("a/b/c")
        store.delete("a/d/e")

        assert [*store.folders("a/")] == ["a/d/"]

    def test_each_of_many_folders_is_there_once(self, store: ObjectStore) -> None:
        keys = [f"a/{n:05}/{m}" for n in range(self.many) for m in range(2 if n < 100 else 1)]
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda key: store.write(key, b""), keys))

        assert sorted(store.folders("a/")) == [f"a/{n:05}/" for n in range(self.many)]
        assert sorted(store.folders("a/0000")) == [f"a/{n:05}/" for n in range(10)]

    def test_list_has_each_of_many_keys_once(self, store: ObjectStore) -> None:
        keys = [f"a/{n % 7}/{n:05}" for n in range(self.many)]
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda key: store.write(key, b""), keys))

        assert sorted(store.list()) == sorted(keys)
        assert sorted(store.list("a/3/00")) == sorted(k for k in keys if k.startswith("a/3/00"))

    def test_all_that_is_listed_can_be_deleted_on_the_way(self, store: ObjectStore) -> None:
        for n in range(50):
            store.write(f"{n % 3}/{n}", b"")

        for key in store.list():
            store.delete(key)

        assert not list(store.list())

    def test_delete_twice_is_fine(self, store: ObjectStore) -> None:
        store.write("a/k", b"")
        store.delete("a/k")
        store.delete("a/k")

        assert not list(store.list())

    def test_a_deleted_name_is_free_again(self, store: ObjectStore) -> None:
        store.create("a/k", b"old")
        store.delete("a/k")
        store.create("a/k", b"new")

        assert store.read("a/k") == b"new"
