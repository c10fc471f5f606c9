"""Epoch: condemned names are found again, whatever else there is, and nothing else is."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import IntegrityError, MalformedError, ObjectNotFoundError
from artifacts.storage import (
    BLOBS,
    COLLECTED,
    PAGES,
    START,
    Condemned,
    CondemnedKeys,
    CondemnedList,
    Epoch,
    Heeded,
    LocalStore,
    MemoryStore,
    Name,
    Objects,
    read_condemned,
    read_keys,
    write_condemned,
    write_keys,
    written,
)

DIGESTS = st.binary(min_size=32, max_size=32).map(Digest)
NAMES = st.builds(Name, st.sampled_from(COLLECTED), DIGESTS, st.integers(0, 10**9 - 1))
A, B = Name(BLOBS, Digest.of(b"a")), Name(PAGES, Digest.of(b"b"), 3)


@given(st.dictionaries(NAMES, st.integers(0, 2**63 - 1), max_size=30), NAMES)
def test_a_list_has_what_it_was_made_of(sizes: dict[Name, int], other: Name) -> None:
    found = CondemnedList(CondemnedList.encode(map(Condemned._make, sizes.items())), "it")

    assert len(found) == len(sizes)
    assert {each.name: each.size for each in found} == sizes
    assert all(name in found for name in sizes)
    assert (other in found) == (other in sizes)


def test_its_bytes_are_those_of_the_format() -> None:
    data = CondemnedList.encode([Condemned(B, 5), Condemned(A, 258)])

    rows = [b"\0" + A.digest + bytes(4) + (258).to_bytes(8), b"\3" + B.digest]
    rows[1] += (3).to_bytes(4) + (5).to_bytes(8)
    assert data == b"artcond1" + (2).to_bytes(4, "little") + rows[0] + rows[1]


@pytest.mark.parametrize("change", ["swap", "cut", "double", "magic", "kind", "count"])
def test_other_bytes_are_refused(change: str) -> None:
    data = CondemnedList.encode([Condemned(A, 1), Condemned(B, 2)])
    head, first, second = data[:12], data[12:57], data[57:]
    damaged = {
        "swap": head + second + first,
        "cut": data[:-1],
        "double": head + first + first,
        "magic": b"x" + data[1:],
        "kind": head + first + b"\4" + second[1:],
        "count": head[:8] + (2**21).to_bytes(4, "little") + first + second,
    }[change]

    with pytest.raises(MalformedError):
        [*CondemnedList(damaged, "it")]


def test_names_of_any_generation_are_forbidden() -> None:
    store = MemoryStore()
    first, second = [Condemned(A, 1)], [Condemned(B, 1)]
    lists = (*write_condemned(store, first), *write_condemned(store, second))
    keys = (*write_keys(store, Heeded(), first),)
    more = (*write_keys(store, Heeded(keys=keys), second),)

    for heeded in (Heeded(lists), Heeded(lists[1:], keys), Heeded((), more)):
        each = Epoch(7, store, heeded)
        assert each.forbids(A)
        assert each.forbids(B)
        assert not each.forbids(Name(BLOBS, A.digest, 7))
        assert each.name(BLOBS, A.digest) == Name(BLOBS, A.digest, 7)
        assert each.name(BLOBS, B.digest) == Name(BLOBS, B.digest)
    assert [each.name for each in read_condemned(store, lists[0])] == [A]


def test_before_the_first_collection_nothing_is_forbidden() -> None:
    assert not START.forbids(A)
    assert START.name(BLOBS, A.digest) == A


@pytest.mark.parametrize("write", [write_condemned, partial(write_keys, heeded=Heeded())])
def test_a_list_that_is_missing_is_no_permission(write: Callable[..., list[Name]]) -> None:
    store = MemoryStore()
    lists = write(store=store, condemned=[Condemned(A, 1)])
    store.delete(lists[0].key)

    epoch = Epoch(4, store, Heeded((*lists,)))

    assert epoch.forbids(A)
    assert epoch.forbids(B)
    assert epoch.name(BLOBS, B.digest) == Name(BLOBS, B.digest, 4)
    assert not epoch.forbids(Name(BLOBS, B.digest, 4))


@pytest.mark.parametrize("write", [write_condemned, partial(write_keys, heeded=Heeded())])
def test_a_list_that_is_there_is_young_once_it_is_written_again(
    write: Callable[..., list[Name]], tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "store")
    [name] = write(store=store, condemned=[Condemned(A, 1)])
    os.utime(tmp_path / "store" / name.key, (0, 0))

    assert write(store=store, condemned=[Condemned(A, 1)]) == [name]

    time = written(store, name.key)
    assert time is not None
    assert time.year > 1970


def test_where_keys_are_lost_the_next_generation_says_none_and_goes_on() -> None:
    store = MemoryStore()
    [lost] = write_keys(store, Heeded(), [Condemned(A, 1)])
    store.delete(lost.key)

    assert write_keys(store, Heeded(keys=(lost,)), [Condemned(B, 1)]) == []


def test_keys_take_fifty_bytes_each_while_they_are_written() -> None:
    count = 100_000
    names = (Condemned(Name(BLOBS, Digest.of(b"%d" % each)), 1) for each in range(count))

    tracemalloc.start()
    [name] = write_keys(store := MemoryStore(), Heeded(), names)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(read_keys(store, name)) == count
    assert peak < 50 * count + 2**16


def test_a_damaged_list_is_no_permission() -> None:
    store = MemoryStore()
    keys = write_keys(store, Heeded(), [Condemned(A, 1)])
    store.write(keys[0].key, b"\0artcond2" + bytes(4))

    with pytest.raises(IntegrityError):
        Epoch(4, store, Heeded(keys=(*keys,))).forbids(B)


@given(st.lists(st.lists(NAMES, max_size=8), max_size=5), NAMES)
def test_keys_are_of_all_generations_and_of_nothing_else(
    generations: list[list[Name]], other: Name
) -> None:
    store, heeded = MemoryStore(), Heeded()
    for names in generations:
        keys = write_keys(store, heeded, [Condemned(name, 1) for name in names])
        heeded = Heeded(keys=(*keys,))
    condemned = {name for names in generations for name in names}

    epoch = Epoch(10**9, store, heeded)

    assert all(map(epoch.forbids, condemned))
    assert epoch.forbids(other) == (other in condemned)
    assert sum(len(read_keys(store, name)) for name in heeded.keys) == len(condemned)


def test_keys_are_those_of_the_format() -> None:
    store = MemoryStore()
    [name] = write_keys(store, Heeded(), [Condemned(B, 5), Condemned(A, 258)])

    keys = [
        Digest.of(b"\0" + A.digest + bytes(4))[:8],
        Digest.of(b"\3" + B.digest + b"\0\0\0\3")[:8],
    ]
    keys.sort(key=lambda key: key[::-1])
    stored = Objects(store).get(name)
    assert stored == b"artcond2" + (2).to_bytes(4, "little") + b"".join(keys)


@pytest.mark.parametrize("change", ["swap", "cut", "double", "magic", "count"])
def test_other_bytes_than_those_of_keys_are_refused(change: str) -> None:
    data = CondemnedKeys.encode([1, 2])
    head, first, second = data[:12], data[12:20], data[20:]
    damaged = {
        "swap": head + second + first,
        "cut": data[:-1],
        "double": head + first + first,
        "magic": b"x" + data[1:],
        "count": head[:8] + (2**26).to_bytes(4, "little") + first + second,
    }[change]

    with pytest.raises(MalformedError):
        CondemnedKeys(damaged, "it")


def test_a_worker_is_sent_no_lists(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    many = [Condemned(Name(BLOBS, Digest.of(b"%d" % n)), n) for n in range(1000)]
    epoch = Epoch(2, store, Heeded((*write_condemned(store, many),)))
    assert epoch.forbids(many[7].name)

    sent = pickle.dumps(epoch)

    assert len(sent) < 1000
    assert pickle.loads(sent).forbids(many[7].name)


def test_a_file_is_as_old_as_its_disk_says(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("blobs/it", b"it")
    os.utime(store.path("blobs/it"), (10**9, 10**9))

    assert written(store, "blobs/it") == datetime.fromtimestamp(10**9, UTC)
    assert written(MemoryStore(), "blobs/it") is None
    with pytest.raises(ObjectNotFoundError):
        written(store, "blobs/other")
