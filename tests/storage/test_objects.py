"""Objects: stored under the digest of their canonical bytes, and checked whenever they are read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import (
    DigestMismatchError,
    IntegrityError,
    MalformedError,
    ObjectNotFoundError,
)
from artifacts.storage import (
    LAYOUTS,
    PAGES,
    InlineObjects,
    MemoryStore,
    Name,
    Objects,
    checked,
    encode,
)
from artifacts.testing import CountingStore

DATA = b"canonical bytes of a page, of a page, of a page, of a page"
NAME = Name(PAGES, Digest.of(DATA))
OTHER = Name(PAGES, Digest.of(b"other"))
MOST = 2**20


@given(st.binary(max_size=400), st.integers(0, 3))
@settings(deadline=None)
def test_what_was_put_is_got(data: bytes, epoch: int) -> None:
    objects = Objects(MemoryStore())
    name = Name(LAYOUTS, Digest.of(data), epoch)
    objects.put(name, data)

    assert objects.has(name)
    assert objects.get(name, len(data)) == data


def test_what_is_there_is_not_written_again() -> None:
    store = CountingStore(MemoryStore())
    Objects(store).put(NAME, DATA)
    Objects(store).put(NAME, DATA)

    assert [operation for operation, _ in store.calls].count("write") == 1


def test_another_epoch_is_another_object() -> None:
    objects = Objects(MemoryStore())
    objects.put(NAME, DATA)

    assert not objects.has(Name(PAGES, NAME.digest, 1))


def test_what_is_absent_is_said_to_be() -> None:
    objects = Objects(MemoryStore())

    assert not objects.has(NAME)
    with pytest.raises(ObjectNotFoundError):
        objects.get(NAME, MOST)


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x80])
def test_no_damaged_byte_comes_to_other_bytes(flip: int) -> None:
    store = MemoryStore()
    objects = Objects(store)
    objects.put(NAME, DATA)
    stored = store.read(NAME.key)

    for at in range(len(stored)):
        store.write(NAME.key, stored[:at] + bytes([stored[at] ^ flip]) + stored[at + 1 :])
        try:
            assert objects.get(NAME, MOST) == DATA
        except IntegrityError:
            continue


@pytest.mark.parametrize("stored", [b"", b"\0", encode(b"other"), encode(DATA)[:-1], b"\7" + DATA])
def test_what_is_not_the_names_is_refused(stored: bytes) -> None:
    store = MemoryStore()
    store.write(NAME.key, stored)

    with pytest.raises((DigestMismatchError, MalformedError)) as caught:
        Objects(store).get(NAME, MOST)

    assert NAME.key in str(caught.value)


def test_more_than_may_be_is_refused() -> None:
    objects = Objects(MemoryStore())
    objects.put(NAME, DATA)

    with pytest.raises(MalformedError):
        objects.get(NAME, len(DATA) - 1)


def test_what_an_event_carried_is_not_asked_of_the_store() -> None:
    store = CountingStore(MemoryStore())

    assert InlineObjects(store, {str(NAME): encode(DATA)}).get(NAME, MOST) == DATA
    assert not store.calls


def test_what_an_event_did_not_carry_is_read_from_the_store() -> None:
    store = MemoryStore()
    Objects(store).put(NAME, DATA)

    assert InlineObjects(store, {str(OTHER): encode(b"other")}).get(NAME, MOST) == DATA


def test_what_an_event_carried_is_checked_too() -> None:
    with pytest.raises(DigestMismatchError):
        InlineObjects(MemoryStore(), {str(NAME): encode(b"other")}).get(NAME, MOST)


def test_checked_gives_the_canonical_bytes() -> None:
    assert checked(NAME, encode(DATA), MOST) == DATA
