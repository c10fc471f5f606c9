"""Name: one spelling in events, one in keys, and nothing else passes for either."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import MalformedError
from artifacts.storage import BLOBS, LAYOUTS, MANIFESTS, PAGES, Name
from artifacts.storage.keys import is_key
from artifacts.storage.name import CHUNKS

KINDS = [BLOBS, CHUNKS, LAYOUTS, MANIFESTS, PAGES]
NAMES = st.builds(
    Name,
    st.sampled_from(KINDS),
    st.binary(min_size=32, max_size=32).map(Digest),
    st.integers(0, 10**9 - 1),
)
HEX = "ab" * 32
NO_NAMES = {
    "empty": "",
    "no kind": HEX,
    "unknown kind": f"logs/{HEX}",
    "a key": f"blobs/ab/{HEX}",
    "upper case": f"blobs/{HEX.upper()}",
    "short": f"blobs/{HEX[1:]}",
    "long": f"blobs/{HEX}a",
    "epoch 0": f"blobs/{HEX}.0",
    "epoch with a zero before": f"blobs/{HEX}.01",
    "no epoch": f"blobs/{HEX}.",
    "an epoch below zero": f"blobs/{HEX}.-1",
    "an epoch in another script": f"blobs/{HEX}.\u0661",
    "a huge epoch": f"blobs/{HEX}.1000000000",
    "two epochs": f"blobs/{HEX}.1.2",
    "line end": f"blobs/{HEX}\n",
    "space": f" blobs/{HEX}",
}
NO_KEYS = {
    "a name": f"blobs/{HEX}",
    "the wrong folder": f"blobs/aa/{HEX}",
    "deeper": f"blobs/ab/ab/{HEX}",
    "below": f"x/blobs/ab/{HEX}",
    "no folder": f"blobs//{HEX}",
    "another kind": f"logs/ab/{HEX}",
    "unfinished": f"blobs/ab/{HEX}.",
    "a store's own": "store.json",
    "empty": "",
}


@given(NAMES)
def test_a_name_is_read_as_it_was_written(name: Name) -> None:
    assert Name.parse(str(name)) == name


@given(NAMES)
def test_a_name_is_known_by_its_key(name: Name) -> None:
    assert Name.of_key(name.key) == name


@given(NAMES)
def test_a_names_key_is_a_key_of_any_store(name: Name) -> None:
    assert is_key(name.key)


@pytest.mark.parametrize("text", NO_NAMES.values(), ids=NO_NAMES)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        Name.parse(text)


@pytest.mark.parametrize("key", NO_KEYS.values(), ids=NO_KEYS)
def test_no_other_key_stands_for_a_name(key: str) -> None:
    assert Name.of_key(key) is None


def test_epoch_0_is_the_plain_name() -> None:
    digest = Digest.parse(HEX)

    assert Name(BLOBS, digest).key == f"blobs/ab/{HEX}"
    assert Name(BLOBS, digest, 3).key == f"blobs/ab/{HEX}.3"


@pytest.mark.parametrize("fields", [("logs", 0), (BLOBS, -1), (BLOBS, 10**9)])
def test_a_name_that_could_not_be_read_again_is_never_made(fields: tuple[str, int]) -> None:
    kind, epoch = fields

    with pytest.raises(MalformedError):
        Name(kind, Digest.parse(HEX), epoch)
