"""Condemned: condemned names are found again, whatever else there is."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import MalformedError
from artifacts.storage import (
    BLOBS,
    COLLECTED,
    PAGES,
    Condemned,
    CondemnedKeys,
    CondemnedList,
    Heeded,
    LocalStore,
    MemoryStore,
    Name,
    Objects,
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


def changed(data: bytes, row: int) -> dict[str, bytes]:
    """What may have become of two rows of so many bytes each."""
    head, first, second = data[:12], data[12 : 12 + row], data[12 + row :]
    return {
        "swap": head + second + first,
        "cut": data[:-1],
        "double": head + first + first,
        "magic": b"x" + data[1:],
        "kind": head + first + b"\4" + second[1:],
        "count": head[:8] + (2**26).to_bytes(4, "little") + first + second,
    }


@pytest.mark.parametrize("change", ["swap", "cut", "double", "magic", "kind", "count"])
def test_other_bytes_are_refused(change: str) -> None:
    damaged = changed(CondemnedList.encode([Condemned(A, 1), Condemned(B, 2)]), row=45)

    with pytest.raises(MalformedError):
        [*CondemnedList(damaged[change], "it")]


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
    damaged = changed(CondemnedKeys.encode([1, 2]), row=8)

    with pytest.raises(MalformedError):
        CondemnedKeys(damaged[change], "it")
