"""Digest: one name for some bytes, and one way to write it."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import InvalidDigestError, MalformedError

HEX = "0123456789abcdef" * 4


# Source: test_vectors.json of the BLAKE3 specification, first 32 bytes of "hash"
@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
        (1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
    ],
)
def test_digest_is_that_of_the_specification(length: int, expected: str) -> None:
    data = bytes(i % 251 for i in range(length))
    assert Digest.of(data).hex() == expected


@given(st.binary())
def test_any_buffer_of_the_same_bytes_has_the_same_digest(data: bytes) -> None:
    assert Digest.of(data) == Digest.of(bytearray(data)) == Digest.of(memoryview(data))


@given(st.binary(min_size=32, max_size=32).map(Digest))
def test_what_is_written_is_read_back_the_same(digest: Digest) -> None:
    assert Digest.parse(str(digest)) == digest
    assert str(digest) == digest.hex()
    assert repr(digest) == f"Digest({digest})"
    for twin in (copy.deepcopy(digest), pickle.loads(pickle.dumps(digest))):
        assert (type(twin), twin) == (Digest, digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEX[1:],
        HEX + "0",
        HEX.upper(),
        HEX + "\n",
        " " + HEX[1:],
        "0x" + HEX[2:],
        HEX[:-1] + "g",
        HEX[:-1] + "\N{FULLWIDTH DIGIT ONE}",
        "sha256:" + HEX,
    ],
)
def test_anything_but_64_lower_case_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigestError) as caught:
        Digest.parse(text)

    assert caught.value.text == text


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_digest_has_32_bytes(length: int) -> None:
    with pytest.raises(MalformedError, match=f"has {length} bytes, expected 32"):
        Digest(bytes(length))
