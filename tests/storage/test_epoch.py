"""Epoch: what was condemned is forbidden, and nothing else is."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_condemned import NAMES, A, B

from artifacts.content import Digest
from artifacts.errors import IntegrityError
from artifacts.storage import (
    BLOBS,
    START,
    Condemned,
    Epoch,
    Heeded,
    LocalStore,
    MemoryStore,
    Name,
    read_condemned,
    read_keys,
    write_condemned,
    write_keys,
)


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


def test_a_worker_is_sent_no_lists(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    many = [Condemned(Name(BLOBS, Digest.of(b"%d" % n)), n) for n in range(1000)]
    epoch = Epoch(2, store, Heeded((*write_condemned(store, many),)))
    assert epoch.forbids(many[7].name)

    sent = pickle.dumps(epoch)

    assert len(sent) < 1000
    assert pickle.loads(sent).forbids(many[7].name)
